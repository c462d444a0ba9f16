// What every layer takes when it is made and when it is called.

import type { Tree } from "../../engine/index.ts";
import type { OptionNames } from "../../engine/internal.ts";
import type { Mask } from "./masks.ts";
import type { RegularizerLike } from "./regularizers.ts";
import type { SampleShape } from "./spec.ts";

export interface LayerOptions {
  /** Default: what the model that it stands in calls it ("dense", "dense_1", ...). It holds no "/". */
  name?: string;
  /** Shape of one input, without the batch axis; wanted of a Sequential's first layer, else worked out. */
  inputShape?: SampleShape;
  /** Short for `inputShape: [inputDim]`. */
  inputDim?: number;
  /** Whether training changes the weights; default true. */
  trainable?: boolean;
  /**
   * A penalty on what the layer gives, its activation applied, by name ("l2"), as an object or a function. It is added to
   * the loss as it is: like Keras 3, and unlike Keras 2 and tfjs, it is not divided by the number of samples, so that a
   * larger batch weighs more.
   */
  activityRegularizer?: RegularizerLike | null;
}

export const layerOptions: OptionNames<LayerOptions> = {
  name: true,
  inputShape: true,
  inputDim: true,
  trainable: true,
  activityRegularizer: true,
};

/** The options of `O` that not every layer has. */
export type OwnLayerOptions<O extends LayerOptions> = OptionNames<Omit<O, keyof LayerOptions>>;

export interface CallOptions {
  /**
   * Training behaviour (dropout drops, batch normalization uses the batch's statistics) or inference's. Default: that of
   * the layer whose `forward` calls, false outside of all.
   */
  training?: boolean;
  /** Masks of the inputs, [batch, time] each, in their places; default: those that the inputs got from the layers before. */
  mask?: Tree<Mask>;
  /** Leave out the activation that comes last, as a loss from logits wants it; default false. */
  logits?: boolean;
}

export const callOptions: OptionNames<CallOptions> = { training: true, mask: true, logits: true };

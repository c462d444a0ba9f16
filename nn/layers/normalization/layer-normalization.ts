// LayerNormalization, GroupNormalization and RMSNormalization: each sample by its own statistics, in training and in
// inference alike.

import {
  ArgumentError,
  groupNorm,
  layerNorm,
  rmsNorm,
  type Shape,
  ShapeError,
  type Tensor,
  type Variable,
} from "../../../engine/index.ts";
import { atLeastZero, type OptionNames, showGiven } from "../../../engine/internal.ts";
import * as initializers from "../initializers.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import { batched, knownShape, type SampleShape, type SampleSpec } from "../spec.ts";
import type { Weights } from "../weights.ts";
import {
  type AffineOptions,
  type AffineRules,
  affineRulesOf,
  affineOptions as sharedAffineOptions,
} from "./affine.ts";

interface NormalizationOptions extends LayerOptions {
  /** Added to the variance, at least 0. With 0 a sample without spread gives NaN. */
  epsilon?: number;
}

export interface AffineNormalizationOptions extends NormalizationOptions, AffineOptions {}

const affineOptions: OwnLayerOptions<AffineNormalizationOptions> = { ...sharedAffineOptions, epsilon: true };

type OwnAffineOptions<O extends AffineNormalizationOptions> = OptionNames<
  Omit<O, keyof AffineNormalizationOptions>
>;

/** The lengths of the axes that `axis` names (the batch is axis 0): the last one or the last few. */
function trailing(layer: string, inputShape: SampleShape, axis: number | readonly number[]): Shape {
  const rank = inputShape.length + 1;
  const list = (typeof axis === "number" ? [axis] : [...axis]).map((n) => (n < 0 ? n + rank : n));
  list.sort((a, b) => a - b);
  const isTrailing = list.length > 0 && list.every((n, i) => n === rank - list.length + i) && list[0] >= 1;
  if (!isTrailing) {
    throw new ShapeError(
      `${layer}: axis ${JSON.stringify(axis)} of ${batched(inputShape)} must be the last one or the last few, without the batch; a Permute layer brings others there`,
    );
  }
  return knownShape(layer, inputShape.slice(list[0] - 1));
}

/** Gamma and beta, where they are wanted. */
abstract class AffineNormalization extends Layer<Tensor, Tensor> {
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  readonly #rules: AffineRules;
  protected gamma: Variable | undefined;
  protected beta: Variable | undefined;

  protected constructor(
    type: string,
    options: AffineNormalizationOptions,
    own: Readonly<Record<string, true>>,
  ) {
    const epsilon = atLeastZero(type, "epsilon", options.epsilon ?? 1e-3);
    const rules = affineRulesOf(options);
    super(type, options, { ...affineOptions, ...own });
    this.epsilon = epsilon;
    this.center = options.center ?? true;
    this.scale = options.scale ?? true;
    this.#rules = rules;
  }

  override get passesMask(): boolean {
    return true;
  }

  protected abstract parameterShape(inputShape: SampleShape): Shape;

  override outputSpec({ shape }: SampleSpec): SampleSpec {
    this.parameterShape(shape);
    return { shape, dtype: "f32" };
  }

  protected override createWeights(input: SampleSpec, weights: Weights): void {
    const shape = this.parameterShape(input.shape);
    const { gamma, beta } = this.#rules;
    if (this.scale) this.gamma = weights.add("gamma", shape, gamma.initializer, gamma);
    if (this.center) this.beta = weights.add("beta", shape, beta.initializer, beta);
  }
}

export interface LayerNormalizationOptions extends AffineNormalizationOptions {
  /** What is normalized together, the batch being axis 0: the last axis (the default, -1), or the last few. */
  axis?: number | readonly number[];
}

/**
 * γ (x - mean) / √(variance + ε) + β, mean and variance over the last axis (or last few) of each sample; ε is 1e-3.
 * gamma and beta have those axes' shape. Defaults of Keras. Source: Ba, Kiros and Hinton 2016.
 */
export class LayerNormalization extends AffineNormalization {
  readonly axis: number | readonly number[];

  constructor(options: LayerNormalizationOptions = {}) {
    super("LayerNormalization", options, {
      axis: true,
    } satisfies OwnAffineOptions<LayerNormalizationOptions>);
    this.axis = options.axis ?? -1;
  }

  protected parameterShape(inputShape: SampleShape): Shape {
    return trailing(this.describe(), inputShape, this.axis);
  }

  protected forward(x: Tensor): Tensor {
    const { gamma, beta, epsilon, axis } = this;
    return layerNorm(x, { gamma, beta, epsilon, axes: axis });
  }
}

export interface GroupNormalizationOptions extends AffineNormalizationOptions {
  /** Groups of channels; default 32. -1: a group for each channel, instance normalization. 1: all in one. */
  groups?: number;
}

/**
 * γ (x - mean) / √(variance + ε) + β with mean and variance of each sample's groups of channels, over all its pixels;
 * ε is 1e-3. gamma and beta are [channels]. Defaults of Keras. Source: Wu and He 2018.
 */
export class GroupNormalization extends AffineNormalization {
  readonly groups: number;

  constructor(options: GroupNormalizationOptions = {}) {
    const { groups = 32 } = options;
    if (groups !== -1 && !(Number.isInteger(groups) && groups >= 1)) {
      throw new ArgumentError(
        `GroupNormalization: groups must be a whole number of at least 1, or -1 for one a channel, got ${showGiven(groups)}`,
      );
    }
    super("GroupNormalization", options, {
      groups: true,
    } satisfies OwnAffineOptions<GroupNormalizationOptions>);
    this.groups = groups;
  }

  protected parameterShape(inputShape: SampleShape): Shape {
    const channels = inputShape.at(-1) ?? undefined;
    if (channels === undefined || (this.groups !== -1 && channels % this.groups !== 0)) {
      throw new ShapeError(
        `${this.describe()}: ${this.groups} groups do not divide the last axis of ${batched(inputShape)}; set groups to a divisor of the channels, or to -1`,
      );
    }
    return [channels];
  }

  protected forward(x: Tensor): Tensor {
    const { gamma, beta, epsilon, groups } = this;
    return groupNorm(x, groups === -1 ? x.shape[x.rank - 1] : groups, { gamma, beta, epsilon });
  }
}

export interface RMSNormalizationOptions extends NormalizationOptions {
  /** What is normalized together, the batch being axis 0: the last axis (the default, -1), or the last few. */
  axis?: number | readonly number[];
}

/**
 * scale · x / √(mean(x²) + ε) over the last axis (or last few) of each sample; ε is 1e-6. One weight, scale, of those
 * axes' shape. Defaults of Keras. Source: Zhang and Sennrich 2019.
 */
export class RMSNormalization extends Layer<Tensor, Tensor> {
  readonly axis: number | readonly number[];
  readonly epsilon: number;
  #scale: Variable | undefined;

  constructor(options: RMSNormalizationOptions = {}) {
    const epsilon = atLeastZero("RMSNormalization", "epsilon", options.epsilon ?? 1e-6);
    super("RMSNormalization", options, {
      axis: true,
      epsilon: true,
    } satisfies OwnLayerOptions<RMSNormalizationOptions>);
    this.axis = options.axis ?? -1;
    this.epsilon = epsilon;
  }

  override get passesMask(): boolean {
    return true;
  }

  override outputSpec({ shape }: SampleSpec): SampleSpec {
    trailing(this.describe(), shape, this.axis);
    return { shape, dtype: "f32" };
  }

  protected override createWeights(input: SampleSpec, weights: Weights): void {
    const shape = trailing(this.describe(), input.shape, this.axis);
    this.#scale = weights.add("scale", shape, initializers.ones());
  }

  protected forward(x: Tensor): Tensor {
    return rmsNorm(x, { gamma: this.#scale, epsilon: this.epsilon, axes: this.axis });
  }
}

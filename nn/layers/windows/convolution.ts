// Conv1D and Conv2D: each filter sees all channels under the window, or those of its group.

import {
  ArgumentError,
  conv1d,
  conv2d,
  type PerAxis,
  type Shape,
  ShapeError,
  type Tensor,
} from "../../../engine/index.ts";
import { atLeastOne } from "../../../engine/internal.ts";
import { batched, featuresOf, type SampleSpec } from "../spec.ts";
import { type KernelOptions, kernelOptions } from "../weight-options.ts";
import { type CausalLayerPadding, causalPaddingOf, type LayerPadding, paddingOf } from "./options.ts";
import { KernelLayer, type OwnWindowOptions, type WindowLayerOptions } from "./window-layer.ts";

export interface ConvOptions<P extends CausalLayerPadding = LayerPadding>
  extends WindowLayerOptions<P>,
    KernelOptions {
  /** Groups of channels: each group of filters sees only its group of inputs; default 1. */
  groups?: number;
}

export type Conv1DOptions = ConvOptions<CausalLayerPadding>;

const ownOptions: OwnWindowOptions<ConvOptions> = { ...kernelOptions, groups: true };

abstract class Convolution<P extends CausalLayerPadding> extends KernelLayer<P> {
  static override readonly positional: readonly string[] = ["filters", "kernelSize"];
  readonly filters: number;
  readonly groups: number;

  protected constructor(
    type: string,
    rank: 1 | 2,
    filters: number,
    kernelSize: PerAxis,
    options: ConvOptions<P>,
    paddingOf: (type: string, padding: string | undefined) => P,
  ) {
    atLeastOne(type, "filters", filters);
    const groups = atLeastOne(type, "groups", options.groups ?? 1);
    if (filters % groups !== 0) {
      throw new ArgumentError(`${type}: ${groups} groups do not divide the ${filters} filters`);
    }
    super(type, rank, kernelSize, options, ownOptions, paddingOf);
    this.filters = filters;
    this.groups = groups;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    const output = super.outputSpec(input);
    const channels = featuresOf(this.describe(), input);
    if (channels % this.groups !== 0) {
      throw new ShapeError(
        `${this.describe()}: ${this.groups} groups do not divide the ${channels} channels of ${batched(input.shape)}`,
      );
    }
    return output;
  }

  protected channelsOut(): number {
    return this.filters;
  }

  protected kernelShape(channels: number): Shape {
    return [...this.kernelSize, channels / this.groups, this.filters];
  }
}

/**
 * activation(convolution(x, kernel) + bias) over one axis: [batch, length, channels] to [batch, places, filters].
 * kernel [kernelSize, channels / groups, filters], bias [filters]; initializers and defaults of Keras.
 */
export class Conv1D extends Convolution<CausalLayerPadding> {
  constructor(filters: number, kernelSize: PerAxis, options: Conv1DOptions = {}) {
    super("Conv1D", 1, filters, kernelSize, options, causalPaddingOf);
  }

  protected convolve(x: Tensor): Tensor {
    return conv1d(x, this.kernel as Tensor, { ...this.windowOptions, groups: this.groups });
  }
}

/**
 * activation(convolution(x, kernel) + bias) over images: [batch, height, width, channels] to [batch, places down,
 * places across, filters]. kernel [height, width, channels / groups, filters], bias [filters]; initializers and
 * defaults of Keras.
 */
export class Conv2D extends Convolution<LayerPadding> {
  constructor(filters: number, kernelSize: PerAxis, options: ConvOptions = {}) {
    super("Conv2D", 2, filters, kernelSize, options, paddingOf);
  }

  protected convolve(x: Tensor): Tensor {
    return conv2d(x, this.kernel as Tensor, { ...this.windowOptions, groups: this.groups });
  }
}

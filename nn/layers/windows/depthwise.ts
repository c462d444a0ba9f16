// Layers with windows of each channel's own: DepthwiseConv1D and DepthwiseConv2D, and SeparableConv1D and SeparableConv2D,
// which then mix the channels.

import {
  conv1d,
  conv2d,
  depthwiseConv1d,
  depthwiseConv2d,
  type PerAxis,
  type Tensor,
  type Variable,
} from "../../../engine/index.ts";
import { atLeastOne } from "../../../engine/internal.ts";
import type { ConstraintLike } from "../constraints.ts";
import type * as initializers from "../initializers.ts";
import type { LayerSample } from "../layer.ts";
import type { RegularizerLike } from "../regularizers.ts";
import { rulesOf, type WeightRules } from "../weight-options.ts";
import type { Weights } from "../weights.ts";
import { type CausalLayerPadding, causalPaddingOf, type LayerPadding, paddingOf } from "./options.ts";
import { type OwnWindowOptions, WindowLayer, type WindowLayerOptions } from "./window-layer.ts";

export interface DepthwiseConv2DOptions<P extends CausalLayerPadding = LayerPadding>
  extends WindowLayerOptions<P> {
  /** Windows of each channel; default 1. */
  depthMultiplier?: number;
  /** Default "glorotUniform". */
  depthwiseInitializer?: string | initializers.Initializer;
  /** A penalty on that kernel that is added to the loss: "l2", an object or a function. */
  depthwiseRegularizer?: RegularizerLike | null;
  /** What that kernel becomes after each update: "maxNorm", an object or a function. */
  depthwiseConstraint?: ConstraintLike | null;
}

export type DepthwiseConv1DOptions = DepthwiseConv2DOptions<CausalLayerPadding>;

const depthwiseOptions: OwnWindowOptions<DepthwiseConv2DOptions> = {
  depthMultiplier: true,
  depthwiseInitializer: true,
  depthwiseRegularizer: true,
  depthwiseConstraint: true,
};

type PaddingOf<P> = (type: string, padding: string | undefined) => P;

/** What layers of this file share. */
abstract class ChannelsApart<P extends CausalLayerPadding> extends WindowLayer<P> {
  readonly depthMultiplier: number;
  readonly depthwiseInitializer: initializers.Initializer;
  readonly #rules: WeightRules;
  #kernel: Variable | undefined;

  protected constructor(
    type: string,
    rank: 1 | 2,
    kernelSize: PerAxis,
    options: DepthwiseConv2DOptions<P>,
    own: Readonly<Record<string, true>>,
    paddingOf: PaddingOf<P>,
  ) {
    const multiplier = atLeastOne(type, "depthMultiplier", options.depthMultiplier ?? 1);
    const rules = rulesOf("depthwise", options, "glorotUniform");
    super(type, rank, kernelSize, options, { ...depthwiseOptions, ...own }, paddingOf);
    this.depthMultiplier = multiplier;
    this.depthwiseInitializer = rules.initializer;
    this.#rules = rules;
  }

  /** Undefined until built. */
  get depthwiseKernel(): Variable | undefined {
    return this.#kernel;
  }

  protected channelsOut(channels: number): number {
    return channels * this.depthMultiplier;
  }

  protected createKernels(channels: number, weights: Weights): void {
    const shape = [...this.kernelSize, channels, this.depthMultiplier];
    this.#kernel = weights.add("depthwiseKernel", shape, this.#rules.initializer, this.#rules);
  }
}

/**
 * Each channel under windows of its own: [batch, length, channels] to [batch, places, channels · depthMultiplier].
 * depthwiseKernel [kernelSize, channels, depthMultiplier], and a bias.
 */
export class DepthwiseConv1D extends ChannelsApart<CausalLayerPadding> {
  static override readonly positional: readonly string[] = ["kernelSize"];
  static override readonly samples = (): LayerSample[] => [
    { make: () => new DepthwiseConv1D(3, { padding: "causal", depthMultiplier: 2 }), shape: [32, 128, 64] },
  ];

  constructor(kernelSize: PerAxis, options: DepthwiseConv1DOptions = {}) {
    super("DepthwiseConv1D", 1, kernelSize, options, {}, causalPaddingOf);
  }

  protected convolve(x: Tensor): Tensor {
    return depthwiseConv1d(x, this.depthwiseKernel as Tensor, this.windowOptions);
  }
}

/**
 * Each channel under windows of its own: [batch, height, width, channels] to [batch, places down, places across,
 * channels · depthMultiplier]. depthwiseKernel [height, width, channels, depthMultiplier], and a bias.
 */
export class DepthwiseConv2D extends ChannelsApart<LayerPadding> {
  static override readonly positional: readonly string[] = ["kernelSize"];

  constructor(kernelSize: PerAxis, options: DepthwiseConv2DOptions = {}) {
    super("DepthwiseConv2D", 2, kernelSize, options, {}, paddingOf);
  }

  protected convolve(x: Tensor): Tensor {
    return depthwiseConv2d(x, this.depthwiseKernel as Tensor, this.windowOptions);
  }
}

export interface SeparableConv2DOptions<P extends CausalLayerPadding = LayerPadding>
  extends DepthwiseConv2DOptions<P> {
  /** Default "glorotUniform". */
  pointwiseInitializer?: string | initializers.Initializer;
  /** A penalty on that kernel that is added to the loss: "l2", an object or a function. */
  pointwiseRegularizer?: RegularizerLike | null;
  /** What that kernel becomes after each update: "maxNorm", an object or a function. */
  pointwiseConstraint?: ConstraintLike | null;
}

export type SeparableConv1DOptions = SeparableConv2DOptions<CausalLayerPadding>;

const separableOptions = {
  pointwiseInitializer: true,
  pointwiseRegularizer: true,
  pointwiseConstraint: true,
} as const;

abstract class Separable<P extends CausalLayerPadding> extends ChannelsApart<P> {
  static override readonly positional: readonly string[] = ["filters", "kernelSize"];
  readonly filters: number;
  readonly pointwiseInitializer: initializers.Initializer;
  readonly #rules: WeightRules;
  #pointwise: Variable | undefined;

  protected constructor(
    type: string,
    rank: 1 | 2,
    filters: number,
    kernelSize: PerAxis,
    options: SeparableConv2DOptions<P>,
    paddingOf: PaddingOf<P>,
  ) {
    atLeastOne(type, "filters", filters);
    const rules = rulesOf("pointwise", options, "glorotUniform");
    super(type, rank, kernelSize, options, separableOptions, paddingOf);
    this.filters = filters;
    this.pointwiseInitializer = rules.initializer;
    this.#rules = rules;
  }

  /** Undefined until built. */
  get pointwiseKernel(): Variable | undefined {
    return this.#pointwise;
  }

  protected override channelsOut(): number {
    return this.filters;
  }

  protected override createKernels(channels: number, weights: Weights): void {
    super.createKernels(channels, weights);
    const ones = this.kernelSize.map(() => 1);
    const shape = [...ones, channels * this.depthMultiplier, this.filters];
    this.#pointwise = weights.add("pointwiseKernel", shape, this.#rules.initializer, this.#rules);
  }
}

/**
 * A depthwise convolution, and then one of windows of one step that mixes the channels: [batch, length, channels] to
 * [batch, places, filters]. depthwiseKernel [kernelSize, channels, depthMultiplier], pointwiseKernel
 * [1, channels · depthMultiplier, filters], bias [filters].
 */
export class SeparableConv1D extends Separable<CausalLayerPadding> {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new SeparableConv1D(32, 3, { padding: "same" }), shape: [32, 128, 64] },
  ];

  constructor(filters: number, kernelSize: PerAxis, options: SeparableConv1DOptions = {}) {
    super("SeparableConv1D", 1, filters, kernelSize, options, causalPaddingOf);
  }

  protected convolve(x: Tensor): Tensor {
    const apart = depthwiseConv1d(x, this.depthwiseKernel as Tensor, this.windowOptions);
    return conv1d(apart, this.pointwiseKernel as Tensor);
  }
}

/**
 * A depthwise convolution, and then one of windows of one pixel that mixes the channels: [batch, height, width, channels]
 * to [batch, places down, places across, filters]. depthwiseKernel [height, width, channels, depthMultiplier],
 * pointwiseKernel [1, 1, channels · depthMultiplier, filters], bias [filters].
 */
export class SeparableConv2D extends Separable<LayerPadding> {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new SeparableConv2D(32, 3, { padding: "same" }), shape: [32, 14, 14, 32] },
  ];

  constructor(filters: number, kernelSize: PerAxis, options: SeparableConv2DOptions = {}) {
    super("SeparableConv2D", 2, filters, kernelSize, options, paddingOf);
  }

  protected convolve(x: Tensor): Tensor {
    const apart = depthwiseConv2d(x, this.depthwiseKernel as Tensor, this.windowOptions);
    return conv2d(apart, this.pointwiseKernel as Tensor);
  }
}

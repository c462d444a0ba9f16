// Conv1D, Conv2D, DepthwiseConv2D and Conv2DTranspose: a window of weights that slides over the spatial axes, a bias
// and an activation.

import {
  ArgumentError,
  add,
  conv1d,
  conv2d,
  convTranspose2d,
  depthwiseConv2d,
  type PerAxis,
  type Shape,
  ShapeError,
  type Tensor,
  type Variable,
} from "../../engine/index.ts";
import { atLeastOne, type OptionNames } from "../../engine/internal.ts";
import * as activations from "./activations.ts";
import * as initializers from "./initializers.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "./layer.ts";
import { checkImageShape, type LayerPadding, paddingOf, placesOf, spatial } from "./options.ts";
import { batched, featuresOf, type SampleShape, type SampleSpec } from "./spec.ts";
import type { Weights } from "./weights.ts";

interface WindowLayerOptions extends LayerOptions {
  /** Distance between neighbouring places of the window; default 1. */
  strides?: PerAxis;
  /** "valid" (the default): the window stays inside; "same": ⌈length / strides⌉ places, with zeros around. */
  padding?: LayerPadding;
  /** Distance between the pixels that neighbouring taps read; default 1. */
  dilationRate?: PerAxis;
  /** By name or as a function; default "linear", the identity. */
  activation?: string | activations.ActivationFunction | null;
  /** Default true. */
  useBias?: boolean;
  /** Default "zeros". */
  biasInitializer?: string | initializers.Initializer;
}

const windowLayerOptions: OwnLayerOptions<WindowLayerOptions> = {
  strides: true,
  padding: true,
  dilationRate: true,
  activation: true,
  useBias: true,
  biasInitializer: true,
};

type OwnOptions<O extends WindowLayerOptions> = OptionNames<Omit<O, keyof WindowLayerOptions>>;

/** What the layers of this file share; each says its kernel's shape and how it is applied. */
abstract class WindowLayer extends Layer<Tensor, Tensor> {
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: LayerPadding;
  readonly dilationRate: readonly number[];
  readonly activation: activations.NamedActivation;
  readonly useBias: boolean;
  readonly kernelInitializer: initializers.Initializer;
  readonly biasInitializer: initializers.Initializer;
  readonly #kernelName: string;
  #kernel: Variable | undefined;
  #bias: Variable | undefined;

  protected constructor(
    type: string,
    rank: 1 | 2,
    kernelSize: PerAxis,
    [kernelName, kernelInitializer]: readonly [string, string | initializers.Initializer | undefined],
    options: WindowLayerOptions,
    own: Readonly<Record<string, true>>,
  ) {
    const size = spatial(type, "kernelSize", kernelSize, rank);
    const strides = spatial(type, "strides", options.strides ?? 1, rank);
    const dilation = spatial(type, "dilationRate", options.dilationRate ?? 1, rank);
    const padding = paddingOf(type, options.padding);
    const activation = activations.get(options.activation);
    const initializer = initializers.get(kernelInitializer ?? "glorotUniform");
    const biasInitializer = initializers.get(options.biasInitializer ?? "zeros");
    super(type, options, { ...windowLayerOptions, ...own });
    this.kernelSize = size;
    this.strides = strides;
    this.dilationRate = dilation;
    this.padding = padding;
    this.activation = activation;
    this.useBias = options.useBias ?? true;
    this.kernelInitializer = initializer;
    this.biasInitializer = biasInitializer;
    this.#kernelName = kernelName;
  }

  /** Shape of the kernel for so many input channels. */
  protected abstract kernelShape(channels: number): Shape;

  /** Channels that come out for so many that go in. */
  protected abstract channelsOut(channels: number): number;

  /** Channels in are [batch, ...spatial, channels]. */
  protected abstract convolve(x: Tensor, kernel: Tensor): Tensor;

  get kernel(): Variable | undefined {
    return this.#kernel;
  }

  get bias(): Variable | undefined {
    return this.#bias;
  }

  override get outputActivation(): activations.NamedActivation {
    return this.activation;
  }

  override outputSpec(input: SampleSpec): SampleSpec {
    checkImageShape(this.describe(), this.kernelSize.length, input.shape);
    const channels = this.channelsOut(featuresOf(this.describe(), input));
    return { shape: [...this.placesAlong(input.shape), channels], dtype: "f32" };
  }

  protected placesAlong(inputShape: SampleShape): (number | null)[] {
    const { kernelSize, strides, dilationRate, padding } = this;
    return placesOf(this.describe(), inputShape, kernelSize, strides, dilationRate, padding);
  }

  protected override createWeights(input: SampleSpec, weights: Weights): void {
    const channels = featuresOf(this.describe(), input);
    this.#kernel = weights.add(this.#kernelName, this.kernelShape(channels), this.kernelInitializer);
    if (this.useBias) this.#bias = weights.add("bias", [this.channelsOut(channels)], this.biasInitializer);
  }

  protected forward(x: Tensor): Tensor {
    const y = this.convolve(x, this.#kernel as Variable);
    return this.#bias === undefined ? y : add(y, this.#bias);
  }

  /** What engine convolutions take. */
  protected get windowOptions() {
    return { stride: this.strides, padding: this.padding, dilation: this.dilationRate };
  }
}

export interface ConvOptions extends WindowLayerOptions {
  /** Groups of channels: each group of filters sees only its group of inputs; default 1. */
  groups?: number;
  /** Default "glorotUniform". */
  kernelInitializer?: string | initializers.Initializer;
}

abstract class Convolution extends WindowLayer {
  readonly filters: number;
  readonly groups: number;

  protected constructor(
    type: string,
    rank: 1 | 2,
    filters: number,
    kernelSize: PerAxis,
    options: ConvOptions,
  ) {
    atLeastOne(type, "filters", filters);
    const groups = atLeastOne(type, "groups", options.groups ?? 1);
    if (filters % groups !== 0) {
      throw new ArgumentError(`${type}: ${groups} groups do not divide the ${filters} filters`);
    }
    const own: OwnOptions<ConvOptions> = { groups: true, kernelInitializer: true };
    super(type, rank, kernelSize, ["kernel", options.kernelInitializer], options, own);
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
export class Conv1D extends Convolution {
  constructor(filters: number, kernelSize: PerAxis, options: ConvOptions = {}) {
    super("Conv1D", 1, filters, kernelSize, options);
  }

  protected convolve(x: Tensor, kernel: Tensor): Tensor {
    return conv1d(x, kernel, { ...this.windowOptions, groups: this.groups });
  }
}

/**
 * activation(convolution(x, kernel) + bias) over images: [batch, height, width, channels] to [batch, places down,
 * places across, filters]. kernel [height, width, channels / groups, filters], bias [filters]; initializers and
 * defaults of Keras.
 */
export class Conv2D extends Convolution {
  constructor(filters: number, kernelSize: PerAxis, options: ConvOptions = {}) {
    super("Conv2D", 2, filters, kernelSize, options);
  }

  protected convolve(x: Tensor, kernel: Tensor): Tensor {
    return conv2d(x, kernel, { ...this.windowOptions, groups: this.groups });
  }
}

export interface DepthwiseConv2DOptions extends WindowLayerOptions {
  /** Windows of each channel; default 1. */
  depthMultiplier?: number;
  /** Default "glorotUniform". */
  depthwiseInitializer?: string | initializers.Initializer;
}

/**
 * Each channel under windows of its own: [batch, height, width, channels] to [batch, places down, places across,
 * channels · depthMultiplier]. depthwiseKernel [height, width, channels, depthMultiplier], and a bias.
 */
export class DepthwiseConv2D extends WindowLayer {
  readonly depthMultiplier: number;

  constructor(kernelSize: PerAxis, options: DepthwiseConv2DOptions = {}) {
    const multiplier = atLeastOne("DepthwiseConv2D", "depthMultiplier", options.depthMultiplier ?? 1);
    const own: OwnOptions<DepthwiseConv2DOptions> = { depthMultiplier: true, depthwiseInitializer: true };
    super("DepthwiseConv2D", 2, kernelSize, ["depthwiseKernel", options.depthwiseInitializer], options, own);
    this.depthMultiplier = multiplier;
  }

  protected kernelShape(channels: number): Shape {
    return [...this.kernelSize, channels, this.depthMultiplier];
  }

  protected channelsOut(channels: number): number {
    return channels * this.depthMultiplier;
  }

  protected convolve(x: Tensor, kernel: Tensor): Tensor {
    return depthwiseConv2d(x, kernel, this.windowOptions);
  }
}

export interface Conv2DTransposeOptions extends WindowLayerOptions {
  /** Default "glorotUniform". */
  kernelInitializer?: string | initializers.Initializer;
}

/**
 * Transposed convolution of images: [batch, height, width, channels] to [batch, longer, wider, filters], with
 * length · strides ("same") or (length - 1) · strides + max(span, strides) ("valid") along each axis. kernel
 * [height, width, filters, channels], bias [filters].
 */
export class Conv2DTranspose extends WindowLayer {
  readonly filters: number;

  constructor(filters: number, kernelSize: PerAxis, options: Conv2DTransposeOptions = {}) {
    atLeastOne("Conv2DTranspose", "filters", filters);
    const own: OwnOptions<Conv2DTransposeOptions> = { kernelInitializer: true };
    super("Conv2DTranspose", 2, kernelSize, ["kernel", options.kernelInitializer], options, own);
    this.filters = filters;
  }

  protected override placesAlong(inputShape: SampleShape): (number | null)[] {
    return this.kernelSize.map((taps, axis) => {
      const [length, stride] = [inputShape[axis], this.strides[axis]];
      if (length === null) return null;
      if (this.padding === "same") return length * stride;
      return (length - 1) * stride + Math.max((taps - 1) * this.dilationRate[axis] + 1, stride);
    });
  }

  protected kernelShape(channels: number): Shape {
    return [...this.kernelSize, this.filters, channels];
  }

  protected channelsOut(): number {
    return this.filters;
  }

  protected convolve(x: Tensor, kernel: Tensor): Tensor {
    return convTranspose2d(x, kernel, this.windowOptions);
  }
}

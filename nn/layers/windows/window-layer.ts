// WindowLayer: a window of weights that slides over the spatial axes, a bias and an activation; what convolutional layers
// share.

import { add, type PerAxis, type Shape, type Tensor, type Variable } from "../../../engine/index.ts";
import type { OptionNames } from "../../../engine/internal.ts";
import * as activations from "../activations.ts";
import type * as initializers from "../initializers.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import { featuresOf, type SampleShape, type SampleSpec } from "../spec.ts";
import {
  type BiasOptions,
  biasOptions,
  type KernelOptions,
  kernelOptions,
  rulesOf,
  type WeightRules,
} from "../weight-options.ts";
import type { Weights } from "../weights.ts";
import {
  type CausalLayerPadding,
  checkDataFormat,
  checkImageShape,
  type DataFormat,
  type LayerPadding,
  placesOf,
  spatial,
} from "./options.ts";

export interface WindowLayerOptions<P extends CausalLayerPadding = LayerPadding>
  extends LayerOptions,
    BiasOptions {
  /** Distance between neighbouring places of the window; default 1. */
  strides?: PerAxis;
  /**
   * "valid" (the default): the window stays inside; "same": ⌈length / strides⌉ places, with zeros around. Layers over time
   * take "causal": as many, with all zeros in front.
   */
  padding?: P;
  /** Distance between the pixels that neighbouring taps read; default 1. */
  dilationRate?: PerAxis;
  /** By name or as a function; default "linear", the identity. */
  activation?: string | activations.ActivationFunction | null;
  /** Channels stand last; put a Permute in front where they stand first. */
  dataFormat?: DataFormat;
}

const windowLayerOptions: OwnLayerOptions<WindowLayerOptions> = {
  strides: true,
  padding: true,
  dilationRate: true,
  activation: true,
  ...biasOptions,
  dataFormat: true,
};

export type OwnWindowOptions<O extends WindowLayerOptions<CausalLayerPadding>> = OptionNames<
  Omit<O, keyof WindowLayerOptions>
>;

/** Each subclass says its kernel's shape and how it is applied. */
export abstract class WindowLayer<P extends CausalLayerPadding = LayerPadding> extends Layer<Tensor, Tensor> {
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: P;
  readonly dilationRate: readonly number[];
  readonly activation: activations.NamedActivation;
  readonly useBias: boolean;
  readonly biasInitializer: initializers.Initializer;
  readonly #biasRules: WeightRules;
  #bias: Variable | undefined;

  /** @param paddingOf checks the padding that the options ask for */
  protected constructor(
    type: string,
    rank: 1 | 2,
    kernelSize: PerAxis,
    options: WindowLayerOptions<P>,
    own: Readonly<Record<string, true>>,
    paddingOf: (type: string, padding: string | undefined) => P,
  ) {
    const size = spatial(type, "kernelSize", kernelSize, rank);
    const strides = spatial(type, "strides", options.strides ?? 1, rank);
    const dilation = spatial(type, "dilationRate", options.dilationRate ?? 1, rank);
    const padding = paddingOf(type, options.padding);
    checkDataFormat(type, options.dataFormat, rank);
    const activation = activations.get(options.activation);
    const biasRules = rulesOf("bias", options);
    super(type, options, { ...windowLayerOptions, ...own });
    this.kernelSize = size;
    this.strides = strides;
    this.dilationRate = dilation;
    this.padding = padding;
    this.activation = activation;
    this.useBias = options.useBias ?? true;
    this.biasInitializer = biasRules.initializer;
    this.#biasRules = biasRules;
  }

  /** Channels that come out for so many that go in. */
  protected abstract channelsOut(channels: number): number;

  /** Declares the weights besides the bias. */
  protected abstract createKernels(channels: number, weights: Weights): void;

  /** What comes out before bias and activation; x is [batch, ...spatial, channels]. */
  protected abstract convolve(x: Tensor): Tensor;

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
    this.createKernels(channels, weights);
    const rules = this.#biasRules;
    if (this.useBias) {
      this.#bias = weights.add("bias", [this.channelsOut(channels)], rules.initializer, rules);
    }
  }

  protected forward(x: Tensor): Tensor {
    const y = this.convolve(x);
    return this.#bias === undefined ? y : add(y, this.#bias);
  }

  /** What engine convolutions take. */
  protected get windowOptions() {
    return { stride: this.strides, padding: this.padding, dilation: this.dilationRate };
  }
}

/** One that has a single kernel. */
export abstract class KernelLayer<P extends CausalLayerPadding = LayerPadding> extends WindowLayer<P> {
  readonly kernelInitializer: initializers.Initializer;
  readonly #rules: WeightRules;
  #kernel: Variable | undefined;

  protected constructor(
    type: string,
    rank: 1 | 2,
    kernelSize: PerAxis,
    options: WindowLayerOptions<P> & KernelOptions,
    own: Readonly<Record<string, true>>,
    paddingOf: (type: string, padding: string | undefined) => P,
  ) {
    const rules = rulesOf("kernel", options, "glorotUniform");
    super(type, rank, kernelSize, options, { ...kernelOptions, ...own }, paddingOf);
    this.kernelInitializer = rules.initializer;
    this.#rules = rules;
  }

  /** Shape of the kernel for so many input channels. */
  protected abstract kernelShape(channels: number): Shape;

  /** Undefined until built. */
  get kernel(): Variable | undefined {
    return this.#kernel;
  }

  protected createKernels(channels: number, weights: Weights): void {
    const rules = this.#rules;
    this.#kernel = weights.add("kernel", this.kernelShape(channels), rules.initializer, rules);
  }
}

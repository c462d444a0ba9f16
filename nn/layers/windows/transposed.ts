// Conv1DTranspose and Conv2DTranspose: convolutions that make their input longer, the adjoints of those that make it
// shorter.

import {
  ArgumentError,
  convTranspose1d,
  convTranspose2d,
  type PerAxis,
  type Shape,
  ShapeError,
  type Tensor,
} from "../../../engine/index.ts";
import { atLeastOne } from "../../../engine/internal.ts";
import type { LayerSample } from "../layer.ts";
import { batched, type SampleShape } from "../spec.ts";
import { type KernelOptions, kernelOptions } from "../weight-options.ts";
import { paddingOf, spatial } from "./options.ts";
import { KernelLayer, type OwnWindowOptions, type WindowLayerOptions } from "./window-layer.ts";

export interface ConvTransposeOptions extends WindowLayerOptions, KernelOptions {
  /**
   * Length that is added at the end of each spatial axis, less than the stride. Given, the result is
   * (length - 1) · strides + span - 2 · ⌊kernelSize / 2⌋ ("same"; nothing is taken away with "valid") + outputPadding long.
   */
  outputPadding?: PerAxis;
}

const ownOptions: OwnWindowOptions<ConvTransposeOptions> = { ...kernelOptions, outputPadding: true };

abstract class Transposed extends KernelLayer {
  static override readonly positional: readonly string[] = ["filters", "kernelSize"];
  readonly filters: number;
  readonly outputPadding: readonly number[] | undefined;

  protected constructor(
    type: string,
    rank: 1 | 2,
    filters: number,
    kernelSize: PerAxis,
    options: ConvTransposeOptions,
  ) {
    atLeastOne(type, "filters", filters);
    const { outputPadding } = options;
    const extra =
      outputPadding === undefined ? undefined : spatial(type, "outputPadding", outputPadding, rank, 0);
    super(type, rank, kernelSize, options, ownOptions, paddingOf);
    extra?.forEach((length, axis) => {
      if (length < this.strides[axis]) return;
      throw new ArgumentError(
        `${type}: outputPadding ${length} must be less than the stride, ${this.strides[axis]}`,
      );
    });
    this.filters = filters;
    this.outputPadding = extra;
  }

  protected override placesAlong(inputShape: SampleShape): (number | null)[] {
    const { padding, outputPadding } = this;
    return this.kernelSize.map((_, axis) => {
      const [length, stride] = [inputShape[axis], this.strides[axis]];
      if (length === null) return null;
      if (outputPadding === undefined && padding === "same") return length * stride;
      const span = this.#span(axis);
      if (outputPadding === undefined) return (length - 1) * stride + Math.max(span, stride);
      const [before, after] = this.#cut(axis, outputPadding[axis]);
      const made = (length - 1) * stride + span - before - after + this.#added(axis, outputPadding[axis]);
      if (made >= 1) return made;
      throw new ShapeError(
        `${this.describe()}: with outputPadding ${outputPadding[axis]} nothing is left of axis ${axis + 1} of its inputs ${batched(inputShape)}; use a larger one, or padding: "valid"`,
      );
    });
  }

  #span(axis: number): number {
    return (this.kernelSize[axis] - 1) * this.dilationRate[axis] + 1;
  }

  /** How much longer the whole is than what `outputPadding` asks for; below 0 where that is longer. */
  #surplus(axis: number, outputPadding: number): number {
    return (this.padding === "same" ? 2 * Math.floor(this.kernelSize[axis] / 2) : 0) - outputPadding;
  }

  /** What is cut off at both ends: as TensorFlow does, the odd one at the end. */
  #cut(axis: number, outputPadding: number): [number, number] {
    const surplus = Math.max(this.#surplus(axis, outputPadding), 0);
    return [Math.floor(surplus / 2), Math.ceil(surplus / 2)];
  }

  /** What is added at the end. */
  #added(axis: number, outputPadding: number): number {
    return Math.max(-this.#surplus(axis, outputPadding), 0);
  }

  protected kernelShape(channels: number): Shape {
    return [...this.kernelSize, this.filters, channels];
  }

  protected channelsOut(): number {
    return this.filters;
  }

  /** What the engine's transposed convolutions take. */
  protected get transposeOptions() {
    const { outputPadding, windowOptions } = this;
    if (outputPadding === undefined) return windowOptions;
    return {
      ...windowOptions,
      padding: outputPadding.map((length, axis) => this.#cut(axis, length)),
      outputPadding: outputPadding.map((length, axis) => this.#added(axis, length)),
    };
  }
}

/**
 * Transposed convolution over one axis: [batch, length, channels] to [batch, longer, filters], with length · strides
 * ("same") or (length - 1) · strides + max(span, strides) ("valid"). kernel [kernelSize, filters, channels], bias [filters].
 */
export class Conv1DTranspose extends Transposed {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new Conv1DTranspose(32, 3, { strides: 2, padding: "same" }), shape: [32, 128, 64] },
  ];

  constructor(filters: number, kernelSize: PerAxis, options: ConvTransposeOptions = {}) {
    super("Conv1DTranspose", 1, filters, kernelSize, options);
  }

  protected convolve(x: Tensor): Tensor {
    return convTranspose1d(x, this.kernel as Tensor, this.transposeOptions);
  }
}

/**
 * Transposed convolution of images: [batch, height, width, channels] to [batch, longer, wider, filters], with
 * length · strides ("same") or (length - 1) · strides + max(span, strides) ("valid") along each axis. kernel
 * [height, width, filters, channels], bias [filters].
 */
export class Conv2DTranspose extends Transposed {
  constructor(filters: number, kernelSize: PerAxis, options: ConvTransposeOptions = {}) {
    super("Conv2DTranspose", 2, filters, kernelSize, options);
  }

  protected convolve(x: Tensor): Tensor {
    return convTranspose2d(x, this.kernel as Tensor, this.transposeOptions);
  }
}

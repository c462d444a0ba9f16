// Reshape and Permute: the same numbers under another shape, or with their axes in another order.

import {
  ArgumentError,
  reshape,
  type Shape,
  ShapeError,
  showShape,
  sizeOf,
  type Tensor,
  transpose,
} from "../../../engine/index.ts";
import { Layer, type LayerOptions } from "../layer.ts";
import { batched, knownShape, type SampleSpec } from "../spec.ts";

/** [batch, ...shape] to [batch, ...targetShape], of as many numbers; one length may be -1. A view: no copy. */
export class Reshape extends Layer<Tensor, Tensor> {
  static override readonly positional = ["targetShape"];
  readonly targetShape: Shape;

  constructor(targetShape: Shape, options: LayerOptions = {}) {
    const isShape =
      Array.isArray(targetShape) &&
      targetShape.every((length) => Number.isInteger(length) && (length >= 1 || length === -1)) &&
      targetShape.filter((length) => length === -1).length <= 1;
    if (!isShape) {
      throw new ArgumentError(
        `Reshape: the target shape must be an array of whole numbers of at least 1, without the batch axis and with at most one -1, got ${JSON.stringify(targetShape)}`,
      );
    }
    super("Reshape", options, {});
    this.targetShape = [...targetShape];
  }

  override outputSpec({ shape, dtype }: SampleSpec): SampleSpec {
    return { shape: this.#target(knownShape(this.describe(), shape)), dtype };
  }

  #target(inputShape: Shape): Shape {
    const size = sizeOf(inputShape);
    const known = sizeOf(this.targetShape.filter((length) => length !== -1));
    const isOpen = this.targetShape.includes(-1);
    if (isOpen ? size % known !== 0 : size !== known) {
      throw new ShapeError(
        `${this.describe()}: ${batched(inputShape)} has ${size} numbers a sample and can't become ${showShape(this.targetShape)}`,
      );
    }
    return this.targetShape.map((length) => (length === -1 ? size / known : length));
  }

  protected forward(x: Tensor): Tensor {
    return reshape(x, [x.shape[0], ...this.#target(x.shape.slice(1))]);
  }
}

/** Axes in another order: axis i of the output is axis dims[i - 1] of the input, counted from 1; the batch is axis 0. */
export class Permute extends Layer<Tensor, Tensor> {
  static override readonly positional = ["dims"];
  readonly dims: readonly number[];

  constructor(dims: readonly number[], options: LayerOptions = {}) {
    const sorted = Array.isArray(dims) ? [...dims].sort((a, b) => a - b) : [];
    if (sorted.length === 0 || sorted.some((axis, i) => axis !== i + 1)) {
      throw new ArgumentError(
        `Permute: dims must name each axis from 1 on exactly once (the batch is axis 0), got ${JSON.stringify(dims)}`,
      );
    }
    super("Permute", options, {});
    this.dims = [...dims];
  }

  override outputSpec({ shape, dtype }: SampleSpec): SampleSpec {
    if (shape.length !== this.dims.length) {
      throw new ShapeError(
        `${this.describe()}: dims ${showShape(this.dims)} are for ${this.dims.length} axes, the input is ${batched(shape)}`,
      );
    }
    return { shape: this.dims.map((axis) => shape[axis - 1]), dtype };
  }

  protected forward(x: Tensor): Tensor {
    return transpose(x, [0, ...this.dims]);
  }
}

// Dot: products of two inputs, summed along an axis of each.

import {
  ArgumentError,
  matmul,
  maximum,
  mul,
  reshape,
  rsqrt,
  type Shape,
  ShapeError,
  sizeOf,
  square,
  sum,
  type Tensor,
  transpose,
} from "../../../engine/index.ts";
import { showGiven, showGivenList } from "../../../engine/internal.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import { axisOf, type SampleSpec, showSpecs } from "../spec.ts";
import { checkSeveral } from "./several.ts";

export interface DotOptions extends LayerOptions {
  /** Whether each is scaled to a length of 1 along its axis first, which gives the cosine; default false. */
  normalize?: boolean;
}

/** Below which a length is not divided by, squared: Keras's 1e-7. */
const leastSquare = 1e-14;

/**
 * Sums of products along one axis of each of two inputs, sample by sample: [batch, ...a, n] and [batch, n, ...b] with axes
 * [-1, 1] give [batch, ...a, ...b]; two vectors give [batch, 1].
 */
export class Dot extends Layer<readonly [Tensor, Tensor], Tensor> {
  static override readonly positional = ["axes"];
  static override readonly samples = () => [
    {
      make: () => new Dot([2, 1], { normalize: true }),
      shape: [32, 14, 64],
      others: [[32, 64, 7]],
    },
  ];
  readonly axes: number | readonly [number, number];
  readonly normalize: boolean;

  /** @param axes of both, or of each: along which they are summed, the batch being axis 0 */
  constructor(axes: number | readonly [number, number], options: DotOptions = {}) {
    const list = typeof axes === "number" ? [axes, axes] : axes;
    if (!(Array.isArray(list) && list.length === 2 && list.every(Number.isInteger))) {
      throw new ArgumentError(
        `Dot: axes must be a whole number or two of them, one for each input, got ${Array.isArray(axes) ? showGivenList(axes) : showGiven(axes)}`,
      );
    }
    super("Dot", options, { normalize: true } satisfies OwnLayerOptions<DotOptions>);
    this.axes = typeof axes === "number" ? axes : [axes[0], axes[1]];
    this.normalize = options.normalize ?? false;
  }

  override outputSpec(inputs: readonly [SampleSpec, SampleSpec]): SampleSpec {
    checkSeveral(this.describe(), inputs, 2);
    const [first, second] = this.#places(inputs.map(({ shape }) => shape));
    const [a, b] = inputs.map(({ shape }) => shape);
    const [n, m] = [a[first - 1], b[second - 1]];
    if (n !== null && m !== null && n !== m) {
      throw new ShapeError(
        `${this.describe()}: sums along axis ${first} of the first and axis ${second} of the second input, which must be of one length, got ${showSpecs(inputs)}; choose other axes`,
      );
    }
    const shape = [...a.filter((_, i) => i !== first - 1), ...b.filter((_, i) => i !== second - 1)];
    return { shape: shape.length === 0 ? [1] : shape, dtype: "f32" };
  }

  protected forward([a, b]: readonly [Tensor, Tensor]): Tensor {
    const [first, second] = this.#places([a.shape.slice(1), b.shape.slice(1)]);
    const [left, right] = this.normalize ? [unit(a, first), unit(b, second)] : [a, b];
    const [rows, columns] = [without(a.shape, first), without(b.shape, second)];
    const batch = a.shape[0];
    const product = matmul(
      reshape(toLast(left, first), [batch, sizeOf(rows), a.shape[first]]),
      reshape(toLast(right, second), [batch, sizeOf(columns), b.shape[second]]),
      { transposeB: true },
    );
    const shape = [...rows, ...columns];
    return reshape(product, [batch, ...(shape.length === 0 ? [1] : shape)]);
  }

  /** The axes, counted from the batch. */
  #places(shapes: readonly SampleSpec["shape"][]): number[] {
    const { axes } = this;
    return shapes.map((shape, i) =>
      axisOf(this.describe(), typeof axes === "number" ? axes : axes[i], shape),
    );
  }
}

/** The lengths behind the batch but for that of an axis. */
const without = (shape: Shape, axis: number): number[] => shape.filter((_, i) => i > 0 && i !== axis);

function toLast(x: Tensor, axis: number): Tensor {
  if (axis === x.rank - 1) return x;
  const others = Array.from({ length: x.rank }, (_, i) => i).filter((i) => i !== axis);
  return transpose(x, [...others, axis]);
}

const unit = (x: Tensor, axis: number): Tensor =>
  mul(x, rsqrt(maximum(sum(square(x), axis, { keepDims: true }), leastSquare)));

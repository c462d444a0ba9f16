// What values are worth as places: where they belong among sorted ones, and how often each whole number occurs.

import searchSortedSource from "../../../shaders/search-sorted.wgsl";
import { checkOptions, DTypeError, type OptionNames, ShapeError } from "../../base/errors.ts";
import { choiceOf } from "../../base/names.ts";
import { wholeNumber } from "../../base/number-checks.ts";
import { normalizeAxis, sameShape, showShape, sizeOf } from "../../base/shape.ts";
import { input, output } from "../../kernel/kernel.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { ones } from "../../tensor/create.ts";
import { defineOp } from "../../tensor/define.ts";
import { notDifferentiable, type OpFunction, type TensorLike } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { cast } from "../elementwise/cast.ts";
import { numeric } from "../elementwise/elementwise.ts";
import { elementsGrid, elementsShader } from "../layout/copying.ts";
import { reshape } from "../layout/reshape.ts";
import { scatterAddAlongAxis } from "./along-axis.ts";
import { scatterAdd } from "./gather.ts";

const searchSortedShader = elementsShader("search-sorted", searchSortedSource);

type Side = "left" | "right";

export interface SearchOptions {
  /** Whether a value stands in front of those that equal it ("left", default) or behind them. */
  side?: Side;
}

const searchOptions: OptionNames<SearchOptions> = { side: true };

interface SearchAttrs {
  readonly side: Side;
}

/**
 * Where each of `values` belongs among `sorted`, a vector in ascending order, so that it stays sorted: i32, from 0 to
 * the vector's length. With side "right" it is the number of the bin that a value falls in, between boundaries of which
 * each belongs to the bin behind it (NumPy's `digitize`). Both are f32, i32 or u32; NaN belongs to the end.
 *
 *     searchSorted(tensor([0, 1, 2]), tensor([-5, 1, 1.5]), { side: "right" })     // 0, 2, 2
 *
 * @throws ShapeError, DTypeError
 */
export const searchSorted: OpFunction<
  [sorted: TensorLike, values: TensorLike, options?: SearchOptions],
  Tensor
> = defineOp({
  name: "searchSorted",
  accuracy: { ulp: 0 },
  saves: {},
  call: (sorted: TensorLike, values: TensorLike, options?: SearchOptions) => {
    checkOptions("searchSorted", options, searchOptions);
    const side = choiceOf<Side>("searchSorted side", options?.side ?? "left", ["left", "right"]);
    return { inputs: [sorted, values], attrs: { side } };
  },
  infer: ([sorted, values], _: SearchAttrs) => {
    if (!numeric.includes(sorted.dtype) || sorted.dtype !== values.dtype) {
      throw new DTypeError(
        `searchSorted: the sorted values are ${sorted.dtype} and the others ${values.dtype}; both must be one of ${numeric.join(", ")}. Use cast(x, "f32")`,
      );
    }
    if (sorted.shape.length !== 1)
      throw new ShapeError(
        `searchSorted: the sorted values must be a vector, got ${showShape(sorted.shape)}`,
      );
    return [{ shape: values.shape, dtype: "i32" }];
  },
  kernels: ({ inputs: [sorted], outputs: [out], attrs: { side }, profile }) => {
    if (sizeOf(out.shape) === 0) return { calls: [] };
    const { count, segment, workgroups } = elementsGrid(sizeOf(out.shape), profile);
    return {
      calls: [
        {
          shader: searchSortedShader,
          hooks: {
            aliases: { Value: sorted.dtype },
            consts: { takes_equal: `${side === "right"}`, has_nan: `${sorted.dtype === "f32"}` },
          },
          sizes: [count, segment, sorted.shape[0]],
          operands: [input(0), input(1), output(0)],
          workgroups,
        },
      ],
    };
  },
  reference: ([sorted, values], { side }, [out]) => {
    for (let i = 0; i < out.data.length; i++) {
      const value = values.data[i];
      let first = Number.isNaN(value) ? sorted.data.length : 0;
      let end = sorted.data.length;
      while (first < end) {
        const middle = Math.floor((first + end) / 2);
        const candidate = sorted.data[middle];
        if (side === "right" ? candidate <= value : candidate < value) first = middle + 1;
        else end = middle;
      }
      out.data[i] = first;
    }
  },
  vjp: notDifferentiable("a place among sorted values does not change smoothly"),
  samples: [
    {
      inputs: [
        { shape: [4], values: [0, 1, 1, 3] },
        { shape: [3, 5], low: -1, high: 4 },
      ],
      attrs: { side: "left" },
    },
    {
      inputs: [
        { shape: [3], dtype: "i32", values: [-1, 2, 2] },
        { shape: [65], dtype: "i32" },
      ],
      attrs: { side: "right" },
    },
    { inputs: [{ shape: [0] }, { shape: [3] }], attrs: { side: "left" } },
    {
      inputs: [
        { shape: [5], values: [-2, 0, 1, 1, 3] },
        { shape: [7], values: [1, 0, -3, 3, 4, 0.5, Number.NaN] },
      ],
      attrs: { side: "right" },
    },
  ],
});

export interface BincountOptions {
  /** What each element counts for, of the same shape (f32, i32 or u32); default 1. */
  weights?: Tensor;
  /** Count each line along this axis by itself; default: all elements together. */
  axis?: number;
}

const bincountOptions: OptionNames<BincountOptions> = { weights: true, axis: true };

/**
 * How often each whole number from 0 up to `size`, exclusive, occurs in `x` (i32, u32 or u8): [size], or with `axis` the
 * same in the place of that axis. i32, or the weights' dtype; gradients flow to these. Numbers out of range are left out;
 * under `debug({ numerics: true })` they are an error.
 *
 *     bincount(tensor([1, 1, 3], { dtype: "i32" }), 4)     // 0, 2, 0, 1
 *
 * @throws ShapeError, DTypeError, ArgumentError
 */
export function bincount(x: Tensor, size: number, options: BincountOptions = {}): Tensor {
  checkOptions("bincount", options, bincountOptions);
  checkTensor("bincount", x);
  wholeNumber("bincount", "the size", size);
  if (!["i32", "u32", "u8"].includes(x.dtype))
    throw new DTypeError(`bincount: takes i32, u32 or u8, got ${x.dtype}; use cast(x, "i32")`);
  const { weights, axis } = options;
  if (weights !== undefined) {
    checkTensor("bincount", weights, 3);
    if (!sameShape(weights.shape, x.shape)) {
      throw new ShapeError(
        `bincount: the weights ${showShape(weights.shape)} must have the shape of x, ${showShape(x.shape)}`,
      );
    }
  }
  const along = axis === undefined ? undefined : normalizeAxis("bincount", axis, x.shape.length);
  return tidy(() => {
    const places = x.dtype === "u8" ? cast(x, "i32") : x;
    const counts = weights ?? ones(x.shape, { dtype: "i32", device: x.device });
    if (along !== undefined) return scatterAddAlongAxis(counts, places, size, along);
    const all = [sizeOf(x.shape)];
    return scatterAdd(reshape(counts, all), reshape(places, all), size, 0);
  });
}

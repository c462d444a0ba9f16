// Ordering along an axis: sort, argSort, topK.

import sortBlocksSource from "../../../shaders/sort-blocks.wgsl";
import sortFinishSource from "../../../shaders/sort-finish.wgsl";
import sortMergeSource from "../../../shaders/sort-merge.wgsl";
import type { DType } from "../../base/dtype.ts";
import { ArgumentError, checkOptions, DTypeError, type OptionNames } from "../../base/errors.ts";
import { showGiven } from "../../base/number-checks.ts";
import { normalizeAxis, type Shape, showShape } from "../../base/shape.ts";
import {
  grid,
  input,
  type KernelCall,
  type KernelContext,
  type KernelPlan,
  output,
  type Spec,
  scratch,
  shader,
} from "../../kernel/kernel.ts";
import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import { apply } from "../../tensor/apply.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import { notDifferentiable, type Op, type OpFunction } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { scatterAddAlongAxis } from "../indexing/along-axis.ts";
import { around } from "../layout/strided.ts";

// Merge sort on keys that are u32 in the order wanted, one dispatch a pass: stable, for any length, without shared
// memory or barriers, and for the largest k no more than k of each run live on.

const blocksShader = shader("sort-blocks", sortBlocksSource);
const mergeShader = shader("sort-merge", sortMergeSource);
const finishShader = shader("sort-finish", sortFinishSource);

/** Elements that the first pass puts in order; sort-blocks.wgsl has the same number. */
const block = 16;
const workgroup = 64;

interface SortAttrs {
  /** Normalized: from 0. */
  readonly axis: number;
  /** How many elements of each line are wanted. */
  readonly k: number;
  readonly descending: boolean;
}

const numeric: readonly DType[] = ["f32", "i32", "u32"];

const lengthened = (shape: Shape, axis: number, k: number): Shape =>
  shape.map((length, i) => (i === axis ? k : length));

/** Keys in the order of the numbers; the file's own are those of f32. */
const keyOf: Partial<Record<DType, string>> = {
  i32: "fn key_of(bits: u32) -> u32 {\n  return bits ^ 0x80000000u ^ sizes.flip;\n}",
  u32: "fn key_of(bits: u32) -> u32 {\n  return bits ^ sizes.flip;\n}",
};

/** Room for the runs of a line, one for each `width` elements: `kept` of each, and of the last one what there is. */
function strideOf(length: number, width: number, kept: number): number {
  const full = Math.ceil(length / width) - 1;
  return full * kept + Math.min(kept, length - full * width);
}

function kernels({ inputs: [x], attrs, profile }: KernelContext<SortAttrs>): KernelPlan {
  const { axis, k, descending } = attrs;
  const { outer, rows: length, inner } = around(x.shape, axis);
  const lines = outer * inner;
  if (lines * k === 0) return { calls: [] };
  const code = keyOf[x.dtype];
  let width = block;
  let kept = Math.min(width, k);
  let stride = strideOf(length, width, kept);
  // The first pass needs the most room: from then on elements are only left out.
  const room: Spec = { shape: [lines * stride * 2], dtype: "u32" };
  const calls: KernelCall[] = [
    {
      shader: blocksShader,
      hooks: code === undefined ? undefined : { functions: { key_of: code } },
      sizes: [lines, length, inner, kept, stride, descending ? 0xffffffff : 0],
      operands: [input(0), scratch(0, "read_write")],
      workgroups: grid(Math.ceil((lines * length) / workgroup), profile),
    },
  ];
  let source = 0;
  while (width < length) {
    const keptAfter = Math.min(width * 2, k);
    const strideAfter = strideOf(length, width * 2, keptAfter);
    calls.push({
      shader: mergeShader,
      sizes: [lines, width, length, kept, keptAfter, stride, strideAfter],
      operands: [scratch(source, "read"), scratch(1 - source, "read_write")],
      workgroups: grid(Math.ceil((lines * stride) / workgroup), profile),
    });
    source = 1 - source;
    width *= 2;
    kept = keptAfter;
    stride = strideAfter;
  }
  calls.push({
    shader: finishShader,
    sizes: [lines, k, length, inner],
    operands: [scratch(source, "read"), input(0), output(0), output(1)],
    workgroups: grid(Math.ceil((lines * k) / workgroup), profile),
  });
  return { calls, scratch: [room, room] };
}

/** NaN after everything else, whichever the order. */
function comesBefore(a: number, b: number, descending: boolean): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return descending ? b - a : a - b;
}

function reference(
  [x]: readonly ReferenceTensor[],
  { axis, k, descending }: SortAttrs,
  [values, indices]: readonly ReferenceTensor[],
): void {
  const { outer, rows, inner } = around(x.shape, axis);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const at = (row: number) => x.data[(o * rows + row) * inner + i];
      const order = Array.from({ length: rows }, (_, row) => row);
      // Infinities of one sign differ by NaN: equal.
      order.sort((a, b) => comesBefore(at(a), at(b), descending) || a - b);
      for (let rank = 0; rank < k; rank++) {
        const to = (o * k + rank) * inner + i;
        values.data[to] = at(order[rank]);
        indices.data[to] = order[rank];
      }
    }
  }
}

function checkNumeric(name: string, x: Spec): void {
  if (!numeric.includes(x.dtype))
    throw new DTypeError(`${name}: takes ${numeric.join(", ")}, got ${x.dtype}; use cast(x, "i32")`);
}

/** An op that gives values in order and the indices they had. */
function orderingOp(name: string, samples: Op<SortAttrs>["samples"]): Op<SortAttrs> {
  return {
    name,
    accuracy: { ulp: 0 },
    saves: { outputs: [1] },
    infer: ([x], { axis, k }) => {
      checkNumeric(name, x);
      const shape = lengthened(x.shape, axis, k);
      return [
        { shape, dtype: x.dtype },
        { shape, dtype: "i32" },
      ];
    },
    kernels,
    reference,
    vjp: ({ grad, output: saved, attrs: { axis }, inputSpecs: [x] }) => [
      scatterAddAlongAxis(grad(0), saved(1), x.shape[axis], axis, { unique: true }),
    ],
    samples,
  };
}

const ties = [2, 1, 3, 2, 0, 1, 1, 3, 5, 5, 5, 5];

/** Whole numbers in disorder, no two the same; `factor` must be prime to `count`. */
const apart = (count: number, factor: number) =>
  Array.from({ length: count }, (_, i) => (i * factor) % count);

const sortOp = orderingOp("sort", [
  { inputs: [{ shape: [3, 7], values: apart(21, 8) }], attrs: { axis: 1, k: 7, descending: false } },
  { inputs: [{ shape: [9, 2], values: apart(18, 11) }], attrs: { axis: 0, k: 9, descending: true } },
  { inputs: [{ shape: [2, 37, 3], values: apart(222, 97) }], attrs: { axis: 1, k: 37, descending: false } },
  {
    inputs: [{ shape: [3, 4], dtype: "i32", values: ties }],
    attrs: { axis: 1, k: 4, descending: true },
  },
]);

export interface SortOptions {
  /** The axis to sort along; default the last. */
  axis?: number;
  /** From the largest to the smallest; default false. */
  descending?: boolean;
}

const sortOptions: OptionNames<SortOptions> = { axis: true, descending: true };

function sortAttrs(name: string, x: Tensor, options: SortOptions): SortAttrs {
  checkOptions(name, options, sortOptions);
  checkTensor(name, x);
  const { axis = -1, descending = false } = options;
  const along = normalizeAxis(name, axis, x.shape.length);
  return { axis: along, k: x.shape[along], descending };
}

/**
 * The elements of `x` (f32, i32 or u32) in ascending or descending order along an axis. Equal elements keep their order
 * (-0 equals 0); NaN comes last either way. The gradient goes back to where each value came from.
 */
export const sort: OpFunction<[x: Tensor, options?: SortOptions], Tensor> = Object.assign(
  (x: Tensor, options: SortOptions = {}): Tensor => {
    const [values, indices] = apply(sortOp, [x], sortAttrs("sort", x, options));
    indices.dispose();
    return values;
  },
  { op: sortOp as Op },
);

/** The indices, i32, that put `x` in the order of {@link sort}: takeAlongAxis(x, argSort(x), -1) is sort(x). */
export const argSort: OpFunction<[x: Tensor, options?: SortOptions], Tensor> = defineOp({
  name: "argSort",
  saves: {},
  call: (x: Tensor, options: SortOptions = {}) => ({ inputs: [x], attrs: sortAttrs("argSort", x, options) }),
  infer: ([x]): readonly Spec[] => {
    checkNumeric("argSort", x);
    return [{ shape: x.shape, dtype: "i32" }];
  },
  compose: ([x], attrs: SortAttrs) => [apply(sortOp, [x], attrs)[1]],
  vjp: notDifferentiable("an index does not change smoothly"),
  samples: [
    { inputs: [{ shape: [3, 7], values: apart(21, 8) }], attrs: { axis: 1, k: 7, descending: false } },
    { inputs: [{ shape: [12], values: ties }], attrs: { axis: 0, k: 12, descending: true } },
  ],
});

const topKOp = orderingOp("topK", [
  { inputs: [{ shape: [3, 7], values: apart(21, 8) }], attrs: { axis: 1, k: 2, descending: true } },
  { inputs: [{ shape: [40, 2], values: apart(80, 37) }], attrs: { axis: 0, k: 5, descending: false } },
  { inputs: [{ shape: [2, 50], values: apart(100, 63) }], attrs: { axis: 1, k: 33, descending: true } },
  { inputs: [{ shape: [12], dtype: "u32", values: ties }], attrs: { axis: 0, k: 3, descending: true } },
]);

export interface TopKOptions {
  /** The axis to look along; default the last. */
  axis?: number;
  /** The smallest instead of the largest; default false. */
  smallest?: boolean;
}

const topKOptions: OptionNames<TopKOptions> = { axis: true, smallest: true };

/**
 * The `k` largest elements (or smallest) along an axis, in order, and their indices (i32). Of equal ones that with the
 * lower index comes first; NaN counts as less than anything (with `smallest`: more). The gradient goes to where the
 * values came from.
 *
 *     const { values, indices } = topK(logits, 5);
 *
 * @throws ArgumentError unless `k` is a whole number from 0 to the axis's length
 */
export const topK: ((x: Tensor, k: number, options?: TopKOptions) => { values: Tensor; indices: Tensor }) & {
  readonly op: Op;
} = Object.assign(
  (x: Tensor, k: number, options: TopKOptions = {}) => {
    checkOptions("topK", options, topKOptions);
    checkTensor("topK", x);
    const { axis = -1, smallest = false } = options;
    const along = normalizeAxis("topK", axis, x.shape.length);
    if (!Number.isInteger(k) || k < 0 || k > x.shape[along]) {
      throw new ArgumentError(
        `topK: k is ${showGiven(k)}; axis ${along} of ${showShape(x.shape)} has ${x.shape[along]} elements, so it must be a whole number from 0 to ${x.shape[along]}`,
      );
    }
    const [values, indices] = apply(topKOp, [x], { axis: along, k, descending: !smallest });
    return { values, indices };
  },
  { op: topKOp as Op },
);

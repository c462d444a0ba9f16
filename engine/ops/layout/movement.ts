// Ops that rearrange elements without computing: transpose, expand, slice, and the axis bookkeeping over reshape. Each
// takes every dtype, u8 included, and moves bits as they are.

import { ArgumentError, checkOptions, type OptionNames, ShapeError } from "../../base/errors.ts";
import {
  broadcastStrides,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  showShape,
  stridesOf,
} from "../../base/shape.ts";
import type { Spec } from "../../kernel/kernel.ts";
import type { Family } from "../../kernel/variants.ts";
import { checkNumbers, checkTensor, shapeOf } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { padZeros } from "../arrange/pad.ts";
import { padSources } from "./pad-kernels.ts";
import { reshape } from "./reshape.ts";
import {
  matrixKernels,
  stridedKernels,
  stridedReference,
  stridedSources,
  stridedVariants,
  type Walk,
} from "./strided.ts";

const transposeWalk = (shape: Shape, permutation: readonly number[]): Walk => {
  const strides = stridesOf(shape);
  return { start: 0, strides: permutation.map((axis) => strides[axis]) };
};

const expandWalk = (x: Spec, out: Spec): Walk => ({
  start: 0,
  strides: broadcastStrides(x.shape, out.shape),
});

const copyFamily: Family = {
  name: "copy",
  sources: [stridedSources, padSources].join("\n"),
  // Rows of words that do not end with a vec4, and of vec4s.
  checks: () => [
    { op: slice.op, inputs: [{ shape: [9, 77] }], attrs: { start: [1, 3], size: [7, 73], steps: [1, 1] } },
    { op: slice.op, inputs: [{ shape: [5, 48] }], attrs: { start: [1, 8], size: [3, 40], steps: [1, 1] } },
    {
      op: padZeros.op,
      inputs: [{ shape: [6, 41] }],
      attrs: { before: [1, 3], after: [2, 1], steps: [1, 1] },
    },
    {
      op: padZeros.op,
      inputs: [{ shape: [3, 40] }],
      attrs: { before: [0, 8], after: [1, 4], steps: [2, 1] },
    },
  ],
};

/**
 * `x` with its axes in another order: axis i of the result is axis `permutation[i]` of `x`. By default the order
 * is reversed. Negative axes count from the end.
 *
 * @throws ArgumentError when `permutation` does not name every axis exactly once
 */
export const transpose = defineOp({
  family: copyFamily,
  name: "transpose",
  accuracy: { ulp: 0 },
  saves: {},
  call: (x: TensorLike, permutation?: readonly number[]) => {
    const rank = shapeOf("transpose", x).length;
    if (permutation !== undefined) checkNumbers("transpose", "the permutation", permutation, false);
    return {
      inputs: [x],
      attrs: {
        permutation:
          permutation === undefined
            ? Array.from({ length: rank }, (_, axis) => rank - 1 - axis)
            : permutation.map((axis) => normalizeAxis("transpose", axis, rank)),
      },
    };
  },
  infer: ([x], { permutation }: { permutation: readonly number[] }) => {
    const rank = x.shape.length;
    if (permutation.length !== rank || new Set(permutation).size !== rank) {
      throw new ArgumentError(
        `transpose: permutation [${permutation.join(", ")}] must name each of the ${rank} axes of ${showShape(x.shape)} exactly once`,
      );
    }
    return [{ shape: permutation.map((axis) => x.shape[axis]), dtype: x.dtype }];
  },
  kernels: (context) => {
    const walk = transposeWalk(context.inputs[0].shape, context.attrs.permutation);
    return matrixKernels(context, walk) ?? stridedKernels(context, walk);
  },
  variants: (context) => {
    const walk = transposeWalk(context.inputs[0].shape, context.attrs.permutation);
    return matrixKernels(context, walk) === undefined ? stridedVariants(context, walk) : undefined;
  },
  reference: ([x], { permutation }, [out]) => stridedReference(x, out, transposeWalk(x.shape, permutation)),
  vjp: ({ grad, attrs: { permutation } }): Tensor[] => [
    transpose(
      grad(),
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],
  samples: [
    { inputs: [{ shape: [5, 7] }], attrs: { permutation: [1, 0] } },
    { inputs: [{ shape: [12, 8] }], attrs: { permutation: [1, 0] } },
    { inputs: [{ shape: [2, 3, 4, 5] }], attrs: { permutation: [2, 0, 3, 1] } },
    { inputs: [{ shape: [3, 5, 8] }], attrs: { permutation: [1, 0, 2] } },
  ],
});

/**
 * `x` repeated along axes of length 1 (and along new axes in front) until its shape is `shape`.
 *
 * @throws ShapeError when `x` does not broadcast to `shape`
 */
export const expand = defineOp({
  family: copyFamily,
  name: "expand",
  accuracy: { ulp: 0 },
  saves: {},
  call: (x: TensorLike, shape: Shape) => {
    checkNumbers("expand", "the shape", shape, false);
    return { inputs: [x], attrs: { shape: [...shape] } };
  },
  infer: ([x], { shape }: { shape: readonly number[] }) => {
    const lead = shape.length - x.shape.length;
    const fits = lead >= 0 && x.shape.every((length, axis) => length === 1 || length === shape[lead + axis]);
    if (!fits) {
      throw new ShapeError(
        `expand: ${showShape(x.shape)} does not broadcast to ${showShape(shape)}; aligned at the last axis, lengths must be equal or 1. Add axes with unsqueeze()`,
      );
    }
    return [{ shape, dtype: x.dtype }];
  },
  kernels: (context) => stridedKernels(context, expandWalk(context.inputs[0], context.outputs[0])),
  variants: (context) => stridedVariants(context, expandWalk(context.inputs[0], context.outputs[0])),
  reference: ([x], _, [out]) => stridedReference(x, out, expandWalk(x, out)),
  // The tape sums a gradient of a broadcast shape.
  vjp: ({ grad }) => [grad()],
  samples: [
    { inputs: [{ shape: [5, 1] }], attrs: { shape: [5, 7] } },
    { inputs: [{ shape: [8] }], attrs: { shape: [3, 8] } },
    { inputs: [{ shape: [] }], attrs: { shape: [2, 3] } },
    { inputs: [{ shape: [2, 1, 3, 1] }], attrs: { shape: [2, 4, 3, 5] } },
  ],
});

/** By axis: the first element taken, how many, and the distance from one to the next. */
interface SliceAttrs {
  readonly start: readonly number[];
  readonly size: readonly number[];
  readonly steps: readonly number[];
}

const sliceWalk = (shape: Shape, { start, steps }: SliceAttrs): Walk => {
  const strides = stridesOf(shape);
  return {
    start: start.reduce((sum, first, axis) => sum + first * strides[axis], 0),
    strides: strides.map((stride, axis) => stride * steps[axis]),
  };
};

type Positions = number | readonly (number | undefined)[];

interface SliceOptions {
  /** Every how many-th element, axis by axis; negative ones go backwards. */
  steps?: Positions;
}

const sliceOptions: OptionNames<SliceOptions> = { steps: true };

function sliceAttrs(
  shape: Shape,
  starts: Positions | undefined,
  ends: Positions | undefined,
  steps: Positions,
): SliceAttrs {
  const asList = (value: Positions | undefined) => (Array.isArray(value) ? value : [value]);
  const given = { start: asList(starts), end: asList(ends), step: asList(steps) };
  for (const [what, list] of Object.entries(given)) {
    if (list.length > shape.length && !(list.length === 1 && list[0] === undefined)) {
      throw new ArgumentError(
        `slice: ${list.length} values of "${what}" for ${showShape(shape)}, which has ${shape.length} axes; give at most one an axis`,
      );
    }
  }
  const start: number[] = [];
  const size: number[] = [];
  const step: number[] = [];
  shape.forEach((length, axis) => {
    const by = given.step[axis] ?? 1;
    if (!Number.isInteger(by) || by === 0) {
      throw new ArgumentError(`slice: step ${by} on axis ${axis} must be a whole number other than 0`);
    }
    // Backwards the axis starts at its last element, and its end, not taken, lies before the first.
    const last = by > 0 ? length : length - 1;
    const position = (what: string, value: number | undefined, whole: number) => {
      if (value === undefined) return whole;
      if (!Number.isInteger(value) || value < -length || value > last) {
        throw new ShapeError(
          `slice: ${what} ${value} is out of range on axis ${axis} of ${showShape(shape)}; it must be from ${-length} to ${last} (negative counts from the end)`,
        );
      }
      return value < 0 ? value + length : value;
    };
    const first = position("start", given.start[axis], by > 0 ? 0 : last);
    const end = position("end", given.end[axis], by > 0 ? length : -1);
    if ((end - first) * by < 0) {
      throw new ShapeError(
        by > 0
          ? `slice: on axis ${axis} of ${showShape(shape)} the end ${end} lies before the start ${first}; the end is exclusive and at least the start`
          : `slice: on axis ${axis} of ${showShape(shape)} the end ${end} lies behind the start ${first}; with step ${by} the end is exclusive and at most the start, or undefined to go through the first element`,
      );
    }
    const count = Math.ceil((end - first) / by);
    start.push(count === 0 ? 0 : first);
    size.push(count);
    step.push(by);
  });
  return { start, size, steps: step };
}

/**
 * The part of `x` from `start` up to `end`, exclusive, every `steps`-th element, axis by axis. A single number is
 * for the first axis; axes not mentioned are taken whole, and so is the rest of an axis whose end is undefined.
 * Negative positions count from the end; negative steps go backwards, from the last element where the start is
 * undefined.
 *
 *     slice(x, 2, 5)                                // rows 2, 3, 4
 *     slice(x, [0, -3])                             // the last three columns
 *     slice(x, 0, undefined, { steps: 2 })          // every other row
 *     slice(x, 5, 2, { steps: -1 })                 // rows 5, 4, 3
 *     slice(x, undefined, undefined, { steps: -1 }) // all rows, the last one first
 *
 * @throws ShapeError for positions outside the axis, or an end on the wrong side of its start
 */
export const slice: OpFunction<
  [x: TensorLike, start?: Positions, end?: Positions, options?: SliceOptions],
  Tensor
> = defineOp({
  family: copyFamily,
  name: "slice",
  accuracy: { ulp: 0 },
  saves: {},
  call: (x: TensorLike, start?: Positions, end?: Positions, options?: SliceOptions) => {
    checkOptions("slice", options, sliceOptions);
    return { inputs: [x], attrs: sliceAttrs(shapeOf("slice", x), start, end, options?.steps ?? []) };
  },
  infer: ([x], { size }: SliceAttrs) => [{ shape: size, dtype: x.dtype }],
  kernels: (context) => stridedKernels(context, sliceWalk(context.inputs[0].shape, context.attrs)),
  variants: (context) => stridedVariants(context, sliceWalk(context.inputs[0].shape, context.attrs)),
  reference: ([x], attrs, [out]) => stridedReference(x, out, sliceWalk(x.shape, attrs)),
  vjp: ({ grad, attrs: { start, size, steps }, inputSpecs: [x] }): Tensor[] => {
    const isBackwards = steps.map((step) => step < 0);
    const forwards = isBackwards.includes(true)
      ? slice(grad(), [], [], { steps: isBackwards.map((is) => (is ? -1 : 1)) })
      : grad();
    const before = start.map((first, axis) =>
      isBackwards[axis] && size[axis] > 0 ? first + (size[axis] - 1) * steps[axis] : first,
    );
    const apart = steps.map(Math.abs);
    const after = x.shape.map((length, axis) => length - before[axis] - reach(size[axis], apart[axis]));
    const isWhole = size.every((count, axis) => count === x.shape[axis]);
    return [isWhole ? forwards : padZeros(forwards, before, after, { steps: apart })];
  },
  samples: [
    { inputs: [{ shape: [5, 7] }], attrs: { start: [1, 2], size: [3, 4], steps: [1, 1] } },
    { inputs: [{ shape: [6, 8] }], attrs: { start: [2, 4], size: [3, 4], steps: [1, 1] } },
    { inputs: [{ shape: [9, 5] }], attrs: { start: [1, 0], size: [3, 3], steps: [3, 2] } },
    { inputs: [{ shape: [4, 3, 5] }], attrs: { start: [0, 1, 4], size: [4, 2, 1], steps: [1, 1, 1] } },
    // From the first element to the last, with others between.
    { inputs: [{ shape: [9] }], attrs: { start: [0], size: [3], steps: [4] } },
    { inputs: [{ shape: [5, 8] }], attrs: { start: [4, 6], size: [2, 3], steps: [-3, -2] } },
    { inputs: [{ shape: [3, 4, 4] }], attrs: { start: [2, 0, 3], size: [3, 4, 4], steps: [-1, 1, -1] } },
  ],
});

/** Elements spanned by `size` of them that stand `step` apart. */
const reach = (size: number, step: number) => (size === 0 ? 0 : (size - 1) * step + 1);

/**
 * `x` without its axes of length 1: all of them, or those named.
 *
 * @throws ShapeError when a named axis has another length
 */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
  checkTensor("squeeze", x);
  const dropped =
    axes === undefined
      ? x.shape.map((_, axis) => axis).filter((axis) => x.shape[axis] === 1)
      : normalizeAxes("squeeze", axes, x.shape.length);
  const wrong = dropped.find((axis) => x.shape[axis] !== 1);
  if (wrong !== undefined) {
    throw new ShapeError(
      `squeeze: axis ${wrong} of ${showShape(x.shape)} has length ${x.shape[wrong]}; only axes of length 1 can be dropped. Use reshape() to merge axes`,
    );
  }
  return reshape(
    x,
    x.shape.filter((_, axis) => !dropped.includes(axis)),
  );
}

/** `x` with new axes of length 1 at the places `axes` of the result; negative ones count from the result's end. */
export function unsqueeze(x: Tensor, axes: number | readonly number[]): Tensor {
  checkTensor("unsqueeze", x);
  checkNumbers("unsqueeze", "axes", axes);
  const count = typeof axes === "number" ? 1 : axes.length;
  const places = normalizeAxes("unsqueeze", axes, x.shape.length + count);
  const rest = [...x.shape];
  return reshape(
    x,
    Array.from({ length: x.shape.length + count }, (_, axis) => (places.includes(axis) ? 1 : rest.shift()!)),
  );
}

// Ops that rearrange elements without computing: transpose, expand, slice, zero padding, and the axis bookkeeping
// over reshape. Each takes every dtype, u8 included, and moves bits as they are.

import padZerosSource from "../../shaders/pad-zeros.wgsl";
import { defineOp } from "../define.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import { input, output, shader } from "../kernel.ts";
import type { TensorLike } from "../op.ts";
import {
  broadcastStrides,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  showShape,
  sizeOf,
  stridesOf,
} from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { copyCall, elementsPerUnit, unitOf } from "./copying.ts";
import { reshape } from "./reshape.ts";
import { eachPosition, matrixKernels, stridedKernels, stridedReference, type Walk } from "./strided.ts";

const padZerosShader = shader("pad-zeros", padZerosSource);

const shapeOf = (x: TensorLike): Shape => (typeof x === "number" ? [] : x.shape);

const transposeWalk = (shape: Shape, permutation: readonly number[]): Walk => {
  const strides = stridesOf(shape);
  return { start: 0, strides: permutation.map((axis) => strides[axis]) };
};

/**
 * `x` with its axes in another order: axis i of the result is axis `permutation[i]` of `x`. By default the order
 * is reversed. Negative axes count from the end.
 *
 * @throws ArgumentError when `permutation` does not name every axis exactly once
 */
export const transpose = defineOp({
  name: "transpose",
  saves: {},
  call: (x: TensorLike, permutation?: readonly number[]) => {
    const rank = shapeOf(x).length;
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
  name: "expand",
  saves: {},
  call: (x: TensorLike, shape: Shape) => ({ inputs: [x], attrs: { shape: [...shape] } }),
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
  kernels: (context) =>
    stridedKernels(context, {
      start: 0,
      strides: broadcastStrides(context.inputs[0].shape, context.outputs[0].shape),
    }),
  reference: ([x], _, [out]) =>
    stridedReference(x, out, { start: 0, strides: broadcastStrides(x.shape, out.shape) }),
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

function sliceAttrs(
  shape: Shape,
  starts: number | readonly number[],
  ends: number | readonly (number | undefined)[] | undefined,
  steps: number | readonly number[],
): SliceAttrs {
  const asList = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);
  const given = { start: asList(starts), end: asList(ends), step: asList(steps) };
  for (const [what, list] of Object.entries(given)) {
    if (list.length > shape.length) {
      throw new ArgumentError(
        `slice: ${list.length} values of "${what}" for ${showShape(shape)}, which has ${shape.length} axes; give at most one an axis`,
      );
    }
  }
  const position = (what: string, value: number, axis: number) => {
    const length = shape[axis];
    if (!Number.isInteger(value) || value < -length || value > length) {
      throw new ShapeError(
        `slice: ${what} ${value} is out of range on axis ${axis} of ${showShape(shape)}; it must be from ${-length} to ${length} (negative counts from the end)`,
      );
    }
    return value < 0 ? value + length : value;
  };
  const start: number[] = [];
  const size: number[] = [];
  const step: number[] = [];
  shape.forEach((length, axis) => {
    const by = given.step[axis] ?? 1;
    if (!Number.isInteger(by) || by < 1) {
      throw new ArgumentError(`slice: step ${by} on axis ${axis} must be a whole number of at least 1`);
    }
    const first = position("start", given.start[axis] ?? 0, axis);
    const end = position("end", given.end[axis] ?? length, axis);
    if (end < first) {
      throw new ShapeError(
        `slice: on axis ${axis} of ${showShape(shape)} the end ${end} lies before the start ${first}; the end is exclusive and at least the start`,
      );
    }
    start.push(first);
    size.push(Math.ceil((end - first) / by));
    step.push(by);
  });
  return { start, size, steps: step };
}

/**
 * The part of `x` from `start` up to `end`, exclusive, every `steps`-th element, axis by axis. A single number is
 * for the first axis; axes not mentioned are taken whole, and so is the rest of an axis whose end is undefined.
 * Negative positions count from the end.
 *
 *     slice(x, 2, 5)                       // rows 2, 3, 4
 *     slice(x, [0, -3])                    // the last three columns
 *     slice(x, 0, undefined, { steps: 2 }) // every other row
 *
 * @throws ShapeError for positions outside the axis, or an end before its start
 */
export const slice = defineOp({
  name: "slice",
  saves: {},
  call: (
    x: TensorLike,
    start: number | readonly number[],
    end?: number | readonly (number | undefined)[],
    options: { steps?: number | readonly number[] } = {},
  ) => ({ inputs: [x], attrs: sliceAttrs(shapeOf(x), start, end, options.steps ?? []) }),
  infer: ([x], { size }: SliceAttrs) => [{ shape: size, dtype: x.dtype }],
  kernels: (context) => stridedKernels(context, sliceWalk(context.inputs[0].shape, context.attrs)),
  reference: ([x], attrs, [out]) => stridedReference(x, out, sliceWalk(x.shape, attrs)),
  vjp: ({ grad, attrs: { start, size, steps }, inputSpecs: [x] }): Tensor[] => {
    const after = x.shape.map((length, axis) => length - start[axis] - reach(size[axis], steps[axis]));
    return [padZeros(grad(), start, after, { steps })];
  },
  samples: [
    { inputs: [{ shape: [5, 7] }], attrs: { start: [1, 2], size: [3, 4], steps: [1, 1] } },
    { inputs: [{ shape: [6, 8] }], attrs: { start: [2, 4], size: [3, 4], steps: [1, 1] } },
    { inputs: [{ shape: [9, 5] }], attrs: { start: [1, 0], size: [3, 3], steps: [3, 2] } },
    { inputs: [{ shape: [4, 3, 5] }], attrs: { start: [0, 1, 4], size: [4, 2, 1], steps: [1, 1, 1] } },
  ],
});

/** Elements spanned by `size` of them that stand `step` apart. */
const reach = (size: number, step: number) => (size === 0 ? 0 : (size - 1) * step + 1);

interface PadAttrs {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly steps: readonly number[];
}

/**
 * `x` with zeros around it: `before[i]` and `after[i]` of them along axis i. With `steps`, neighbours along axis i
 * come to stand `steps[i]` apart, zeros between them: what undoes a stepped `slice`.
 *
 * @throws ArgumentError unless there is one whole number of at least 0 (steps: 1) an axis
 */
export const padZeros = defineOp({
  name: "padZeros",
  saves: {},
  call: (
    x: TensorLike,
    before: readonly number[],
    after: readonly number[],
    options: { steps?: readonly number[] } = {},
  ) => ({
    inputs: [x],
    attrs: { before: [...before], after: [...after], steps: [...(options.steps ?? shapeOf(x).map(() => 1))] },
  }),
  infer: ([x], attrs: PadAttrs) => {
    for (const [what, least] of [
      ["before", 0],
      ["after", 0],
      ["steps", 1],
    ] as const) {
      const list = attrs[what];
      if (list.length !== x.shape.length || list.some((value) => !Number.isInteger(value) || value < least)) {
        throw new ArgumentError(
          `padZeros: "${what}" is [${list.join(", ")}]; for ${showShape(x.shape)} it must hold ${x.shape.length} whole numbers of at least ${least}, one an axis`,
        );
      }
    }
    const { before, after, steps } = attrs;
    return [
      {
        shape: x.shape.map((length, axis) => before[axis] + reach(length, steps[axis]) + after[axis]),
        dtype: x.dtype,
      },
    ];
  },
  kernels: ({ inputs: [x], outputs: [out], attrs: { before, steps }, profile }) => {
    const length = sizeOf(out.shape);
    if (length === 0) return { calls: [] };
    const last = x.shape.length - 1;
    const isRun = last >= 0 && steps[last] === 1;
    const unit = unitOf(out.dtype, isRun ? [x.shape[last], out.shape[last], before[last]] : [1]);
    const per = elementsPerUnit(out.dtype, unit);
    const words = new Array<number>(24).fill(0);
    for (let i = 0; i <= last; i++) {
      const axis = last - i;
      const by = i === 0 ? per : 1;
      words.splice(i * 4, 4, out.shape[axis] / by, x.shape[axis] / by, before[axis] / by, steps[axis]);
    }
    return {
      calls: [
        copyCall({
          shader: padZerosShader,
          profile,
          unit,
          length: length / per,
          words: [last + 1, ...words],
          operands: [input(0), output(0)],
          hasNone: true,
        }),
      ],
    };
  },
  reference: ([x], { before, steps }, [out]) => {
    out.data.fill(0);
    const strides = stridesOf(out.shape);
    const start = before.reduce((sum, count, axis) => sum + count * strides[axis], 0);
    eachPosition(
      x.shape,
      strides.map((stride, axis) => stride * steps[axis]),
      start,
      (from, to) => {
        out.data[to] = x.data[from];
      },
    );
  },
  vjp: ({ grad, attrs: { before, after, steps }, outputSpecs: [out] }): Tensor[] => [
    slice(
      grad(),
      before,
      out.shape.map((length, axis) => length - after[axis]),
      { steps },
    ),
  ],
  samples: [
    { inputs: [{ shape: [3, 4] }], attrs: { before: [1, 2], after: [1, 1], steps: [1, 1] } },
    { inputs: [{ shape: [3, 8] }], attrs: { before: [0, 4], after: [2, 0], steps: [1, 1] } },
    { inputs: [{ shape: [3, 3] }], attrs: { before: [1, 0], after: [0, 2], steps: [3, 2] } },
  ],
});

/**
 * `x` without its axes of length 1: all of them, or those named.
 *
 * @throws ShapeError when a named axis has another length
 */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
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
  const count = typeof axes === "number" ? 1 : axes.length;
  const places = normalizeAxes("unsqueeze", axes, x.shape.length + count);
  const rest = [...x.shape];
  return reshape(
    x,
    Array.from({ length: x.shape.length + count }, (_, axis) => (places.includes(axis) ? 1 : rest.shift()!)),
  );
}

// Ops that rearrange elements without computing: transpose, expand, slice, and the axis bookkeeping over reshape. Each
// takes every dtype, u8 included, and moves bits as they are.

import { ArgumentError, ShapeError } from "../../base/errors.ts";
import {
  broadcastStrides,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  showShape,
  stridesOf,
} from "../../base/shape.ts";
import type { Spec } from "../../kernel/kernel.ts";
import { checkNumbers, checkTensor, shapeOf } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import type { TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { reshape } from "./reshape.ts";
import { copyFamily } from "./slice-kernel.ts";
import { matrixKernels, stridedKernels, stridedReference, stridedVariants, type Walk } from "./strided.ts";

const transposeWalk = (shape: Shape, permutation: readonly number[]): Walk => {
  const strides = stridesOf(shape);
  return { start: 0, strides: permutation.map((axis) => strides[axis]) };
};

const expandWalk = (x: Spec, out: Spec): Walk => ({
  start: 0,
  strides: broadcastStrides(x.shape, out.shape),
});

/**
 * `x` with its axes in another order: axis i of the result is axis `permutation[i]` of `x`. By default the order
 * is reversed. Negative axes count from the end.
 *
 * @throws ArgumentError when `permutation` does not name every axis exactly once
 */
export const transpose = defineOp({
  family: copyFamily,
  name: "transpose",
  traits: { movesOnly: true },
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
  traits: { keepsEqualSize: true, movesOnly: true },
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

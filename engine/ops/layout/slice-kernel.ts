// slice as it is computed, for `slice` and for who cuts stretches out of packed vectors; and the family of copies.

import { type Shape, stridesOf } from "../../base/shape.ts";
import type { KernelOp } from "../../kernel/kernel-op.ts";
import type { Family } from "../../kernel/variants.ts";
import { defineOp } from "../../tensor/define.ts";
import { notDifferentiable } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { stridedKernels, stridedReference, stridedSources, stridedVariants, type Walk } from "./strided.ts";

/** By axis: the first element taken, how many, and the distance from one to the next. */
export interface SliceAttrs {
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

export const sliceKernel: KernelOp<SliceAttrs> = {
  name: "slice",
  traits: { movesOnly: true },
  accuracy: { ulp: 0 },
  infer: ([x], { size }) => [{ shape: size, dtype: x.dtype }],
  kernels: (context) => stridedKernels(context, sliceWalk(context.inputs[0].shape, context.attrs)),
  variants: (context) => stridedVariants(context, sliceWalk(context.inputs[0].shape, context.attrs)),
  reference: ([x], attrs, [out]) => stridedReference(x, out, sliceWalk(x.shape, attrs)),
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
};

/** Of all ops that copy elements from where a walk finds them. */
export const copyFamily: Family = {
  name: "copy",
  sources: stridedSources,
  // Rows of words that do not end with a vec4, and of vec4s.
  checks: () => [
    { op: sliceKernel, inputs: [{ shape: [9, 77] }], attrs: { start: [1, 3], size: [7, 73], steps: [1, 1] } },
    { op: sliceKernel, inputs: [{ shape: [5, 48] }], attrs: { start: [1, 8], size: [3, 40], steps: [1, 1] } },
  ],
};

/** `slice` of a vector that no tape differentiates: the gradient's pads are in no bundle for it. */
export const stretchOf = defineOp({
  ...sliceKernel,
  family: copyFamily,
  saves: {},
  call: (x: Tensor, start: number, end: number) => ({
    inputs: [x],
    attrs: { start: [start], size: [end - start], steps: [1] },
  }),
  vjp: notDifferentiable("it cuts up gradients and weights for optimizers; use slice"),
});

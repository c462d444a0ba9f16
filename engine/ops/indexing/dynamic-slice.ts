// Windows of rows at a place that is read on the device, and their adjoint.

import dynamicSliceSource from "../../../shaders/dynamic-slice.wgsl";
import { ShapeError } from "../../base/errors.ts";
import { showGiven } from "../../base/number-checks.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import { input, type KernelContext, type KernelPlan, output, type Spec } from "../../kernel/kernel.ts";
import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import { defineOp, type OpDefinition } from "../../tensor/define.ts";
import { notDifferentiable, type OpFunction, type TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { copyCall, elementsPerUnit, elementsShader, unitOf } from "../layout/copying.ts";
import { checkIndices } from "./check-indices.ts";
import { dynamicSlicePointwise } from "./indexing-pointwise.ts";

const dynamicSliceShader = elementsShader("dynamic-slice", dynamicSliceSource);

function checkStart(op: string, start: Spec): void {
  checkIndices(op, "start", start);
  if (sizeOf(start.shape) !== 1) {
    throw new ShapeError(
      `${op}: the start has shape ${showShape(start.shape)}; it must be a single number, of shape [] or [1]`,
    );
  }
}

/** The window's copy: `window` and `whole` are the smaller and the larger tensor. */
function windowKernels(
  { inputs, outputs: [out], profile }: KernelContext,
  window: Spec,
  whole: Spec,
  putsBack: boolean,
): KernelPlan {
  const length = sizeOf(out.shape);
  if (length === 0) return { calls: [] };
  const inner = sizeOf(whole.shape.slice(1));
  const unit = unitOf(out.dtype, [inner]);
  const per = elementsPerUnit(out.dtype, unit);
  const size = sizeOf(window.shape) / per;
  // Before the window the difference wraps around and is past its end.
  const putBack =
    "fn source(flat: u32) -> u32 {\n  let at = flat - window_start();\n  return select(none, at, at < sizes.window);\n}";
  return {
    calls: [
      copyCall({
        shader: dynamicSliceShader,
        profile,
        unit,
        length: length / per,
        words: [inner / per, whole.shape[0] - window.shape[0], size],
        operands: [input(0), input(1), output(0)],
        hasNone: true,
        functions: putsBack ? { source: putBack } : undefined,
        aliases: { Start: inputs[1].dtype },
      }),
    ],
  };
}

/** First element of the window on the reference, moved back where it would not fit. */
function windowStart(start: ReferenceTensor, window: Spec, whole: Spec): number {
  const last = whole.shape[0] - window.shape[0];
  return Math.min(Math.max(start.data[0], 0), last) * sizeOf(whole.shape.slice(1));
}

const dynamicSliceDefinition = {
  name: "dynamicSlice",
  wholeInputs: [1],
  traits: { takesRows: true, picks: "rows" },
  accuracy: { ulp: 0 },
  saves: { inputs: [1] },
  call: (x: Tensor, start: TensorLike, size: number) => ({ inputs: [x, start], attrs: { size } }),
  infer: ([x, start], { size }: { size: number }) => {
    checkStart("dynamicSlice", start);
    if (x.shape.length === 0 || !(Number.isInteger(size) && size >= 0 && size <= x.shape[0])) {
      throw new ShapeError(
        `dynamicSlice: can't take ${showGiven(size)} rows of shape ${showShape(x.shape)}; the first axis must have at least that many`,
      );
    }
    return [{ shape: [size, ...x.shape.slice(1)], dtype: x.dtype }];
  },
  pointwise: dynamicSlicePointwise,
  kernels: (context) => windowKernels(context, context.outputs[0], context.inputs[0], false),
  reference: ([x, start], _, [out]) => {
    const from = windowStart(start, out, x);
    out.data.set(x.data.subarray(from, from + out.data.length));
  },
  samples: [
    { inputs: [{ shape: [9, 5] }, { shape: [], dtype: "i32", values: [3] }], attrs: { size: 4 } },
    { inputs: [{ shape: [9, 8] }, { shape: [1], dtype: "u32", values: [7] }], attrs: { size: 4 } },
    { inputs: [{ shape: [7] }, { shape: [], dtype: "i32", values: [-2] }], attrs: { size: 3 } },
  ],
} satisfies Omit<OpDefinition<[x: Tensor, start: TensorLike, size: number], { size: number }>, "vjp">;

/**
 * `size` rows of `x` from row `start` on, where `start` is a scalar on the device (i32 or u32, shape [] or [1]), so
 * that a batch cursor can advance without uploads. A window that would leave `x` is moved to where it fits.
 *
 * @throws ShapeError when `x` has fewer rows than `size`
 */
export const dynamicSlice: OpFunction<[x: Tensor, start: TensorLike, size: number], Tensor> = defineOp({
  ...dynamicSliceDefinition,
  vjp: ({ grad, input, inputSpecs: [x] }): (Tensor | null)[] => [
    placeRows(grad(), input(1), x.shape[0]),
    null,
  ],
});

/** `dynamicSlice` of what no tape differentiates, as {@link gatherRows} is to `gather`. */
export const takeRows = defineOp({
  ...dynamicSliceDefinition,
  vjp: notDifferentiable("it takes batches and tables, not weights; use dynamicSlice"),
});

/**
 * Zeros with `length` rows and `rows` among them from row `start` on: the adjoint of {@link dynamicSlice}, with the
 * same rule for a window that would not fit.
 *
 * @throws ShapeError when there are more rows than `length`
 */
export const placeRows = defineOp({
  name: "placeRows",
  accuracy: { ulp: 0 },
  saves: { inputs: [1] },
  call: (rows: Tensor, start: Tensor, length: number) => ({ inputs: [rows, start], attrs: { length } }),
  infer: ([rows, start], { length }: { length: number }) => {
    checkStart("placeRows", start);
    if (rows.shape.length === 0 || !(rows.shape[0] <= length)) {
      throw new ShapeError(
        `placeRows: rows of shape ${showShape(rows.shape)} do not fit into ${length}; the first axis must have at most that many`,
      );
    }
    return [{ shape: [length, ...rows.shape.slice(1)], dtype: rows.dtype }];
  },
  kernels: (context) => windowKernels(context, context.inputs[0], context.outputs[0], true),
  reference: ([rows, start], _, [out]) => {
    out.data.fill(0);
    out.data.set(rows.data, windowStart(start, rows, out));
  },
  vjp: ({ grad, input, inputSpecs: [rows] }): (Tensor | null)[] => [
    dynamicSlice(grad(), input(1), rows.shape[0]),
    null,
  ],
  samples: [
    { inputs: [{ shape: [4, 5] }, { shape: [], dtype: "i32", values: [3] }], attrs: { length: 9 } },
    { inputs: [{ shape: [4, 8] }, { shape: [1], dtype: "u32", values: [7] }], attrs: { length: 9 } },
  ],
});

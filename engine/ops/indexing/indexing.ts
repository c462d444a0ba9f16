// Ops that address by indices held on the device: gather and its adjoint scatterAdd, one-hot rows, and windows at
// a place read on the device. A GPU cannot throw, so indices out of range have a defined, harmless meaning.

import dynamicSliceSource from "../../../shaders/dynamic-slice.wgsl";
import gatherRowsSource from "../../../shaders/gather-rows.wgsl";
import oneHotSource from "../../../shaders/one-hot.wgsl";
import type { DType } from "../../base/dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../../base/errors.ts";
import { showGiven, wholeNumber } from "../../base/number-checks.ts";
import { normalizeAxis, sameShape, showShape, sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import {
  grid,
  input,
  type KernelCall,
  type KernelContext,
  type KernelPlan,
  output,
  type Spec,
  shader,
} from "../../kernel/kernel.ts";
import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import { checkTensor, shapeOf } from "../../tensor/arguments.ts";
import { defineOp, type OpDefinition } from "../../tensor/define.ts";
import { notDifferentiable, type OpFunction, type TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { copyCall, elementsPerUnit, elementsShader, unitOf } from "../layout/copying.ts";
import { around } from "../layout/strided.ts";
import { gatherShader, scatterAddKernels } from "./index-shaders.ts";
import { dynamicSlicePointwise, gatherPointwise } from "./indexing-pointwise.ts";

const gatherRowsShader = shader("gather-rows", gatherRowsSource);
const oneHotShader = shader("one-hot", oneHotSource);
const dynamicSliceShader = elementsShader("dynamic-slice", dynamicSliceSource);

function checkIndices(
  op: string,
  what: string,
  spec: Spec,
  allowed: readonly DType[] = ["i32", "u32"],
): void {
  if (!allowed.includes(spec.dtype)) {
    throw new DTypeError(
      `${op}: the ${what} must be ${allowed.join(" or ")}, got ${spec.dtype}; use cast(x, "i32")`,
    );
  }
}

interface AxisAttrs {
  /** Normalized: from 0. */
  readonly axis: number;
}

const gatherDefinition = {
  name: "gather",
  wholeInputs: [1],
  accuracy: { ulp: 0 },
  saves: { inputs: [1] },
  call: (x: TensorLike, indices: TensorLike, axis: number = 0) => ({
    inputs: [x, indices],
    attrs: { axis: normalizeAxis("gather", axis, shapeOf("gather", x).length) },
  }),
  infer: ([x, indices], { axis }: AxisAttrs) => {
    checkIndices("gather", "indices", indices);
    return [
      { shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], dtype: x.dtype },
    ];
  },
  places: ([x], { axis }) => ({ input: 1, count: x.shape[axis], outside: "gives zeros" }),
  traits: { picks: "or zeros" },
  pointwise: gatherPointwise,
  kernels: ({ inputs: [x, indices], outputs: [out], attrs: { axis }, profile }) => {
    const length = sizeOf(out.shape);
    if (length === 0) return { calls: [] };
    const { rows, inner } = around(x.shape, axis);
    const unit = unitOf(x.dtype, [inner]);
    const per = elementsPerUnit(x.dtype, unit);
    // The hot path of training: batches of images. Measured on lavapipe, rows of 784 bytes: see gather-rows.wgsl.
    const workgroup = numbersOf(profile).workgroup;
    if (unit !== 1 && inner / per >= workgroup / 2) {
      const count = sizeOf(out.shape) / inner;
      const segment = Math.ceil(count / profile.workgroupTarget);
      const call: KernelCall = {
        shader: gatherRowsShader,
        hooks: { aliases: { Unit: unit === 16 ? "vec4u" : "u32" }, consts: { WORKGROUP: `${workgroup}u` } },
        sizes: [count, segment, inner / per, sizeOf(indices.shape), rows],
        operands: [input(0), input(1), output(0)],
        workgroups: grid(Math.ceil(count / segment), profile),
      };
      return { calls: [call] };
    }
    return {
      calls: [
        copyCall({
          shader: gatherShader,
          profile,
          unit,
          length: length / per,
          words: [inner / per, sizeOf(indices.shape), rows],
          operands: [input(0), input(1), output(0)],
          hasNone: true,
        }),
      ],
    };
  },
  reference: ([x, indices], { axis }, [out]) => {
    const { outer, rows, inner } = around(x.shape, axis);
    let to = 0;
    for (let o = 0; o < outer; o++) {
      for (const index of indices.data) {
        const from = (o * rows + index) * inner;
        if (index >= 0 && index < rows) out.data.set(x.data.subarray(from, from + inner), to);
        else out.data.fill(0, to, to + inner);
        to += inner;
      }
    }
  },
  samples: [
    { inputs: [{ shape: [5, 3] }, { shape: [4], dtype: "i32", values: [4, 0, 0, 2] }], attrs: { axis: 0 } },
    {
      inputs: [{ shape: [5, 8] }, { shape: [2, 2], dtype: "u32", values: [1, 5, 3, 1] }],
      attrs: { axis: 0 },
    },
    { inputs: [{ shape: [2, 5, 3] }, { shape: [3], dtype: "i32", values: [-1, 4, 1] }], attrs: { axis: 1 } },
    { inputs: [{ shape: [3, 5] }, { shape: [], dtype: "i32", values: [2] }], attrs: { axis: 1 } },
  ],
} satisfies Omit<OpDefinition<[x: TensorLike, indices: TensorLike, axis?: number], AxisAttrs>, "vjp">;

/**
 * Rows of `x` by index: the axis is replaced by the axes of `indices`, so the result's shape is
 * `x.shape[..axis] + indices.shape + x.shape[axis+1..]`. `x` may have any dtype, u8 included; `indices` are i32 or
 * u32. A row whose index is out of range (negative ones are) is all zeros, as in TensorFlow on GPUs, on every device;
 * under `debug({ numerics: true })` it is an error.
 */
export const gather: OpFunction<[x: TensorLike, indices: TensorLike, axis?: number], Tensor> = defineOp({
  ...gatherDefinition,
  vjp: ({ grad, input, attrs: { axis }, inputSpecs: [x] }): (Tensor | null)[] => [
    scatterAdd(grad(), input(1), x.shape[axis], axis),
    null,
  ],
});

/** `gather` of what no tape differentiates, batches say: its gradient's kernels are in no bundle for it. */
export const gatherRows = defineOp({
  ...gatherDefinition,
  vjp: notDifferentiable("it takes batches and tables, not weights; use gather"),
});

interface ScatterAttrs extends AxisAttrs {
  readonly size: number;
}

/**
 * Zeros with `size` rows along `axis`, and row j of `updates` added to row `indices[j]`: the adjoint of `gather`.
 * `updates` (f32, i32 or u32) has the axes of `indices` (i32 or u32) where the result has `axis`. Rows whose index
 * is out of range are left out; under `debug({ numerics: true })` they are an error. Additions go in the order of the indices, so results repeat bit for bit.
 */
export const scatterAdd: OpFunction<
  [updates: TensorLike, indices: TensorLike, size: number, axis?: number],
  Tensor
> = defineOp({
  name: "scatterAdd",
  wholeInputs: [1],
  saves: { inputs: [1] },
  call: (updates: TensorLike, indices: TensorLike, size: number, axis: number = 0) => {
    const rank = shapeOf("scatterAdd", updates).length - shapeOf("scatterAdd", indices, 2).length + 1;
    return { inputs: [updates, indices], attrs: { size, axis: normalizeAxis("scatterAdd", axis, rank) } };
  },
  infer: ([updates, indices], { size, axis }: ScatterAttrs) => {
    checkIndices("scatterAdd", "indices", indices);
    wholeNumber("scatterAdd", "the size", size);
    if (!["f32", "i32", "u32"].includes(updates.dtype)) {
      throw new DTypeError(
        `scatterAdd: the updates must be f32, i32 or u32, got ${updates.dtype}; use cast(x, "f32")`,
      );
    }
    const end = axis + indices.shape.length;
    if (!sameShape(updates.shape.slice(axis, end), indices.shape)) {
      throw new ShapeError(
        `scatterAdd: updates of shape ${showShape(updates.shape)} must have the indices' shape ${showShape(indices.shape)} from axis ${axis} on`,
      );
    }
    return [
      { shape: [...updates.shape.slice(0, axis), size, ...updates.shape.slice(end)], dtype: updates.dtype },
    ];
  },
  places: (_, { size }) => ({ input: 1, count: size, outside: "is left out" }),
  kernels: (context) => {
    const {
      inputs: [updates, indices],
      outputs: [out],
      attrs: { axis },
    } = context;
    if (sizeOf(out.shape) === 0) return { calls: [] };
    const picked = sizeOf(indices.shape);
    return scatterAddKernels({ ...around(out.shape, axis), picked, dtype: updates.dtype }, context);
  },
  reference: ([updates, indices], { axis }, [out]) => {
    const { outer, rows, inner } = around(out.shape, axis);
    out.data.fill(0);
    let from = 0;
    for (let o = 0; o < outer; o++) {
      for (const index of indices.data) {
        const isInside = index >= 0 && index < rows;
        for (let k = 0; isInside && k < inner; k++)
          out.data[(o * rows + index) * inner + k] += updates.data[from + k];
        from += inner;
      }
    }
  },
  vjp: ({ grad, input, attrs: { axis } }): (Tensor | null)[] => [gather(grad(), input(1), axis), null],
  samples: [
    {
      inputs: [{ shape: [4, 3] }, { shape: [4], dtype: "i32", values: [4, 0, 0, 2] }],
      attrs: { size: 5, axis: 0 },
    },
    {
      inputs: [{ shape: [2, 2, 8] }, { shape: [2, 2], dtype: "u32", values: [1, 5, 3, 1] }],
      attrs: { size: 5, axis: 0 },
    },
    {
      inputs: [{ shape: [2, 3, 3] }, { shape: [3], dtype: "i32", values: [-1, 4, 1] }],
      attrs: { size: 5, axis: 1 },
    },
  ],
});

/**
 * A row of `depth` numbers for each label: 1 at the label's place, 0 elsewhere; f32, of shape
 * `labels.shape + [depth]`. Labels are i32, u32 or u8; one that is out of range gives a row of zeros, as in TensorFlow and
 * JAX, on every device; under `debug({ numerics: true })` it is an error.
 */
export const oneHot: OpFunction<[labels: TensorLike, depth: number], Tensor> = defineOp({
  name: "oneHot",
  wholeInputs: [0],
  accuracy: { ulp: 0 },
  saves: {},
  call: (labels: TensorLike, depth: number) => ({ inputs: [labels], attrs: { depth } }),
  infer: ([labels], { depth }: { depth: number }) => {
    checkIndices("oneHot", "labels", labels, ["i32", "u32", "u8"]);
    if (!Number.isInteger(depth) || depth < 1) {
      throw new ArgumentError(
        `oneHot: depth ${showGiven(depth)} must be a whole number of at least 1, the number of classes`,
      );
    }
    return [{ shape: [...labels.shape, depth], dtype: "f32" }];
  },
  places: (_, { depth }) => ({ input: 0, count: depth, outside: "gives a row of zeros" }),
  kernels: ({ inputs: [labels], outputs: [out], attrs: { depth }, profile }) => {
    const count = Math.ceil(sizeOf(out.shape) / 4);
    if (count === 0) return { calls: [] };
    const workgroups = Math.min(Math.ceil(count / 64), profile.workgroupTarget);
    const segment = Math.ceil(count / workgroups / 64) * 64;
    const byByte = "fn label_at(i: u32) -> u32 {\n  return (in0[i >> 2u] >> ((i & 3u) * 8u)) & 255u;\n}";
    return {
      calls: [
        {
          shader: oneHotShader,
          hooks: labels.dtype === "u8" ? { functions: { label_at: byByte } } : undefined,
          sizes: [count, segment, depth],
          operands: [input(0), output(0)],
          workgroups: grid(Math.ceil(count / segment), profile),
        },
      ],
    };
  },
  reference: ([labels], { depth }, [out]) => {
    out.data.fill(0);
    labels.data.forEach((label: number, i: number) => {
      if (label >= 0 && label < depth) out.data[i * depth + label] = 1;
    });
  },
  vjp: notDifferentiable("labels are whole numbers and do not change smoothly"),
  samples: [
    { inputs: [{ shape: [5], dtype: "i32", values: [2, 0, -1, 3, 6] }], attrs: { depth: 4 } },
    { inputs: [{ shape: [3, 3], dtype: "u32", values: [0, 1, 2, 3, 4, 5, 6, 7, 8] }], attrs: { depth: 7 } },
    { inputs: [{ shape: [6], dtype: "u8", values: [9, 0, 255, 3, 4, 1] }], attrs: { depth: 10 } },
  ],
});

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

/**
 * Rows of `table` [count, features] by `ids` (i32 or u32, any shape): ids.shape + [features]. A GPU cannot throw, so a
 * number out of range gives a row of zeros, and no gradient flows from it; under `debug({ numerics: true })` it is an
 * error. Gradients add up what repeated ids get in order, so they repeat bit for bit.
 *
 * @throws ShapeError when the table has not 2 axes
 * @throws DTypeError unless the ids are i32 or u32
 */
export function embedding(table: Tensor, ids: TensorLike): Tensor {
  checkTensor("embedding", table);
  if (table.shape.length !== 2) {
    throw new ShapeError(`embedding: the table must be [count, features], got ${showShape(table.shape)}`);
  }
  return gather(table, ids, 0);
}

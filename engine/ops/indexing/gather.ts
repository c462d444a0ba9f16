// Rows by indices held on the device: gather, its adjoint scatterAdd, and embedding. A GPU cannot throw, so indices out of
// range have a defined, harmless meaning.

import gatherRowsSource from "../../../shaders/gather-rows.wgsl";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import { wholeNumber } from "../../base/number-checks.ts";
import { normalizeAxis, sameShape, showShape, sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import { grid, input, type KernelCall, output, shader } from "../../kernel/kernel.ts";
import { checkTensor, shapeOf } from "../../tensor/arguments.ts";
import { defineOp, type OpDefinition } from "../../tensor/define.ts";
import { notDifferentiable, type OpFunction, type TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { copyCall, elementsPerUnit, unitOf } from "../layout/copying.ts";
import { around } from "../layout/strided.ts";
import { checkIndices } from "./check-indices.ts";
import { gatherShader, scatterAddKernels } from "./index-shaders.ts";
import { gatherPointwise } from "./indexing-pointwise.ts";

const gatherRowsShader = shader("gather-rows", gatherRowsSource);

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
  traits: { sums: true },
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

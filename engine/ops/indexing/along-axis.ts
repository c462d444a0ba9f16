// Picking and adding single elements along an axis, each by an index of its own: takeAlongAxis and its adjoint
// scatterAddAlongAxis. Whole rows by one index are gather's and scatterAdd's.

import scatterUniqueSource from "../../../shaders/scatter-unique.wgsl";
import { checkOptions, DTypeError, type OptionNames, ShapeError } from "../../base/errors.ts";
import { wholeNumber } from "../../base/number-checks.ts";
import { normalizeAxis, type Shape, sameShape, showShape, sizeOf } from "../../base/shape.ts";
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
import type { SampleInput } from "../../kernel/kernel-op.ts";
import { shapeOf } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { copyCall, unitOf } from "../layout/copying.ts";
import { around } from "../layout/strided.ts";
import { gatherShader, scatterAddKernels } from "./index-shaders.ts";

const scatterUniqueShader = shader("scatter-unique", scatterUniqueSource);

interface AxisAttrs {
  /** Normalized: from 0. */
  readonly axis: number;
}

function checkIndices(op: string, indices: Spec): void {
  if (indices.dtype !== "i32" && indices.dtype !== "u32") {
    throw new DTypeError(`${op}: the indices must be i32 or u32, got ${indices.dtype}; use cast(x, "i32")`);
  }
}

const indexSample = (shape: Shape, values: readonly number[]): SampleInput => ({
  shape,
  dtype: "i32",
  values,
});

/**
 * Elements of `x` picked along `axis`, each by its own index: out[i, j] = x[indices[i, j], j] for axis 0. The shapes of
 * `x` and of `indices` (i32 or u32) are equal but along `axis`; the result has that of `indices`. `x` may have any dtype.
 * An index out of range (negative ones are) gives 0; under `debug({ numerics: true })` it is an error. What `sort`'s order or a class by row is picked with.
 *
 * @throws ShapeError, DTypeError
 */
export const takeAlongAxis: OpFunction<[x: TensorLike, indices: TensorLike, axis: number], Tensor> = defineOp(
  {
    name: "takeAlongAxis",
    wholeInputs: [1],
    accuracy: { ulp: 0 },
    saves: { inputs: [1] },
    call: (x: TensorLike, indices: TensorLike, axis: number) => ({
      inputs: [x, indices],
      attrs: { axis: normalizeAxis("takeAlongAxis", axis, shapeOf("takeAlongAxis", x).length) },
    }),
    infer: ([x, indices], { axis }: AxisAttrs) => {
      checkIndices("takeAlongAxis", indices);
      const fits =
        x.shape.length === indices.shape.length &&
        x.shape.every((length, k) => k === axis || length === indices.shape[k]);
      if (!fits) {
        throw new ShapeError(
          `takeAlongAxis: x ${showShape(x.shape)} and indices ${showShape(indices.shape)} must have as many axes and equal lengths but along axis ${axis}; use expand(), or gather() for whole rows`,
        );
      }
      return [{ shape: indices.shape, dtype: x.dtype }];
    },
    places: ([x], { axis }) => ({ input: 1, count: x.shape[axis], outside: "gives 0" }),
    kernels: ({ inputs: [x, indices], outputs: [out], attrs: { axis }, profile }) => {
      const length = sizeOf(out.shape);
      if (length === 0) return { calls: [] };
      const { rows, inner } = around(x.shape, axis);
      return {
        calls: [
          copyCall({
            shader: gatherShader,
            profile,
            unit: unitOf(x.dtype, [1]),
            length,
            words: [inner, indices.shape[axis], rows],
            operands: [input(0), input(1), output(0)],
            hasNone: true,
            functions: {
              source:
                "fn source(flat: u32) -> u32 {\n  let inside = min(flat, sizes.length - 1u);\n  let index = indices[inside];\n" +
                "  if (index >= sizes.rows) {\n    return none;\n  }\n" +
                "  return (inside / (sizes.inner * sizes.picked) * sizes.rows + index) * sizes.inner + inside % sizes.inner;\n}",
            },
          }),
        ],
      };
    },
    reference: ([x, indices], { axis }, [out]) => {
      const { rows, inner } = around(x.shape, axis);
      const picked = indices.shape[axis];
      for (let i = 0; i < out.data.length; i++) {
        const index = indices.data[i];
        const outer = Math.floor(i / (inner * picked));
        out.data[i] = index >= 0 && index < rows ? x.data[(outer * rows + index) * inner + (i % inner)] : 0;
      }
    },
    vjp: ({ grad, input: saved, attrs: { axis }, inputSpecs: [x] }) => [
      scatterAddAlongAxis(grad(), saved(1), x.shape[axis], axis),
      null,
    ],
    samples: [
      { inputs: [{ shape: [3, 4] }, indexSample([3, 2], [3, 0, 1, 1, 2, 0])], attrs: { axis: 1 } },
      { inputs: [{ shape: [3, 2] }, indexSample([4, 2], [2, 0, 0, 1, -1, 3, 1, 1])], attrs: { axis: 0 } },
      { inputs: [{ shape: [2, 3, 2] }, indexSample([2, 1, 2], [2, 0, 1, 1])], attrs: { axis: 1 } },
    ],
  },
);

interface ScatterOptions {
  /** No index occurs twice in a line, and none is out of range. */
  unique?: boolean;
}

const scatterOptions: OptionNames<ScatterOptions> = { unique: true };

interface ScatterAttrs extends AxisAttrs {
  readonly size: number;
  readonly unique: boolean;
}

/** Updates that never meet are stored, all at once. */
function uniqueKernels(
  { inputs: [updates], outputs: [out], profile }: KernelContext<ScatterAttrs>,
  axis: number,
): KernelPlan {
  const { rows, inner } = around(out.shape, axis);
  const picked = updates.shape[axis];
  const run = (count: number, isFill: boolean): KernelCall => ({
    shader: scatterUniqueShader,
    sizes: [count, isFill ? 1 : 0, rows, inner, picked],
    operands: [input(0), input(1), output(0)],
    workgroups: grid(Math.ceil(count / 64), profile),
  });
  const calls = picked < rows ? [run(sizeOf(out.shape), true)] : [];
  if (sizeOf(updates.shape) > 0) calls.push(run(sizeOf(updates.shape), false));
  return { calls };
}

/**
 * Zeros with `size` elements along `axis`, and each of `updates` (f32, i32 or u32) added at its own index there: the
 * adjoint of {@link takeAlongAxis}. `indices` (i32 or u32) has the shape of `updates`; what is out of range is left out.
 * Additions go in the order of the axis, so results repeat bit for bit. `unique` promises that no index occurs twice in
 * a line and none is out of range, as in an order: nothing need wait for anything then.
 *
 * @throws ShapeError, DTypeError, ArgumentError
 */
export const scatterAddAlongAxis: OpFunction<
  [updates: TensorLike, indices: TensorLike, size: number, axis: number, options?: ScatterOptions],
  Tensor
> = defineOp({
  name: "scatterAddAlongAxis",
  traits: { sums: true },
  wholeInputs: [1],
  saves: { inputs: [1] },
  call: (updates: TensorLike, indices: TensorLike, size: number, axis: number, options?: ScatterOptions) => {
    checkOptions("scatterAddAlongAxis", options, scatterOptions);
    const { length } = shapeOf("scatterAddAlongAxis", updates);
    const along = normalizeAxis("scatterAddAlongAxis", axis, length);
    return { inputs: [updates, indices], attrs: { size, axis: along, unique: options?.unique ?? false } };
  },
  infer: ([updates, indices], { size, axis }: ScatterAttrs) => {
    checkIndices("scatterAddAlongAxis", indices);
    if (!["f32", "i32", "u32"].includes(updates.dtype)) {
      throw new DTypeError(
        `scatterAddAlongAxis: the updates must be f32, i32 or u32, got ${updates.dtype}; use cast(x, "f32")`,
      );
    }
    if (!sameShape(updates.shape, indices.shape)) {
      throw new ShapeError(
        `scatterAddAlongAxis: updates ${showShape(updates.shape)} and indices ${showShape(indices.shape)} must have one shape`,
      );
    }
    wholeNumber("scatterAddAlongAxis", "the size", size);
    return [{ shape: updates.shape.map((length, k) => (k === axis ? size : length)), dtype: updates.dtype }];
  },
  places: (_, { size }) => ({ input: 1, count: size, outside: "is left out" }),
  kernels: (context) => {
    const {
      inputs: [updates],
      outputs: [out],
      attrs: { axis, unique },
    } = context;
    if (sizeOf(out.shape) === 0) return { calls: [] };
    if (unique) return uniqueKernels(context, axis);
    const picked = updates.shape[axis];
    return scatterAddKernels({ ...around(out.shape, axis), picked, dtype: updates.dtype }, context, {
      index_at:
        "fn index_at(outer: u32, j: u32, column: u32) -> u32 {\n  return indices[(outer * sizes.picked + j) * sizes.inner + column];\n}",
    });
  },
  reference: ([updates, indices], { axis }, [out]) => {
    const { rows, inner } = around(out.shape, axis);
    const picked = updates.shape[axis];
    out.data.fill(0);
    for (let i = 0; i < updates.data.length; i++) {
      const index = indices.data[i];
      if (index < 0 || index >= rows) continue;
      out.data[(Math.floor(i / (inner * picked)) * rows + index) * inner + (i % inner)] += updates.data[i];
    }
  },
  vjp: ({ grad, input: saved, attrs: { axis } }) => [takeAlongAxis(grad(), saved(1), axis), null],
  samples: [
    {
      inputs: [{ shape: [3, 2] }, indexSample([3, 2], [3, 0, 1, 1, 2, 0])],
      attrs: { size: 4, axis: 1, unique: false },
    },
    {
      inputs: [{ shape: [3, 2] }, indexSample([3, 2], [3, 0, 1, 2, 2, 0])],
      attrs: { size: 4, axis: 1, unique: true },
    },
    {
      inputs: [{ shape: [3, 2] }, indexSample([3, 2], [2, 0, 0, 1, 1, 2])],
      attrs: { size: 3, axis: 0, unique: true },
    },
    {
      inputs: [{ shape: [4, 2] }, indexSample([4, 2], [2, 0, 0, 1, -1, 3, 2, 1])],
      attrs: { size: 3, axis: 0, unique: false },
    },
  ],
});

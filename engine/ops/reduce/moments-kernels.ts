// The kernels of mean and variance by feature, and what their ops check of x [batch..., features].

import momentsSource from "../../../shaders/moments.wgsl";
import combineSource from "../../../shaders/moments-combine.wgsl";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import { numbersOf, workgroupFor } from "../../kernel/adapter-numbers.ts";
import {
  type AdapterProfile,
  grid,
  input,
  type KernelCall,
  type KernelPlan,
  type Operand,
  type Spec,
  scratch,
  shader,
} from "../../kernel/kernel.ts";
import { longSumSource, manyTerms, plainSums } from "../../kernel/long-sums.ts";

const momentsShader = shader("moments", `${longSumSource}\n${momentsSource}`);
const combineShader = shader("moments-combine", combineSource);

export const momentsSources: string = [momentsShader.source, combineSource].join("\n");

/** How many features x has; throws unless it is f32 with at least one row. */
export function featuresOf(op: string, x: Spec): number {
  if (x.dtype !== "f32") throw new DTypeError(`${op}: takes f32, got ${x.dtype}; use cast(x, "f32")`);
  if (x.shape.length < 2 || sizeOf(x.shape) === 0) {
    throw new ShapeError(
      `${op}: x must be [batch..., features] with at least one row, got ${showShape(x.shape)}`,
    );
  }
  return x.shape[x.shape.length - 1];
}

/** All axes but the features'. */
export const batchAxes = (x: Spec) => x.shape.slice(0, -1).map((_, axis) => axis);

/** How many rows' mean the sums are shifted by, so that nothing cancels. */
export const shiftRows = (rows: number) => Math.min(8, rows);

/** Mean and variance of `x`, input 0, in one pass; with many rows and few columns in chunks and a second kernel. */
export function momentsKernels(
  x: Spec,
  profile: AdapterProfile,
  mean: Operand,
  variance: Operand,
): KernelPlan {
  const columns = x.shape[x.shape.length - 1];
  const rows = sizeOf(x.shape) / columns;
  const groups = Math.ceil(columns / 4);
  const wanted = numbersOf(profile).walkers;
  const shortest = 64;
  const chunks =
    groups >= wanted || rows < 2 * shortest
      ? 1
      : Math.min(Math.ceil(wanted / groups), Math.ceil(rows / shortest));
  const chunk = Math.ceil(rows / chunks);
  const workgroup = workgroupFor(groups * chunks, profile);
  const isAligned = columns % 4 === 0;
  const sums: KernelCall = {
    shader: momentsShader,
    hooks: {
      consts: { WORKGROUP: `${workgroup}u` },
      bindings: isAligned ? [] : [{ name: "in0", binding: 1, access: "read", type: "array<f32>" }],
      functions: {
        ...(chunk >= manyTerms ? {} : plainSums),
        ...(isAligned
          ? {}
          : {
              load4:
                "fn load4(i: u32, column: u32) -> vec4f {\n  let rest = sizes.columns - 1u - column;\n" +
                "  return vec4f(in0[i], in0[i + min(1u, rest)], in0[i + min(2u, rest)], in0[i + min(3u, rest)]);\n}",
            }),
      },
    },
    sizes: [rows, columns, groups, chunks, chunk, shiftRows(rows), 0],
    operands:
      chunks === 1
        ? [input(0), mean, variance]
        : [input(0), scratch(0, "read_write"), scratch(1, "read_write")],
    workgroups: grid(Math.ceil((groups * chunks) / workgroup), profile),
  };
  if (chunks === 1) return { calls: [sums] };
  const partial: Spec = { shape: [chunks * columns], dtype: "f32" };
  const combine: KernelCall = {
    shader: combineShader,
    sizes: [rows, columns, chunks, shiftRows(rows)],
    operands: [input(0), scratch(0, "read"), scratch(1, "read"), mean, variance],
    workgroups: grid(Math.ceil(columns / 64), profile),
  };
  return { calls: [sums, combine], scratch: [partial, partial] };
}

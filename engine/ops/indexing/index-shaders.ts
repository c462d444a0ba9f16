// Kernels that move elements by indices, behind the ops for whole rows (gather.ts) and for single elements
// (along-axis.ts).

import gatherSource from "../../../shaders/gather.wgsl";
import scatterAddSource from "../../../shaders/scatter-add.wgsl";
import type { DType } from "../../base/dtype.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import {
  grid,
  input,
  type KernelContext,
  type KernelPlan,
  output,
  scratch,
  shader,
} from "../../kernel/kernel.ts";
import { longSumSource, manyTerms, termAliases } from "../../kernel/long-sums.ts";
import { elementsShader } from "../layout/copying.ts";

export const gatherShader = elementsShader("gather", gatherSource);
const scatterAddShader = shader("scatter-add", `${longSumSource}\n${scatterAddSource}`);

/** The output as [outer, rows, inner], and how many indices are added up by. */
interface Scattered {
  readonly outer: number;
  readonly rows: number;
  readonly inner: number;
  readonly picked: number;
  readonly dtype: DType;
}

/** Sums by index: with many indices, a second buffer keeps what the additions to each element lose. */
export function scatterAddKernels(
  { outer, rows, inner, picked, dtype }: Scattered,
  { outputs: [out], profile }: Pick<KernelContext, "outputs" | "profile">,
  functions: Readonly<Record<string, string>> = {},
): KernelPlan {
  const isWide = inner % 4 === 0 && functions.index_at === undefined;
  const columns = isWide ? inner / 4 : inner;
  // Every thread walks all indices, so no more threads than the adapter can use.
  const { walkers: wanted, workgroup } = numbersOf(profile);
  const block = Math.ceil(rows / Math.min(rows, Math.max(1, Math.ceil(wanted / (outer * columns)))));
  const blocks = Math.ceil(rows / block);
  const isLong = dtype === "f32" && picked >= manyTerms;
  const unit = isWide ? `vec4<${dtype}>` : dtype;
  return {
    calls: [
      {
        shader: scatterAddShader,
        hooks: {
          aliases: { Unit: unit, ...(isLong ? termAliases(isWide ? "vec4f" : "f32") : {}) },
          consts: { WORKGROUP: `${workgroup}u` },
          functions: { ...functions, ...(isLong ? compensated : {}) },
          bindings: isLong
            ? [{ name: "lost", binding: 4, access: "read_write", type: "array<Unit>" }]
            : undefined,
        },
        sizes: [outer, rows, block, blocks, columns, picked, 0],
        operands: [input(0), input(1), output(0), ...(isLong ? [scratch(0, "read_write")] : [])],
        workgroups: grid(Math.ceil((outer * blocks * columns) / workgroup), profile),
      },
    ],
    scratch: isLong ? [{ shape: out.shape, dtype }] : undefined,
  };
}

const compensated = {
  start: "fn start(at: u32) {\n  out0[at] = Unit();\n  lost[at] = Unit();\n}",
  add_to: `fn add_to(at: u32, value: Unit) {
  let sum = joined(LongSum(out0[at], lost[at]), value, sizes.zero);
  out0[at] = sum.total;
  lost[at] = sum.lost;
}`,
  settle: "fn settle(at: u32) {\n  out0[at] += lost[at];\n}",
};

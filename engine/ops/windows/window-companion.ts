// The sums of a gradient over all places, the gradient of a bias, inside the kernel that sums up the gradient of weights.

import { type HookBinding, type KernelPlan, type Spec, scratch } from "../../kernel/kernel.ts";
import type { Companion } from "../../kernel/kernel-op.ts";
import { sum, sumCalls } from "../reduce/reduce.ts";

const observe = `var<private> column_sums: array<vec4f, 2>;
fn observe(block: u32, b0: vec4f, b1: vec4f) {
  column_sums[block] += b0 + b1;
}`;

const observeLong = `var<private> column_sums: array<vec4f, 2>;
var<private> long_column_sums: array<LongSum, 2>;
fn observe(block: u32, b0: vec4f, b1: vec4f) {
  long_column_sums[block] = joined(long_column_sums[block], b0 + b1, sizes.one - 1u);
  column_sums[block] = settled(long_column_sums[block]);
}`;

const finish = `fn finish(row: u32, block: u32, column: u32) {
  if (row > 0u) {
    return;
  }
  let at = own_part * sizes.window.columns + own_group * sizes.n + column;
  for (var k = 0u; k < 4u; k++) {
    if (column + k < sizes.n) {
      sums[at + k] = column_sums[block][k];
    }
  }
}`;

/** Every tile walks whole columns of the gradient; those of the first row of tiles add them up. */
export const windowColumnSums: Companion = {
  accepts(_, inputs, k, other, otherAttrs, [read]) {
    if (k !== 1 || other !== sum.op) return false;
    const { axes } = otherAttrs as { axes: readonly number[] };
    const rank = read.shape.length;
    const isOverPlaces = axes.length === rank - 1 && axes.every((axis, i) => axis === i);
    return isOverPlaces && read.shape[rank - 1] === inputs[1].shape[3];
  },
  attach(plan, target, profile): KernelPlan {
    const [call, ...others] = plan.calls;
    const scratchSpecs = [...(plan.scratch ?? [])];
    const [parts, , columns] = scratchSpecs[0]?.shape ?? [1];
    const partial: Spec = { shape: [parts, columns], dtype: "f32" };
    const place = scratchSpecs.length;
    const isWhole = parts === 1;
    if (!isWhole) scratchSpecs.push(partial);
    const operand = isWhole ? target : scratch(place, "read_write");
    const sums: HookBinding = {
      name: "sums",
      binding: call.operands.length + 1,
      access: "read_write",
      type: "array<f32>",
    };
    const isSubgroup = call.hooks?.consts?.is_bounded !== undefined;
    const next = {
      ...call,
      hooks: {
        ...call.hooks,
        consts: { ...call.hooks?.consts, ...(isSubgroup ? { has_companion: "true" } : {}) },
        functions: {
          ...call.hooks?.functions,
          observe: call.hooks?.consts?.long_k === "true" ? observeLong : observe,
          finish,
        },
        bindings: [...(call.hooks?.bindings ?? []), sums],
      },
      operands: [...call.operands, operand],
    };
    const totals = isWhole
      ? []
      : sumCalls(partial, [0], scratch(place, "read"), target, scratchSpecs, profile);
    return { calls: [next, ...others, ...totals], scratch: scratchSpecs };
  },
};

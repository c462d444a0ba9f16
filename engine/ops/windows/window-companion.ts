// The sums of a gradient over all places, the gradient of a bias, inside the kernel that sums up the gradient of weights.

import { type KernelPlan, type Spec, scratch } from "../../kernel/kernel.ts";
import type { Companion } from "../../kernel/kernel-op.ts";
import { keepingSums, withSums } from "../pointwise/epilogues.ts";
import { sum, sumCalls } from "../reduce/reduce.ts";

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
    const sums = "own_part * sizes.window.columns + own_group * sizes.n + column";
    const next = keepingSums(withSums(call), sums, operand);
    const totals = isWhole
      ? []
      : sumCalls(partial, [0], scratch(place, "read"), target, scratchSpecs, profile);
    return { calls: [next, ...others, ...totals], scratch: scratchSpecs };
  },
};

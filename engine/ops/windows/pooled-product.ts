// A convolution with bias, activation and max-pooling in one kernel: what jit puts in the place of those.

import type { PointwiseStep } from "../../kernel/chain.ts";
import {
  type AdapterProfile,
  type HookBinding,
  input,
  type KernelPlan,
  output,
  type Spec,
} from "../../kernel/kernel.ts";
import type { KernelOp } from "../../kernel/kernel-op.ts";
import { chainCode } from "../pointwise/pointwise-code.ts";
import { isSubgroupKernel, planWindowProduct, storesWindowFours, type WindowCall } from "./window-kernels.ts";
import { type WindowAttrs, windowProduct } from "./window-product.ts";
import { imageOf, imageShape, tapsOf, type Window } from "./windows.ts";

export interface PooledAttrs extends WindowAttrs {
  readonly direction: "forth" | "back";
  readonly pool: Window;
  /** What is computed of each result, value 0, and of the rows that inputs 2 and on are, before the largest is found. */
  readonly steps: readonly PointwiseStep[];
}

const callOf = ([x, weights]: readonly Spec[], { window, groups, pool }: PooledAttrs): WindowCall => {
  const { batch, channels } = imageOf(x);
  return { window, groups, images: batch, channels, columns: weights.shape[2], kind: "forth", pool };
};

/** Whether the kernel can: a subgroup's, for windows of four places that share none and leave none out but at the end. */
export function canPool(
  inputs: readonly Spec[],
  rows: number,
  attrs: PooledAttrs,
  profile: AdapterProfile,
): boolean {
  const { pool, direction, groups, steps } = attrs;
  const helpers = new Map<string, string>();
  for (const step of steps) {
    for (const [name, code] of Object.entries(step.helpers ?? {})) {
      if ((helpers.get(name) ?? code) !== code) return false;
      helpers.set(name, code);
    }
  }
  const call = callOf(inputs, attrs);
  return (
    direction === "forth" &&
    groups === 1 &&
    4 + rows <= profile.maxStorageBuffers &&
    call.images > 0 &&
    call.columns > 4 &&
    storesWindowFours(call) &&
    tapsOf(pool) === 4 &&
    [0, 1].every(
      (axis) =>
        pool.size[axis] === pool.stride[axis] &&
        pool.dilation[axis] === 1 &&
        pool.before[axis] === 0 &&
        pool.output[axis] * pool.size[axis] <= pool.input[axis],
    ) &&
    isSubgroupKernel(call, profile)
  );
}

const held = (k: number): string => `held${k}`;

const largest = (lines: readonly string[], value: string): string =>
  // As max-pool.wgsl: the first of those that tie; NaN wins.
  `fn is_not_number(value: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(value) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn finished_value(value: vec4f) -> vec4f {
  ${[...lines, `return ${value};`].join("\n  ")}
}
fn join_largest(best: ptr<function, vec4f>, winner: ptr<function, vec4u>, value: vec4f, tap: u32) {
  let next = finished_value(value);
  let wins = ((next > *best) | is_not_number(next)) & !is_not_number(*best);
  *best = select(*best, next, wins);
  *winner = select(*winner, vec4u(tap), wins);
}
fn store_largest(row: u32, column: u32, rows: Block) {
  if (4u * row < sizes.m && column < sizes.n) {
    var best = finished_value(rows.r0);
    var winner = vec4u();
    join_largest(&best, &winner, rows.r1, 1u);
    join_largest(&best, &winner, rows.r2, 2u);
    join_largest(&best, &winner, rows.r3, 3u);
    let places = sizes.a_batch.x * sizes.a_batch.y;
    let images = sizes.window.images;
    let place = select(row, row % images * places + row / images, images_inside);
    let at = (place * sizes.n + column) / 4u;
    c[at] = best;
    winners[at] = winner;
  }
}`;

/** The largest values of windows of four places, and the taps that they came from (i32), of a product with `weights`. */
export const pooledProduct: KernelOp<PooledAttrs> = {
  name: "pooledProduct",
  infer: ([x, weights], { pool }) => {
    const shape = imageShape(x.shape, pool.output, weights.shape[2]);
    return [
      { shape, dtype: "f32" },
      { shape, dtype: "i32" },
    ];
  },
  kernels: ({ inputs, attrs, profile }): KernelPlan => {
    const { calls } = planWindowProduct(callOf(inputs, attrs), profile);
    const [call] = calls;
    const rows = inputs.slice(2).map((_, k) => k);
    const { lines, values, helpers } = chainCode(attrs.steps, ["value", ...rows.map(held)]);
    const functions: Record<string, string> = {
      ...call.hooks!.functions,
      store_largest: largest(lines, values[values.length - 1]),
    };
    if (lines.some((line) => line.includes("non_finite(")))
      functions.non_finite =
        "fn non_finite(bits: u32) -> u32 {\n  return select(bits, 1u, arrayLength(&c) == 0xffffffffu);\n}";
    if (rows.length > 0)
      functions.prepare = `${rows.map((k) => `var<private> ${held(k)}: vec4f;`).join("\n")}
fn prepare(column: u32) {
  ${rows.map((k) => `${held(k)} = row${k}[column / 4u];`).join("\n  ")}
}`;
    const bindings: HookBinding[] = [
      { name: "winners", binding: 4, access: "read_write", type: "array<vec4u>" },
      ...rows.map(
        (k): HookBinding => ({ name: `row${k}`, binding: 5 + k, access: "read", type: "array<vec4f>" }),
      ),
    ];
    const operands = [...call.operands, output(1), ...rows.map((k) => input(2 + k))];
    return { calls: [{ ...call, hooks: { ...call.hooks, functions, helpers, bindings }, operands }] };
  },
  specialises: { op: windowProduct.op, inputs: (inputs) => inputs.slice(0, 2) },
  samples: [],
};

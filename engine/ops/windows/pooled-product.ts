// A convolution with its bias, relu and max-pooling in one kernel: what jit puts in the place of those.

import {
  type AdapterProfile,
  type HookBinding,
  input,
  type KernelPlan,
  output,
  type Spec,
} from "../../kernel/kernel.ts";
import type { KernelOp } from "../../kernel/kernel-op.ts";
import { isSubgroupKernel, planWindowProduct, storesWindowFours, type WindowCall } from "./window-kernels.ts";
import { type WindowAttrs, windowProduct } from "./window-product.ts";
import { imageOf, imageShape, tapsOf, type Window } from "./windows.ts";

export interface PooledAttrs extends WindowAttrs {
  readonly direction: "forth" | "back";
  readonly pool: Window;
  /** Whether input 2 is added to each row. */
  readonly hasBias: boolean;
  readonly hasRelu: boolean;
}

const callOf = ([x, weights]: readonly Spec[], { window, groups, pool }: PooledAttrs): WindowCall => {
  const { batch, channels } = imageOf(x);
  return { window, groups, images: batch, channels, columns: weights.shape[2], kind: "forth", pool };
};

/** Whether the kernel can: a subgroup's, for windows of four places that share none and leave none out but at the end. */
export function canPool(inputs: readonly Spec[], attrs: PooledAttrs, profile: AdapterProfile): boolean {
  const { pool, direction, groups } = attrs;
  const call = callOf(inputs, attrs);
  return (
    direction === "forth" &&
    groups === 1 &&
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

const largest = ({ hasBias, hasRelu }: PooledAttrs): string => {
  const sum = hasBias ? "value + held" : "value";
  // As relu.
  const own = hasRelu ? `select(${sum}, vec4f(), ${sum} <= vec4f())` : sum;
  // As max-pool.wgsl: the first of those that tie; NaN wins.
  return `fn is_nan(value: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(value) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn finished(value: vec4f) -> vec4f {
  return ${own};
}
fn join(best: ptr<function, vec4f>, winner: ptr<function, vec4u>, value: vec4f, tap: u32) {
  let next = finished(value);
  let wins = ((next > *best) | is_nan(next)) & !is_nan(*best);
  *best = select(*best, next, wins);
  *winner = select(*winner, vec4u(tap), wins);
}
fn store_largest(row: u32, column: u32, rows: Block) {
  if (4u * row < sizes.m && column < sizes.n) {
    var best = finished(rows.r0);
    var winner = vec4u();
    join(&best, &winner, rows.r1, 1u);
    join(&best, &winner, rows.r2, 2u);
    join(&best, &winner, rows.r3, 3u);
    let places = sizes.a_batch.x * sizes.a_batch.y;
    let images = sizes.window.images;
    let place = select(row, row % images * places + row / images, images_inside);
    let at = (place * sizes.n + column) / 4u;
    c[at] = best;
    winners[at] = winner;
  }
}`;
};

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
    const bindings: HookBinding[] = [
      { name: "winners", binding: 4, access: "read_write", type: "array<vec4u>" },
    ];
    const operands = [...call.operands, output(1)];
    const functions: Record<string, string> = { ...call.hooks!.functions, store_largest: largest(attrs) };
    if (attrs.hasBias) {
      bindings.push({ name: "bias", binding: 5, access: "read", type: "array<vec4f>" });
      operands.push(input(2));
      functions.prepare =
        "var<private> held: vec4f;\nfn prepare(column: u32) {\n  held = bias[column / 4u];\n}";
    }
    return { calls: [{ ...call, hooks: { ...call.hooks, functions, bindings }, operands }] };
  },
  specialises: { op: windowProduct.op, inputs: (inputs) => inputs.slice(0, 2) },
  samples: [],
};

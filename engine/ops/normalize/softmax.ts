// Softmax and log-softmax along any axis.

import expLogSource from "../../../shaders/exp-log.wgsl";
import totalSource from "../../../shaders/exponential-total.wgsl";
import ownRowsSource from "../../../shaders/own-rows.wgsl";
import softmaxSource from "../../../shaders/softmax.wgsl";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import { numberOrOption } from "../../base/number-checks.ts";
import { normalizeAxis, sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import {
  type AdapterProfile,
  grid,
  type Hooks,
  input,
  type KernelContext,
  type KernelPlan,
  output,
  type Spec,
  shader,
} from "../../kernel/kernel.ts";
import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import { longSumSource, manyTerms, plainSums } from "../../kernel/long-sums.ts";
import type { Family } from "../../kernel/variants.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike, Vjp } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { mul, sub } from "../elementwise/arithmetic.ts";
import { exp } from "../elementwise/exponential.ts";
import { transpose } from "../layout/movement.ts";
import { sum } from "../reduce/reduce.ts";
import { joined, rowHooks, rowSources, rowVariants } from "../reduce/shared-rows.ts";

const softmaxShader = shader(
  "softmax",
  [expLogSource, totalSource, longSumSource, ownRowsSource, softmaxSource].join("\n"),
);

const unalignedRows: Hooks = {
  aliases: { Element: "f32" },
  functions: {
    load4: "fn load4(i: u32) -> vec4f {\n  return vec4f(in0[i], in0[i + 1u], in0[i + 2u], in0[i + 3u]);\n}",
    load1: "fn load1(i: u32) -> f32 {\n  return in0[i];\n}",
    store4:
      "fn store4(i: u32, v: vec4f) {\n  out0[i] = v.x;\n  out0[i + 1u] = v.y;\n  out0[i + 2u] = v.z;\n  out0[i + 3u] = v.w;\n}",
    store1: "fn store1(i: u32, value: f32) {\n  out0[i] = value;\n}",
  },
};

const joins: Readonly<Record<string, string>> = {
  largest_of: joined(
    "largest_of",
    "Largest",
    "Largest(max(a.value, b.value), max(a.magnitudes, b.magnitudes))",
  ),
  total_of: joined("total_of", "f32", "a + b"),
};

function softmaxVariants({ shape }: Spec, profile: AdapterProfile) {
  const length = shape[shape.length - 1];
  const size = { rows: sizeOf(shape) / length, length, steps: length / 4 };
  return rowVariants("softmax", softmaxShader, size, profile);
}

function softmaxKernels({ inputs: [x], profile }: KernelContext, result: string | undefined): KernelPlan {
  const length = x.shape[x.shape.length - 1];
  const rows = sizeOf(x.shape) / length;
  if (sizeOf(x.shape) === 0) return { calls: [] };
  const base = length % 4 === 0 ? {} : unalignedRows;
  const hooks = rowHooks(
    softmaxVariants(x, profile),
    numbersOf(profile).workgroup,
    { rows, steps: Math.floor(length / 4), width: 4 },
    joins,
    profile,
  );
  return {
    calls: [
      {
        shader: softmaxShader,
        hooks: {
          ...base,
          consts: hooks.consts,
          functions: {
            ...base.functions,
            ...(length / hooks.lanes >= manyTerms ? {} : plainSums),
            ...hooks.functions,
            ...(result === undefined ? {} : { result }),
          },
        },
        sizes: [rows, length, 0],
        operands: [input(0), output(0)],
        workgroups: grid(hooks.groups, profile),
      },
    ],
  };
}

/** @internal Visits rows along the last axis with their maximum and sum of exponentials. */
export function eachRow(
  x: ReferenceTensor,
  visit: (start: number, length: number, largest: number, total: number) => void,
): void {
  const length = x.shape[x.shape.length - 1];
  for (let start = 0; start < sizeOf(x.shape); start += length) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + length; i++) largest = Math.max(largest, x.data[i]);
    let total = 0;
    for (let i = start; i < start + length; i++) total += Math.exp(x.data[i] - largest);
    visit(start, length, largest, total);
  }
}

interface RowOpDefinition {
  name: string;
  result?: string;
  value: (x: number, largest: number, total: number) => number;
  vjp: Vjp<object>;
}

const softmaxFamily: Family = {
  name: "softmax",
  sources: [softmaxShader.source, rowSources].join("\n"),
  checks: () => [
    { op: softmax.op, inputs: [{ shape: [3, 300], low: -3, high: 3 }] },
    { op: softmax.op, inputs: [{ shape: [5, 7], low: -3, high: 3 }] },
    { op: logSoftmax.op, inputs: [{ shape: [3, 301], low: -3, high: 3 }] },
  ],
};

/** An op on rows along any one axis; the kernel takes the last one, others are transposed there and back. */
function rowOp({
  name,
  result,
  value,
  vjp,
}: RowOpDefinition): OpFunction<[x: TensorLike, axis?: number | { axis?: number }], Tensor> {
  const lastAxis = defineOp({
    family: softmaxFamily,
    name,
    saves: { outputs: [0] },
    samples: [
      { inputs: [{ shape: [5, 7], low: -3, high: 3 }] },
      { inputs: [{ shape: [2, 3, 8], low: -3, high: 3 }] },
      { inputs: [{ shape: [1, 1] }] },
    ],
    call: (x: TensorLike) => ({ inputs: [x], attrs: {} }),
    infer: ([x]) => {
      if (x.dtype !== "f32") throw new DTypeError(`${name}: takes f32, got ${x.dtype}; use cast(x, "f32")`);
      if (x.shape.length === 0) throw new ShapeError(`${name}: needs at least one axis, got a scalar`);
      return [{ shape: x.shape, dtype: "f32" }];
    },
    kernels: (context) => softmaxKernels(context, result),
    variants: ({ inputs: [x], profile }) => softmaxVariants(x, profile),
    reference: ([x], _, [out]) => {
      eachRow(x, (start, length, largest, total) => {
        for (let i = start; i < start + length; i++) out.data[i] = value(x.data[i], largest, total);
      });
    },
    vjp,
  });
  const anyAxis = (x: TensorLike, along: number | { axis?: number } = -1): Tensor => {
    const axis = numberOrOption(name, "axis", along, -1);
    if (typeof x === "number") return lastAxis(x);
    checkTensor(name, x);
    const rank = x.shape.length;
    const k = rank === 0 ? 0 : normalizeAxis(name, axis, rank);
    if (k >= rank - 1) return lastAxis(x);
    const order = x.shape.map((_, i) => i);
    [order[k], order[rank - 1]] = [rank - 1, k];
    return tidy(() => transpose(lastAxis(transpose(x, order)), order));
  };
  return Object.assign(anyAxis, { op: lastAxis.op });
}

/** eˣ / Σ eˣ along `axis` (default the last), with the maximum subtracted first. */
export const softmax = rowOp({
  name: "softmax",
  value: (x, largest, total) => Math.exp(x - largest) / total,
  vjp: ({ grad, output }) => {
    const weighted = mul(grad(), output());
    return [sub(weighted, mul(output(), sum(weighted, -1, { keepDims: true })))];
  },
});

/**
 * x - ln Σ eˣ along `axis` (default the last): the logarithm of softmax without its loss of digits. Absolute errors
 * stay below 2e-7 near 0, relative ones below 1e-6 elsewhere.
 */
export const logSoftmax = rowOp({
  name: "logSoftmax",
  result:
    "fn result(x: vec4f, largest: f32, total: f32) -> vec4f {\n  return (x - largest) - log_total_of(total);\n}",
  value: (x, largest, total) => x - largest - Math.log(total),
  vjp: ({ grad, output }) => [sub(grad(), mul(exp(output()), sum(grad(), -1, { keepDims: true })))],
});

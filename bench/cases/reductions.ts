// Reductions by row, by column and of everything; softmax, batch normalization and the loss, which are made of them.

import type { BenchCase } from "../bench-case.ts";
import { type OpCase, opCases } from "./op-case.ts";
import { countOf } from "./op-spec.ts";

const f32 = 4;
const [rows, columns] = [4096, 1000];
const large = 2 ** 22;

/** A layer's activations, and numbers that fill caches. */
const matrices = [
  [128, 512],
  [rows, columns],
] as const;
const vectors = [
  [2 ** 16, "64K"],
  [large, "4M"],
] as const;

const byAxis = (name: string, op: "sum" | "max" | "argMax", axis: number): OpCase[] =>
  matrices.map((shape) => reduction(`${name}/${shape.join("x")}`, op, shape, axis));

function reduction(name: string, op: OpCase["op"], shape: readonly number[], axis?: number): OpCase {
  const count = countOf(shape);
  return {
    name: `reduce/${name}`,
    op,
    // Sums of signed numbers near zero would be compared by what rounding left of them.
    inputs: [{ shape, fill: "positive" }],
    attributes: { axis },
    forward: { flops: count, bytes: f32 * count },
    isQuick: op === "sum" && count > 2 ** 16,
  };
}

const reductions = [
  ...byAxis("sum-rows", "sum", 1),
  ...byAxis("sum-columns", "sum", 0),
  ...vectors.map(([count, name]) => reduction(`sum-all/${name}`, "sum", [count])),
  ...byAxis("max-rows", "max", 1),
  ...byAxis("max-columns", "max", 0),
  ...byAxis("arg-max-rows", "argMax", 1),
];

const softmax = [[128, 10] as const, [rows, columns] as const].map(
  ([r, c]): OpCase => ({
    name: `softmax/${r}x${c}`,
    op: "softmax",
    inputs: [{ shape: [r, c] }],
    forward: { flops: 4 * r * c, bytes: 2 * f32 * r * c },
    backward: { flops: 4 * r * c, bytes: 3 * f32 * r * c },
    isQuick: c === columns,
  }),
);

const batchNorm = [[128, 64] as const, [128, 512] as const, [1024, 1024] as const].map(
  ([r, features]): OpCase => ({
    name: `batch-norm/${r}x${features}`,
    op: "batchNorm",
    inputs: [{ shape: [r, features] }, { shape: [features], fill: "positive" }, { shape: [features] }],
    // Statistics: a sum and a sum of squares; then one multiply-add. Backward: two sums and two multiply-adds.
    forward: { flops: 5 * r * features, bytes: 2 * f32 * r * features },
    backward: { flops: 8 * r * features, bytes: 3 * f32 * r * features },
    isQuick: features === 512,
  }),
);

const crossEntropy = [[128, 10] as const, [128, 46] as const, [rows, columns] as const].map(
  ([r, c]): OpCase => ({
    name: `softmax-cross-entropy/${r}x${c}`,
    op: "crossEntropy",
    inputs: [{ shape: [r, c] }, { shape: [r], fill: "whole", limit: c }],
    forward: { flops: 3 * r * c, bytes: f32 * r * c },
    backward: { flops: 4 * r * c, bytes: 2 * f32 * r * c },
    isQuick: c === columns,
  }),
);

export const reductionBench: readonly BenchCase[] = [
  ...reductions,
  ...softmax,
  ...batchNorm,
  ...crossEntropy,
].flatMap(opCases);

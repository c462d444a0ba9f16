// Elementwise ops on vectors too large for a cache, and activations on the sizes of layers, forward and backward.

import type { BenchCase } from "../bench-case.ts";
import { type OpCase, opCases, skipOnSoftware } from "./op-case.ts";
import type { OpName } from "./op-spec.ts";

const f32 = 4;

/** By name, how many vectors each reads. `neg` is the copy: it reads and writes all, and nobody may leave it out. */
const ops = { neg: 1, relu: 1, add: 2, exp: 1, tanh: 1 } as const satisfies Partial<Record<OpName, number>>;
const counts = { "1M": 2 ** 20, "4M": 2 ** 22, "32M": 2 ** 25 };

const elementwise = Object.entries(ops).flatMap(([name, reads]) =>
  Object.entries(counts).map(
    ([label, count]): OpCase => ({
      name: `elementwise/${name}/${label}`,
      op: name as keyof typeof ops,
      inputs: Array.from({ length: reads }, () => ({ shape: [count] })),
      // A transcendental function counts as one operation.
      forward: { flops: count, bytes: (reads + 1) * f32 * count },
      isQuick: label === "1M",
      // A GPU's cache holds the smaller ones.
      ...(label === "32M"
        ? { skipOn: skipOnSoftware, skip: { cpu: "4M tells its rate, in an eighth of the time" } }
        : {}),
    }),
  ),
);

/** [rows, features]. */
const layerSizes = [
  [128, 64],
  [128, 512],
  [1024, 1024],
] as const;

const activations = (["relu", "sigmoid", "tanh"] as const).flatMap((name) =>
  layerSizes.map(
    ([rows, features]): OpCase => ({
      name: `activation/${name}/${rows}x${features}`,
      op: name,
      inputs: [{ shape: [rows, features] }],
      forward: { flops: rows * features, bytes: 2 * f32 * rows * features },
      backward: { flops: rows * features, bytes: 3 * f32 * rows * features },
    }),
  ),
);

export const elementwiseBench: readonly BenchCase[] = [...elementwise, ...activations].flatMap(opCases);

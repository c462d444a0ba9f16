// Optimizer updates of one vector of a million parameters, traced as `fit` traces them.

import { type Device, jit, type Tensor, tensor, tidy, variable } from "../../engine/index.ts";
import { Adam, type Optimizer, SGD } from "../../optim/index.ts";
import type { BenchCase, Prepared } from "../bench-case.ts";
import { type OpSpec, valuesOf } from "./op-spec.ts";

/** All of N1's parameters, and a large layer's. */
const counts = [
  [2 ** 16, "64K"],
  [2 ** 20, "1M"],
] as const;
const f32 = 4;
const updateOf = (count: number): OpSpec => ({
  op: "adam",
  inputs: [{ shape: [count] }, { shape: [count] }],
});

function prepareUpdate(device: Device, count: number, optimizer: Optimizer): Prepared {
  const [start, slope] = valuesOf(updateOf(count));
  const weight = variable(start, { device });
  const gradient = tensor(slope, { device });
  optimizer.build([weight]);
  const update = jit((g: Tensor) => tidy(() => optimizer.apply([g])));
  return {
    run: () => update(gradient),
    result: async () => {
      update(gradient);
      return weight.data();
    },
    dispose: () => {
      update.dispose();
      optimizer.dispose();
      weight.dispose();
      gradient.dispose();
    },
  };
}

export const optimizerBench: readonly BenchCase[] = counts.flatMap(([count, size]): BenchCase[] => [
  {
    name: `optimizer/adam/${size}`,
    phase: "forward",
    // Reads value, gradient and two moments; writes value and moments.
    flops: 12 * count,
    bytes: 7 * f32 * count,
    op: updateOf(count),
    isQuick: size === "1M",
    prepare: (device) => prepareUpdate(device, count, new Adam({ learningRate: 1e-3 })),
  },
  {
    name: `optimizer/sgd-momentum/${size}`,
    phase: "forward",
    flops: 4 * count,
    bytes: 5 * f32 * count,
    prepare: (device) => prepareUpdate(device, count, new SGD({ learningRate: 1e-3, momentum: 0.9 })),
  },
]);

// Optimizer updates of one vector of a million parameters, traced as `fit` traces them.

import { type Device, jit, type Tensor, tensor, tidy, variable } from "../../engine/index.ts";
import { Adam, type Optimizer, SGD } from "../../optim/index.ts";
import type { BenchCase, Prepared } from "../bench-case.ts";
import { adam, sgd } from "../peers/net-data.ts";
import { type OpSpec, type UpdateOpName, valuesOf } from "./op-spec.ts";

/** All of N1's parameters, and a large layer's. */
const counts = [
  [2 ** 16, "64K"],
  [2 ** 20, "1M"],
] as const;
const f32 = 4;
const updateOf = (op: UpdateOpName, count: number): OpSpec => ({
  op,
  inputs: [{ shape: [count] }, { shape: [count] }],
});

function prepareUpdate(device: Device, count: number, optimizer: Optimizer): Prepared {
  const [start, slope] = valuesOf(updateOf("adam", count));
  const weight = variable(start, { device });
  const gradient = tensor(slope, { device });
  optimizer.build([weight]);
  const update = jit((g: Tensor) => tidy(() => optimizer.apply([g])));
  return {
    run: () => update(gradient),
    result: async () => {
      update(gradient);
      return [await weight.data()];
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
    spec: { kind: "op", op: updateOf("adam", count) },
    isQuick: size === "1M",
    prepare: (device) => prepareUpdate(device, count, new Adam(adam)),
  },
  {
    name: `optimizer/sgd-momentum/${size}`,
    phase: "forward",
    flops: 4 * count,
    bytes: 5 * f32 * count,
    spec: { kind: "op", op: updateOf("sgdMomentum", count) },
    prepare: (device) => prepareUpdate(device, count, new SGD(sgd)),
  },
]);

// Diagnostics on this adapter: training has the same bits with it and without, other steps cost nothing more, and what it
// finds is what the reference finds.

import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type Device,
  device as defaultDevice,
  init,
  noLeaks,
  setDevice,
  setSeed,
} from "../../engine/index.ts";
import { BatchNormalization, Dense, Diagnostics, Dropout, Input, Sequential } from "../../nn/index.ts";
import "../../nn/names.ts";
import { gpuDevice } from "../support/devices.ts";

let gpu: Device;
let before: Device;
beforeAll(async () => {
  gpu = await gpuDevice();
  before = defaultDevice();
  setDevice(gpu);
});
afterAll(() => setDevice(before));

const x = Array.from({ length: 150 }, (_, i) =>
  Array.from({ length: 9 }, (_, k) => Math.sin(i * 1.3 + k * k + i * k)),
);
const y = x.map((row) => (row[0] + row[4] > 0 ? 1 : 0));

async function train(callbacks: Diagnostics[], epochs = 2) {
  setSeed(21);
  using model = new Sequential([
    new Input([9]),
    new Dense(24, { activation: "relu", kernelInitializer: "heNormal", kernelRegularizer: "l2" }),
    new BatchNormalization(),
    new Dropout(0.3),
    new Dense(12, { activation: "tanh" }),
    new Dense(2, { activation: "softmax" }),
  ]).compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  const start = gpu.counters();
  const { history } = await model.fit(x, y, { epochs, batchSize: 32, verbose: 0, callbacks });
  const dispatches = gpu.counters().dispatches - start.dispatches;
  const weights = await model.getWeights();
  model.optimizer?.dispose();
  return { history, weights, dispatches };
}

it("training has the same bits with it and without, and finds what the reference finds", async () => {
  const diagnostics = new Diagnostics({ every: 3, histograms: true, print() {} });
  const plain = await train([]);
  const watched = await train([diagnostics]);
  expect(watched.history).toEqual(plain.history);
  expect(watched.weights).toEqual(plain.weights);
  expect(diagnostics.reports).toHaveLength(4);

  const reference = new Diagnostics({ every: 3, histograms: true, print() {} });
  setDevice(await init({ device: "cpu", seed: 0 }));
  const cpu = defaultDevice();
  try {
    const own = gpu;
    gpu = cpu;
    await train([reference], 1).finally(() => {
      gpu = own;
    });
  } finally {
    setDevice(gpu);
    cpu.dispose();
  }
  // The first step; later ones differ as training does.
  const [found, wanted] = [diagnostics.reports[0], reference.reports[0]];
  found.layers.forEach((layer, i) => {
    const other = wanted.layers[i];
    const pairs = [
      [layer.gradientNorm ?? 0, other.gradientNorm ?? 0],
      ...layer.outputs.flatMap((output, k) =>
        (["mean", "standardDeviation", "min", "max", "zeros", "deadUnits", "saturation"] as const).map(
          (key) => [output[key] ?? 0, other.outputs[k][key] ?? 0],
        ),
      ),
      ...layer.weights.flatMap((weight, k) =>
        (["norm", "gradientNorm", "updateRatio", "mean", "min", "max"] as const).map((key) => [
          weight[key] ?? 0,
          other.weights[k][key] ?? 0,
        ]),
      ),
    ];
    for (const [a, b] of pairs)
      expect(Math.abs(a - b), layer.name).toBeLessThan(1e-4 * Math.max(0.1, Math.abs(b)));
    const counts = (of: Float64Array | undefined) => [...(of ?? [])].filter((_, k) => k % 3 === 2);
    expect(counts(layer.outputs[0].histogram).reduce((sum, count) => sum + count, 0)).toBe(
      counts(other.outputs[0].histogram).reduce((sum, count) => sum + count, 0),
    );
  });
});

it("steps that are not looked into cost what they did, and nothing is left", async () => {
  const plain = await train([]);
  // 5 steps an epoch: the first of each is looked into.
  const [one, two] = [
    await train([new Diagnostics({ print() {} })], 1),
    await train([new Diagnostics({ print() {} })], 2),
  ];
  const few = await train([], 1);
  const extra = one.dispatches - few.dispatches;
  expect(extra).toBeGreaterThan(0);
  expect(two.dispatches - plain.dispatches).toBe(2 * extra);
  await noLeaks(() => train([new Diagnostics({ every: 2, print() {} })]).then(() => {}), { device: gpu });
});

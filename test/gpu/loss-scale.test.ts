// Loss scaling on the adapter: steps against PyTorch's, a loss that overflows, and training that a scale leaves as it is.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { buildModel } from "../../bench/cases/net-models.ts";
import { denseNets } from "../../bench/cases/nets.ts";
import { type Device, device as defaultDevice, jit, setDevice, tensor, tidy } from "../../engine/index.ts";
import {
  Adam,
  AdamW,
  globalClipNorm,
  lossScaleState,
  type Optimizer,
  optimizerState,
  withLossScaling,
} from "../../optim/index.ts";
import { gpuDevice } from "../support/devices.ts";
import { expectSameTraining, expectScaledSteps, makeModel, weightsOf, x, y } from "../support/loss-scale.ts";

let gpu: Device;
let before: Device;

beforeAll(async () => {
  gpu = await gpuDevice();
  before = defaultDevice();
});
beforeEach(() => setDevice(gpu));
afterEach(() => gpu.sync());
afterAll(() => setDevice(before));

describe("steps of which some overflow skip updates and move the scale as PyTorch's", () => {
  it.each([
    ["op by op", "single", false],
    ["traced", "single", true],
    ["accumulated, traced", "accumulated", true],
  ] as const)("%s", (_, kind, isTraced) => expectScaledSteps(gpu, kind, isTraced));
});

describe("fit", () => {
  it.each<[string, () => Optimizer]>([
    ["Adam", () => new Adam({ learningRate: 0.01 })],
    [
      "AdamW, clipped, accumulated",
      () => new AdamW({ clipping: globalClipNorm(0.5), gradientAccumulationSteps: 2 }),
    ],
  ])(
    "%s: a power of two changes no loss and no weight that matters",
    (_, make) => expectSameTraining(make),
    120_000,
  );

  it("skips steps while the scaled loss overflows, changes nothing by them, and trains from there", async () => {
    const model = makeModel();
    const optimizer = withLossScaling(new Adam({ learningRate: 0.01 }), { initialScale: 2 ** 126 });
    model.compile({ optimizer, loss: "meanSquaredError" });
    const start = await weightsOf(model);
    const far = y.map((value) => 1e4 * value);
    const train = (epochs: number) =>
      model.fit(x, far, { epochs, batchSize: 64, shuffle: false, verbose: 0 });
    const { history } = await train(1);
    // The loss that is reported is the true one.
    expect(history.loss[0]).toBeGreaterThan(1e6);
    expect(history.loss[0]).toBeLessThan(1e9);
    expect(await lossScaleState(optimizer)).toEqual({ scale: 2 ** 125, finiteSteps: 0, skippedSteps: 1 });
    const state = await optimizerState(optimizer);
    expect(state.iterations).toBe(0);
    for (const parts of Object.values(state.slots))
      for (const part of parts) expect(part.every((value) => value === 0)).toBe(true);
    const after = await weightsOf(model);
    const trainable = new Set(model.trainableWeights);
    model.weights.forEach((weight, k) => {
      if (trainable.has(weight)) expect([...after[k]]).toEqual([...start[k]]);
    });
    await train(60);
    const { scale, skippedSteps, finiteSteps } = await lossScaleState(optimizer);
    expect(scale).toBe(2 ** (126 - skippedSteps));
    expect(skippedSteps).toBeGreaterThan(10);
    expect(finiteSteps).toBeGreaterThan(10);
    expect(await optimizer.iterations?.item()).toBe(61 - skippedSteps);
    expect(finiteSteps).toBeLessThanOrEqual(61 - skippedSteps);
    const last = await weightsOf(model);
    expect(last.every((values) => values.every(Number.isFinite))).toBe(true);
    expect([...last[0]]).not.toEqual([...start[0]]);
    model.dispose();
  }, 120_000);
});

describe("a traced step of N1", () => {
  it("takes a few dispatches more, whatever the number of parameters", async () => {
    const countOf = async (optimizer: Optimizer) => {
      const net = denseNets[0];
      using model = buildModel(net);
      model.compile({ optimizer, loss: "sparseCategoricalCrossentropy" });
      const trainer = model.makeTrainer();
      trainer.prepare();
      const step = jit((a: never, b: never) => tidy(() => trainer.trainStep(a, b)));
      const a = tensor(new Uint8Array(net.batchSize * net.inputs), [net.batchSize, net.inputs]);
      const b = tensor(new Int32Array(net.batchSize));
      step(a as never, b as never);
      const [program] = step.programs.values();
      for (const held of [step, trainer, optimizer, a, b]) held.dispose();
      return program.plan.steps.length;
    };
    // The check of all gradients, and what divides those that no kernel divides on its way.
    const plain = await countOf(new Adam());
    const scaled = await countOf(withLossScaling(new Adam()));
    expect(scaled - plain).toBeLessThanOrEqual(8);
  }, 120_000);
});

// Loss scaling on the CPU reference: steps against PyTorch's, what is refused, state and files.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, init, mean, square, tensor, variable } from "../../engine/index.ts";
import { Dense, Diagnostics, Input, loadModel, Sequential, saveModel } from "../../nn/index.ts";
import {
  Adam,
  lossScaleState,
  Muon,
  mixedPrecision,
  type Optimizer,
  optimizerState,
  RMSprop,
  SGD,
  setOptimizerState,
  withLossScaling,
} from "../../optim/index.ts";
import {
  expectSameTraining,
  expectScaledSteps,
  makeModel,
  trained,
  weightsOf,
} from "../support/loss-scale.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => {
  device.dispose();
});

describe("steps of which some overflow", () => {
  it("skip updates and move the scale as PyTorch's", () => expectScaledSteps(device, "single", false));
  it("skip whole updates where gradients are accumulated", () =>
    expectScaledSteps(device, "accumulated", false));
});

describe("fit", () => {
  it.each<[string, () => Optimizer]>([
    ["RMSprop, centralized, with l2", () => new RMSprop({ gradientCentralization: true, l2: 0.01 })],
    ["Adam with a moving average", () => new Adam({ useEma: true, emaOverwriteFrequency: 3 })],
    ["Muon", () => new Muon()],
  ])("%s: a power of two changes no loss and no weight that matters", (_, make) => expectSameTraining(make));

  it("shows Diagnostics gradients without the scale", async () => {
    const model = makeModel();
    const start = await weightsOf(model);
    model.dispose();
    const [plain, scaled] = [new Diagnostics({ print: () => {} }), new Diagnostics({ print: () => {} })];
    await trained(new Adam(), start, [plain]);
    await trained(withLossScaling(new Adam()), start, [scaled]);
    expect(String(scaled.reports[0])).toBe(String(plain.reports[0]));
  });
});

describe("mixedPrecision", () => {
  it("computes on the reference as withLossScaling does", () =>
    expectSameTraining(() => new Adam(), mixedPrecision));

  it("refuses what withLossScaling refuses, by its own name", () => {
    expect(() => mixedPrecision("adam" as never)).toThrow(
      /mixedPrecision: the first argument must be an Optimizer, as in mixedPrecision\(new Adam\(\)\)/,
    );
    expect(() => mixedPrecision(new Adam(), { initialScale: 0 })).toThrow(/mixedPrecision: initialScale/);
    expect(() => mixedPrecision(withLossScaling(new Adam()))).toThrow(/scales losses already/);
    expect(() => withLossScaling(mixedPrecision(new Adam()))).toThrow(/scales losses already/);
  });
});

describe("withLossScaling", () => {
  it("gives the loss and the gradients as they would be without it", async () => {
    const w = variable([1, -3]);
    const optimizer = withLossScaling(new SGD(), { initialScale: 2 ** 20 });
    const { value, grads } = optimizer.computeGradients(() => mean(square(w)), [w]);
    expect(await value.item()).toBe(5);
    expect([...(await grads[0].data())]).toEqual([1, -3]);
    const alone = variable(2);
    const other = withLossScaling(new SGD());
    other.minimize(() => alone, [alone]).dispose();
    expect(await alone.item()).toBeCloseTo(1.99, 6);
  });

  it("refuses what it can't use", () => {
    expect(() => withLossScaling("adam" as never)).toThrow(
      /first argument must be an Optimizer.*got the string/,
    );
    expect(() => withLossScaling(new Adam(), { initialScale: 0 })).toThrow(
      /initialScale must be .*above 0.*0/,
    );
    expect(() => withLossScaling(new Adam(), { initialScale: 1e39 })).toThrow(
      /from 2\^-126 to 2\^126, got 1e\+39/,
    );
    expect(() => withLossScaling(new Adam(), { dynamicGrowthSteps: 0.5 })).toThrow(/dynamicGrowthSteps/);
    expect(() => withLossScaling(new Adam(), { growth: 2 } as never)).toThrow(/growth/);
    expect(() => withLossScaling(withLossScaling(new Adam()))).toThrow(/scales losses already; call it once/);
    const w = variable([1]);
    expect(() => withLossScaling(new Adam().build([w]))).toThrow(/knows its variables already/);
  });

  it("has a state that tells scale and skipped updates, and refuses optimizers without", async () => {
    const scaled = withLossScaling(new Adam(), { initialScale: 8 });
    expect(await lossScaleState(scaled)).toEqual({ scale: 8, finiteSteps: 0, skippedSteps: 0 });
    await expect(lossScaleState(new Adam())).rejects.toThrow(
      /withLossScaling\(\.\.\.\) or mixedPrecision\(\.\.\.\) gave, got Adam without it/,
    );
    await expect(lossScaleState(3 as never)).rejects.toThrow(/got the number 3/);
  });

  it("holds the scale between 2^-126 and 2^126", async () => {
    const w = variable([1, 2]);
    const high = withLossScaling(new SGD(), { initialScale: 2 ** 126, dynamicGrowthSteps: 1 }).build([w]);
    high.apply([tensor([1, 1])]);
    expect(await lossScaleState(high)).toMatchObject({ scale: 2 ** 126, skippedSteps: 0 });
    const low = withLossScaling(new SGD(), { initialScale: 2 ** -126 }).build([variable([1, 2])]);
    low.apply([tensor([Number.POSITIVE_INFINITY, 1])]);
    expect(await lossScaleState(low)).toMatchObject({ scale: 2 ** -126, skippedSteps: 1 });
    for (const optimizer of [high, low]) optimizer.dispose();
  });

  it("goes on from a saved state, before and after variables are known", async () => {
    const w = variable([1, 2]);
    const first = withLossScaling(new SGD({ momentum: 0.9 }), { dynamicGrowthSteps: 2 });
    for (let i = 0; i < 3; i++) first.minimize(() => mean(square(w)), [w]).dispose();
    const state = await optimizerState(first);
    expect(state.scalars).toMatchObject({ lossScale: 2 ** 16, finiteSteps: 1, skippedSteps: 0 });
    const second = withLossScaling(new SGD({ momentum: 0.9 }), { dynamicGrowthSteps: 2 });
    setOptimizerState(second, state);
    expect(await lossScaleState(second)).toEqual({ scale: 2 ** 16, finiteSteps: 1, skippedSteps: 0 });
    second.build([variable([1, 2])]);
    expect(await lossScaleState(second)).toEqual({ scale: 2 ** 16, finiteSteps: 1, skippedSteps: 0 });
    expect(() => setOptimizerState(new SGD({ momentum: 0.9 }), state)).toThrow(/"lossScale" too many/);
  });

  it.each([
    ["withLossScaling", withLossScaling, undefined],
    ["mixedPrecision", mixedPrecision, true],
  ])("comes back with a saved model, its scale and counts included: %s", async (_, wrap, halves) => {
    const model = new Sequential([new Input([2]), new Dense(1)]);
    const optimizer = wrap(new Adam(), { initialScale: 2 ** 10, dynamicGrowthSteps: 3 });
    model.compile({ optimizer, loss: "meanSquaredError" });
    await model.fit(
      [
        [0, 1],
        [1, 0],
      ],
      [[1], [2]],
      { epochs: 5, batchSize: 2, verbose: 0 },
    );
    const found = await lossScaleState(optimizer);
    expect(found).toEqual({ scale: 2 ** 11, finiteSteps: 2, skippedSteps: 0 });
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-loss-scale-"));
    const file = path.join(folder, "model");
    await saveModel(model, file);
    const again = await loadModel(file);
    fs.rmSync(folder, { recursive: true });
    expect(await lossScaleState(again.optimizer as Adam)).toEqual(found);
    expect(again.optimizer?.inside.scaling?.options).toEqual({
      initialScale: 2 ** 10,
      dynamicGrowthSteps: 3,
      halves,
    });
    await again.fit(
      [
        [0, 1],
        [1, 0],
      ],
      [[1], [2]],
      { epochs: 1, batchSize: 2, verbose: 0 },
    );
    expect(await lossScaleState(again.optimizer as Adam)).toEqual({
      scale: 2 ** 12,
      finiteSteps: 0,
      skippedSteps: 0,
    });
    for (const held of [model, again]) held.dispose();
  });
});

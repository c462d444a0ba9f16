// Steps of which some overflow, against PyTorch's Adam and the documented rule of its scale (test/fixtures/loss-scale.py).

import { expect } from "vitest";
import { type Device, jit, type Tensor, tensor, variable } from "../../engine/index.ts";
import {
  BatchNormalization,
  Dense,
  type Diagnostics,
  Input,
  regularizers,
  Sequential,
} from "../../nn/index.ts";
import { Adam, lossScaleState, type Optimizer, optimizerState, withLossScaling } from "../../optim/index.ts";
import source from "../fixtures/loss-scale.json" with { type: "json" };

/** All steps, each a gradient handed to `apply`, and after each weights, scale and counts. */
export async function expectScaledSteps(
  device: Device,
  kind: "single" | "accumulated",
  isTraced: boolean,
): Promise<void> {
  const weight = variable([0.5, -1, 2], { device });
  const optimizer = withLossScaling(
    new Adam({ learningRate: 0.05, epsilon: 1e-12, gradientAccumulationSteps: kind === "single" ? 1 : 2 }),
    { initialScale: source.start, dynamicGrowthSteps: source.growth },
  ).build([weight]);
  const apply = (gradient: Tensor) => optimizer.apply([gradient]);
  const traced = jit(apply);
  for (const [t, row] of source[kind].entries()) {
    const factor = source.overflows.includes(t) ? Number.POSITIVE_INFINITY : 1;
    const gradient = tensor(
      [0.1 * (t % 5) - 0.2, 0.3, -0.01 * t].map((value) => value * factor),
      { device },
    );
    const before = kind === "single" ? await optimizerState(optimizer) : undefined;
    (isTraced ? traced : apply)(gradient);
    const values = await weight.data();
    row.weight.forEach((want, i) => {
      expect(Math.abs(values[i] - want), `step ${t}: ${values[i]}, not ${want}`).toBeLessThan(2e-6);
    });
    const { scale, finiteSteps, skippedSteps, iterations } = row;
    expect(await lossScaleState(optimizer), `step ${t}`).toEqual({ scale, finiteSteps, skippedSteps });
    const after = await optimizerState(optimizer);
    expect(after.iterations, `step ${t}`).toBe(iterations);
    if (before !== undefined && factor !== 1) expect(after.slots).toEqual(before.slots);
    gradient.dispose();
  }
  for (const held of [traced, optimizer, weight]) held.dispose();
}

export const x = Float32Array.from({ length: 64 * 6 }, (_, i) => Math.sin(i * 1.7));
export const y = Float32Array.from({ length: 64 }, (_, i) => x[i * 6] * x[i * 6 + 1] - x[i * 6 + 3]);

export const weightsOf = async (model: Sequential) => (await model.getWeights()).map(({ values }) => values);

export const makeModel = () =>
  new Sequential([
    new Input([6]),
    new Dense(16, { activation: "relu" }),
    new BatchNormalization(),
    new Dense(1, { kernelRegularizer: regularizers.l2(0.01) }),
  ]);

/** Weights and losses of a few epochs from the same start. */
export async function trained(
  optimizer: Optimizer,
  start: readonly Float32Array[],
  callbacks: Diagnostics[] = [],
) {
  const model = makeModel();
  model.setWeights(start);
  model.compile({ optimizer, loss: "meanSquaredError" });
  const { history } = await model.fit(x, y, {
    epochs: 4,
    batchSize: 16,
    shuffle: false,
    verbose: 0,
    callbacks,
  });
  const weights = await weightsOf(model);
  model.dispose();
  return { losses: history.loss, weights };
}

/** Four epochs with a scale that grows a few times, and without. */
export async function expectSameTraining(make: () => Optimizer, wrap = withLossScaling): Promise<void> {
  const model = makeModel();
  const start = await weightsOf(model);
  model.dispose();
  const plain = await trained(make(), start);
  const scaled = await trained(wrap(make(), { dynamicGrowthSteps: 5 }), start);
  scaled.losses.forEach((loss, i) => {
    expect(loss).toBeCloseTo(plain.losses[i], 5);
  });
  scaled.weights.forEach((values, k) => {
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(plain.weights[k][i], 4);
    });
  });
}

// Learning-rate schedules against their formulas in plain float64, and how optimizers follow them.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError } from "../../engine/base/errors.ts";
import { type Device, init, mul, type Tensor, tensor, tidy, variable } from "../../engine/index.ts";
import { Adam, optimizerState, type Schedule, SGD, schedules, setOptimizerState } from "../../optim/index.ts";
import { expected, expectPath, run } from "../support/optimizer-paths.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const steps = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 20, 29, 30, 31, 100, 1000];

async function expectRates(schedule: Schedule, want: (step: number) => number): Promise<void> {
  for (const step of steps) {
    const rate = tidy(() => schedule(tensor(step)));
    const [got] = await rate.dataFloat64();
    expect(Math.abs(got - want(step)), `step ${step}: ${got}, not ${want(step)}`).toBeLessThan(1e-7);
    expect(rate.shape).toEqual([]);
    rate.dispose();
  }
}

const common = { initialLearningRate: 0.1, decaySteps: 10 };

describe("rates by step", () => {
  it.each([false, true])("exponential decay, staircase %s", async (staircase) => {
    await expectRates(
      schedules.exponentialDecay({ ...common, decayRate: 0.5, staircase }),
      (t) => 0.1 * 0.5 ** (staircase ? Math.floor(t / 10) : t / 10),
    );
  });

  it.each([false, true])("inverse time decay, staircase %s", async (staircase) => {
    await expectRates(
      schedules.inverseTimeDecay({ ...common, decayRate: 0.5, staircase }),
      (t) => 0.1 / (1 + 0.5 * (staircase ? Math.floor(t / 10) : t / 10)),
    );
  });

  it.each([
    { power: 1, cycle: false },
    { power: 2, cycle: false },
    { power: 0.5, cycle: true },
    { power: 1, cycle: true },
  ])("polynomial decay, %o", async ({ power, cycle }) => {
    await expectRates(schedules.polynomialDecay({ ...common, endLearningRate: 0.02, power, cycle }), (t) => {
      const total = cycle ? 10 * Math.max(1, Math.ceil(t / 10)) : 10;
      return 0.08 * (1 - Math.min(t, total) / total) ** power + 0.02;
    });
  });

  it("piecewise constant", async () => {
    await expectRates(
      schedules.piecewiseConstant({ boundaries: [3, 10, 30], values: [0.5, 0.25, 0.1, 0.01] }),
      (t) => (t <= 3 ? 0.5 : t <= 10 ? 0.25 : t <= 30 ? 0.1 : 0.01),
    );
    await expectRates(schedules.piecewiseConstant({ boundaries: [], values: [0.5] }), () => 0.5);
  });

  it("cosine decay", async () => {
    await expectRates(
      schedules.cosineDecay({ ...common, alpha: 0.1 }),
      (t) => 0.1 * (0.9 * 0.5 * (1 + Math.cos((Math.PI * Math.min(t, 10)) / 10)) + 0.1),
    );
  });

  it("cosine decay after a warm-up", async () => {
    await expectRates(
      schedules.cosineDecay({ initialLearningRate: 0, decaySteps: 20, warmupSteps: 4, warmupTarget: 0.4 }),
      (t) => (t < 4 ? 0.1 * t : 0.4 * 0.5 * (1 + Math.cos((Math.PI * Math.min(t - 4, 20)) / 20))),
    );
  });
});

describe("an optimizer under a schedule", () => {
  const schedule = schedules.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 2, decayRate: 0.5 });

  it("follows it step by step", async () => {
    const want = expected(
      () => 0,
      (w, g, _, t) => w - 0.1 * 0.5 ** ((t - 1) / 2) * g,
    );
    expectPath(await run(new SGD({ learningRate: schedule })), want);
  });

  it("follows a function of one's own, and decays weights by its rate", async () => {
    const half = (step: Tensor) => mul(0.5, mul(step, 0.1));
    const want = expected(
      () => 0,
      (w, g, _, t) => {
        const rate = 0.05 * (t - 1);
        return w - rate * 0.3 * w - rate * g;
      },
    );
    expectPath(await run(new SGD({ learningRate: half, weightDecay: 0.3 })), want);
    expect(new SGD({ learningRate: half }).config().learningRate).toEqual({ schedule: "half" });
  });

  it("tells the rate of the next update, and no settable one", async () => {
    const optimizer = new Adam({ learningRate: schedule });
    expect(await optimizer.currentLearningRate()).toBeCloseTo(0.1, 6);
    expect(() => optimizer.learningRate).toThrow(/follows the schedule "exponentialDecay"; read its rate/);
    expect(() => {
      optimizer.learningRate = 1;
    }).toThrow(ArgumentError);
    expect(optimizer.config().learningRate).toEqual({
      schedule: "exponentialDecay",
      initialLearningRate: 0.1,
      decaySteps: 2,
      decayRate: 0.5,
      staircase: false,
    });
    const w = variable([1, 2], { name: "w" });
    optimizer.build([w]);
    const gradient = tensor([1, 1]);
    for (let i = 0; i < 3; i++) optimizer.apply([gradient]);
    const before = device.memory().tensors;
    optimizer.apply([gradient]);
    await optimizer.currentLearningRate();
    expect(device.memory().tensors).toBe(before);
    expect(await optimizer.currentLearningRate()).toBeCloseTo(0.025, 6);
    const state = await optimizerState(optimizer);
    expect(state.learningRate).toBeUndefined();
    const other = new Adam({ learningRate: schedule });
    setOptimizerState(other, state);
    expect(await other.currentLearningRate()).toBeCloseTo(0.025, 6);
  });

  it("and one with time decay tells that rate", async () => {
    const optimizer = new SGD({ learningRate: 0.5, decay: 1 });
    const w = variable([1], { name: "w" });
    expect(await optimizer.currentLearningRate()).toBe(0.5);
    optimizer.build([w]);
    optimizer.apply([tensor([1])]);
    expect(await optimizer.currentLearningRate()).toBe(0.25);
    optimizer.learningRate = 0.25;
    expect(await optimizer.currentLearningRate()).toBe(0.125);
  });
});

describe("errors", () => {
  it("name the schedule and what was given", () => {
    expect(() => schedules.exponentialDecay({ ...common, decaySteps: 0, decayRate: 1 })).toThrow(
      "exponentialDecay: decaySteps must be a whole number of at least 1, got 0",
    );
    expect(() => schedules.exponentialDecay({ ...common, decayRate: 0 })).toThrow(
      /decayRate must be .* above 0/,
    );
    expect(() => schedules.piecewiseConstant({ boundaries: [1], values: [1] })).toThrow(/one value more/);
    expect(() => schedules.piecewiseConstant({ boundaries: [2, 2], values: [1, 1, 1] })).toThrow(/ascend/);
    expect(() => schedules.cosineDecay({ ...common, warmupSteps: 3 })).toThrow(/needs warmupSteps above 0/);
    expect(() => new SGD({ learningRate: (step) => step, decay: 0.1 })).toThrow(/are both given/);
  });

  it("a schedule that gives no scalar is found at the step", () => {
    const w = variable([1, 2], { name: "w" });
    for (const [wrong, told] of [
      [() => tensor([1, 2]), "got a f32 [2]"],
      [() => 0.1 as unknown as Tensor, "got the number 0.1"],
    ] as const) {
      const optimizer = new SGD({ learningRate: wrong }).build([w]);
      expect(() => optimizer.apply([tensor([1, 1])])).toThrow(told);
    }
  });
});

// What fit reports does not depend on how many steps its submits hold, however fast or slow the machine seems to be.

import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { type Device, device as defaultDevice, noLeaks, setDevice, setSeed } from "../../engine/index.ts";
import { type Callback, Dense, Input, Sequential, StepLosses } from "../../nn/index.ts";
import { gpuDevice } from "../support/devices.ts";

let gpu: Device;
let before: Device;
beforeAll(async () => {
  gpu = await gpuDevice();
  before = defaultDevice();
  setDevice(gpu);
});
afterAll(() => setDevice(before));
afterEach(() => vi.restoreAllMocks());

const count = 1100;
const x = Array.from({ length: count }, (_, i) => [Math.sin(i), Math.cos(3 * i)]);
const y = x.map(([a, b]) => a * b);

/** Trains while a millisecond seems to take so many. */
async function run(slowness: number) {
  const now = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => now() * slowness);
  setSeed(5);
  using model = new Sequential([new Input([2]), new Dense(8, { activation: "tanh" }), new Dense(1)]);
  model.compile({ optimizer: "adam", loss: "mse", metrics: ["mae"] });
  const submits: number[] = [];
  const { history, steps } = await model.fit(x, y, {
    verbose: 0,
    batchSize: 4,
    validationData: [x, y],
    callbacks: [new StepLosses(), { onBoundary: (_, context) => void submits.push(context.steps) }],
  });
  const [{ values }] = await model.getWeights();
  model.optimizer?.dispose();
  vi.restoreAllMocks();
  return { history, values, submits, losses: steps.loss };
}

it("two runs report the same numbers to the last bit", async () => {
  // Each step seems to take seconds: one a submit. Then as good as nothing: 256 a submit.
  const slow = await run(1000);
  const fast = await run(1e-4);
  expect(slow.submits).toHaveLength(275);
  expect(fast.submits.length).toBeLessThan(30);
  expect(fast.submits).toEqual(expect.arrayContaining([256]));
  expect(fast.history).toEqual(slow.history);
  expect(fast.values).toEqual(slow.values);
  expect(fast.losses).toEqual(slow.losses);
  expect(fast.losses).toHaveLength(275);
  expect(fast.losses.reduce((sum, loss) => sum + loss) / 275).toBeCloseTo(fast.history.loss[0], 6);
  expect(Object.keys(slow.history)).toEqual(["loss", "mae", "valLoss", "valMae"]);
});

it("StepLosses costs a step one dispatch at most, and leaves nothing behind", async () => {
  using model = new Sequential([new Input([2]), new Dense(8, { activation: "tanh" }), new Dense(1)]);
  model.compile({ optimizer: "adam", loss: "mse", metrics: ["mae"] });
  const dispatches = async (callbacks: StepLosses[]) => {
    let first = 0;
    let last = 0;
    const count: Callback = {
      onEpochBegin: () => {
        first = gpu.counters().dispatches;
      },
      onEpochEnd: () => {
        last = gpu.counters().dispatches;
      },
    };
    const options = { verbose: 0, batchSize: 4, epochs: 2, shuffle: false } as const;
    await model.fit(x.slice(0, 200), y.slice(0, 200), { ...options, callbacks: [...callbacks, count] });
    return (last - first) / 50;
  };
  const without = await dispatches([]);
  expect(await dispatches([new StepLosses()])).toBeLessThanOrEqual(without + 1);
  await noLeaks(() => dispatches([new StepLosses()]).then(() => {}), { device: gpu });
  model.optimizer?.dispose();
});

// fit on a device that is lost at random moments: weights, optimizer, history and callbacks come out as of a run that
// nothing disturbed.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Dataset } from "../../data/dataset/index.ts";
import type { WebgpuBackend } from "../../engine/backend/webgpu/webgpu.ts";
import {
  ArgumentError,
  type Device,
  DeviceError,
  DeviceLostError,
  init,
  setDevice,
  tensor,
} from "../../engine/index.ts";
import {
  BatchNormalization,
  type Callback,
  type DataLike,
  Dense,
  Dropout,
  EarlyStopping,
  type FitOptions,
  Input,
  ReduceLROnPlateau,
  Sequential,
} from "../../nn/index.ts";
import { Adam, optimizerState } from "../../optim/index.ts";
import { gpuDevice } from "../support/devices.ts";
import { isFirstAdapter, sampled } from "../support/sampled.ts";

let shared: Device;
let device: Device;

beforeAll(async () => {
  shared = await gpuDevice();
  device = await init({ device: "webgpu" });
});
afterAll(() => {
  device.dispose();
  setDevice(shared);
});
beforeEach(async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  await device.recover();
  setDevice(device);
});
afterEach(() => {
  vi.restoreAllMocks();
  setDevice(shared);
});

const rows = 96;
const x = Float32Array.from({ length: rows * 4 }, (_, i) => Math.sin(i * 1.7));
const y = Float32Array.from({ length: rows }, (_, i) => (x[4 * i] + x[4 * i + 2] > 0 ? 1 : 0));

function makeModel(): Sequential {
  const model = new Sequential([
    new Input([4]),
    new Dense(8, { activation: "tanh" }),
    new BatchNormalization(),
    new Dropout(0.2),
    new Dense(1, { activation: "sigmoid" }),
  ]);
  const optimizer = new Adam({ learningRate: 0.02 });
  return model.compile({ optimizer, loss: "binaryCrossentropy", metrics: ["accuracy"] });
}

const slices = () =>
  Dataset.fromTensorSlices([
    { values: x, shape: [rows, 4] },
    { values: y, shape: [rows, 1] },
  ]);

const lose = () => (device.backend as WebgpuBackend).loseDevice();
const warnings = () => vi.mocked(console.warn).mock.calls.map(([text]) => String(text));

interface Case extends Omit<FitOptions, "callbacks"> {
  readonly makeCallbacks?: () => Callback[];
  readonly data?: () => readonly [x: DataLike | Dataset, y?: DataLike];
}

const options: FitOptions = { epochs: 5, batchSize: 8, verbose: 0, snapshotEvery: { steps: 7 } };

/** All that a run gives; `disturb` may lose the device, told how many steps were reported so far. */
async function run({ makeCallbacks, data, ...more }: Case, disturb: (steps: number) => void) {
  device.setSeed(5);
  const model = makeModel();
  const told: string[] = [];
  let steps = 0;
  const teller: Callback = {
    everySteps: 4,
    onEpochBegin: (epoch) => void told.push(`begin ${epoch}`),
    onStepsEnd: (taken, logs) => {
      told.push(`step ${taken}: ${logs.loss}`);
      steps += 4;
      disturb(steps);
    },
    onEpochEnd: (epoch, logs) => void told.push(`end ${epoch}: ${JSON.stringify(logs)}`),
  };
  const callbacks = [teller, ...(makeCallbacks?.() ?? [])];
  try {
    const { history } = await model.fit(...((data?.() ?? [x, y]) as [never, never]), {
      ...options,
      ...more,
      callbacks,
    });
    const weights = (await model.getWeights()).map(({ values }) => [...values]);
    const state = await optimizerState(model.optimizer!);
    return { weights, history, told, state, evaluated: await model.evaluate(x, y) };
  } finally {
    model.dispose();
  }
}

/** Loses the device after so many steps. */
const losingAt =
  (...at: number[]) =>
  (steps: number) => {
    if (at.includes(steps)) lose();
  };

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => new Error("it did not reject"),
    (error: Error) => error,
  );
}

describe("fit on a device that is lost", () => {
  const cases: [string, Case, number[]][] = [
    ["early and late, with validation", { validationData: [x, y] }, [4, 52]],
    ["with data that stream, twice at one place", { memoryBudget: 800 }, [8, 24, 28]],
    ["with tensors as data", { data: () => [tensor(x, [rows, 4]), tensor(y, [rows, 1])] }, [20]],
    ["op by op", { jit: false, epochs: 2 }, [12]],
    [
      "with a data set on the device, whose passes are no epochs",
      {
        epochs: 3,
        batchSize: undefined,
        stepsPerEpoch: 10,
        data: () => [slices().shuffle(undefined, { seed: 3 }).batch(8).repeat()],
      },
      [12, 20],
    ],
    [
      "with a data set that streams",
      {
        epochs: 3,
        batchSize: undefined,
        data: () => [
          slices()
            .shuffle(20, { seed: 3 })
            .map((row) => row)
            .batch(8),
        ],
      },
      [16, 24],
    ],
    [
      "with callbacks that change rates and end training",
      {
        epochs: 9,
        validationSplit: 0.25,
        makeCallbacks: () => [
          new ReduceLROnPlateau({ monitor: "loss", patience: 1, minDelta: 0.05, factor: 0.5 }),
          new EarlyStopping({ monitor: "valLoss", patience: 4, restoreBestWeights: true }),
          {
            // Rates by step, and weights that are written from outside.
            onStepsEnd(steps, _, model) {
              const { optimizer } = model as Sequential;
              if (optimizer !== undefined && steps === 4) optimizer.learningRate *= 0.9;
            },
            async onEpochEnd(epoch, _, model) {
              const own = model as Sequential;
              if (epoch === 1)
                own.setWeights((await own.getWeights()).map(({ values }) => values.map((v) => v / 2)));
            },
          },
        ],
      },
      [12, 40],
    ],
  ];
  it.each(isFirstAdapter ? cases : sampled(cases))(
    "ends as if nothing had been: %s",
    async (_, given, at) => {
      const undisturbed = await run(given, () => {});
      expect(warnings()).toEqual([]);
      expect(await run(given, losingAt(...at))).toEqual(undisturbed);
      expect(warnings().length).toBe(at.length);
      for (const text of warnings())
        expect(text).toMatch(
          /fit: model "sequential.*": the device was lost \(.+\) in epoch \d, step \d+; it is opened again, and the steps since the last snapshot \(epoch \d, step \d+\) are repeated/,
        );
    },
  );

  it("goes on from its beginning by default, and a few steps a submit are no matter", async () => {
    const more: Case = { snapshotEvery: undefined, epochs: 3 };
    const undisturbed = await run(more, () => {});
    let isLost = false;
    const found = await run(more, (steps) => {
      if (steps < 20 || isLost) return;
      isLost = true;
      setTimeout(lose, 3);
    });
    expect(found).toEqual(undisturbed);
  });

  it("goes on though a callback ended a fit before as it began", async () => {
    const throws = { onTrainBegin: () => Promise.reject(new Error("not today")) };
    expect((await rejection(run({ makeCallbacks: () => [throws] }, () => {}))).message).toBe("not today");
    const { told } = await run({ epochs: 1 }, losingAt(8));
    expect(told.at(-1)).toMatch(/^end 0/);
    expect(warnings()).toHaveLength(1);
  });

  it("ends with an error that says why, where it can't go on", async () => {
    const ended = await rejection(run({ snapshotEvery: false }, losingAt(8)));
    expect(ended).toBeInstanceOf(DeviceLostError);
    await device.recover();
    const data = () => [tensor(x, [rows, 4]), tensor(y, [rows, 1])] as const;
    const tooMuch = await rejection(run({ data, snapshotBudget: 1000 }, losingAt(8)));
    expect(tooMuch).toBeInstanceOf(DeviceLostError);
    expect(tooMuch.message).toMatch(
      /was lost \(.+\) in epoch 1, step 8, and training can't go on: x, y, given as tensors, take 1920 bytes, more than snapshotBudget \(1000\); pass typed arrays, or raise it/,
    );
    await device.recover();
    const tooLarge = await rejection(run({ snapshotBudget: 10 }, losingAt(8)));
    expect(tooLarge.message).toMatch(/its variables take \d+ bytes, more than snapshotBudget/);
    await device.recover();
    const { backend } = device;
    const { reopen } = backend;
    const gone = await rejection(
      run({}, (steps) => {
        if (steps !== 8) return;
        backend.reopen = () => Promise.reject(new DeviceError("the system gives no adapter"));
        vi.spyOn(device, "recover").mockImplementation(() =>
          Object.getPrototypeOf(device).recover.call(device, { timeout: 0.1 }),
        );
        lose();
      }),
    );
    backend.reopen = reopen;
    expect(gone.message).toMatch(/no device came back within 0\.1 s: the system gives no adapter/);
  });

  it("refuses wrong options before anything changes", async () => {
    const model = makeModel();
    for (const wrong of [
      { snapshotEvery: 0 },
      { snapshotEvery: { step: 4 } },
      { snapshotEvery: { steps: 1.5 } },
      { snapshotBudget: -1 },
    ])
      expect(await rejection(model.fit(x, y, wrong as FitOptions))).toBeInstanceOf(ArgumentError);
    model.dispose();
  });
});

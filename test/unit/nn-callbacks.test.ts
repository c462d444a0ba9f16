// EarlyStopping and ReduceLROnPlateau on the CPU reference: on logs that are made up, and in fit.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError } from "../../engine/base/errors.ts";
import { type Device, init, noLeaks } from "../../engine/index.ts";
import {
  Dense,
  EarlyStopping,
  type EarlyStoppingOptions,
  Input,
  LogDownload,
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
  Sequential,
} from "../../nn/index.ts";
import * as all from "../../nn/training/callbacks/index.ts";
import { Adam, SGD, schedules } from "../../optim/index.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const x = [[1], [2], [3], [4]];
const y = [2, 4, 6, 8];
const makeModel = (learningRate = 0.05, metrics: string[] = []) =>
  new Sequential([new Input([1]), new Dense(1, { kernelInitializer: "zeros" })]).compile({
    optimizer: new SGD({ learningRate }),
    loss: "mse",
    metrics,
  });

/** What callbacks are made with that would else write beside the tests. */
const made: Readonly<Record<string, object>> = { TensorBoard: { logDir: new LogDownload() } };

describe.each(Object.entries(all))("%s, as every callback", (name, Own) => {
  it("refuses an option that it has none of", () => {
    expect(() => new Own({ monitr: "loss" } as never)).toThrow(ArgumentError);
    expect(() => new Own({ monitr: "loss" } as never)).toThrow(name);
  });

  it("takes part in fit after fit, and leaves nothing behind", async () => {
    const model = makeModel();
    const callbacks = [new Own(made[name] ?? {})];
    const train = () => model.fit(x, y, { verbose: 0, epochs: 2, validationSplit: 0.5, callbacks });
    const { history } = await train();
    expect(history.loss).toHaveLength(2);
    await noLeaks(() => train());
    model.dispose();
  });
});

/** What stops after which epoch of a list of values: epochs that were run, the best one. */
async function stopped(values: readonly number[], options: EarlyStoppingOptions, name = "valLoss") {
  const callback = new EarlyStopping(options);
  const model = makeModel();
  callback.onTrainBegin();
  let epochs = 0;
  for (; epochs < values.length && !model.stopTraining; epochs++)
    await callback.onEpochEnd(epochs, { loss: 1, [name]: values[epochs] }, model);
  callback.onTrainEnd(model);
  model.dispose();
  return { epochs, callback };
}

describe("EarlyStopping", () => {
  it.each<[string, number[], EarlyStoppingOptions, number, number, number | undefined]>([
    ["ends at the first epoch that is no better", [3, 2, 2, 1], {}, 3, 1, 2],
    ["ends there with a patience of 1 too", [3, 2, 2, 1], { patience: 1 }, 3, 1, 2],
    ["ends after as many as its patience", [3, 2, 3, 2.1, 1, 2, 2, 2, 0], { patience: 3 }, 8, 4, 7],
    ["goes on while it gets better", [3, 2, 1, 0.5], { patience: 1 }, 4, 3, undefined],
    ["adds up what is not more than minDelta", [3, 2.5, 2], { minDelta: 0.5, patience: 2 }, 3, 2, undefined],
    ["ends where all stays within minDelta", [3, 2.75, 2.5], { minDelta: 0.5, patience: 2 }, 3, 0, 2],
    ["ends at NaN, which is never better", [3, Number.NaN, Number.NaN], { patience: 2 }, 3, 0, 2],
    ["takes more for better where told", [0.5, 0.6, 0.4], { mode: "max" }, 3, 1, 2],
  ])("%s", async (_, values, options, epochs, best, stoppedEpoch) => {
    const found = await stopped(values, options);
    expect([found.epochs, found.callback.bestEpoch, found.callback.best]).toEqual([
      epochs,
      best,
      values[best],
    ]);
    expect(found.callback.stoppedEpoch).toBe(stoppedEpoch);
  });

  it("after NaN takes the first number for the best", async () => {
    const { callback } = await stopped([Number.NaN, 5, 4], { patience: 3 });
    expect([callback.bestEpoch, callback.best]).toEqual([2, 4]);
  });

  it.each(["accuracy", "valAccuracy", "acc", "val_acc", "valBinaryAccuracy"])(
    "wants more of %s",
    async (name) => {
      expect((await stopped([0.5, 0.6, 0.5], { monitor: name }, name)).callback.bestEpoch).toBe(1);
      expect((await stopped([0.5, 0.6], { monitor: name, mode: "min" }, name)).callback.bestEpoch).toBe(0);
    },
  );

  it("ends fit, and begins anew with the next", async () => {
    const model = makeModel(0.05);
    const callback = new EarlyStopping({ monitor: "loss", minDelta: 1, patience: 2 });
    const first = await model.fit(x, y, { verbose: 0, epochs: 50, callbacks: callback });
    const epochs = first.epoch.length;
    expect(epochs).toBeLessThan(50);
    expect(callback.stoppedEpoch).toBe(epochs - 1);
    expect(callback.bestEpoch).toBe(epochs - 3);
    await model.fit(x, y, { verbose: 0, epochs: 2, callbacks: callback });
    expect([callback.bestEpoch, callback.stoppedEpoch]).toEqual([0, undefined]);
    model.dispose();
  });

  it.each([
    ["gives back the best epoch's weights where it ends", 20],
    ["gives back the best epoch's weights where the epochs do", 3],
  ])("%s", async (_, epochs) => {
    // Too large a rate: each epoch is worse than the one before.
    const model = makeModel(0.2);
    const seen: Float32Array[] = [];
    const callback = new EarlyStopping({ monitor: "loss", patience: 5, restoreBestWeights: true });
    await model.fit(x, y, {
      verbose: 0,
      epochs,
      callbacks: [
        {
          onEpochEnd: async (_epoch, _logs, trained) =>
            void seen.push((await trained.getWeights())[0].values),
        },
        callback,
      ],
    });
    expect(seen).toHaveLength(Math.min(epochs, 6));
    expect(callback.bestEpoch).toBe(0);
    expect((await model.getWeights())[0].values).toEqual(seen[0]);
    expect(seen.at(-1)).not.toEqual(seen[0]);
    model.dispose();
  });

  it("keeps the last weights unless asked to give back the best, and leaves nothing on the device", async () => {
    const model = makeModel(0.2);
    const run = (restoreBestWeights: boolean) =>
      model.fit(x, y, {
        verbose: 0,
        epochs: 4,
        callbacks: new EarlyStopping({ monitor: "loss", patience: 2, restoreBestWeights }),
      });
    model.setWeights([[0], [0]]);
    await run(false);
    const last = (await model.getWeights())[0].values;
    model.setWeights([[0], [0]]);
    await run(true);
    expect((await model.getWeights())[0].values).not.toEqual(last);
    await noLeaks(() => run(true).then(() => {}), { device });
    model.dispose();
  });
});

/** The rates after each of a list of values. */
async function rates(values: readonly number[], options: ReduceLROnPlateauOptions, learningRate = 1) {
  const model = makeModel(learningRate);
  const callback = new ReduceLROnPlateau(options);
  callback.onTrainBegin(model);
  const found = values.map((value, epoch) => {
    callback.onEpochEnd(epoch, { loss: 1, valLoss: value }, model);
    return model.optimizer?.learningRate;
  });
  model.dispose();
  return found;
}

describe("ReduceLROnPlateau", () => {
  it("multiplies the rate after as many epochs as its patience, and counts anew", async () => {
    expect(await rates([3, 3, 3, 3, 3, 2, 2, 2], { factor: 0.5, patience: 2 })).toEqual([
      1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125,
    ]);
    expect(await rates([3, 3, 3], { factor: 0.5, patience: 0 })).toEqual([1, 0.5, 0.25]);
  });

  it("stops at minLearningRate", async () => {
    const options = { factor: 0.1, patience: 1, minLearningRate: 0.05 };
    expect(await rates([1, 1, 1, 1], options)).toEqual([1, 0.1, 0.05, 0.05]);
    expect(await rates([1, 1], { ...options, minLearningRate: 2 })).toEqual([1, 1]);
  });

  it("counts an improvement of 1e-4 as none, by default, and waits for 10 epochs", async () => {
    expect(await rates([1, 1 - 0.9e-4], { patience: 1, factor: 0.5 })).toEqual([1, 0.5]);
    expect(await rates([1, 1 - 2e-4], { patience: 1, factor: 0.5 })).toEqual([1, 1]);
    const flat = await rates(new Array(11).fill(1), {});
    expect(flat[9]).toBe(1);
    expect(flat[10]).toBeCloseTo(0.1, 12);
  });

  it("changes what fit trains with", async () => {
    const model = makeModel(0.2);
    const callback = new ReduceLROnPlateau({ monitor: "loss", factor: 0.1, patience: 1 });
    const { history } = await model.fit(x, y, { verbose: 0, epochs: 6, callbacks: callback });
    expect(history.loss[1]).toBeGreaterThan(history.loss[0]);
    expect(history.loss[5]).toBeLessThan(history.loss[2]);
    expect(model.optimizer?.learningRate).toBeLessThan(0.2);
    expect(await model.optimizer?.currentLearningRate()).toBeCloseTo(model.optimizer?.learningRate ?? 0, 7);
    model.dispose();
  });

  it("is refused under a schedule", async () => {
    const learningRate = schedules.exponentialDecay({
      initialLearningRate: 1,
      decaySteps: 1,
      decayRate: 0.9,
    });
    const model = new Sequential([new Input([1]), new Dense(1)]);
    model.compile({ optimizer: new Adam({ learningRate }), loss: "mse" });
    const training = model.fit(x, y, { verbose: 0, callbacks: new ReduceLROnPlateau() });
    await expect(training).rejects.toThrow(
      /ReduceLROnPlateau: .* follows a schedule; give the optimizer a number/,
    );
    model.dispose();
  });
});

describe("what can't be meant", () => {
  it.each([EarlyStopping, ReduceLROnPlateau])("a name that is not in the logs", async (Kind) => {
    const model = makeModel();
    const train = (monitor: string | undefined, options: object = {}) =>
      model.fit(x, y, { verbose: 0, callbacks: new Kind({ monitor }), ...options });
    await expect(train(undefined)).rejects.toThrow(
      `${Kind.name}: monitor "valLoss" is not in the logs, which hold loss; give fit validationData or validationSplit, or monitor one of those`,
    );
    await expect(train("valLos", { validationData: [x, y] })).rejects.toThrow(
      'is not in the logs, which hold loss, valLoss; did you mean "valLoss"?',
    );
    // Either spelling is the name.
    await train("val_loss", { validationData: [x, y] });
    const callback = new Kind({ monitor: "val_mean_absolute_error" });
    const other = makeModel(0.05, ["mean_absolute_error"]);
    const { history } = await other.fit(x, y, { verbose: 0, validationData: [x, y], callbacks: callback });
    expect(Object.keys(history)).toEqual(["loss", "meanAbsoluteError", "valLoss", "valMeanAbsoluteError"]);
    other.dispose();
    await expect(train("accuracy")).rejects.toThrow(/which hold loss; monitor one of those/);
    await expect(train("accuracy")).rejects.toThrow(ArgumentError);
    // Training goes on after that.
    await model.fit(x, y, { verbose: 0, validationData: [x, y], callbacks: new Kind() });
    model.dispose();
  });

  it.each<[() => unknown, RegExp]>([
    [
      () => new EarlyStopping({ patience: -1 }),
      /EarlyStopping: patience must be a whole number of at least 0/,
    ],
    [() => new EarlyStopping({ patience: "3" as never }), /got the string "3"/],
    [() => new EarlyStopping({ minDelta: -1 }), /minDelta must be a finite number of at least 0, got -1/],
    [() => new EarlyStopping({ mode: "maximum" as never }), /unknown EarlyStopping mode "maximum"/],
    [() => new EarlyStopping({ min_delta: 1 } as never), /Did you mean "minDelta"\?/],
    [() => new EarlyStopping({ monitor: 3 as never }), /monitor must be a name in the logs.* got the number/],
    [() => new ReduceLROnPlateau({ factor: 1 }), /factor must be between 0 and 1 \(exclusive\), got 1/],
    [() => new ReduceLROnPlateau({ factor: "0.1" as never }), /got the string "0.1"/],
    [() => new ReduceLROnPlateau({ patience: 1.5 }), /ReduceLROnPlateau: patience must be/],
    [() => new ReduceLROnPlateau({ minLearningRate: -1 }), /minLearningRate must be/],
    [() => new ReduceLROnPlateau({ min_lr: 1 } as never), /unknown ReduceLROnPlateau option "min_lr"/],
  ])("%s", (make, message) => {
    expect(make).toThrow(message);
    expect(make).toThrow(ArgumentError);
  });
});

// The callbacks that come with the package, on the CPU reference: on logs that are made up, and in fit.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ArgumentError, DataError } from "../../engine/base/errors.ts";
import { type Device, init, noLeaks } from "../../engine/index.ts";
import {
  type Callback,
  CSVLogger,
  Dense,
  EarlyStopping,
  type EarlyStoppingOptions,
  type History,
  Input,
  JSONLogger,
  LambdaCallback,
  LearningRateScheduler,
  LogDownload,
  ProgressBar,
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
  Sequential,
  StepLosses,
  SwapEmaWeights,
  TerminateOnNaN,
} from "../../nn/index.ts";
import * as all from "../../nn/training/callbacks/index.ts";
import { Adam, SGD, schedules } from "../../optim/index.ts";

interface Golden {
  readonly earlyStopping: readonly {
    values: number[];
    options: object;
    epochs: number;
    best: number | null;
    weights: number;
  }[];
  readonly reduceLROnPlateau: readonly { values: number[]; options: object; rates: number[] }[];
}
const golden: Golden = JSON.parse(
  fs.readFileSync(path.join(import.meta.dirname, "../fixtures/callbacks.json"), "utf8"),
);

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

/** What stands before the options of those that take something else first. */
const first: Readonly<Record<string, readonly unknown[]>> = {
  CSVLogger: [undefined],
  JSONLogger: [],
  LambdaCallback: [],
  LearningRateScheduler: [(_: number, rate: number) => rate],
};
/** What they take part with, where that is more. */
const whole: Readonly<Record<string, readonly unknown[]>> = {
  LambdaCallback: [{ onTrainEnd() {} }],
  Diagnostics: [{ print() {} }],
  TensorBoard: [{ logDir: new LogDownload() }],
};
const makers = Object.entries(all) as [string, new (...args: unknown[]) => Callback][];

describe.each(makers)("%s, as every callback", (name, Kind) => {
  const given = whole[name] ?? first[name] ?? [];
  const makeModel = () =>
    new Sequential([new Input([1]), new Dense(1, { kernelInitializer: "zeros" })]).compile({
      optimizer: new SGD({ learningRate: 0.05, useEma: name === "SwapEmaWeights" }),
      loss: "mse",
    });
  // The bar's lines are not the tests'.
  const Own = class extends Kind {
    constructor() {
      super(...(name === "ProgressBar" ? [{ print() {} }] : given));
    }
  };

  it.skipIf(["StepLosses", "LearningRateScheduler"].includes(name))(
    "refuses an option that it has none of",
    () => {
      const make = () => new Kind(...(first[name] ?? []), { onMonitr() {}, monitr: "loss" });
      expect(make).toThrow(ArgumentError);
      expect(make).toThrow(name);
    },
  );

  it("goes on from its state as one that was not cut", async () => {
    const model = makeModel();
    const weights = await model.getWeights();
    const run = async (isCut: boolean) => {
      model.setWeights(weights);
      model.compile({ optimizer: makeModel().optimizer as SGD, loss: "mse" });
      const options = { verbose: 0, epochs: 6, validationSplit: 0.5, batchSize: 1, shuffle: false } as const;
      let own = new Own();
      let states: unknown[] = [];
      const abort = new AbortController();
      const last: Callback = {
        async onEpochEnd(epoch, _logs, _model, { history }) {
          states = await Promise.all([own.state?.(), history.state()]);
          if (isCut && epoch === 1) abort.abort();
        },
      };
      const first = model.fit(x, y, { ...options, signal: abort.signal, callbacks: [own, last] });
      if (isCut) {
        await expect(first).rejects.toThrow();
        const [own1, history1] = structuredClone(states);
        own = new Own();
        const resume: Callback = {
          onTrainBegin(_, context) {
            context.resume = async () => {
              await own.restore?.(own1);
              context.history.restore(history1 as never);
            };
          },
        };
        await model.fit(x, y, { ...options, initialEpoch: 2, callbacks: [own, last, resume] });
      } else {
        await first;
      }
      const { epoch, history, steps } = model.history as History;
      // A JSON has the times of its epochs.
      const state = name === "JSONLogger" ? JSON.parse(states[0] as string).history : states[0];
      return { epoch, history, steps, state, weights: await model.getWeights() };
    };
    const whole = await run(false);
    expect(await run(true)).toEqual(whole);
    expect(whole.epoch).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("takes part in fit after fit, and leaves nothing behind", async () => {
    const model = makeModel();
    const callbacks = [new Own()];
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

describe("EarlyStopping by itself", () => {
  /** Weights that tell the epoch in which they were read. */
  const fakeModel = () => {
    const model = {
      stopTraining: false,
      epoch: 0,
      weights: [] as number[],
      getWeights: async () => [{ values: Float32Array.of(model.epoch) }],
      setWeights: ([values]: Float32Array[]) => {
        model.weights = [...values];
      },
    };
    return model;
  };
  const follow = async (
    callback: EarlyStopping,
    losses: readonly number[],
    first = 0,
    model = fakeModel(),
  ) => {
    for (const [i, loss] of losses.entries()) {
      model.epoch = first + i;
      await callback.onEpochEnd(first + i, { loss }, model as never);
      if (model.stopTraining) break;
    }
    return model;
  };

  it("never ends training with the first epoch, even where that is NaN", async () => {
    const callback = new EarlyStopping({ monitor: "loss" });
    callback.onTrainBegin();
    expect((await follow(callback, [Number.NaN])).stopTraining).toBe(false);
    expect((await follow(callback, [Number.NaN], 1)).stopTraining).toBe(true);
  });

  it("counts anew with each fit", async () => {
    const callback = new EarlyStopping({ monitor: "loss", patience: 3, baseline: 0 });
    callback.onTrainBegin();
    await follow(callback, [1, 2]);
    callback.onTrainBegin();
    expect((await follow(callback, [1, 2])).stopTraining).toBe(false);
    expect((await follow(callback, [2], 2)).stopTraining).toBe(true);
  });

  it("goes on from its state: the best number, the patience left and the best weights", async () => {
    const options = { monitor: "loss", patience: 2, restoreBestWeights: true };
    const cut = new EarlyStopping(options);
    cut.onTrainBegin();
    await follow(cut, [3, 1, 2]);
    const resumed = new EarlyStopping(options);
    resumed.onTrainBegin();
    resumed.restore(cut.state());
    const model = await follow(resumed, [1.5], 3);
    expect([model.stopTraining, resumed.stoppedEpoch, resumed.bestEpoch, resumed.best]).toEqual([
      true,
      3,
      1,
      1,
    ]);
    resumed.onTrainEnd(model as never);
    expect(model.weights).toEqual([1]);
  });

  it("refuses a name that no epoch has, in one that is not validated, too", async () => {
    const callback = new EarlyStopping({ monitor: "los" });
    callback.onTrainBegin();
    const context = { hasValidation: true } as never;
    await expect(callback.onEpochEnd(0, { loss: 1 }, fakeModel() as never, context)).rejects.toThrow(
      /monitor "los" is not in the logs.*did you mean "loss"/,
    );
  });
});

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
    const rate = Kind === ReduceLROnPlateau ? ["learningRate"] : [];
    const own = ["loss", "meanAbsoluteError", "valLoss", "valMeanAbsoluteError"];
    expect(Object.keys(history)).toEqual([...own, ...rate]);
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
    [() => new ReduceLROnPlateau({ minLr: 1, minLearningRate: 1 }), /are both given; pass one/],
    [() => new ReduceLROnPlateau({ minLr: -1 }), /minLr must be/],
    [() => new ReduceLROnPlateau({ cooldown: -1 }), /cooldown must be a whole number/],
    [() => new EarlyStopping({ baseline: Number.NaN }), /EarlyStopping: baseline must be a number, got NaN/],
    [() => new EarlyStopping({ startFromEpoch: 1.5 }), /startFromEpoch must be a whole number/],
    [() => new LearningRateScheduler(0.1 as never), /LearningRateScheduler: .*got the number/],
    [() => new CSVLogger("a.csv", { separator: '"' }), /separator must be a string without quotes/],
    [() => new CSVLogger(3 as never), /CSVLogger: the file's name must be a string/],
    [() => new JSONLogger(""), /JSONLogger: the file's name must be a string that is not empty/],
    [() => new TerminateOnNaN({ everySteps: 0 }), /TerminateOnNaN: everySteps must be/],
    [() => new LambdaCallback({}), /LambdaCallback: callbacks has none of the methods/],
    [() => new LambdaCallback({ onBatch() {} } as never), /unknown LambdaCallback option "onBatch"/],
    [() => new ProgressBar({ verbose: 3 as never }), /ProgressBar: verbose must be 0/],
  ])("%s", (make, message) => {
    expect(make).toThrow(message);
    expect(make).toThrow(ArgumentError);
  });
});

/** Options by Keras's names, in ours. */
const inCamelCase = (options: object) =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );

describe("on made-up histories, decides as Keras does:", () => {
  it.each(golden.earlyStopping.map((one, i) => [i, one] as const))(
    "EarlyStopping %d",
    async (_, { values, options, epochs, best, weights }) => {
      const callback = new EarlyStopping({ ...inCamelCase(options), restoreBestWeights: true });
      let held: unknown = 0;
      const model = {
        stopTraining: false,
        getWeights: async () => [{ values: held }],
        setWeights: ([value]: unknown[]) => {
          held = value;
        },
      };
      callback.onTrainBegin();
      let run = 0;
      while (run < values.length && !model.stopTraining) {
        held = run;
        await callback.onEpochEnd(run, { loss: 1, valLoss: values[run] }, model as never);
        run++;
      }
      callback.onTrainEnd(model as never);
      expect([run, callback.best, held]).toEqual([epochs, best ?? undefined, weights]);
    },
  );

  it.each(golden.reduceLROnPlateau.map((one, i) => [i, one] as const))(
    "ReduceLROnPlateau %d",
    (_, { values, options, rates: wanted }) => {
      const callback = new ReduceLROnPlateau({ ...inCamelCase(options), factor: 0.5 });
      const model = { optimizer: { learningRate: 1 } } as never as Parameters<
        typeof callback.onTrainBegin
      >[0];
      callback.onTrainBegin(model);
      const found = values.map((valLoss, epoch) => {
        callback.onEpochEnd(epoch, { loss: 1, valLoss }, model);
        return model.optimizer?.learningRate;
      });
      expect(found).toEqual(wanted);
    },
  );
});

describe("what is not validated in each epoch", () => {
  it("is looked at where it is", async () => {
    const model = makeModel();
    const stop = new EarlyStopping({ minDelta: 1e6, patience: 1 });
    const reduce = new ReduceLROnPlateau({ minDelta: 1e6, patience: 1 });
    const { epoch } = await model.fit(x, y, {
      verbose: 0,
      epochs: 20,
      validationData: [x, y],
      validationFreq: 3,
      callbacks: [stop, reduce],
    });
    expect([epoch.length, stop.stoppedEpoch]).toEqual([6, 5]);
    expect(model.optimizer?.learningRate).toBeCloseTo(0.005, 9);
    model.dispose();
  });
});

describe("LearningRateScheduler", () => {
  it("sets the rate of each epoch from the one before, and notes it", async () => {
    const model = makeModel(0.04);
    const seen: number[] = [];
    const { history } = await model.fit(x, y, {
      verbose: 0,
      epochs: 4,
      callbacks: [
        new LearningRateScheduler((epoch, rate) => (epoch % 2 === 0 ? rate : rate / 2)),
        { onEpochEnd: (_, { learningRate }) => void seen.push(learningRate) },
      ],
    });
    expect(history.learningRate).toEqual([0.04, 0.02, 0.02, 0.01]);
    expect(seen).toEqual(history.learningRate);
    expect(await model.optimizer?.currentLearningRate()).toBeCloseTo(0.01, 7);
    model.dispose();
  });

  it("wants a number from its function", async () => {
    const model = makeModel();
    const train = (rate: unknown) =>
      model.fit(x, y, { verbose: 0, callbacks: new LearningRateScheduler(() => rate as number) });
    await expect(train("0.1")).rejects.toThrow(/got the string "0.1" for epoch 0/);
    await expect(train(-1)).rejects.toThrow(ArgumentError);
    model.dispose();
  });
});

describe("TerminateOnNaN", () => {
  it.each([
    [4, 4],
    [undefined, 10],
  ])("looks at the loss every %s steps, and at the epoch's end", async (everySteps, steps) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const model = makeModel();
    const rows = Array.from({ length: 10 }, (_, i) => [i === 1 ? Number.NaN : i / 10]);
    const callback = new TerminateOnNaN({ everySteps });
    const { epoch, history } = await model.fit(
      rows,
      rows.map(([row]) => row || 0),
      {
        verbose: 0,
        epochs: 3,
        batchSize: 1,
        shuffle: false,
        callbacks: callback,
      },
    );
    expect([epoch.length, callback.stoppedStep, history.loss[0]]).toEqual([1, steps, Number.NaN]);
    warn.mockRestore();
    model.dispose();
  });
});

describe("LambdaCallback", () => {
  it("is called by the names of its functions", async () => {
    const model = makeModel();
    const seen: string[] = [];
    const callbacks = new LambdaCallback({
      everySteps: 2,
      onTrainBegin: () => void seen.push("begin"),
      onStepsEnd: (steps) => void seen.push(`steps ${steps}`),
    });
    await model.fit(x, y, { verbose: 0, batchSize: 1, callbacks });
    expect(seen).toEqual(["begin", "steps 2", "steps 4"]);
    model.dispose();
  });
});

describe("loggers", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-loggers-"));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
  const train = async (callbacks: Callback, options: object = {}) => {
    const model = makeModel();
    const { history } = await model.fit(x, y, { verbose: 0, epochs: 2, callbacks, ...options });
    model.dispose();
    return history;
  };

  it("CSVLogger writes a row an epoch below the names, in a file and as text", async () => {
    const file = path.join(folder, "new", "a.csv");
    const log = new CSVLogger(file);
    const { loss, valLoss } = await train(log, { validationData: [x, y] });
    const text = `epoch,loss,valLoss\n0,${loss[0]},${valLoss[0]}\n1,${loss[1]},${valLoss[1]}\n`;
    expect([fs.readFileSync(file, "utf8"), log.text]).toEqual([text, text]);
    // Once more: it is replaced.
    const second = await train(log);
    expect(fs.readFileSync(file, "utf8")).toBe(`epoch,loss\n0,${second.loss[0]}\n1,${second.loss[1]}\n`);
    const inMemory = new CSVLogger(undefined, { separator: ";" });
    await train(inMemory);
    expect(inMemory.text.split("\n")[0]).toBe("epoch;loss");
  });

  it("CSVLogger appends below the columns that are there", async () => {
    const file = path.join(folder, "b.csv");
    fs.writeFileSync(file, 'valLoss,epoch,"a ""b"", c"\r\n1,0,2');
    const { valLoss } = await train(new CSVLogger(file, { append: true }), {
      validationData: [x, y],
      validationFreq: 2,
    });
    expect(fs.readFileSync(file, "utf8")).toBe(
      `valLoss,epoch,"a ""b"", c"\r\n1,0,2\nNA,0,NA\n${valLoss[0]},1,NA\n`,
    );
  });

  it("CSVLogger keeps a column for numbers that come later, and quotes what needs it", async () => {
    const log = new CSVLogger();
    const note = { onEpochEnd: (_: number, logs: object) => void Object.assign(logs, { "a,b": [1, 2] }) };
    const model = makeModel();
    const options = { epochs: 2, validationData: [x, y] as const, validationFreq: 2 };
    const { history } = await model.fit(x, y, { verbose: 0, ...options, callbacks: [note, log] });
    expect(log.text.split("\n").slice(0, 3)).toEqual([
      'epoch,loss,"a,b",valLoss',
      `0,${history.loss[0]},"[1,2]",NA`,
      `1,${history.loss[1]},"[1,2]",${history.valLoss[0]}`,
    ]);
    model.dispose();
  });

  it("JSONLogger writes the history, whole after each epoch", async () => {
    const file = path.join(folder, "history.json");
    const log = new JSONLogger(file);
    const history = await train(log);
    const found = JSON.parse(fs.readFileSync(file, "utf8"));
    expect(found).toMatchObject({ epoch: [0, 1], history, params: { epochs: 2, steps: 1 } });
    expect(found.epochSeconds).toHaveLength(2);
    expect(fs.readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
    expect(JSON.parse(log.text)).toEqual(found);
  });

  it("say which file can't be written", async () => {
    const file = path.join(folder, "taken");
    fs.mkdirSync(file);
    await expect(train(new CSVLogger(file))).rejects.toThrow(`CSVLogger: can't write "${file}": `);
    await expect(train(new JSONLogger(file))).rejects.toThrow(DataError);
  });

  it.each([
    ["CSVLogger", (file: string) => new CSVLogger(file)],
    ["JSONLogger", (file: string) => new JSONLogger(file)],
  ] as const)(
    "%s says where writing fails, training goes on, and the file has all once it can",
    async (name, make) => {
      const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
      const file = path.join(folder, `full-${name}`);
      const log = make(file);
      const block: Callback = {
        // A folder in the file's place stands for a full disk.
        onEpochBegin(epoch) {
          if (epoch === 1) {
            fs.rmSync(file, { force: true });
            fs.mkdirSync(file);
          }
          if (epoch === 3) fs.rmdirSync(file);
        },
      };
      const model = makeModel();
      const { history } = await model.fit(x, y, { verbose: 0, epochs: 4, callbacks: [block, log] });
      model.dispose();
      expect(history.loss).toHaveLength(4);
      expect(warn.mock.calls).toEqual([
        [expect.stringMatching(`${name}: can't write "${file}": .*Training goes on`)],
      ]);
      expect(fs.readFileSync(file, "utf8")).toBe(log.text);
      for (const loss of history.loss) expect(log.text).toContain(String(loss));
      expect(fs.readdirSync(folder).filter((entry) => entry.endsWith(".part"))).toEqual([]);
      warn.mockRestore();
    },
  );

  it("in a page have no files", async () => {
    vi.stubGlobal("process", undefined);
    const training = new CSVLogger("a.csv").onTrainBegin();
    vi.unstubAllGlobals();
    await expect(training).rejects.toThrow(/there are no files .* leave the file name out/);
  });
});

describe("ProgressBar", () => {
  it("prints what verbose does, and what callbacks before it add", async () => {
    const model = makeModel(0.125);
    const lines: string[] = [];
    const bar = new ProgressBar({ print: (line) => void lines.push(line) });
    const callbacks = [new LearningRateScheduler((_, rate) => rate), bar];
    await model.fit(x, y, { verbose: 0, epochs: 2, callbacks });
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^Epoch 2\/2 - 1\/1 - [\d.]+s - loss: [\d.]+ - learningRate: 0.1250$/);
    model.dispose();
  });
});

describe("SwapEmaWeights", () => {
  const makeAveraged = () =>
    new Sequential([new Input([1]), new Dense(1, { kernelInitializer: "zeros" })]).compile({
      optimizer: new SGD({ learningRate: 0.05, useEma: true, emaMomentum: 0.5 }),
      loss: "mse",
    });
  const kernel = async (model: { getWeights(): Promise<{ values: Float32Array }[]> }) =>
    (await model.getWeights())[0].values[0];

  it.each([false, true])(
    "tests with the averages, and trains on with the weights (swapOnEpoch: %s)",
    async (swapOnEpoch) => {
      const options = { verbose: 0, epochs: 3, shuffle: false, validationData: [x, y] } as const;
      const seen: number[][] = [];
      const watch: Callback = {
        onTestBegin: async (model) => void seen.push([await kernel(model as never)]),
        onEpochEnd: async (_, logs, model) =>
          void seen.at(-1)?.push(await kernel(model as never), logs.valLoss),
      };
      using plain = makeAveraged();
      await plain.fit(x, y, { ...options, callbacks: watch });
      // By hand: half of the average, half of the weight, from the first weight on.
      const raw = seen.splice(0).map(([weight]) => weight);
      const averages: number[] = [];
      for (const weight of raw) averages.push(0.5 * (averages.at(-1) ?? weight) + 0.5 * weight);
      using model = makeAveraged();
      const { history } = await model.fit(x, y, {
        ...options,
        callbacks: [new SwapEmaWeights({ swapOnEpoch }), watch],
      });
      seen.forEach(([tested, atEnd], i) => {
        expect(tested).toBeCloseTo(averages[i], 5);
        expect(atEnd).toBeCloseTo(swapOnEpoch ? averages[i] : raw[i], 5);
      });
      expect(history.loss).toEqual(plain.history?.history.loss);
      expect(history.valLoss).not.toEqual(plain.history?.history.valLoss);
      expect(await kernel(model)).toBeCloseTo(averages[2], 5);
      expect(await kernel(plain)).toBeCloseTo(averages[2], 5);
    },
  );

  it("wants an optimizer that keeps averages", async () => {
    const model = makeModel();
    await expect(model.fit(x, y, { verbose: 0, callbacks: new SwapEmaWeights() })).rejects.toThrow(
      /SwapEmaWeights: .* make it with useEma: true/,
    );
    model.dispose();
  });
});

describe("StepLosses", () => {
  it("records the loss of each step", async () => {
    using model = makeModel();
    const seen: number[] = [];
    const options = { verbose: 0, epochs: 2, batchSize: 3, shuffle: false } as const;
    const { steps } = await model.fit(x, y, { ...options, callbacks: new StepLosses() });
    using other = makeModel();
    let sum = 0;
    let count = 0;
    await other.fit(x, y, {
      ...options,
      callbacks: {
        onBatchEnd(batch, { loss }, _, { samples }) {
          if (batch === 0) [sum, count] = [0, 0];
          seen.push((loss * samples - sum) / (samples - count));
          [sum, count] = [loss * samples, samples];
        },
      },
    });
    expect(steps.loss).toHaveLength(4);
    steps.loss.forEach((loss, i) => {
      expect(loss).toBeCloseTo(seen[i], 4);
    });
    expect((await other.fit(x, y, options)).steps.loss).toEqual([]);
    await noLeaks(() => model.fit(x, y, { ...options, callbacks: new StepLosses() }).then(() => {}));
  });
});

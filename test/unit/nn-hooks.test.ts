// Hooks of callbacks in fit, evaluate and predict on the CPU reference: which are called, in which order, with what; errors
// in them; walks that begin amid an epoch.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError } from "../../engine/base/errors.ts";
import { type Device, init, noLeaks, type Tensor, tensor, variable } from "../../engine/index.ts";
import { type Callback, Dense, History, Input, input, Model, Sequential } from "../../nn/index.ts";
import { Batches } from "../../nn/training/batches.ts";
import { HostRows } from "../../nn/training/data.ts";
import { StreamedBatches } from "../../nn/training/stream.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const x = [[1], [2], [3], [4], [5]];
const y = [2, 4, 6, 8, 10];
const makeModel = () =>
  new Sequential([new Input([1]), new Dense(1, { kernelInitializer: "zeros" })]).compile({
    optimizer: "sgd",
    loss: "mse",
  });
const silent = { verbose: 0, batchSize: 2 } as const;

const names = [
  ...["onTrainBegin", "onTrainEnd", "onEpochBegin", "onEpochEnd", "onStepsEnd", "onBatchBegin", "onBatchEnd"],
  ...["onTestBegin", "onTestEnd", "onTestBatchBegin", "onTestBatchEnd", "onBoundary"],
  ...["onPredictBegin", "onPredictEnd", "onPredictBatchBegin", "onPredictBatchEnd"],
] as const;

/** A callback that notes its hooks with the numbers that they are told; of all hooks, or of some. */
function noted(notes: string[], hooks: readonly string[] = names, own: Callback = {}): Callback {
  const called = hooks.map((name) => [
    name,
    (...args: unknown[]) => {
      const numbers = args.filter((arg) => typeof arg === "number");
      notes.push([name.slice(2), ...numbers].join(" "));
    },
  ]);
  return { ...own, ...Object.fromEntries(called) } as Callback;
}

describe("hooks", () => {
  it("of fit come in Keras's order, each step's own", async () => {
    const model = makeModel();
    const notes: string[] = [];
    await model.fit(x, y, { ...silent, epochs: 2, validationSplit: 0.4, callbacks: noted(notes) });
    const epoch = (number: number) => [
      `EpochBegin ${number}`,
      ...["BatchBegin 0", "BatchEnd 0", "StepsEnd 1", "Boundary", "BatchBegin 1", "BatchEnd 1", "StepsEnd 2"],
      ...["TestBegin", "TestBatchBegin 0", "TestBatchEnd 0", "TestEnd"],
      ...[`EpochEnd ${number}`, "Boundary"],
    ];
    expect(notes).toEqual(["TrainBegin", ...epoch(0), ...epoch(1), "TrainEnd"]);
    model.dispose();
  });

  it("of evaluate and predict come around each batch, and leave nothing behind", async () => {
    const model = makeModel();
    const notes: string[] = [];
    const outputs: number[] = [];
    const callbacks = [
      noted(notes),
      { onPredictBatchEnd: (_: number, batch: { shape: number[] }) => void outputs.push(batch.shape[0]) },
    ];
    await model.evaluate(x, y, { batchSize: 3, callbacks });
    expect(notes.splice(0)).toEqual([
      ...["TestBegin", "TestBatchBegin 0", "TestBatchEnd 0", "TestBatchBegin 1", "TestBatchEnd 1", "TestEnd"],
    ]);
    (await model.predict(x, { batchSize: 3, callbacks })).dispose();
    expect(notes).toEqual([
      ...[
        "PredictBegin",
        "PredictBatchBegin 0",
        "PredictBatchEnd 0",
        "PredictBatchBegin 1",
        "PredictBatchEnd 1",
      ],
      "PredictEnd",
    ]);
    expect(outputs).toEqual([3, 2]);
    await noLeaks(async () => {
      await model.evaluate(x, y, { callbacks });
      (await model.predict(x, { callbacks })).dispose();
    });
    model.dispose();
  });

  it("that fail predict leave nothing of outputs that were put together", async () => {
    const start = input([1]);
    const model = new Model(start, [new Dense(1).call(start), new Dense(2).call(start)]);
    /** Of the first batch; what is put together of the first output is there when the second is missed. */
    const disposing = (batch: number, [, second]: Tensor[]) => {
      if (batch === 0) second.dispose();
    };
    const print = () => {
      throw new Error("no paper");
    };
    for (const output of await model.predict(x, { batchSize: 2 })) output.dispose();
    await noLeaks(async () => {
      await expect(
        model.predict(x, { batchSize: 2, callbacks: { onPredictBatchEnd: disposing } }),
      ).rejects.toThrow(/disposed/);
      await expect(model.predict(x, { batchSize: 2, verbose: 1, print })).rejects.toThrow("no paper");
    });
    model.dispose();
  });

  it("are told running means, the model, and where the run is", async () => {
    const model = makeModel();
    const seen: number[][] = [];
    const history = new History();
    const { history: curves } = await model.fit(x, y, {
      ...silent,
      shuffle: false,
      epochs: 2,
      callbacks: [
        history,
        {
          onBatchEnd(batch, logs, trained, context) {
            expect(trained).toBe(model);
            expect([context.steps, context.history]).toEqual([batch + 1, model.history]);
            seen.push([context.epoch, context.samples, logs.loss]);
          },
        },
      ],
    });
    expect(seen.map(([epoch, samples]) => [epoch, samples])).toEqual([
      ...[0, 1].flatMap((epoch) => [2, 4, 5].map((samples) => [epoch, samples])),
    ]);
    // Of the first batch alone: the weights are 0.
    expect(seen[0][2]).toBe((4 + 16) / 2);
    expect([seen[2][2], seen[5][2]]).toEqual(curves.loss);
    expect(history.history).toEqual(curves);
    expect([history.params, model.history?.params]).toEqual(new Array(2).fill({ epochs: 2, steps: 3 }));
    model.dispose();
  });

  it("come after steps that everySteps divides, and at the epoch's end", async () => {
    const model = makeModel();
    const notes: string[] = [];
    const rows = Array.from({ length: 25 }, (_, i) => [i / 25]);
    const callbacks = [
      noted(notes, ["onStepsEnd"], { everySteps: 4 }),
      noted(notes, ["onStepsEnd"], { everySteps: 6 }),
    ];
    await model.fit(rows, rows, { ...silent, batchSize: 2, callbacks });
    expect(notes).toEqual(["4", "6", "8", "12", "12", "13", "13"].map((step) => `StepsEnd ${step}`));
    model.dispose();
  });

  it("get params and model first, as Keras's do", async () => {
    const model = makeModel();
    const notes: unknown[] = [];
    const callbacks: Callback = {
      setParams: (params) => void notes.push(params),
      setModel: (given) => void notes.push(given.name),
      onTrainBegin: () => void notes.push("begin"),
    };
    await model.fit(x, y, { ...silent, epochs: 3, callbacks });
    expect(notes).toEqual([{ epochs: 3, steps: 3 }, model.name, "begin"]);
    model.dispose();
  });

  it("that do not exist are refused, and steps that can't be", async () => {
    const model = makeModel();
    const train = (callbacks: unknown) => model.fit(x, y, { ...silent, callbacks: callbacks as Callback });
    await expect(train({ on_batch_end() {} })).rejects.toThrow(/Did you mean "onBatchEnd"\?/);
    await expect(train({ onStepsEnd() {}, everySteps: 0 })).rejects.toThrow(/everySteps must be/);
    await expect(train({ setModel() {} })).rejects.toThrow(/has none of the methods/);
    await expect(model.evaluate(x, y, { callbacks: { onTest() {} } as Callback })).rejects.toThrow(
      ArgumentError,
    );
    await expect(model.predict(x, { callbacks: 3 as never })).rejects.toThrow(
      /predict: model "sequential.*": callbacks must be an object with methods/,
    );
    model.dispose();
  });
});

describe("an error in a callback", () => {
  const boom = () => {
    throw new Error("boom");
  };

  it.each([
    ["onEpochBegin", ["TrainBegin", "TrainEnd"]],
    ["onStepsEnd", ["TrainBegin", "EpochBegin 0", "TrainEnd"]],
    ["onTestEnd", ["TrainBegin", "EpochBegin 0", "TrainEnd"]],
    ["onEpochEnd", ["TrainBegin", "EpochBegin 0", "TrainEnd"]],
    ["onBoundary", ["TrainBegin", "EpochBegin 0", "EpochEnd 0", "TrainEnd"]],
    ["onTrainEnd", ["TrainBegin", "EpochBegin 0", "EpochEnd 0", "TrainEnd"]],
  ])(
    "of %s ends training after the others' onTrainEnd, and leaves nothing behind",
    async (hook, expected) => {
      const model = makeModel();
      const notes: string[] = [];
      const before: string[] = [];
      const hooks = ["onTrainBegin", "onEpochBegin", "onEpochEnd", "onTrainEnd"];
      const own = noted(before, hooks);
      const callbacks = [own, { ...own, [hook]: boom }, noted(notes, hooks)];
      const train = () => model.fit(x, y, { ...silent, batchSize: 5, validationData: [x, y], callbacks });
      await expect(train()).rejects.toThrow("boom");
      expect(notes).toEqual(expected);
      // The one that threw has no onTrainEnd.
      expect(before.filter((note) => note === "TrainEnd")).toHaveLength(1);
      await noLeaks(() => train().catch(() => {}));
      await model.fit(x, y, silent);
      model.dispose();
    },
  );

  it("of onTrainBegin ends it for those that began", async () => {
    const model = makeModel();
    const notes: string[] = [];
    const ends = ["onTrainBegin", "onTrainEnd"];
    const callbacks = [noted(notes, ends), { onTrainBegin: boom }, noted(notes, ends)];
    await expect(model.fit(x, y, { ...silent, callbacks })).rejects.toThrow("boom");
    expect(notes).toEqual(["TrainBegin", "TrainEnd"]);
    model.dispose();
  });

  it("reaches the caller even where another one follows", async () => {
    const model = makeModel();
    const last = {
      onTrainEnd: () => {
        throw new Error("second");
      },
    };
    await expect(
      model.fit(x, y, { ...silent, callbacks: [{ onEpochEnd: boom }, last, last] }),
    ).rejects.toThrow("boom");
    model.dispose();
  });
});

describe("a walk that begins amid an epoch", () => {
  const values = Float32Array.from({ length: 23 }, (_, i) => i);

  it.each([0, 1, 4, 5, 6, 7, 8])("after %d batches goes on as one that did not", async (taken) => {
    const state = () => variable([1, 2, 3, 4], { dtype: "u32", trainable: false });
    const rest = async (walk: Batches | StreamedBatches, from: number) => {
      const found: number[] = [];
      walk.begin(from);
      while (walk.hasNext) {
        const rows = walk.advance();
        const [part] = walk.take(rows);
        found.push(...(await part.data()));
        part.dispose();
      }
      return found;
    };
    const resident = async (from: number) => {
      const parts = [tensor(values, [23, 1])];
      const shuffle = state();
      const walk = new Batches(device, { parts, start: 0, count: 23 }, 3, shuffle);
      const found = await rest(walk, from);
      for (const one of [walk, shuffle, ...parts]) one.dispose();
      return found;
    };
    const streamed = async (from: number) => {
      const shuffle = { state: state(), key: Uint32Array.of(1, 2, 3, 4) };
      const parts = [new HostRows(values, 23, [1], "f32")];
      const source = { parts, names: ["x"], start: 0, count: 23 };
      // Chunks of two batches.
      const walk = new StreamedBatches(device, source, 3, 6, shuffle);
      const found = await rest(walk, from);
      walk.dispose();
      shuffle.state.dispose();
      return found;
    };
    const whole = await resident(0);
    expect([...whole].sort((a, b) => a - b)).toEqual([...values]);
    expect(await resident(taken)).toEqual(whole.slice(taken * 3));
    expect(await streamed(taken)).toEqual(whole.slice(taken * 3));
  });
});

// Data that streams from the host gives what data on the device gives, to the bit: on the CPU reference.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ArgumentError, LimitError } from "../../engine/base/errors.ts";
import { type Device, init, type Tensor, tensor } from "../../engine/index.ts";
import { type DataLike, Dense, Dropout, type FitOptions, Input, Sequential } from "../../nn/index.ts";
import { Batches } from "../../nn/training/batches.ts";
import { collectGarbage } from "../support/garbage.ts";

let device: Device;
beforeEach(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterEach(() => device.dispose());

const [rows, features, classes] = [53, 5, 3];
const bytes = Uint8Array.from({ length: rows * features }, (_, i) => (i * 2654435761) >>> 24);
const floats = Float32Array.from(bytes, (byte) => byte / 255 - 0.5);
const labels = Uint8Array.from({ length: rows }, (_, i) => (i * 7) % classes);
const oneHot = Float32Array.from({ length: rows * classes }, (_, i) =>
  labels[Math.floor(i / classes)] === i % classes ? 1 : 0,
);
const nested = Array.from({ length: rows }, (_, i) => [...floats.subarray(i * features, (i + 1) * features)]);

/** Trains twice, so that the second call takes up the order's state of the first. */
async function train(x: DataLike, y: DataLike, options: FitOptions, loss = "sparseCategoricalCrossentropy") {
  device.random.resetStreams();
  const model = new Sequential([
    new Input([features], { byteScale: 1 / 255 }),
    new Dense(6, { activation: "relu" }),
    new Dropout(0.2),
    new Dense(classes, { activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss, metrics: "accuracy" });
  const shared = { verbose: 0, batchSize: 4, ...options } as const;
  const first = await model.fit(x, y, { ...shared, epochs: 2 });
  const uploads = device.counters().uploadedBytes;
  // Resident this time: both kinds leave the same state.
  const second = await model.fit(x, y, { ...shared, memoryBudget: 2 ** 20 });
  const weights = (await model.getWeights()).map(({ values }) => values);
  const whole = { memoryBudget: options.memoryBudget, batchSize: 6 };
  const evaluated = await model.evaluate(x, y, whole);
  const predicted = await model.predict(x, whole);
  const outputs = await predicted.data();
  predicted.dispose();
  model.dispose();
  return {
    uploads,
    result: { histories: [first.history, second.history], weights, evaluated, outputs },
  };
}

describe("streamed training equals resident training", () => {
  const cases: [string, () => [DataLike, DataLike], FitOptions, string?][] = [
    ["shuffled, with a short last batch", () => [floats, labels], {}],
    ["in the order of the rows", () => [floats, labels], { shuffle: false }],
    ["with the last rows held back", () => [floats, labels], { validationSplit: 0.25 }],
    [
      "with validation data",
      () => [floats, labels],
      { validationData: [floats.slice(0, 50), labels.slice(0, 10)] },
    ],
    ["bytes scaled by the model", () => [bytes, labels], {}],
    ["nested arrays and a list of labels", () => [nested, [...labels]], {}],
    ["one-hot targets", () => [floats, oneHot], {}, "categoricalCrossentropy"],
    ["float64 values", () => [Float64Array.from(floats, (v) => v + 1e-9), oneHot], {}, "mse"],
    ["a batch of all rows", () => [floats, labels], { batchSize: 64, memoryBudget: 53 * 24 }],
    ["step by step", () => [floats, labels], { jit: false }],
    ["inputs on the device", () => [tensor(floats, [rows, features]), labels], { memoryBudget: 50 }],
    ["targets on the device", () => [floats, tensor(labels)], {}],
  ];
  it.each(cases)("%s", async (_, make, options, loss) => {
    const data = make();
    // Chunks of three batches of at most 32 bytes a row, or fewer.
    const streamed = await train(...data, { memoryBudget: 800, ...options }, loss);
    const resident = await train(...data, { ...options, memoryBudget: 2 ** 20 }, loss);
    expect(streamed.result).toEqual(resident.result);
    expect(streamed.uploads).not.toBe(resident.uploads);
    for (const part of data as Tensor[]) part.dispose?.();
  });
});

describe("memory", () => {
  it("comes back, and tensors are never streamed", async () => {
    // The first time makes the scalars that the device keeps.
    await train(floats, labels, { memoryBudget: 800, validationSplit: 0.25 });
    await train(floats, labels, {});
    await collectGarbage();
    const before = device.memory();
    await train(floats, labels, { memoryBudget: 800, validationSplit: 0.25 });
    expect(device.memory()).toMatchObject({ tensors: before.tensors, bytes: before.bytes });
    const [x, y] = [tensor(floats, [rows, features]), tensor(labels)];
    await train(x, y, { memoryBudget: 1 });
    x.dispose();
    y.dispose();
    expect(device.memory()).toMatchObject({ tensors: before.tensors, bytes: before.bytes });
  });
});

describe("errors", () => {
  const make = () =>
    new Sequential([new Dense(classes, { inputDim: features, activation: "softmax" })]).compile({
      optimizer: "sgd",
      loss: "sparseCategoricalCrossentropy",
    });

  it("one batch above the budget, with the figures", async () => {
    const model = make();
    await model.fit(floats, labels, { verbose: 0 });
    await collectGarbage();
    const before = device.memory();
    const options = { batchSize: 16, memoryBudget: 200, verbose: 0 } as const;
    for (const call of [
      () => model.fit(floats, labels, options),
      () => model.evaluate(floats, labels, options),
    ]) {
      const error = await call().catch((e) => e);
      expect(error).toBeInstanceOf(LimitError);
      expect(error.message).toMatch(
        /one batch of 16 rows takes 384 bytes, more than the memoryBudget of 200 bytes; use a smaller batchSize or a larger memoryBudget/,
      );
    }
    await expect(model.predict(floats, options)).rejects.toThrow(/predict: .* 16 rows takes 320 bytes/);
    expect(device.memory()).toMatchObject({ tensors: before.tensors, bytes: before.bytes });
    await model.fit(floats, labels, { ...options, batchSize: 8 });
  });

  it("one batch of inputs above what the adapter binds at once", async () => {
    const model = make();
    Object.assign(device.info.limits, { maxStorageBufferBindingSize: 160, maxBufferSize: 1000 });
    await expect(model.fit(floats, labels, { batchSize: 9, verbose: 0 })).rejects.toThrow(
      /one batch of 9 rows of x takes 180 bytes, more than the adapter binds at once \(160 bytes, maxStorageBufferBindingSize\)/,
    );
    // Above it altogether, not by batch: streams, without any budget given.
    await model.fit(floats, labels, { batchSize: 8, verbose: 0 });
  });

  it.each([0, -1, Number.NaN, "1" as never])("a budget of %s", async (memoryBudget) => {
    await expect(make().fit(floats, labels, { memoryBudget })).rejects.toThrow(ArgumentError);
  });
});

it("batches of rows on the device begin where a run goes on, end with a short one, and say so beforehand", async () => {
  const all = tensor(
    Float32Array.from({ length: 20 }, (_, i) => i),
    { shape: [10, 2] },
  );
  const batches = new Batches(device, { parts: [all], start: 2, count: 7 }, 3);
  expect([batches.steps, batches.keys]).toEqual([3, [3, 1]]);
  const rest = async (taken: number) => {
    const found: number[][] = [];
    for (batches.begin(taken); batches.hasNext; ) {
      const [part] = batches.take(batches.advance());
      found.push([...(await part.data())].filter((_, i) => i % 2 === 0).map((value) => value / 2));
    }
    return found;
  };
  expect(await rest(0)).toEqual([[2, 3, 4], [5, 6, 7], [8]]);
  expect(await rest(1)).toEqual([[5, 6, 7], [8]]);
  expect(batches.fullBatchesLeft).toBe(0);
  batches.dispose();
});

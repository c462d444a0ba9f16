// Data that streams from the host, on this adapter: the same weights to the bit as from data on the device, and never
// more memory than its chunks take.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LimitError } from "../../engine/base/errors.ts";
import { type Device, device as defaultDevice, setDevice } from "../../engine/index.ts";
import { Dense, Dropout, type FitOptions, Input, Sequential } from "../../nn/index.ts";
import { gpuDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

let gpu: Device;
let before: Device | undefined;

beforeAll(async () => {
  gpu = await gpuDevice();
  before = defaultDevice();
  setDevice(gpu);
});
// Files of an adapter share the process: leave the default device as it was.
afterAll(() => {
  if (before !== undefined) setDevice(before);
});

const [features, classes] = [37, 3];

function data(rows: number) {
  const bytes = Uint8Array.from({ length: rows * features }, (_, i) => (i * 2654435761) >>> 24);
  const labels = Uint8Array.from({ length: rows }, (_, i) => (i * 7) % classes);
  return { bytes, floats: Float32Array.from(bytes, (byte) => byte / 255 - 0.5), labels };
}

const silent = { verbose: 0 } as const;

function makeModel() {
  const model = new Sequential([
    new Input([features], { byteScale: 1 / 255 }),
    new Dense(6, { activation: "relu" }),
    new Dropout(0.2),
    new Dense(classes, { activation: "softmax" }),
  ]);
  return model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: "accuracy" });
}

async function train(x: Uint8Array | Float32Array, labels: Uint8Array, options: FitOptions) {
  gpu.random.resetStreams();
  using model = makeModel();
  const shared = { ...silent, batchSize: 16, ...options };
  const { history } = await model.fit(x, labels, { ...shared, epochs: 2 });
  const weights = (await model.getWeights()).map(({ values }) => values);
  const whole = { memoryBudget: options.memoryBudget, batchSize: shared.batchSize };
  const evaluated = await model.evaluate(x, labels, whole);
  const predicted = await model.predict(x, whole);
  const outputs = await predicted.data();
  predicted.dispose();
  return { history, weights, evaluated, outputs };
}

describe("streamed training equals resident training, to the bit", () => {
  const { bytes, floats, labels } = data(205);
  it.each([
    ["shuffled bytes, a short last batch", bytes, {}],
    ["floats in their order", floats, { shuffle: false }],
    ["with the last rows held back", bytes, { validationSplit: 0.25 }],
  ] as const)("%s", async (_, x, options) => {
    // Chunks of three batches of bytes, or of one of floats.
    const memoryBudget = 4096;
    const streamed = await train(x, labels, { ...options, memoryBudget });
    const resident = await train(x, labels, options);
    expect(streamed).toEqual(resident);
  });
});

describe("memory", () => {
  it("stays bounded by the chunks, and comes back", async () => {
    // 1.9 MB of floats; chunks of 32 KB.
    const { floats, labels } = data(13_000);
    using model = makeModel();
    const options = { ...silent, batchSize: 100, memoryBudget: 65_536 };
    const run = async (epochs: number, onEpochEnd: () => void) => {
      await model.fit(floats, labels, { ...options, epochs, onEpochEnd });
    };
    await run(1, () => {});
    await collectGarbage();
    const start = gpu.memory();
    const seen: { bytes: number; buffers: number; uploadedBytes: number; uploads: number }[] = [];
    await run(3, () => {
      const { bytes, buffers } = gpu.memory();
      const { uploadedBytes, uploads } = gpu.counters();
      seen.push({ bytes, buffers, uploadedBytes, uploads });
    });
    for (const { bytes } of seen) expect(bytes - start.bytes).toBeLessThan(2 ** 18);
    expect(seen[2].bytes).toBeLessThanOrEqual(seen[1].bytes);
    expect(seen[2].buffers).toBeLessThanOrEqual(seen[1].buffers);
    // Each row once an epoch, and the rest of the last chunk; per chunk the two arrays and the cursor.
    const bytesAnEpoch = seen[2].uploadedBytes - seen[1].uploadedBytes;
    const rowBytes = 4 * features + 4;
    expect(bytesAnEpoch).toBeGreaterThanOrEqual(13_000 * rowBytes);
    expect(bytesAnEpoch).toBeLessThan(13_000 * rowBytes + 2 * 32_768);
    const chunks = Math.ceil(130 / Math.floor(32_768 / (100 * rowBytes)));
    expect(seen[2].uploads - seen[1].uploads).toBeLessThanOrEqual(3 * chunks + 8);
    const after = gpu.memory();
    expect(after.tensors).toBe(start.tensors);
    expect(after.bytes).toBeLessThanOrEqual(start.bytes);
    expect(after.peakBytes).toBeLessThanOrEqual(Math.max(start.peakBytes, start.bytes + 2 ** 18));
  });

  it("one batch above the budget is refused", async () => {
    const { floats, labels } = data(64);
    using model = makeModel();
    const error = await model
      .fit(floats, labels, { ...silent, batchSize: 64, memoryBudget: 1000 })
      .catch((e) => e);
    expect(error).toBeInstanceOf(LimitError);
    expect(error.message).toMatch(
      /one batch of 64 rows takes 9728 bytes, more than the memoryBudget of 1000/,
    );
  });
});

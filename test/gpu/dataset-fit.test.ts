// fit over data sets on this adapter: however a pipeline makes its batches, training is the same to the bit; what lies on
// the device costs what arrays cost.

import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Dataset } from "../../data/index.ts";
import { type Device, device as defaultDevice, mul, setDevice, type Tensor } from "../../engine/index.ts";
import { Dense, Embedding, GlobalAveragePooling1D, Input, Sequential } from "../../nn/index.ts";
import { SGD } from "../../optim/index.ts";
import { makeModel, sameBatches, slices, trained, x, y } from "../support/dataset-fit-cases.ts";
import { gpuDevice } from "../support/devices.ts";

let gpu: Device;
let before: Device | undefined;
beforeAll(async () => {
  gpu = await gpuDevice();
  before = defaultDevice();
  setDevice(gpu);
});
afterAll(() => {
  if (before !== undefined) setDevice(before);
});

describe("fit over a data set", () => {
  it("is the same to the bit however batches are made", async () => {
    const { sets, dispose } = sameBatches(gpu);
    const { arrays, weights, ...others } = sets;
    const options = { epochs: 3 };
    const wanted = await trained(arrays, options);
    expect(wanted.loss[2]).toBeLessThan(wanted.loss[0]);
    for (const [name, set] of Object.entries(others))
      expect({ name, ...(await trained(set, options)) }).toEqual({ name, ...wanted });
    const weighted = await trained(weights, options);
    weighted.loss.forEach((loss, i) => {
      expect(loss).toBeCloseTo(wanted.loss[i], 5);
    });
    expect(await trained(arrays, { ...options, memoryBudget: 100 })).toEqual(wanted);
    expect(await trained(slices().shuffle({ seed: 4 }), { ...options, batchSize: 16 })).toEqual(wanted);
    expect(await trained(sets.arrays.repeat(), { ...options, stepsPerEpoch: 5 })).toEqual(wanted);
    expect(await trained(sets.generator.repeat(), { ...options, stepsPerEpoch: 5 })).toEqual(wanted);
    dispose();
  });

  it("takes as many dispatches as over arrays, where it lies on the device", async () => {
    const count = async (train: (model: Awaited<ReturnType<typeof makeModel>>) => Promise<unknown>) => {
      const model = await makeModel();
      await train(model);
      const before = gpu.counters();
      await train(model);
      const after = gpu.counters();
      model.dispose();
      return {
        dispatches: after.dispatches - before.dispatches,
        readbacks: after.readbacks - before.readbacks,
      };
    };
    const options = { epochs: 2, verbose: 0 } as const;
    const arrays = await count((model) => model.fit(x, y, { ...options, batchSize: 16 }));
    const set = slices().shuffle().batch(16);
    // Arrays have one more an epoch, which advances the state of the order.
    arrays.dispatches -= options.epochs;
    expect(await count((model) => model.fit(set, options))).toEqual(arrays);
    expect(await count((model) => model.fit(set.repeat(), { ...options, stepsPerEpoch: 5 }))).toEqual(arrays);
  });

  it("of buckets has a program a shape, and judges all samples", async () => {
    const texts = Array.from({ length: 40 }, (_, i) => ({
      x: Int32Array.from({ length: 2 + ((i * 5) % 11) }, (_, j) => 1 + ((i + j) % 9)),
      y: i % 2,
    }));
    const set = Dataset.fromGenerator(() => texts, { length: 40 })
      .shuffle({ seed: 2 })
      .bucketByLength(({ x }) => x.length, { boundaries: [4, 8], batchSize: 8 });
    using model = new Sequential([
      new Input([null]),
      new Embedding(10, 4),
      new GlobalAveragePooling1D(),
      new Dense(1, { activation: "sigmoid" }),
    ]);
    model.compile({ optimizer: "adam", loss: "binaryCrossentropy" });
    const { history } = await model.fit(set, { epochs: 2, verbose: 0 });
    expect(history.loss).toHaveLength(2);
    const found = await model.evaluate(set);
    const batches = await set.toArray();
    let [sum, samples] = [0, 0];
    for (const batch of batches) {
      const [loss] = await model.evaluate(batch.x, batch.y, { batchSize: 64 });
      sum += loss * batch.y.length;
      samples += batch.y.length;
    }
    expect(samples).toBe(40);
    expect(found[0]).toBeCloseTo(sum / samples, 5);
  });

  it("maps batches on the device, also where elements are read", async () => {
    const set = slices()
      .batch(30)
      .mapOnDevice(([x, y]: [Tensor, Tensor]) => [mul(x, 2), y] as const);
    const shapes: number[][] = [];
    for await (const [x2, labels] of set) {
      shapes.push([...x2.shape]);
      if (shapes.length === 1) {
        const values = await x2.data();
        expect(values[5]).toBe(Math.fround(x.values[5] * 2));
      }
      x2.dispose();
      labels.dispose();
    }
    expect(shapes).toEqual([
      [30, 4],
      [30, 4],
      [10, 4],
    ]);
    const tensors = gpu.memory().tensors;
    await trained(set, { epochs: 2 });
    expect(gpu.memory().tensors).toBe(tensors);
  });

  it("larger than what may lie on the device streams from a file, chunk by chunk", async () => {
    const [count, width] = [6000, 1024];
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), "gradgpu-"));
    const name = path.join(folder, "rows");
    const values = Float32Array.from({ length: count * width }, (_, i) => Math.floor(i / width) % 7);
    await fs.writeFile(name, values);
    const opened: number[] = [];
    const set = Dataset.fromGenerator(
      async function* ({ skip }) {
        opened.push(skip);
        const file = await fs.open(name);
        try {
          const block = new Float32Array(50 * width);
          for (let row = skip; row < count; row += 50) {
            await file.read(block, 0, block.byteLength, 4 * width * row);
            for (let i = 0; i < Math.min(50, count - row); i++)
              yield [block.slice(i * width, (i + 1) * width), (row + i) % 7] as const;
          }
        } finally {
          await file.close();
        }
      },
      { length: count, seekable: true },
    );
    try {
      using model = new Sequential([new Input([width]), new Dense(1)]);
      model.compile({ optimizer: new SGD({ learningRate: 1e-5 }), loss: "meanSquaredError" });
      const before = gpu.memory();
      before.resetPeak();
      const { history } = await model.fit(set.batch(64), { epochs: 2, verbose: 0, memoryBudget: 2 ** 22 });
      expect(history.loss[1]).toBeLessThan(history.loss[0]);
      // 24 MB of rows, of which a chunk lies on the device.
      expect(gpu.memory().peakBytes - before.bytes - before.pooledBytes).toBeLessThan(12e6);
      expect(opened).toEqual([0, 0]);
      const later = await set.batch(64).open({ skip: 90 });
      expect((await later.next()).value[1][0]).toBe((90 * 64) % 7);
      expect(later.rerun).toBe(0);
      await later.return();
    } finally {
      await fs.rm(folder, { recursive: true });
    }
  });

  it("evaluates and predicts as over arrays", async () => {
    using model = await makeModel();
    const whole = await model.evaluate(x, y, { batchSize: 20 });
    const wanted = await model.predict(x, { batchSize: 20 });
    const values = await wanted.data();
    for (const set of [slices(), slices().map((one) => one)]) {
      expect(await model.evaluate(set.batch(20))).toEqual(whole);
      expect(await model.evaluate(set, { batchSize: 20 })).toEqual(whole);
      expect(await model.evaluate(set.batch(20).repeat(), { steps: 4 })).toEqual(whole);
      for (const inputs of [
        set.batch(20),
        set.map(([x]) => x).batch(20),
        set.map(([x]) => [x]).batch(20),
        set.map(([x]) => ({ x })).batch(20),
      ]) {
        const found = await model.predict(inputs);
        expect(await found.data()).toEqual(values);
        found.dispose();
      }
    }
    wanted.dispose();
  });
});

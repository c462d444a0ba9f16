// Ends training, evaluation and prediction early, by `signal` and `stopTraining`, on this adapter and on the reference.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  type Device,
  device as defaultDevice,
  noLeaks,
  setDevice,
} from "../../engine/index.ts";
import { BatchNormalization, Dense, Input, Sequential } from "../../nn/index.ts";
import { optimizerState } from "../../optim/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

const devices: Record<string, () => Promise<Device>> = { gpu: gpuDevice, reference: referenceDevice };
let before: Device;
beforeAll(async () => {
  await gpuDevice();
  before = defaultDevice();
});
afterAll(() => setDevice(before));

const samples = 512;
const x = Float32Array.from({ length: samples * 8 }, (_, i) => Math.sin(i * 12.9898));
const y = Int32Array.from({ length: samples }, (_, i) => (x[i * 8] > 0 ? 1 : 0));
/** Far more than the tests have time for. */
const endless = { epochs: 1_000_000, batchSize: 8, verbose: 0 } as const;
const reason = new Error("enough");

function makeModel(units = 4): Sequential {
  return new Sequential([
    new Input([8]),
    new Dense(units, { activation: "relu" }),
    new BatchNormalization(),
    new Dense(2, { activation: "softmax" }),
  ]).compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
}

/** A signal that is aborted when it has been looked at so many times: in the middle of an epoch, on any machine. */
function abortedAtLook(looks: number): AbortSignal & { looks: number } {
  const controller = new AbortController();
  const signal = controller.signal as AbortSignal & { looks: number };
  signal.looks = 0;
  signal.throwIfAborted = () => {
    if (++signal.looks === looks) controller.abort(reason);
    if (signal.aborted) throw signal.reason;
  };
  return signal;
}

describe.each(Object.keys(devices))("on the %s", (name) => {
  let device: Device;
  beforeAll(async () => {
    device = await devices[name]();
    setDevice(device);
  });

  it("fit rejects with the signal's reason, keeps finished epochs, leaks nothing, and trains on", async () => {
    using model = makeModel();
    await model.fit(x, y, { ...endless, epochs: 1 });
    const controller = new AbortController();
    const onEpochEnd = (epoch: number) => {
      if (epoch === 2) setTimeout(() => controller.abort(reason), 20);
    };
    const ended = model.fit(x, y, { ...endless, signal: controller.signal, onEpochEnd });
    await expect(ended).rejects.toBe(reason);
    expect(model.history!.epoch.length).toBeGreaterThanOrEqual(3);
    expect(model.history!.history.loss.length).toBe(model.history!.epoch.length);
    const late = abortedAtLook(7);
    const abort = () => model.fit(x, y, { ...endless, signal: abortedAtLook(7) }).catch(() => {});
    await expect(model.fit(x, y, { ...endless, signal: late })).rejects.toBe(reason);
    // Not one look more: the call was over.
    expect(late.looks).toBe(7);
    await noLeaks(abort, { device });
    const { history } = await model.fit(x, y, { ...endless, epochs: 20 });
    expect(history.accuracy[19]).toBeGreaterThan(0.85);
  });

  it("an aborted fit has taken the steps of the submits before, and no others", async () => {
    using model = makeModel();
    const first = await model.getWeights();
    // Looks: at the call and at the epoch's begin; on a GPU while kernels compile; then after each submit.
    await expect(model.fit(x, y, { ...endless, signal: abortedAtLook(2) })).rejects.toBe(reason);
    expect((await model.getWeights())[0].values).toEqual(first[0].values);
    await model.fit(x, y, { ...endless, epochs: 1, shuffle: false });
    const { iterations } = await optimizerState(model.optimizer!);
    const signal = abortedAtLook(5);
    await expect(model.fit(x, y, { ...endless, shuffle: false, signal })).rejects.toBe(reason);
    const after = await optimizerState(model.optimizer!);
    expect(after.iterations).toBeGreaterThan(iterations);
    expect(after.iterations).toBeLessThan(iterations + samples / 8);
  });

  it("fit, evaluate and predict refuse what has been aborted before they begin, and what is no signal", async () => {
    using model = makeModel();
    const signal = AbortSignal.abort(reason);
    await noLeaks(
      async () => {
        await expect(model.fit(x, y, { ...endless, signal })).rejects.toBe(reason);
        await expect(model.evaluate(x, y, { signal })).rejects.toBe(reason);
        await expect(model.predict(x, { signal })).rejects.toBe(reason);
      },
      { device },
    );
    const none = new AbortController() as unknown as AbortSignal;
    await expect(model.fit(x, y, { signal: none })).rejects.toThrow(ArgumentError);
    await expect(model.evaluate(x, y, { signal: none })).rejects.toThrow(/signal must be an AbortSignal/);
    await expect(model.predict(x, { signal: null as never })).rejects.toThrow(/got null/);
  });

  it("evaluate and predict stop in the middle, leak nothing, and work afterwards", async () => {
    using model = makeModel();
    const options = { batchSize: 4 };
    const [loss] = await model.evaluate(x, y, options);
    await noLeaks(
      async () => {
        const [one, other] = [abortedAtLook(4), abortedAtLook(4)];
        await expect(model.evaluate(x, y, { ...options, signal: one })).rejects.toBe(reason);
        await expect(model.predict(x, { ...options, signal: other })).rejects.toBe(reason);
        expect([one.looks, other.looks]).toEqual([4, 4]);
      },
      { device },
    );
    expect((await model.evaluate(x, y, { ...options, signal: new AbortController().signal }))[0]).toBe(loss);
    using outputs = await model.predict(x, { signal: new AbortController().signal });
    expect(outputs.shape).toEqual([samples, 2]);
  });

  it("a fit whose work is done is not undone by a late abort", async () => {
    using model = makeModel();
    const controller = new AbortController();
    const { epoch } = await model.fit(x, y, {
      ...endless,
      epochs: 2,
      signal: controller.signal,
      onEpochEnd: (index) => {
        if (index === 1) controller.abort(reason);
      },
    });
    expect(epoch).toEqual([0, 1]);
  });

  it("stopTraining ends an epoch at the next submit; its means are over the samples seen", async () => {
    using model = makeModel();
    const many = Float32Array.from({ length: 8 * 100_000 }, (_, i) => x[i % x.length]);
    const labels = Int32Array.from({ length: 100_000 }, (_, i) => y[i % samples]);
    const ends: number[] = [];
    const lines: string[] = [];
    const { epoch, history } = await model.fit(many, labels, {
      ...endless,
      shuffle: false,
      verbose: 2,
      print: (line) => lines.push(line),
      validationData: [x, y],
      callbacks: {
        // After the first submit: an epoch of 12,500 steps is far from done.
        onEpochBegin: () => {
          model.stopTraining = true;
        },
        onEpochEnd: (index) => {
          ends.push(index);
        },
      },
    });
    expect([epoch, ends]).toEqual([[0], [0]]);
    expect(Object.keys(history).sort()).toEqual(["accuracy", "loss", "valAccuracy", "valLoss"]);
    const steps = Number(/^Epoch 1\/1000000 - (\d+)\/12500 - /.exec(lines[0])?.[1]);
    expect(steps).toBeGreaterThan(0);
    expect(steps).toBeLessThan(12_500);
    expect((await optimizerState(model.optimizer!)).iterations).toBe(steps);
    // Both are shares of the samples that were seen, not of all: few of them, of which all may be taken wrongly.
    const right = history.accuracy[0] * steps * 8;
    expect(Math.abs(right - Math.round(right))).toBeLessThan(1e-2);
    expect(history.loss[0]).toBeGreaterThan(0.1);
  });
});

it("a signal is noticed while kernels compile, and nothing of them is left", async () => {
  const device = await gpuDevice();
  setDevice(device);
  // Sizes do not make kernels new, but the warm-up is asked between them anyway.
  const make = () => makeModel(5);
  using model = make();
  const progress = abortedAtLook(3);
  await expect(model.fit(x, y, { ...endless, signal: progress })).rejects.toBe(reason);
  expect((await optimizerState(model.optimizer!)).iterations).toBe(0);
  await noLeaks(() => model.fit(x, y, { ...endless, signal: abortedAtLook(3) }).catch(() => {}), { device });
});

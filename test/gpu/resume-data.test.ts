// Runs over data sets that are cut and resumed: over the same data in the same orders, of shuffles without a seed too; over
// others they are refused before anything changes.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Dataset } from "../../data/index.ts";
import { DataError, type Device, init, setDevice, setSeed, tensor } from "../../engine/index.ts";
import { type Callback, checkpoint, Dense, Input, Sequential } from "../../nn/index.ts";
import { gpuDevice } from "../support/devices.ts";

let device: Device;
let shared: Device;
let folder: string;
beforeAll(async () => {
  shared = await gpuDevice();
  device = await init({ device: "webgpu" });
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-resume-data-"));
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => {
  device.dispose();
  setDevice(shared);
  fs.rmSync(folder, { recursive: true });
});

const rows = 24;
const x = (shift: number) => Float32Array.from({ length: 2 * rows }, (_, i) => Math.sin(i * 12.9898 + shift));
const y = (shift: number) => Float32Array.from({ length: rows }, (_, i) => Math.cos(i + shift));
const slices = (shift: number) =>
  Dataset.fromTensorSlices([{ values: x(shift), shape: [rows, 2] }, y(shift)]);

/** Batches of 4; `shift` makes other data. */
const sets: Record<string, (shift: number) => Dataset<unknown>> = {
  arrays: (shift) => slices(shift).shuffle().batch(4),
  tensors: (shift) =>
    Dataset.fromTensorSlices([tensor(x(shift), [rows, 2]), tensor(y(shift))])
      .shuffle()
      .batch(4),
  streamed: (shift) =>
    slices(shift)
      .shuffle(7)
      .map((element) => element)
      .batch(4),
  texts: (shift) =>
    Dataset.fromTensorSlices({ word: Array.from({ length: rows }, (_, i) => `${i + shift}`), y: y(0) })
      .map(({ word, y }) => [Float32Array.of(Number(word) / rows, 1), y] as const)
      .shuffle()
      .batch(4),
  generator: (shift) =>
    Dataset.fromGenerator(function* () {
      for (let i = 0; i < rows; i++) yield [x(shift).subarray(2 * i, 2 * i + 2), y(shift)[i]] as const;
    })
      .shuffle(5)
      .batch(4),
};

async function run(name: string, shift: number, file: string, { seed = 7, cutAt = -1 } = {}) {
  setSeed(3);
  const model = new Sequential([new Input([2]), new Dense(1)]).compile({ optimizer: "adam", loss: "mse" });
  const numbers = async () => (await model.getWeights()).map(({ values }) => [...values]);
  const before = await numbers();
  setSeed(seed);
  const controller = new AbortController();
  const cut: Callback = {
    everySteps: 1,
    onBoundary(_model, { epoch, steps }) {
      if (epoch === 1 && steps === cutAt) controller.abort(new Error("cut"));
    },
  };
  const options = { epochs: 2, verbose: 0, callbacks: cut, signal: controller.signal } as const;
  const outcome = await model
    .fit(sets[name](shift), { ...options, resume: checkpoint(path.join(folder, file), { steps: 1 }) })
    .then(
      ({ history }) => history,
      (error: unknown) => error,
    );
  const after = await numbers();
  model.dispose();
  return { outcome, before, after };
}

describe.each(Object.keys(sets))("%s", (name) => {
  let undisturbed: ReturnType<typeof run> | undefined;
  it.each([3, 0])("cut after %i steps of the second epoch", async (cutAt) => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const file = `${name}-${cutAt}`;
    undisturbed ??= run(name, 0, `${name}-whole`);
    const whole = await undisturbed;
    expect((await run(name, 0, file, { cutAt })).outcome).toMatchObject({ message: "cut" });
    const written = fs.readFileSync(path.join(folder, file));
    // Of a generator only what is run through again can be looked at: between epochs nothing is.
    if (name !== "generator" || cutAt > 0) {
      const other = await run(name, 1, file);
      expect(other.outcome).toBeInstanceOf(DataError);
      expect(other.after).toEqual(other.before);
    }
    fs.writeFileSync(path.join(folder, file), written);
    // Another seed of the device, as in a process that was given none.
    const resumed = await run(name, 0, file, { seed: 99 });
    expect(resumed.outcome).toEqual(whole.outcome);
    expect(resumed.after).toEqual(whole.after);
  });
});

// fit where the device is lost and none comes back: what the last snapshot has goes to the run's checkpoint, and a run that
// goes on from it equals one that nothing disturbed.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import type { WebgpuBackend } from "../../engine/backend/webgpu/webgpu.ts";
import { type Device, DeviceError, DeviceLostError, init, setDevice } from "../../engine/index.ts";
import { BackupAndRestore, type Callback, checkpoint, loadModel, saveModel } from "../../nn/index.ts";
import { modelOf, numbersOf, train, type Way } from "../fixtures/resumed-run.ts";
import { gpuDevice } from "../support/devices.ts";

let folder: string;
/** The other tests' device: theirs to close. */
let shared: Device;
let own: Device | undefined;
beforeAll(async () => {
  shared = await gpuDevice();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-gone-"));
});
afterAll(() => {
  own?.dispose();
  setDevice(shared);
  fs.rmSync(folder, { recursive: true });
});
afterEach(() => vi.restoreAllMocks());

/** Loses the device for good. */
function loseForGood(device: Device): void {
  device.realBackend.reopen = () => Promise.reject(new DeviceError("the system gives no adapter"));
  const { recover } = device;
  vi.spyOn(device, "recover").mockImplementation(() => recover.call(device, { timeout: 0.05 }));
  (device.backend as WebgpuBackend).loseDevice();
}

/** A process's part; `lostAt` is where its device goes. */
async function part(
  way: Way,
  options: { resume?: Callback; snapshotEvery?: { steps: number } },
  lostAt?: [epoch: number, steps: number],
  more: Callback[] = [],
) {
  own?.dispose();
  own = await init({ device: "webgpu", seed: 5 });
  const device = own;
  const model = modelOf(way);
  const lose: Callback = {
    everySteps: 1,
    onStepsEnd: async (steps, _logs, _model, { epoch }) => {
      if (lostAt === undefined || epoch !== lostAt[0] || steps !== lostAt[1]) return;
      // The snapshot before it has been read by then.
      await device.sync();
      await new Promise((resolve) => setTimeout(resolve, 50));
      loseForGood(device);
    },
  };
  const callbacks = [...more, ...(lostAt ? [lose] : [])];
  const ended = await train(model, way, { epochs: 4, ...options }, callbacks).catch((error: Error) => error);
  if (ended instanceof Error) return { error: ended, model };
  const numbers = await numbersOf(model, ended);
  model.dispose();
  return { numbers };
}

/**
 * Where the last snapshot was, as an error tells: before the loss, and after the beginning. Which one that is depends on how
 * long it takes to read the one before.
 */
function placeIn(message: string | undefined, [epoch, steps]: [epoch: number, steps: number]): string {
  const [place, found, step] = /epoch (\d+), step (\d+)/.exec(message ?? "") ?? [];
  const at = 1000 * Number(found) + Number(step);
  expect(at, message).toBeLessThanOrEqual(1000 * (epoch + 1) + steps);
  expect(at, message).toBeGreaterThan(1000);
  return place as string;
}

it.each<[way: Way, snapshots: number, lostAt: [number, number]]>([
  // Behind an epoch's last step, with callbacks that decide; the same with penalties; amid an epoch.
  ["plateau", 5, [3, 2]],
  ["layers", 4, [2, 2]],
  ["generator", 4, [3, 4]],
])("%s", async (way, steps, lostAt) => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const whole = await part(way, {});
  const file = path.join(folder, `${way}.safetensors`);
  // It would not write before the end by itself.
  const resume = () => checkpoint(file, { seconds: 1e6 });
  const { error } = await part(way, { resume: resume(), snapshotEvery: { steps } }, lostAt);
  expect(error).toBeInstanceOf(DeviceLostError);
  expect(error?.message).toMatch(/no device came back, and training ends/);
  const place = placeIn(error?.message, lostAt);
  expect(error?.message).toContain(`What it had reached by ${place}, is in ${file}: start it again`);
  expect(error?.message).toContain(`The model has the values of ${place}, on the host`);
  expect(error?.message).toContain("the system gives no adapter");
  expect(fs.readdirSync(folder).filter((name) => name.startsWith(way))).toEqual([path.basename(file)]);
  warn.mockClear();
  const resumed = await part(way, { resume: resume() });
  expect(warn.mock.calls.filter(([text]) => !/batch(es)? (was|were) made again/.test(text))).toEqual([]);
  expect(resumed.numbers).toEqual(whole.numbers);
});

it("BackupAndRestore writes it too, a failing disk is told, and the model can still be read and saved", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const backup = path.join(folder, "backup");
  const full = {
    name: "a full disk",
    read: async () => undefined,
    write: () => Promise.reject(new Error("a full disk: no space left")),
    remove: async () => {},
  };
  const { error } = await part("plain", { resume: checkpoint(full), snapshotEvery: { steps: 2 } }, [1, 3]);
  const place = placeIn(error?.message, [1, 3]);
  expect(error?.message).toContain(`a full disk: no space left. The model has the values of ${place}`);
  const callbacks = [new BackupAndRestore({ path: backup })];
  const lost = await part("plain", { snapshotEvery: { steps: 2 } }, [1, 3], callbacks);
  expect(lost.error?.message).toContain(`${placeIn(lost.error?.message, [1, 3])}, is in ${backup}`);
  expect(fs.existsSync(backup)).toBe(true);
  const saved = path.join(folder, "model.safetensors");
  await saveModel(lost.model!, saved);
  const weights = await lost.model!.getWeights();
  own?.dispose();
  own = await init({ device: "webgpu", seed: 5 });
  const again = await loadModel(saved);
  expect((await again.getWeights()).map(({ values }) => values)).toEqual(weights.map(({ values }) => values));
  expect(weights.some(({ values }) => values.some((value) => value !== 0))).toBe(true);
  again.dispose();
});

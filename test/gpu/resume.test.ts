// Runs of fit that are cut and gone on with: bit for bit what they would have been, on each adapter.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type Device, init, setDevice } from "../../engine/index.ts";
import {
  BackupAndRestore,
  type Callback,
  CSVLogger,
  checkpoint,
  loadModel,
  ModelCheckpoint,
} from "../../nn/index.ts";
import { modelOf, numbersOf, train, type Way, ways } from "../fixtures/resumed-run.ts";
import { gpuDevice } from "../support/devices.ts";
import { sampled } from "../support/sampled.ts";

let folder: string;
/** The other tests' device: theirs to close. */
let shared: Device;
let own: Device | undefined;
beforeAll(async () => {
  shared = await gpuDevice();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-resume-"));
});
afterAll(() => {
  own?.dispose();
  setDevice(shared);
  fs.rmSync(folder, { recursive: true });
});
afterEach(() => vi.restoreAllMocks());

let files = 0;
const fresh = (): string => path.join(folder, `run-${files++}.safetensors`);
const epochs = 6;

/** A process's part: a device, a model and fit, all made anew. */
async function part(
  way: Way,
  resume: Callback | undefined,
  cutAt?: [epoch: number, steps: number],
  more: Callback[] = [],
) {
  own?.dispose();
  own = await init({ device: "webgpu", seed: 5 });
  const model = modelOf(way);
  const controller = new AbortController();
  // After everything else at the boundary, as a kill would come.
  const cut: Callback = {
    everySteps: 1,
    onBoundary(_, { epoch, steps }) {
      if (cutAt !== undefined && epoch === cutAt[0] && steps === cutAt[1]) controller.abort(new Error("cut"));
    },
  };
  const history = await train(model, way, { epochs, resume, signal: controller.signal }, [
    ...more,
    ...(cutAt ? [cut] : []),
  ]).catch((error: Error) => {
    if (error.message !== "cut") throw error;
  });
  const found = history === undefined ? undefined : await numbersOf(model, history);
  model.dispose();
  return found;
}

describe("a run that is cut and resumed equals one that is not", () => {
  it.each(sampled(ways))("%s", async (way) => {
    const whole = await part(way, undefined);
    const isThorough = way === "shuffled";
    if (isThorough) expect(await part(way, undefined), "two runs that are not cut").toEqual(whole);
    const file = fresh();
    const saving = () => checkpoint(file, { steps: 2 });
    // Amid an epoch, at a step that was not saved, at an epoch's end, in the last epoch.
    const cuts = [
      [1, 3],
      [3, 0],
      ...(isThorough
        ? [
            [3, 4],
            [5, 2],
          ]
        : []),
    ] as [number, number][];
    for (const cut of cuts) {
      const before = fs.existsSync(file) ? fs.statSync(file).mtimeMs : 0;
      expect(await part(way, saving(), cut)).toBeUndefined();
      expect(fs.statSync(file).mtimeMs).toBeGreaterThan(before);
    }
    expect(await part(way, saving())).toEqual(whole);
    // It is over: nothing is trained again.
    if (isThorough) expect(await part(way, saving())).toEqual(whole);
    expect(fs.readdirSync(folder).filter((name) => name.startsWith(path.basename(file)))).toEqual([
      path.basename(file),
    ]);
  });

  it("with what other callbacks wrote", async () => {
    const log = path.join(folder, "log.csv");
    const logger = () => [
      new CSVLogger(log),
      new ModelCheckpoint({
        path: path.join(folder, "best-{epoch:02d}.safetensors"),
        monitor: "loss",
        keep: 2,
      }),
    ];
    await part("plateau", undefined, undefined, logger());
    const [whole, kept] = [
      fs.readFileSync(log, "utf8"),
      fs.readdirSync(folder).filter((name) => name.startsWith("best")),
    ];
    expect(kept).toEqual(["best-05.safetensors", "best-06.safetensors"]);
    for (const name of kept) fs.rmSync(path.join(folder, name));
    const backup = () => new BackupAndRestore({ path: path.join(folder, "backup"), saveFreq: 3 });
    await part("plateau", undefined, [2, 2], [...logger(), backup()]);
    await part("plateau", undefined, undefined, [...logger(), backup()]);
    expect(fs.readFileSync(log, "utf8")).toBe(whole);
    expect(fs.readdirSync(folder).filter((name) => name.startsWith("best"))).toEqual(kept);
    expect(fs.existsSync(path.join(folder, "backup"))).toBe(false);
    const model = await loadModel(path.join(folder, kept[1]));
    model.dispose();
  });
});

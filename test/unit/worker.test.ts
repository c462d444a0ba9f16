// inWorker in Node: results, errors, signals and ends of worker threads, on the CPU reference.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ArgumentError, DataError, DeviceError, dispose, GradgpuError } from "../../engine/index.ts";
import { type InWorkerOptions, inWorker } from "../../nn/worker/index.ts";
import { bundle } from "../../scripts/run.mjs";
import { root } from "../../scripts/setup.mjs";
import { type TaskData, train } from "../fixtures/worker-tasks.ts";

let url: URL;
let folder: string;
beforeAll(async () => {
  url = pathToFileURL(await bundle(path.join(root, "test", "fixtures", "worker-tasks.ts")));
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-worker-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** Runs a task of the fixture. */
const run = <R = unknown>(data: TaskData, options: InWorkerOptions = {}) =>
  inWorker<R>(url, { data, ...options });

function moduleOf(code: string): URL {
  const file = path.join(folder, `${Math.random()}.mjs`);
  fs.writeFileSync(file, code);
  return pathToFileURL(file);
}

describe("a task", () => {
  it("trains as fit does here, and tells of its epochs", async () => {
    const seen: [number, number][] = [];
    const begun: number[] = [];
    const steps: number[] = [];
    const { history, weights } = await run<Awaited<ReturnType<typeof train>>>(
      { task: "train" },
      {
        onEpochBegin: (epoch) => void begun.push(epoch),
        onEpochEnd: (epoch, { loss }) => void seen.push([epoch, loss]),
        onStepsEnd: (step) => void steps.push(step),
        onLog: () => {},
      },
    );
    const here = await train({}, { signal: new AbortController().signal });
    expect(history?.history).toEqual(here.history?.history);
    expect(weights.map(({ values }) => values)).toEqual(here.weights.map(({ values }) => values));
    expect(seen).toEqual(history?.history.loss.map((loss, epoch) => [epoch, loss]));
    expect(begun).toEqual([0, 1, 2]);
    // 13 steps an epoch, however they lie in submits.
    expect(steps.filter((step) => step === 13)).toHaveLength(3);
    dispose();
  });

  it("gets data, moves buffers and posts messages", async () => {
    const values = Float32Array.of(1, 2, 3);
    const messages: unknown[] = [];
    const onMessage = (message: unknown) => void messages.push(message);
    const made = await run<{ doubled: Float32Array; shared: Float32Array[] }>(
      { task: "double", values },
      { transfer: [values.buffer], onMessage },
    );
    expect(values).toHaveLength(0);
    expect(made.doubled).toEqual(Float32Array.of(2, 4, 6));
    expect(made.shared[0]).toBe(made.shared[1]);
    expect(messages).toEqual([{ length: 3 }]);
  });

  it("sends its console's lines where they are wanted", async () => {
    const lines: string[] = [];
    await run({ task: "say" }, { onLog: (text, level) => void lines.push(`${level}: ${text}`) });
    expect(lines).toEqual(['log: epoch 1 {"loss":0.5} [1,2]', "warn: careful"]);
  });

  it("runs beside another one", async () => {
    const tasks = [1, 2].map((value) =>
      run<{ doubled: Float32Array }>({ task: "double", values: Float32Array.of(value) }),
    );
    expect((await Promise.all(tasks)).map(({ doubled }) => doubled[0])).toEqual([2, 4]);
  });

  it("ends when it is over, whatever it left behind, and in a worker that the caller made", async () => {
    let exited = false;
    const made = () => new Worker(url).on("exit", () => (exited = true));
    expect(await inWorker(made, { data: { task: "leave" } })).toBe("left");
    expect(exited).toBe(true);
  });
});

it("is done in a thread of Node's where another library has put their class among the globals", async () => {
  vi.stubGlobal("Worker", Worker);
  try {
    const { doubled } = await run<{ doubled: Float32Array }>({
      task: "double",
      values: new Float32Array([1, 2]),
    });
    expect([...doubled]).toEqual([2, 4]);
  } finally {
    vi.unstubAllGlobals();
  }
});

describe("an error", () => {
  it("comes over with its class, message, stack and cause", async () => {
    const error = (await run({ task: "throwOwn" }).catch((thrown) => thrown)) as DataError;
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ name: "DataError", message: "no such file" });
    expect(error.stack).toMatch(/^DataError: no such file\n.*worker-tasks/);
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(error.cause).toMatchObject({ message: "out of it" });
  });

  it("may be anything", async () => {
    await expect(run({ task: "throwValue" })).rejects.toEqual({ plain: true });
  });

  it("that nobody catches ends the task", async () => {
    await expect(run({ task: "uncaught" })).rejects.toThrow(TypeError);
  });

  it("says what can't be sent, either way", async () => {
    const result = run({ task: "notSendable" });
    await expect(result).rejects.toThrow(ArgumentError);
    await expect(result).rejects.toThrow(
      /what the task gave can't be sent: Symbol\(a gradgpu Device\) .*await tensor\.data\(\)/,
    );
    const data = run({ task: "double", values: (() => 1) as never });
    await expect(data).rejects.toThrow(/inWorker: data can't be sent to a worker: .*plain data/);
  });

  it("of a listener ends the task", async () => {
    const reason = new Error("mine");
    const onEpochEnd = () => {
      throw reason;
    };
    await expect(run({ task: "train", epochs: 1e6 }, { onEpochEnd, onLog: () => {} })).rejects.toBe(reason);
  });

  it("says what is wrong with a module", async () => {
    const missing = inWorker(new URL("gone.mjs", pathToFileURL(`${folder}/`)));
    await expect(missing).rejects.toThrow(GradgpuError);
    await expect(missing).rejects.toThrow(/gone\.mjs can't be run: Cannot find module/);
    await expect(inWorker(moduleOf("throw new Error('at its top')"))).rejects.toThrow(
      /can't be run: at its top/,
    );
    await expect(inWorker(moduleOf("export default 1"))).rejects.toThrow(
      /ended without a task; the module must call workerTask/,
    );
    await expect(inWorker(new URL("https://localhost/a.js"))).rejects.toThrow(/could not be started/);
    await expect(run({ task: "exit" })).rejects.toThrow(/ended with code 3 before its task did/);
    await expect(inWorker("./train.js")).rejects.toThrow(/takes a module's URL/);
    await expect(inWorker(url, { signals: 1 } as never)).rejects.toThrow(/Did you mean "signal"/);
  });
});

describe("a signal", () => {
  it("ends the task with its reason, the very object", async () => {
    const controller = new AbortController();
    const reason = { enough: true };
    const onEpochEnd = (epoch: number) => epoch === 1 && controller.abort(reason);
    const options = { signal: controller.signal, onEpochEnd, onLog: () => {} };
    await expect(run({ task: "train", epochs: 1e6 }, options as InWorkerOptions)).rejects.toBe(reason);
  });

  it("is heeded before the module is loaded, and before the call", async () => {
    const controller = new AbortController();
    const early = run({ task: "train", epochs: 1e6 }, { signal: controller.signal });
    controller.abort();
    await expect(early).rejects.toBe(controller.signal.reason);
    await expect(run({ task: "train" }, { signal: AbortSignal.abort(7) })).rejects.toBe(7);
  });

  it("does not undo what is done", async () => {
    const controller = new AbortController();
    const onEpochEnd = () => controller.abort();
    const options = { signal: controller.signal, onEpochEnd, onLog: () => {} };
    // The last epoch's end: by the time that the worker hears of it, fit is over, or about to look at its signal.
    const outcome = await run({ task: "train", epochs: 1 }, options).catch((error) => error);
    expect(outcome === controller.signal.reason || "history" in (outcome as object)).toBe(true);
  });

  it("stop() ends training at the next submit, early or late", async () => {
    type Made = { history: { epoch: number[] } };
    const options = { onLog: () => {}, onEpochEnd: (epoch: number) => void (epoch === 2 && running.stop()) };
    const running = run<Made>({ task: "train", epochs: 1e6 }, options);
    const { history } = await running;
    expect(history.epoch.length).toBeGreaterThanOrEqual(3);
    expect(history.epoch.length).toBeLessThan(1e6);
    const early = run<Made>({ task: "train", epochs: 1e6 }, { onLog: () => {} });
    early.stop();
    expect((await early).history.epoch).toEqual([]);
  });

  it("that a worker does not heed in time is told", async () => {
    const controller = new AbortController();
    const onMessage = () => controller.abort();
    const hanging = run({ task: "ignore" }, { signal: controller.signal, timeout: 0.3, onMessage });
    const error = (await hanging.catch((thrown) => thrown)) as DeviceError;
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toMatch(
      /hangs: it has not ended 0\.3 s after it was told to, and it was ended by force/,
    );
    expect(error.cause).toBe(controller.signal.reason);
  });
});

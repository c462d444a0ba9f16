// inWorker: has a module do its task in a thread of its own, and stands for it here: messages, signals, result, errors.

import { ArgumentError, DeviceError, GradgpuError } from "../../engine/index.ts";
import { aboveZero, checkOptions, kindOf, type OptionNames } from "../../engine/internal.ts";
import type { Logs } from "../training/history.ts";
import { checkSignal } from "../training/options.ts";
import { type FromWorker, isMessage, type LogLevel, type RelayedHook, type ToWorker } from "./messages.ts";
import { receivedError, sentError } from "./sent-errors.ts";
import {
  adoptWorker,
  type NodeWorker,
  type RemoteWorker,
  startWorker,
  terminalColumns,
  type WebWorker,
  type WorkerEvents,
} from "./workers.ts";

export interface InWorkerOptions {
  /** What the task gets first; copied, as `structuredClone` does. */
  data?: unknown;
  /** Buffers within `data` that are moved instead of copied: they are empty here afterwards. */
  transfer?: readonly ArrayBuffer[];
  /** When it is aborted, the task's own signal is, with the same reason, and the call rejects with that. */
  signal?: AbortSignal;
  /** Told when an epoch of a `fit` that has the task's `relay` among its callbacks begins. */
  onEpochBegin?(epoch: number): void;
  /** The same at its end. */
  onEpochEnd?(epoch: number, logs: Logs): void;
  /** The same after each submit; training waits for the numbers, as with the callback of that name. */
  onStepsEnd?(steps: number, logs: Logs): void;
  /** Takes what the task `post`s. */
  onMessage?(message: unknown): void;
  /** Takes the lines that the worker writes to its console; without it, they go to this program's console or terminal. */
  onLog?(text: string, level: LogLevel): void;
  /** Seconds that the worker has to end after an abort, before it is taken to hang. Default 30. */
  timeout?: number;
}

const inWorkerOptions: OptionNames<InWorkerOptions> = {
  data: true,
  transfer: true,
  signal: true,
  onEpochBegin: true,
  onEpochEnd: true,
  onStepsEnd: true,
  onMessage: true,
  onLog: true,
  timeout: true,
};

const relayedHooks: readonly RelayedHook[] = ["onEpochBegin", "onEpochEnd", "onStepsEnd"];

/** Seconds after which a worker that has not said anything is wondered about. */
const quietSeconds = 15;

/** A Web Worker, or in Node a Worker of `node:worker_threads`. */
export type WorkerLike = WebWorker | NodeWorker;

/** What becomes of a task: a promise of what it gives. */
export interface WorkerRun<R> extends Promise<R> {
  /** Ends a `fit` that has the task's `relay` among its callbacks at its next submit, as `model.stopTraining = true` does. */
  stop(): void;
}

/**
 * Runs a module in a Web Worker, or in Node in a worker thread, so that this thread stays free: the module says by
 * {@link workerTask} what it does. Resolves with what the task gives, when the worker's devices are closed and it is gone.
 *
 *     // train.js
 *     import { init } from "gradgpu";
 *     import { workerTask } from "gradgpu/worker";
 *     workerTask(async ({ epochs }, { signal, relay }) => {
 *       await init();
 *       const model = makeModel();
 *       const { history } = await model.fit(x, y, { epochs, signal, callbacks: relay });
 *       return { history, weights: await model.getWeights() };
 *     });
 *
 *     // page.js
 *     const { history } = await inWorker(new URL("./train.js", import.meta.url), {
 *       data: { epochs: 10 },
 *       onEpochEnd: (epoch, { loss }) => console.log(epoch, loss),
 *     });
 *
 * @param module the module's URL; or, since bundlers look for these very words, a function that gives
 *   `new Worker(new URL("./train.js", import.meta.url), { type: "module" })`
 * @throws what the task threw, with its class, message and stack; the signal's reason where it was aborted; a GradgpuError
 *   where the module can't be run, has no task, or ends before it; a DeviceError where the worker hangs
 */
export function inWorker<R = unknown>(
  module: URL | string | (() => WorkerLike),
  options: InWorkerOptions = {},
): WorkerRun<R> {
  let run: Run | undefined;
  const result = (async () => {
    checkOptions("inWorker", options, inWorkerOptions);
    checkModule(module);
    if (options.timeout !== undefined) aboveZero("inWorker", "timeout", options.timeout);
    checkSignal("inWorker", options.signal);
    run = new Run(module, options);
    return (await run.result()) as R;
  })();
  return Object.assign(result, { stop: () => run?.stop() });
}

function checkModule(module: unknown): void {
  if (module instanceof URL || typeof module === "function") return;
  if (typeof module === "string" && URL.canParse(module)) return;
  throw new ArgumentError(
    `inWorker: takes a module's URL, as new URL("./train.js", import.meta.url), or a function that makes a Worker, got ${kindOf(module)}`,
  );
}

class Run {
  readonly #what: string;
  readonly #module: URL | string | (() => WorkerLike);
  readonly #options: InWorkerOptions;
  readonly #outcome: Promise<unknown>;
  #settle!: { resolve(value: unknown): void; reject(error: unknown): void };
  #worker: RemoteWorker | undefined;
  #isReady = false;
  /** Whether a GPU's device is open there. */
  #hasDevice = false;
  #isStopped = false;
  /** Whether the worker was told to end. */
  #isAborted = false;
  /** What came of the task, from when it is known until the worker is gone. */
  #found: (() => void) | undefined;
  #isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(module: URL | string | (() => WorkerLike), options: InWorkerOptions) {
    this.#module = module;
    this.#options = options;
    this.#what = `inWorker: ${typeof module === "function" ? "the worker" : String(module)}`;
    this.#outcome = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  async result(): Promise<unknown> {
    const { signal } = this.#options;
    const onAbort = () => this.#abort();
    signal?.addEventListener("abort", onAbort);
    try {
      await this.#start();
      return await this.#outcome;
    } finally {
      this.#isOver = true;
      clearTimeout(this.#timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#isReady && !this.#isOver) this.#post({ gradgpu: "stop" });
  }

  async #start(): Promise<void> {
    const module = this.#module;
    const events: WorkerEvents = {
      onMessage: (message) => {
        if (isMessage(message)) this.#onMessage(message as FromWorker);
      },
      onError: (error) => this.#onError(error),
      onExit: (code) => this.#onExit(code),
    };
    try {
      this.#worker =
        typeof module === "function"
          ? adoptWorker(module(), events)
          : await startWorker(new URL(module), events);
    } catch (cause) {
      throw new GradgpuError(`${this.#what} could not be started: ${(cause as Error)?.message ?? cause}`, {
        cause,
      });
    }
    this.#timer = setTimeout(() => {
      console.warn(
        `gradgpu: ${this.#what} has not called workerTask in ${quietSeconds} s; the module must do so once it is loaded`,
      );
    }, quietSeconds * 1000);
  }

  #post(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    (this.#worker as RemoteWorker).post(message, transfer);
  }

  #onMessage(message: FromWorker): void {
    const options = this.#options;
    try {
      switch (message.gradgpu) {
        case "ready":
          this.#onReady();
          break;
        case "device":
          this.#hasDevice = true;
          break;
        case "log":
          options.onLog?.(message.text, message.level);
          break;
        case "hook":
          (options[message.name] as ((...told: readonly unknown[]) => void) | undefined)?.(...message.told);
          break;
        case "message":
          options.onMessage?.(message.message);
          break;
        case "done": {
          const { result } = message;
          this.#end(() => this.#settle.resolve(result));
          break;
        }
        case "failed": {
          const reason = options.signal?.reason;
          const error = message.isReason && options.signal?.aborted ? reason : receivedError(message.error);
          this.#end(() => this.#settle.reject(error));
          break;
        }
      }
    } catch (error) {
      // A listener's own: the task ends, as if the signal had been aborted with it.
      this.#abort(error);
    }
  }

  #onReady(): void {
    clearTimeout(this.#timer);
    this.#isReady = true;
    const { data, transfer = [], onLog, signal } = this.#options;
    if (signal?.aborted) {
      this.#abort();
      return;
    }
    const hooks = relayedHooks.filter((name) => this.#options[name] !== undefined);
    const columns = onLog === undefined ? terminalColumns() : undefined;
    try {
      const isStopped = this.#isStopped;
      this.#post(
        { gradgpu: "start", data, hooks, sendsLogs: onLog !== undefined, columns, isStopped },
        transfer,
      );
    } catch (cause) {
      const text = `inWorker: data can't be sent to a worker: ${(cause as Error).message}; pass plain data and typed arrays`;
      this.#abort(new ArgumentError(text, { cause }));
    }
  }

  /** Asks the worker to end. */
  #abort(error?: unknown): void {
    if (error !== undefined) this.#found ??= () => this.#settle.reject(error);
    // One that is not ready is told when it is.
    if (this.#worker === undefined || this.#isOver || this.#isAborted) return;
    this.#isAborted = this.#isReady;
    const { signal, timeout = 30 } = this.#options;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onHang(timeout), timeout * 1000);
    if (this.#isReady) this.#post({ gradgpu: "abort", reason: sentError(error ?? signal?.reason) });
  }

  #onHang(timeout: number): void {
    const worker = this.#worker as RemoteWorker;
    // Dawn would end the whole process.
    const isLeft = !worker.isEndedByCaller && this.#hasDevice;
    if (isLeft) worker.leave();
    else worker.terminate();
    const after = isLeft
      ? "its thread is left to itself, since ending it by force while a device of Dawn's works ends the process"
      : "it was ended by force";
    this.#settle.reject(
      new DeviceError(
        `${this.#what} hangs: it has not ended ${timeout} s after it was told to, and ${after}. Pass the task's signal to fit, and look at it in loops of your own; or give a longer timeout`,
        { cause: this.#options.signal?.reason },
      ),
    );
  }

  /** Notes what came of the task. The call settles when the worker is gone. */
  #end(found: () => void): void {
    this.#found ??= found;
    const worker = this.#worker as RemoteWorker;
    if (!worker.isEndedByCaller) return;
    worker.terminate();
    this.#found();
  }

  #onError(error: { readonly message?: string; readonly stack?: string }): void {
    const text =
      error.message || "it could not be loaded; look at the address, and whether it is served as JavaScript";
    const wrapped = new GradgpuError(`${this.#what} ${this.#isReady ? "failed" : "can't be run"}: ${text}`, {
      cause: error.stack === undefined ? undefined : error,
    });
    this.#end(() => this.#settle.reject(wrapped));
  }

  #onExit(code: number): void {
    if (this.#found !== undefined) {
      this.#found();
      return;
    }
    const text = this.#isReady
      ? `ended with code ${code} before its task did: the task must not call process.exit()`
      : "ended without a task; the module must call workerTask(async (data, context) => ...)";
    this.#settle.reject(new GradgpuError(`${this.#what} ${text}`));
  }
}

// workerTask: the side of `inWorker` that runs in the worker. Closes the devices that the task opened, then ends.

import { ArgumentError, type Device } from "../../engine/index.ts";
import {
  checkFunction,
  deviceWatch,
  importByName,
  isPlainObject,
  nodeModule,
  nodeProcess,
} from "../../engine/internal.ts";
import type { Callback } from "../training/callbacks/callback.ts";
import { type FromWorker, isMessage, type ToWorker } from "./messages.ts";
import { Relay, relayConsole } from "./relay.ts";
import { receivedError, type SentError, sentError } from "./sent-errors.ts";

/** What a task gets besides its data. */
export interface TaskContext {
  /** Aborted when the caller's signal is, with the same reason. Pass it to `fit`. */
  readonly signal: AbortSignal;
  /** A callback for `fit` that tells the caller's `onEpochEnd` and the like, and ends training when the caller says `stop()`. */
  readonly relay: Callback;
  /** Sends the caller's `onMessage` plain data and typed arrays; the buffers in `transfer` are moved, and empty here afterwards. */
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
}

/** What a module does in a worker. What it gives goes to the caller: plain data and typed arrays. */
// biome-ignore lint/suspicious/noExplicitAny: what the caller sends is between the two
export type WorkerTask<D = any> = (data: D, context: TaskContext) => unknown;

/** The end of the line to the caller. */
interface Port {
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void;
  listen(listener: (message: unknown) => void): void;
  /** Has `listener` told of errors that nobody catches: the thread would end with devices at work. */
  onUncaught(listener: (error: unknown) => void): void;
  /** Has the console's lines, which go to the caller's terminal, drawn as for one. */
  useTerminal(columns: number): void;
  /** Nothing comes any more. */
  close(): void;
}

interface WebScope {
  readonly WorkerGlobalScope?: unknown;
  postMessage: Port["postMessage"];
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
}

interface Threads {
  readonly parentPort: {
    postMessage: Port["postMessage"];
    on(event: "message", listener: (message: unknown) => void): void;
    close(): void;
  } | null;
}

interface NodeThread {
  readonly stdout: object;
  on(event: string, listener: (error: unknown) => void): void;
  exit(): void;
}

/** Milliseconds that a thread has to end by itself when its task has ended. */
const lingerMs = 1000;
let hasTask = false;

/**
 * Says what this module does when {@link inWorker} runs it. To be called once, while the module is loaded. When the task has
 * ended, the devices that it opened are closed, and the worker ends. In a program's main thread, as a page's, nothing happens.
 *
 * @param task `(data, { signal, relay, post }) => result`, asynchronous mostly
 */
export function workerTask<D>(task: WorkerTask<D>): void {
  checkFunction(
    "workerTask",
    task,
    "does the work, as in async (data) => ...",
    "it runs when the caller's data come",
  );
  if (hasTask) throw new ArgumentError("workerTask: this worker has a task already; a module has one");
  hasTask = true;
  void portOf().then((port) => port && serve(port, task as WorkerTask));
}

async function portOf(): Promise<Port | undefined> {
  const scope = globalThis as unknown as WebScope;
  if (scope.WorkerGlobalScope !== undefined) {
    return {
      postMessage: (message, transfer) => scope.postMessage(message, transfer),
      listen: (listener) => scope.addEventListener("message", ({ data }) => listener(data)),
      // The caller hears of them by itself.
      onUncaught() {},
      useTerminal() {},
      close() {},
    };
  }
  if (nodeProcess()?.versions?.node === undefined) return undefined;
  const name = "node:worker_threads";
  const { parentPort } = nodeModule<Threads>(name) ?? (await importByName<Threads>(name));
  if (parentPort === null) return undefined;
  const thread = nodeProcess() as unknown as NodeThread;
  return {
    postMessage: (message, transfer) => parentPort.postMessage(message, transfer),
    listen: (listener) => parentPort.on("message", listener),
    onUncaught: (listener) => thread.on("uncaughtException", listener),
    useTerminal: (columns) => Object.assign(thread.stdout, { isTTY: true, columns }),
    close() {
      parentPort.close();
      // Something that the task left behind may keep it alive.
      (setTimeout(() => thread.exit(), lingerMs) as { unref?(): void }).unref?.();
    },
  };
}

function serve(port: Port, task: WorkerTask): void {
  const controller = new AbortController();
  const { signal } = controller;
  const devices = new Set<Device>();
  let relay: Relay | undefined;
  let isOver = false;
  const post = (message: FromWorker, transfer: readonly ArrayBuffer[] = []) =>
    port.postMessage(message, transfer);
  const fail = (error: unknown) =>
    end({ gradgpu: "failed", error: sentError(error), isReason: signal.aborted && error === signal.reason });

  async function end(outcome: FromWorker, transfer: readonly ArrayBuffer[] = []): Promise<void> {
    if (isOver) return;
    isOver = true;
    for (const device of devices) device.dispose();
    // What waited for the devices hears of it.
    await new Promise((resolve) => setTimeout(resolve, 0));
    try {
      post(outcome, transfer);
    } catch {
      postCopied(outcome);
    }
    port.close();
  }

  /** Of a result whose buffers can't be moved; says so of one that can't be sent at all. */
  function postCopied(outcome: FromWorker): void {
    try {
      post(outcome);
    } catch (cause) {
      const text = `workerTask: what the task gave can't be sent: ${(cause as Error).message}; give plain data and typed arrays, as await tensor.data() or await model.getWeights()`;
      post({ gradgpu: "failed", error: sentError(new ArgumentError(text)), isReason: false });
    }
  }

  async function run(message: ToWorker & { gradgpu: "start" }): Promise<void> {
    const { data, hooks, sendsLogs, columns, isStopped } = message;
    if (sendsLogs) relayConsole(post);
    if (columns !== undefined) port.useTerminal(columns);
    relay = new Relay(hooks, post);
    if (isStopped) relay.stop();
    const context: TaskContext = {
      signal,
      relay,
      post: (told, transfer) => post({ gradgpu: "message", message: told }, transfer),
    };
    try {
      const result = await task(data, context);
      await end({ gradgpu: "done", result }, buffersIn(result));
    } catch (error) {
      await fail(error);
    }
  }

  deviceWatch.value = (device) => {
    devices.add(device);
    if (device.kind === "webgpu") post({ gradgpu: "device" });
  };
  port.onUncaught((error) => void fail(error));
  port.listen((message) => {
    if (!isMessage(message) || isOver) return;
    const told = message as ToWorker;
    if (told.gradgpu === "start") void run(told);
    else if (told.gradgpu === "stop") relay?.stop();
    else if (told.gradgpu === "abort") {
      controller.abort(receivedError(told.reason as SentError));
      // Nothing has begun that would end by the signal.
      if (relay === undefined) void fail(signal.reason);
    }
  });
  post({ gradgpu: "ready" });
}

/** Buffers of plain data: they are moved to the caller, which costs nothing, since nothing here needs them any more. */
function buffersIn(result: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  const seen = new Set<unknown>();
  const look = (value: unknown): void => {
    if (seen.has(value)) return;
    seen.add(value);
    const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
    if (buffer instanceof ArrayBuffer) found.add(buffer);
    else if (Array.isArray(value)) value.forEach(look);
    else if (isPlainObject(value)) Object.values(value as object).forEach(look);
  };
  look(result);
  return [...found];
}

// Web Workers and worker threads of Node behind one interface.

import { importByName, nodeProcess } from "../../engine/internal.ts";

/** What the worker's end or failure is told to. */
export interface WorkerEvents {
  onMessage(message: unknown): void;
  /** An error that the worker's own code did not catch, or what kept its module from being loaded. */
  onError(error: { readonly message?: string; readonly stack?: string }): void;
  /** In Node: its thread is gone. */
  onExit(code: number): void;
}

export interface RemoteWorker {
  /** Whether `terminate` is the way to end it: a thread of Node ends by itself, when nothing is under way any more. */
  readonly isEndedByCaller: boolean;
  post(message: unknown, transfer: readonly ArrayBuffer[]): void;
  /** Ends it at once, whatever it does. */
  terminate(): void;
  /** Forgets it: it goes on, and keeps nobody from ending. */
  leave(): void;
}

/** What is used of a Web Worker. */
export interface WebWorker {
  postMessage(message: unknown, transfer: Transferable[]): void;
  terminate(): void;
  addEventListener(type: string, listener: (event: never) => void): void;
}

/** What is used of a worker thread. */
export interface NodeWorker {
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void;
  terminate(): Promise<number>;
  // biome-ignore lint/suspicious/noExplicitAny: each event has its own
  on(event: any, listener: (value: any) => void): unknown;
  removeAllListeners(): unknown;
  unref(): void;
}

interface Threads {
  readonly Worker: new (url: URL) => NodeWorker;
}

/** Starts a worker that runs a module. */
export async function startWorker(url: URL, events: WorkerEvents): Promise<RemoteWorker> {
  const Web = (
    globalThis as {
      Worker?: new (url: URL, options: { type: "module"; name: string }) => WebWorker | NodeWorker;
    }
  ).Worker;
  // In Node there may be one too, that of its threads: WebAssembly with threads, as Emscripten builds it, puts it there.
  if (Web !== undefined) return adoptWorker(new Web(url, { type: "module", name: url.href }), events);
  const { Worker } = await importByName<Threads>("node:worker_threads");
  return nodeWorker(new Worker(url), events);
}

/** A worker that the caller made. */
export const adoptWorker = (worker: WebWorker | NodeWorker, events: WorkerEvents): RemoteWorker =>
  "addEventListener" in worker && !("unref" in worker)
    ? webWorker(worker, events)
    : nodeWorker(worker as NodeWorker, events);

function webWorker(worker: WebWorker, { onMessage, onError }: WorkerEvents): RemoteWorker {
  worker.addEventListener("message", ({ data }: { data: unknown }) => onMessage(data));
  worker.addEventListener("messageerror", () => onError({ message: "a message of it could not be read" }));
  worker.addEventListener("error", (event: ErrorEvent) => {
    // Else the page reports it as its own.
    event.preventDefault?.();
    const { message, filename, lineno } = event;
    onError({ message: filename ? `${message} (${filename}:${lineno})` : message });
  });
  return {
    isEndedByCaller: true,
    post: (message, transfer) => worker.postMessage(message, [...transfer]),
    terminate: () => worker.terminate(),
    leave: () => worker.terminate(),
  };
}

function nodeWorker(worker: NodeWorker, { onMessage, onError, onExit }: WorkerEvents): RemoteWorker {
  worker.on("message", onMessage);
  worker.on("messageerror", onError);
  worker.on("error", onError);
  worker.on("exit", onExit);
  return {
    isEndedByCaller: false,
    post: (message, transfer) => worker.postMessage(message, transfer),
    terminate: () => void worker.terminate(),
    leave: () => {
      worker.removeAllListeners();
      // What it still throws is nobody's.
      worker.on("error", () => {});
      worker.unref();
    },
  };
}

/** Columns of the terminal that this program writes to, where it does. */
export function terminalColumns(): number | undefined {
  const { isTTY, columns } =
    (nodeProcess() as { stdout?: { isTTY?: boolean; columns?: number } } | undefined)?.stdout ?? {};
  return isTTY ? (columns ?? 80) : undefined;
}

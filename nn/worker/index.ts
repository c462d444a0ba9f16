// The entry point `gradgpu/worker`: training, or whatever a module does, in a thread of its own.

export { type InWorkerOptions, inWorker, type WorkerLike, type WorkerRun } from "./in-worker.ts";
export type { LogLevel } from "./messages.ts";
export { type TaskContext, type WorkerTask, workerTask } from "./task.ts";

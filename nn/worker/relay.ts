// What a task tells its caller by itself: epochs and steps of `fit`, and what goes to the console.

import type { Callback } from "../training/callbacks/callback.ts";
import type { TrainedModel } from "../training/model.ts";
import type { FromWorker, LogLevel, RelayedHook } from "./messages.ts";

type Post = (message: FromWorker) => void;

/** The callback `relay`: it has those hooks only that the caller listens to. */
export class Relay implements Callback {
  readonly #models = new Set<TrainedModel>();
  #isStopped = false;
  onStepsEnd?: Callback["onStepsEnd"];
  onEpochBegin?: Callback["onEpochBegin"];
  onEpochEnd?: Callback["onEpochEnd"];

  /** @internal */
  constructor(hooks: readonly RelayedHook[], post: Post) {
    const tell =
      (name: RelayedHook) =>
      (at: number, logs?: unknown): void =>
        post({ gradgpu: "hook", name, told: name === "onEpochBegin" ? [at] : [at, logs] });
    for (const name of hooks) this[name] = tell(name);
  }

  onTrainBegin(model: TrainedModel): void {
    this.#models.add(model);
    if (this.#isStopped) model.stopTraining = true;
  }

  onTrainEnd(model: TrainedModel): void {
    this.#models.delete(model);
  }

  /** @internal Ends training that goes on, and what begins later. */
  stop(): void {
    this.#isStopped = true;
    for (const model of this.#models) model.stopTraining = true;
  }
}

const levels: readonly LogLevel[] = ["debug", "error", "info", "log", "warn"];

/** Has the console send its lines instead of writing them. */
export function relayConsole(post: Post): void {
  for (const level of levels)
    console[level] = (...values) => post({ gradgpu: "log", level, text: values.map(textOf).join(" ") });
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return value.stack ?? String(value);
  if (typeof value !== "object" || value === null) return String(value);
  try {
    return JSON.stringify(
      ArrayBuffer.isView(value) ? Array.from(value as unknown as Iterable<number>) : value,
    );
  } catch {
    return String(value);
  }
}

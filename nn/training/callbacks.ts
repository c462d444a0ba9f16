// What a caller of `fit` may hook into, and the refusal of what would never be called.

import { ArgumentError } from "../../engine/index.ts";
import { kindOf, type OptionNames, unknownName } from "../../engine/internal.ts";
import type { Logs } from "./history.ts";
import type { TrainedModel } from "./model.ts";

/** Every method may be asynchronous: training waits. Set `model.stopTraining = true` to end training. */
export interface Callback {
  onTrainBegin?(model: TrainedModel): void | Promise<void>;
  /** @param epoch from 0 */
  onEpochBegin?(epoch: number, model: TrainedModel): void | Promise<void>;
  /** @param logs the epoch's loss and metrics, those of the validation data too */
  onEpochEnd?(epoch: number, logs: Logs, model: TrainedModel): void | Promise<void>;
  onTrainEnd?(model: TrainedModel): void | Promise<void>;
}

const methods: OptionNames<Callback> = {
  onTrainBegin: true,
  onEpochBegin: true,
  onEpochEnd: true,
  onTrainEnd: true,
};
const known = Object.keys(methods) as (keyof Callback)[];

/**
 * The callbacks of `fit`'s options as a list.
 *
 * @param what how errors begin
 * @throws ArgumentError for what is no callback, and for methods that nobody would call
 */
export function callbacksOf(
  what: string,
  callbacks: Callback | readonly Callback[] = [],
  onEpochEnd?: Callback["onEpochEnd"],
): readonly Callback[] {
  const list = Array.isArray(callbacks) ? (callbacks as readonly Callback[]) : [callbacks as Callback];
  list.forEach((callback, i) => {
    checkCallback(Array.isArray(callbacks) ? `${what}: callbacks[${i}]` : `${what}: callbacks`, callback);
  });
  if (onEpochEnd === undefined) return list;
  const short = { onEpochEnd };
  checkCallback(`${what}: the options`, short);
  return [...list, short];
}

function checkCallback(what: string, callback: Callback): void {
  if (typeof callback !== "object" || callback === null) {
    const kind = kindOf(callback);
    const isPlainFunction = typeof callback === "function" && !kind.startsWith("the class");
    const remedy = isPlainFunction ? "; pass { onEpochEnd: ... }" : "";
    throw new ArgumentError(
      `${what} must be an object with methods (${known.join(", ")}), got ${kind}${remedy}`,
    );
  }
  for (const name of hookNames(callback)) {
    if (!Object.hasOwn(methods, name)) {
      const error = unknownName("callback method", name, known);
      throw new ArgumentError(`${what}: ${error.message}`);
    }
    const method: unknown = callback[name as keyof Callback];
    if (method !== undefined && typeof method !== "function")
      throw new ArgumentError(`${what}: ${name} must be a function, got ${kindOf(method)}`);
  }
  if (known.every((name) => !(name in callback)))
    throw new ArgumentError(`${what} has none of the methods ${known.join(", ")}; it would do nothing`);
}

/** Names that read like methods to be called, `onBatchEnd` or `on_epoch_end`, of the object and what it inherits. */
function hookNames(callback: object): string[] {
  const names: string[] = [];
  for (let owner = callback; owner && owner !== Object.prototype; owner = Object.getPrototypeOf(owner))
    names.push(...Object.getOwnPropertyNames(owner).filter((name) => /^on[A-Z_]/.test(name)));
  return names;
}

// What a caller of `fit`, `evaluate` and `predict` may hook into, the run that hooks see, and the refusal of what would
// never be called.

import { ArgumentError, type Variable } from "../../../engine/index.ts";
import { atLeastOne, kindOf, type OptionNames, unknownName } from "../../../engine/internal.ts";
import type { BatchWalk } from "../batches.ts";
import type { History, Logs } from "../history.ts";
import type { TrainedModel } from "../model.ts";
import type { RowSource } from "../stream.ts";
import type { Trainer } from "../trainer.ts";

/** What a callback remembers: JSON, where numbers may be NaN or infinite, with typed arrays for what is large. */
export type CallbackState =
  | null
  | boolean
  | number
  | string
  | Float32Array
  | readonly CallbackState[]
  | { readonly [name: string]: CallbackState };

/** How long `fit` is meant to run. */
export interface FitParams {
  /** The number of the last epoch. */
  readonly epochs: number;
  /** Steps an epoch. */
  readonly steps: number;
}

/** @internal The arrays that a run trains on; of a data set nothing. */
export interface FitData {
  readonly source?: RowSource;
  readonly batchSize?: number;
  /** What each epoch's order is drawn from; undefined where samples come as they lie. */
  readonly shuffleState?: Variable | undefined;
}

/** The run of `fit` that a callback takes part in: hooks get it last. */
export interface FitContext {
  readonly params: FitParams;
  /** The epochs so far. */
  readonly history: History;
  /** The epoch that is running, or that begins next, from 0. */
  readonly epoch: number;
  /** Steps taken in it, and samples seen. */
  readonly steps: number;
  readonly samples: number;
  /** Wall time of the last epoch's training, validation left out. */
  readonly seconds: number;
  /** Those of the run, in their order. */
  readonly callbacks: readonly Callback[];
  /** Whether there are data to validate on, in some epochs at least. */
  readonly hasValidation: boolean;
  /** Has a thing freed when `fit` ends, however it does; gives it back. */
  use<T extends { dispose(): void | Promise<void> }>(thing: T): T;
  /** @internal Steps, sums and objectives of the training. */
  readonly trainer: Trainer;
  /** @internal The walk over the training data. */
  readonly walk: BatchWalk;
  /** @internal What it walks over. */
  readonly data: FitData;
  /**
   * @internal Set in `onTrainBegin` to go on from where another run was cut: called when all callbacks have begun and
   * before the first step. It may call {@link moveTo}.
   */
  resume: (() => void | Promise<void>) | undefined;
  /** @internal Goes on in the epoch after so many of its steps; without steps the epoch begins. */
  moveTo(epoch: number, steps: number, samples: number): void;
}

/** What hooks outside of training get last where no `fit` is running: undefined. */
type MaybeFit = FitContext | undefined;
type Done = void | Promise<void>;

/**
 * An object with any of these methods. Each may be asynchronous: training waits, and callbacks are called one after the
 * other, in their order. Set `model.stopTraining = true` to end training. What a method throws ends training once the other
 * callbacks had their `onTrainEnd`; then `fit` rejects with it.
 */
export interface Callback {
  /** Told before all else, as in Keras. */
  setParams?(params: FitParams): void;
  setModel?(model: TrainedModel): void;
  onTrainBegin?(model: TrainedModel, context: FitContext): Done;
  /** @param epoch from 0 */
  onEpochBegin?(epoch: number, model: TrainedModel, context: FitContext): Done;
  /** @param logs the epoch's loss and metrics, those of the validation data too */
  onEpochEnd?(epoch: number, logs: Logs, model: TrainedModel, context: FitContext): Done;
  /** After the last epoch, or after an error in another callback. */
  onTrainEnd?(model: TrainedModel, context: FitContext): Done;
  /**
   * After a submit, which holds as many steps as take the device some 50 ms, so that it differs from run to run where
   * submits end; with {@link everySteps} after each step that it divides, and at the epoch's end. The numbers are read for
   * it: training waits for the device.
   *
   * @param steps taken in this epoch
   * @param logs means over the samples that the epoch has seen so far
   */
  onStepsEnd?(steps: number, logs: Logs, model: TrainedModel, context: FitContext): Done;
  /** Submits end at multiples of so many steps of an epoch, and `onStepsEnd` comes there, whatever the machine's speed. */
  readonly everySteps?: number;
  /** Before a step, `batch` counted from 0 in its epoch. It makes each step a submit, as {@link onBatchEnd} does. */
  onBatchBegin?(batch: number, model: TrainedModel, context: FitContext): Done;
  /**
   * After a step. It makes each step a submit, and the numbers are read after each, which costs small models most of their
   * speed: where every hundredth step will do, use {@link onStepsEnd}.
   *
   * @param logs means over the samples that the epoch has seen so far
   */
  onBatchEnd?(batch: number, logs: Logs, model: TrainedModel, context: FitContext): Done;
  /** Around the validation of an epoch, and around `evaluate`, where no context is given. */
  onTestBegin?(model: TrainedModel, context: MaybeFit): Done;
  onTestEnd?(logs: Logs, model: TrainedModel, context: MaybeFit): Done;
  /** Each makes each step of validation and `evaluate` a submit. */
  onTestBatchBegin?(batch: number, model: TrainedModel, context: MaybeFit): Done;
  onTestBatchEnd?(batch: number, logs: Logs, model: TrainedModel, context: MaybeFit): Done;
  /** Around `predict`. */
  onPredictBegin?(model: TrainedModel): Done;
  onPredictEnd?(model: TrainedModel): Done;
  onPredictBatchBegin?(batch: number, model: TrainedModel): Done;
  /** @param outputs of the batch, in the form of the model's; they are `predict`'s to dispose */
  // biome-ignore lint/suspicious/noExplicitAny: of the form that the model's outputs have
  onPredictBatchEnd?(batch: number, outputs: any, model: TrainedModel): Done;
  /**
   * After each submit but an epoch's last, and after each epoch when all callbacks had their `onEpochEnd`: where the context,
   * the weights and the optimizer are all that a run needs to go on from. Nothing is read for it, and the device may still
   * be at work; what is read then is as of this step.
   */
  onBoundary?(model: TrainedModel, context: FitContext): Done;
  /** @internal Notes what it would write of the run as it is now; gives what writes it and says where, without a device. */
  keepRun?(model: TrainedModel, context: FitContext): Promise<() => Promise<string>>;
  /** What it has to remember for a run that is cut here and resumed. */
  state?(): CallbackState | Promise<CallbackState>;
  /** Takes that up again, after `onTrainBegin` of the run that resumes. */
  // biome-ignore lint/suspicious/noExplicitAny: what its own state() gave
  restore?(state: any): Done;
}

/** All names that begin with "on". */
export type Hook = Extract<keyof Callback, `on${string}`>;
export const hooks: OptionNames<Pick<Callback, Hook>> = {
  onTrainBegin: true,
  onEpochBegin: true,
  onEpochEnd: true,
  onTrainEnd: true,
  onStepsEnd: true,
  onBatchBegin: true,
  onBatchEnd: true,
  onTestBegin: true,
  onTestEnd: true,
  onTestBatchBegin: true,
  onTestBatchEnd: true,
  onPredictBegin: true,
  onPredictEnd: true,
  onPredictBatchBegin: true,
  onPredictBatchEnd: true,
  onBoundary: true,
};
const known = Object.keys(hooks) as Hook[];

/**
 * The callbacks of the options as a list.
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
    if (!Object.hasOwn(hooks, name)) {
      const error = unknownName("callback method", name, known);
      throw new ArgumentError(`${what}: ${error.message}`);
    }
    const method: unknown = callback[name as keyof Callback];
    if (method !== undefined && typeof method !== "function")
      throw new ArgumentError(`${what}: ${name} must be a function, got ${kindOf(method)}`);
  }
  if (callback.everySteps !== undefined) atLeastOne(what, "everySteps", callback.everySteps);
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

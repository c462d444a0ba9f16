// ModelCheckpoint: the model or its weights in a file, after epochs or steps, the best alone or the last few.

import { ArgumentError } from "../../../engine/index.ts";
import { atLeastOne, checkOptions, kindOf } from "../../../engine/internal.ts";
import { partsOf, writeParts } from "../../state/files.ts";
import { weightsOf } from "../../state/model-state.ts";
import { modelParts } from "../../state/saved-model.ts";
import { storeOf } from "../../state/store.ts";
import type { Logs } from "../history.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, CallbackState, FitContext } from "./callback.ts";
import { Monitor, type MonitorOptions, monitorOptions } from "./monitor.ts";

export interface ModelCheckpointOptions extends MonitorOptions {
  /**
   * Where: a path, "indexeddb://NAME" or "opfs://NAME". "{epoch}" (counted from 1), "{step}" and names of the logs in braces
   * are filled in, with digits as in "model-{epoch:03d}-{valLoss:.2f}.safetensors".
   */
  path: string;
  /** Write only where the monitored number is better than all before. Default false. */
  saveBestOnly?: boolean;
  /** Weights alone (for `loadWeights`); default false: the model (for `loadModel`). */
  saveWeightsOnly?: boolean;
  /** After each epoch (the default), or after so many steps of an epoch. */
  saveFreq?: "epoch" | number;
  /** How many of the files that it wrote are left; the oldest are removed. Default: all. */
  keep?: number;
}

const own = { path: true, saveBestOnly: true, saveWeightsOnly: true, saveFreq: true, keep: true } as const;

/**
 * A callback that saves the model while it trains. Names, defaults and meaning are Keras's. What was there before stays until
 * the new file is written whole; where writing fails, a warning says so and training goes on. For a run to be gone on with
 * after a cut, see {@link checkpoint} and {@link BackupAndRestore}.
 *
 * @throws ArgumentError for wrong options; from `fit`, where the logs lack what is monitored or named in the path
 */
export class ModelCheckpoint implements Callback {
  readonly everySteps?: number;
  readonly #options: ModelCheckpointOptions;
  readonly #monitor: Monitor;
  #files: string[] = [];
  onStepsEnd?: Callback["onStepsEnd"];
  onEpochEnd?: Callback["onEpochEnd"];

  constructor(options: ModelCheckpointOptions) {
    const who = "ModelCheckpoint";
    checkOptions(who, options, { ...monitorOptions, ...own });
    const { path, saveFreq = "epoch", keep } = options ?? {};
    if (typeof path !== "string")
      throw new ArgumentError(`${who}: path must be a string, got ${kindOf(path)}`);
    storeOf(who, path);
    if (keep !== undefined) atLeastOne(who, "keep", keep);
    this.#options = { ...options };
    this.#monitor = new Monitor(who, options);
    if (saveFreq === "epoch") {
      this.onEpochEnd = (epoch, logs, model, context) => this.#save(epoch, undefined, logs, model, context);
    } else {
      this.everySteps = atLeastOne(who, "saveFreq", saveFreq);
      this.onStepsEnd = (steps, logs, model, context) =>
        steps % (this.everySteps as number) === 0
          ? this.#save(context.epoch, steps, logs, model, context)
          : undefined;
    }
  }

  /** The files that it wrote and did not remove. */
  get files(): readonly string[] {
    return this.#files;
  }

  onTrainBegin(): void {
    this.#monitor.best = undefined;
    this.#files = [];
  }

  state(): CallbackState {
    return { files: [...this.#files], best: this.#monitor.best ?? null };
  }

  restore(state: CallbackState): void {
    const { files, best } = state as { files: string[]; best: number | null };
    this.#files = [...files];
    this.#monitor.best = best ?? undefined;
  }

  async #save(
    epoch: number,
    step: number | undefined,
    logs: Logs,
    model: TrainedModel,
    context: FitContext,
  ): Promise<void> {
    const { saveBestOnly = false, saveWeightsOnly = false, keep = Infinity } = this.#options;
    if (saveBestOnly) {
      const value = this.#monitor.valueIn(logs, context);
      if (value === undefined || !this.#monitor.improves(value)) return;
    }
    const path = filledIn(this.#options.path, {
      ...logs,
      epoch: epoch + 1,
      ...(step === undefined ? {} : { step }),
    });
    try {
      const parts = saveWeightsOnly
        ? partsOf("weights", await weightsOf(model))
        : await modelParts("ModelCheckpoint", model);
      await writeParts(storeOf("ModelCheckpoint", path), parts);
    } catch (error) {
      if (error instanceof ArgumentError) throw error;
      console.warn(`gradgpu: ModelCheckpoint: ${(error as Error).message}. Training goes on`);
      return;
    }
    this.#files = [...this.#files.filter((file) => file !== path), path];
    while (this.#files.length > keep) {
      const [oldest] = this.#files.splice(0, 1);
      await storeOf("ModelCheckpoint", oldest)
        .remove()
        .catch(() => {});
    }
  }
}

/** The path with what stands in braces filled in, as Python's format does for "d" and "f". */
function filledIn(path: string, values: Readonly<Record<string, unknown>>): string {
  return path.replace(
    /\{(\w+)(?::(0?)(\d*)(?:\.(\d+))?([df]))?\}/g,
    (whole, name, zero, width, digits, kind) => {
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      if (typeof value !== "number") {
        throw new ArgumentError(
          `ModelCheckpoint: ${whole} in the path names nothing that there is; there are ${Object.keys(values).join(", ")}`,
        );
      }
      const shown = kind === "f" ? value.toFixed(digits === undefined ? 6 : Number(digits)) : String(value);
      return shown.padStart(Number(width ?? 0), zero === "0" ? "0" : " ");
    },
  );
}

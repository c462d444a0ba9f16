// Checkpoints of a run of fit: written while it trains, and gone on from, exactly, by the next run that finds one.

import { ArgumentError } from "../../../engine/index.ts";
import { aboveZero, atLeastOne, checkOptions, type OptionNames } from "../../../engine/internal.ts";
import { made, stateFile, writeParts } from "../../state/files.ts";
import type { Place, Store } from "../../state/place.ts";
import { storeOf } from "../../state/store.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, FitContext } from "./callback.ts";
import { dataNotes } from "./data-notes.ts";
import { callbackStates, type DataNotes, noteRun, runOf, runParts } from "./run-state.ts";

export interface SaveEvery {
  /** Seconds after which a checkpoint is written at the next submit; default 60, or never where `steps` are given. */
  seconds?: number;
  /** Steps of an epoch after which one is written, each time, and at each epoch's end. Default: by time alone. */
  steps?: number;
}

const saveEveryOptions: OptionNames<SaveEvery> = { seconds: true, steps: true };

/**
 * Writes where `fit` is to one file, and has a run that finds the file go on there: with the same weights, optimizer, random
 * states, order and place of the data, sums, history and callbacks' decisions, so that it ends bit for bit as if it had not
 * been cut. What is written is what the device and the host have at that step; training goes on meanwhile. Where writing
 * fails, a warning says so and training goes on.
 */
export class Checkpoint implements Callback {
  readonly everySteps?: number;
  readonly #who: string;
  readonly #store: Store;
  readonly #seconds: number;
  readonly #byEpoch: boolean;
  readonly #removes: boolean;
  #data: DataNotes = {};
  #writing: Promise<void> | undefined;
  #last = 0;
  #isOver = false;
  #hasFailed = false;

  /** @internal Use {@link checkpoint}. */
  constructor(
    who: string,
    place: Place,
    every: { seconds: number; steps: number | undefined; byEpoch: boolean; removes: boolean },
  ) {
    this.#who = who;
    this.#store = storeOf(who, place);
    this.#seconds = every.seconds;
    this.#byEpoch = every.byEpoch;
    this.#removes = every.removes;
    if (every.steps !== undefined) this.everySteps = every.steps;
  }

  async onTrainBegin(model: TrainedModel, context: FitContext): Promise<void> {
    const release = await this.#store.lock?.();
    context.use({
      dispose: async () => {
        await this.#writing;
        if (this.#isOver && this.#removes)
          await this.#store.remove().catch((error: unknown) => this.#failed(error));
        await release?.();
      },
    });
    if (context.resume !== undefined) {
      throw new ArgumentError(
        `${this.#who}: another callback or fit's resume goes on from a file of its own already; leave one of them out`,
      );
    }
    this.#isOver = false;
    this.#hasFailed = false;
    this.#last = performance.now();
    this.#data = await dataNotes(context);
    const bytes = await this.#store.read();
    context.resume = async () => {
      if (bytes === undefined) return;
      const file = stateFile(`${this.#who}: ${this.#store.name}`, bytes);
      const warn = (text: string) => console.warn(`gradgpu: ${text}`);
      const run = await made(file.name, () => runOf(file, model, context, this.#data, warn));
      await run.openData();
      await made(file.name, run.takeOver);
    };
  }

  async onBoundary(model: TrainedModel, context: FitContext): Promise<void> {
    const isEpochEnd = context.steps === 0;
    this.#isOver = isEpochEnd && (context.epoch >= context.params.epochs || model.stopTraining);
    const { everySteps } = this;
    const isDueByTime = performance.now() - this.#last >= this.#seconds * 1000;
    const isDueByPlace = isEpochEnd
      ? this.#byEpoch || everySteps !== undefined
      : everySteps !== undefined && context.steps % everySteps === 0;
    if (this.#isOver && this.#removes) return;
    if (!this.#isOver && !isDueByPlace && !(isDueByTime && this.#writing === undefined)) return;
    await this.#writing;
    const states = await callbackStates(context);
    this.#last = performance.now();
    // Training goes on while it is read and written: it is of now.
    this.#writing = this.#write(runParts(this.#who, model, noteRun(model, context), this.#data, states));
  }

  /** @internal */
  async keepRun(model: TrainedModel, context: FitContext): Promise<() => Promise<string>> {
    const run = noteRun(model, context);
    const states = await callbackStates(context);
    return async () => {
      await this.#writing;
      await writeParts(this.#store, await runParts(this.#who, model, run, this.#data, states));
      return `What it had reached by epoch ${run.notes.epoch + 1}, step ${run.notes.steps}, is in ${this.#store.name}: start it again, and it goes on there`;
    };
  }

  async #write(parts: ReturnType<typeof runParts>): Promise<void> {
    try {
      await writeParts(this.#store, await parts);
      this.#hasFailed = false;
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#writing = undefined;
    }
  }

  /** Says so once, and again after it has worked in between. */
  #failed(error: unknown): void {
    if (!this.#hasFailed) {
      console.warn(
        `gradgpu: ${this.#who}: no checkpoint was written: ${(error as Error).message}. Training goes on`,
      );
    }
    this.#hasFailed = true;
  }
}

/**
 * What `fit`'s `resume` takes: a run that finds a checkpoint there goes on from it, else it begins anew; and it writes
 * checkpoints there.
 *
 *     await model.fit(x, y, { epochs: 50, resume: checkpoint("run.safetensors", { seconds: 30 }) });
 *
 * @param place a path in Node, "indexeddb://NAME" or "opfs://NAME" in pages, or a Store of your own
 */
export function checkpoint(place: Place, every: SaveEvery = {}): Checkpoint {
  checkOptions("checkpoint", every, saveEveryOptions);
  const { steps, seconds = steps === undefined ? 60 : Infinity } = every;
  if (steps !== undefined) atLeastOne("checkpoint", "steps", steps);
  if (every.seconds !== undefined) aboveZero("checkpoint", "seconds", every.seconds);
  return new Checkpoint("checkpoint", place, { seconds, steps, byEpoch: false, removes: false });
}

export interface BackupAndRestoreOptions {
  /** Where: a path in Node, "indexeddb://NAME" or "opfs://NAME" in pages, or a Store of your own. */
  path: Place;
  /** After each epoch (the default), or after so many steps, too. */
  saveFreq?: "epoch" | number;
  /** Whether the file is removed when training has ended well, so that the next run begins anew. Default true. */
  deleteCheckpoint?: boolean;
}

const backupOptions: OptionNames<BackupAndRestoreOptions> = {
  path: true,
  saveFreq: true,
  deleteCheckpoint: true,
};

/**
 * A callback that has a run that was cut go on where its last checkpoint was, exactly, as {@link checkpoint} does, under
 * Keras's name and options: the file is removed when training has ended.
 */
export class BackupAndRestore extends Checkpoint {
  constructor(options: BackupAndRestoreOptions) {
    const who = "BackupAndRestore";
    checkOptions(who, options, backupOptions);
    const { path, saveFreq = "epoch", deleteCheckpoint = true } = options ?? {};
    const steps = saveFreq === "epoch" ? undefined : atLeastOne(who, "saveFreq", saveFreq);
    super(who, path, { seconds: Infinity, steps, byEpoch: true, removes: deleteCheckpoint });
  }
}

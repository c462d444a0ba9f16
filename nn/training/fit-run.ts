// FitRun: a run of `fit` from its first epoch to its last: steps, validation, callbacks, history. What callbacks see of
// it is FitContext.

import type { WarmUpProgress } from "../../engine/index.ts";
import type { BatchWalk } from "./batches.ts";
import type { Callback, FitContext, FitParams } from "./callbacks/callback.ts";
import { Hooks } from "./callbacks/hooks.ts";
import { logsOf, type TestRun, testEpoch } from "./evaluate.ts";
import { History, type Logs, validationName } from "./history.ts";
import { LiveReader } from "./live-reader.ts";
import type { Loop } from "./loop.ts";
import type { Use } from "./owned.ts";
import type { Progress } from "./progress.ts";
import type { TrainableModel } from "./trainable.ts";
import type { Trainer } from "./trainer.ts";

export interface FitParts {
  readonly model: TrainableModel;
  readonly trainer: Trainer;
  readonly walk: BatchWalk;
  /** Takes a step on the walk's next batch. */
  readonly loop: Loop;
  readonly validation: TestRun | undefined;
  /** Validate after every so many epochs, or after the ones listed (counted from 1). */
  readonly validationFreq: number | readonly number[];
  readonly callbacks: readonly Callback[];
  readonly progress: Progress;
  readonly use: Use;
  /** The first epoch from 0, and how many there are, those before the first included. */
  readonly epoch: number;
  readonly epochs: number;
}

export class FitRun implements FitContext {
  readonly params: FitParams;
  readonly history = new History();
  readonly callbacks: readonly Callback[];
  readonly trainer: Trainer;
  readonly walk: BatchWalk;
  readonly hasValidation: boolean;
  readonly use: Use;
  epoch: number;
  steps = 0;
  samples = 0;
  seconds = 0;
  resume: FitContext["resume"];
  readonly #parts: FitParts;
  readonly #hooks: Hooks;
  readonly #warn: (kind: string, text: string) => void;

  constructor(parts: FitParts) {
    const { model, trainer, walk, callbacks, epoch, epochs } = parts;
    this.#parts = parts;
    this.params = { epochs, steps: walk.steps };
    this.callbacks = callbacks;
    this.trainer = trainer;
    this.walk = walk;
    this.hasValidation = parts.validation !== undefined;
    this.use = parts.use;
    this.epoch = epoch;
    this.history.setParams(this.params);
    this.#hooks = new Hooks(callbacks, model, this);
    this.#warn = warnings(`fit: ${model.describe()}`);
  }

  moveTo(epoch: number, steps: number, samples: number): void {
    this.epoch = epoch;
    this.steps = steps;
    this.samples = samples;
  }

  /** Runs all epochs. */
  async run(): Promise<History> {
    const { model, trainer, epochs } = this.#parts;
    const hooks = this.#hooks;
    model.history = this.history;
    model.stopTraining = false;
    let begun: Callback[] = [];
    let failure: { readonly error: unknown } | undefined;
    try {
      for (const callback of this.callbacks) {
        callback.setParams?.(this.params);
        callback.setModel?.(model);
      }
      for (const callback of this.callbacks) {
        await hooks.tell("onTrainBegin", [], [callback]);
        begun.push(callback);
      }
      await this.resume?.();
      while (this.epoch < epochs && !model.stopTraining) await this.#runEpoch();
    } catch (error) {
      if (hooks.thrower === undefined) throw error;
      failure = { error };
      begun = begun.filter((callback) => callback !== hooks.thrower);
    }
    // After an error, training can go on from where it was.
    if (failure === undefined) trainer.finalize();
    for (const callback of begun) {
      await hooks.tell("onTrainEnd", [], [callback]).catch((error: unknown) => {
        failure ??= { error };
      });
    }
    if (failure !== undefined) throw failure.error;
    return this.history;
  }

  async #runEpoch(): Promise<void> {
    const { model, trainer, walk, loop, progress, validation, validationFreq } = this.#parts;
    const hooks = this.#hooks;
    const { history, epoch } = this;
    if (this.steps === 0) await hooks.tell("onEpochBegin", [epoch]);
    trainer.beginEpoch(epoch);
    const started = performance.now();
    progress.begin(epoch, walk.steps);
    const reader = progress.isLive ? new LiveReader(trainer) : undefined;
    if (this.steps === 0) trainer.reset();
    const onCompile: WarmUpProgress = ({ done, total, kernel }) => progress.compiling(done, total, kernel);
    const byBatch = hooks.has("onBatchBegin", "onBatchEnd");
    const isHeard = byBatch || hooks.has("onStepsEnd", "onBoundary");
    const taken = await loop
      .epoch({
        epoch,
        from: { steps: this.steps, samples: this.samples },
        ends: [...(byBatch ? [1] : []), ...this.callbacks.flatMap(({ everySteps }) => everySteps ?? [])],
        onSubmit: byBatch ? (steps) => hooks.tell("onBatchBegin", [steps]) : undefined,
        onProgress: (steps, samples) => {
          this.steps = steps;
          this.samples = samples;
          trainer.noteSteps(steps);
          if (reader !== undefined) progress.update(steps, reader.look(samples));
          return isHeard ? this.#tellSteps() : undefined;
        },
        onCompile,
        isStopped: () => model.stopTraining,
      })
      // What was read for the bar would else be read on behind the back of a caller who aborted.
      .finally(() => reader?.settled);
    if (Number.isNaN(history.firstStepMs)) {
      history.firstStepMs = loop.firstStepMs ?? Number.NaN;
      history.compiledPipelines = loop.compiledPipelines;
    }
    const logs: Record<string, number> & Logs = { ...logsOf(trainer, await trainer.read(taken.samples)) };
    this.seconds = (performance.now() - started) / 1000;
    if (validation !== undefined && isDue(validationFreq, epoch + 1)) {
      const onProgress = (steps: number) => progress.validating(steps, validation.batches.steps);
      const found = await testEpoch(validation, hooks, { onCompile, onProgress });
      for (const [name, value] of Object.entries(found)) logs[validationName(name)] = value;
    }
    history.add(epoch, logs, this.seconds);
    progress.end(logs, this.seconds, taken.steps);
    if (!Number.isFinite(logs.loss) || !Number.isFinite(logs.valLoss ?? 0))
      this.#warn("numbers", lostNumbers(epoch, logs));
    await hooks.tell("onEpochEnd", [epoch, logs]);
    if (!trainer.isCurrent) this.#warn("weights", changedWeights);
    this.moveTo(epoch + 1, 0, 0);
    await hooks.tell("onBoundary", []);
  }

  /** Tells callbacks of the steps of a submit; reads the numbers where one wants them. */
  async #tellSteps(): Promise<void> {
    const { trainer, steps, samples, walk } = this;
    const hooks = this.#hooks;
    const isLast = !walk.hasNext;
    const due = this.callbacks.filter(
      ({ onStepsEnd, everySteps = 1 }) => onStepsEnd !== undefined && (isLast || steps % everySteps === 0),
    );
    if (due.length > 0 || hooks.has("onBatchEnd")) {
      const logs = logsOf(trainer, await trainer.read(samples));
      await hooks.tell("onBatchEnd", [steps - 1, logs]);
      await hooks.tell("onStepsEnd", [steps, logs], due);
    }
    if (!isLast) await hooks.tell("onBoundary", []);
  }
}

/** Warns of each kind of thing once. */
function warnings(what: string): (kind: string, text: string) => void {
  const told = new Set<string>();
  return (kind, text) => {
    if (told.has(kind)) return;
    told.add(kind);
    console.warn(`gradgpu: ${what}: ${text}`);
  };
}

const lostNumbers = (epoch: number, { loss, valLoss }: Logs): string =>
  `the ${Number.isFinite(loss) ? `validation loss is ${valLoss}` : `loss is ${loss}`} since epoch ${epoch + 1}, and training will not mend it. ` +
  "Use a smaller learningRate, clip gradients (globalClipNorm: 1), or look for NaN and huge values in the data; " +
  "debug({ numerics: true }) names the op that made the first one";

const changedWeights =
  "which weights are trainable has changed (a layer's trainable was set). This fit goes on with those that it began with; the change counts from the next compile on";

/** @param epoch counted from 1 */
const isDue = (frequency: number | readonly number[], epoch: number): boolean =>
  typeof frequency === "number" ? epoch % frequency === 0 : frequency.includes(epoch);

// FitRun: a run of `fit` from its first epoch to its last: steps, validation, callbacks, history. What callbacks see of
// it is FitContext.

import type { WarmUpProgress } from "../../engine/index.ts";
import type { BatchWalk } from "./batches.ts";
import type { Callback, FitContext, FitData, FitParams, Hook } from "./callbacks/callback.ts";
import { Hooks, type Told } from "./callbacks/hooks.ts";
import { logsOf, type TestRun, testEpoch } from "./evaluate.ts";
import { Guard, type Guarded, type GuardOptions, type Place } from "./guard.ts";
import { History, type Logs, validationName } from "./history.ts";
import type { Loop } from "./loop.ts";
import type { Use } from "./owned.ts";
import type { Progress } from "./progress-text.ts";
import type { TrainableModel } from "./trainable.ts";
import type { Trainer } from "./trainer.ts";

export interface FitParts {
  readonly model: TrainableModel;
  readonly trainer: Trainer;
  readonly walk: BatchWalk;
  readonly data: FitData;
  /** Takes a step on the walk's next batch. */
  readonly loop: Loop;
  readonly validation: TestRun | undefined;
  /** Validate after every so many epochs, or after the ones listed (counted from 1). */
  readonly validationFreq: number | readonly number[];
  readonly callbacks: readonly Callback[];
  readonly progress: Progress;
  /** How the run outlives its device; undefined: not. */
  readonly guard: (GuardOptions & Pick<Guarded, "data" | "shuffleState">) | undefined;
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
  readonly data: FitData;
  readonly hasValidation: boolean;
  readonly use: Use;
  epoch: number;
  steps = 0;
  samples = 0;
  seconds = 0;
  resume: FitContext["resume"];
  readonly #parts: FitParts;
  readonly #hooks: Hooks;
  readonly #guard: Guard | undefined;
  /** Whether the epoch has begun on the device, and whether the walk is where the steps are. */
  #isBegun = false;
  #isWalking = false;
  readonly #warn: (kind: string, text: string) => void;

  constructor(parts: FitParts) {
    const { model, trainer, walk, callbacks, epoch, epochs } = parts;
    this.#parts = parts;
    this.params = { epochs, steps: walk.steps };
    this.callbacks = callbacks;
    this.trainer = trainer;
    this.walk = walk;
    this.data = parts.data;
    this.hasValidation = parts.validation !== undefined;
    this.use = parts.use;
    this.epoch = epoch;
    this.history.setParams(this.params);
    this.#hooks = new Hooks(callbacks, model, this);
    const what = `fit: ${model.describe()}`;
    this.#warn = warnings(what);
    // The CPU reference is never lost.
    if (parts.guard !== undefined && model.device.realBackend.reopen !== undefined) {
      const run = this;
      const guarded: Guarded = {
        ...parts.guard,
        what,
        device: model.device,
        sums: trainer.sums,
        walk,
        validationWalk: parts.validation?.batches,
        get place() {
          return { epoch: run.epoch, steps: run.steps, samples: run.samples, isBegun: run.#isBegun };
        },
        keep: () => Promise.all(this.callbacks.flatMap((callback) => callback.keepRun?.(model, this) ?? [])),
        repeat: (...places) => this.#repeat(...places),
      };
      this.#guard = new Guard(guarded, parts.guard);
    }
  }

  moveTo(epoch: number, steps: number, samples: number): void {
    this.epoch = epoch;
    this.steps = steps;
    this.samples = samples;
    this.#isBegun = false;
    this.#isWalking = false;
  }

  /** Runs all epochs. */
  async run(): Promise<History> {
    try {
      return await this.#run();
    } finally {
      await this.#guard?.end();
    }
  }

  async #run(): Promise<History> {
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
      await this.#guard?.begin();
      while (this.epoch < epochs && !model.stopTraining) await this.#runEpoch();
    } catch (error) {
      if (hooks.thrower === undefined) throw error;
      failure = { error };
      begun = begun.filter((callback) => callback !== hooks.thrower);
    }
    // After an error, training can go on from where it was.
    if (failure === undefined) await this.#lasting(() => trainer.finalize());
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
    if (this.steps === 0) await this.#lasting(() => this.#tell("onEpochBegin", [epoch]));
    await this.#lasting(() => this.#beginEpoch(epoch, this.steps));
    this.#isBegun = true;
    const started = performance.now();
    progress.begin(epoch, walk.steps);
    const reader = progress.reader?.(trainer);
    const onCompile: WarmUpProgress = ({ done, total, kernel }) => progress.compiling(done, total, kernel);
    const byBatch = hooks.has("onBatchBegin", "onBatchEnd");
    const isHeard = byBatch || hooks.has("onStepsEnd", "onBoundary");
    let isUntold = false;
    const tellSteps = async () => {
      isUntold = true;
      await this.#tellSteps();
      isUntold = false;
      this.#guard?.boundary();
    };
    const takeSteps = async () => {
      if (isUntold) await tellSteps();
      const from = { steps: this.steps, samples: this.samples, isBegun: this.#isWalking };
      return loop.epoch({
        epoch,
        from,
        ends: [...(byBatch ? [1] : []), ...this.callbacks.flatMap(({ everySteps }) => everySteps ?? [])],
        watchEvery: trainer.watch?.every,
        onSubmit: byBatch ? (steps) => this.#tell("onBatchBegin", [steps]) : undefined,
        onProgress: (steps, samples) => {
          this.steps = steps;
          this.samples = samples;
          trainer.noteSteps(steps);
          if (reader !== undefined) progress.update(steps, reader.look(samples));
          if (isHeard) return tellSteps();
          this.#guard?.boundary();
          return undefined;
        },
        onCompile,
        isStopped: () => model.stopTraining,
      });
    };
    const taken = await this.#lasting(takeSteps)
      // What was read for the bar would else be read on behind the back of a caller who aborted.
      .finally(() => reader?.settled);
    if (Number.isNaN(history.firstStepMs)) {
      history.firstStepMs = loop.firstStepMs ?? Number.NaN;
      history.compiledPipelines = loop.compiledPipelines;
    }
    const values = await this.#lasting(() => trainer.read(taken.samples));
    const logs: Record<string, number> & Logs = { ...logsOf(trainer, values) };
    this.seconds = (performance.now() - started) / 1000;
    if (validation !== undefined && isDue(validationFreq, epoch + 1)) {
      const onProgress = (steps: number) => progress.validating(steps, validation.batches.steps);
      const test = () => testEpoch(validation, hooks, { onCompile, onProgress });
      const found = await this.#lasting(() =>
        this.#guard !== undefined &&
        hooks.has("onTestBegin", "onTestEnd", "onTestBatchBegin", "onTestBatchEnd")
          ? this.#guard.watch(test)
          : test(),
      );
      for (const [name, value] of Object.entries(found)) logs[validationName(name)] = value;
    }
    history.add(epoch, logs, this.seconds);
    progress.end(logs, this.seconds, taken.steps);
    if (!Number.isFinite(logs.loss) || !Number.isFinite(logs.valLoss ?? 0))
      this.#warn("numbers", lostNumbers(epoch, logs));
    await this.#lasting(() => this.#tell("onEpochEnd", [epoch, logs]));
    if (!trainer.isCurrent) this.#warn("weights", changedWeights);
    this.moveTo(epoch + 1, 0, 0);
    this.#guard?.boundary();
    await this.#lasting(() => this.#tell("onBoundary", []));
  }

  /** Tells the device that an epoch begins; the sums of one that was begun before go on. */
  #beginEpoch(epoch: number, steps: number): void {
    this.trainer.beginEpoch(epoch);
    if (steps === 0) this.trainer.reset();
  }

  /** Runs `fn`, and again after the device was lost and brought back to where the run is. */
  async #lasting<T>(fn: () => T | Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await fn();
      } catch (error) {
        if (this.#guard === undefined) throw error;
        await this.#guard.recover(error);
        this.#hooks.thrower = undefined;
      }
    }
  }

  /** Takes the steps between two places again; nobody is told. */
  async #repeat(from: Place, to: Place, isFirst: boolean): Promise<void> {
    const { loop, trainer } = this.#parts;
    if (isFirst) this.#isWalking = false;
    const onProgress = (steps: number): undefined => {
      trainer.noteSteps(steps);
    };
    for (let { epoch, steps, samples, isBegun } = from; epoch <= to.epoch; epoch++) {
      const isLast = epoch === to.epoch;
      if (!isBegun && (to.isBegun || !isLast)) this.#beginEpoch(epoch, steps);
      const until = isLast ? to.steps : Number.POSITIVE_INFINITY;
      if (until > 0 && (to.isBegun || !isLast)) {
        await loop.epoch({ epoch, from: { steps, samples, isBegun: this.#isWalking }, until, onProgress });
        this.#isWalking = isLast;
      }
      [steps, samples, isBegun] = [0, 0, false];
    }
  }

  /** Calls a hook, and has what callbacks change noted. */
  #tell<H extends Hook>(name: H, told: Told<H>, list?: readonly Callback[]): Promise<void> {
    const tell = () => this.#hooks.tell(name, told, list);
    return this.#guard !== undefined && this.#hooks.has(name) ? this.#guard.watch(tell) : tell();
  }

  /** Tells callbacks of the steps of a submit; reads the numbers where one wants them. */
  async #tellSteps(): Promise<void> {
    const { trainer, steps, samples, walk } = this;
    const hooks = this.#hooks;
    // Where batches are waited for, none may be there though more will come.
    const ready = walk.ready?.();
    if (ready !== undefined) await ready;
    const isLast = !walk.hasNext;
    const due = this.callbacks.filter(
      ({ onStepsEnd, everySteps = 1 }) => onStepsEnd !== undefined && (isLast || steps % everySteps === 0),
    );
    if (due.length > 0 || hooks.has("onBatchEnd")) {
      const logs = logsOf(trainer, await trainer.read(samples));
      await this.#tell("onBatchEnd", [steps - 1, logs]);
      await this.#tell("onStepsEnd", [steps, logs], due);
    }
    if (!isLast) await this.#tell("onBoundary", []);
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
  "Use a smaller learningRate, clip gradients (clipping: globalClipNorm(1)), or look for NaN and huge values in the data; " +
  "debug({ numerics: true }) names the op that made the first one";

const changedWeights =
  "which weights are trainable has changed: this fit goes on with those that it began with; the change counts from the next compile on";

/** @param epoch counted from 1 */
const isDue = (frequency: number | readonly number[], epoch: number): boolean =>
  typeof frequency === "number" ? epoch % frequency === 0 : frequency.includes(epoch);

// fit: epochs over data that lives on the device, or streams where that is too much. Checks everything up front, then
// only asks the device to work; loss and metrics are read once an epoch, and now and then for a live bar.

import {
  ArgumentError,
  type Device,
  type Tensor,
  type Variable,
  type WarmUpProgress,
} from "../../engine/index.ts";
import { atLeastOne, checkOptions, kindOf, type OptionNames, showGiven } from "../../engine/internal.ts";
import type { BatchStep } from "./batch-step.ts";
import type { BatchWalk } from "./batches.ts";
import { type Callback, callbacksOf } from "./callbacks.ts";
import { type Checked, type DataLike, HostRows, inputRows, targetRows } from "./data.ts";
import { History, type Logs, validationName } from "./history.ts";
import { Loop, type LoopOptions } from "./loop.ts";
import type { TrainedModel } from "./model.ts";
import type { EvaluateOptions } from "./options.ts";
import { type Use, withOwned } from "./owned.ts";
import { makeProgress, type Progress, showLogs, type Verbosity, verbosityOf } from "./progress.ts";
import { Budget, type MemoryOptions, makeBatches, type RowSource } from "./stream.ts";
import type { Trainer } from "./trainer.ts";

/** A compiled model. */
export interface TrainableModel extends TrainedModel {
  /** Set by `fit` as it begins. */
  history: History | undefined;
  /** @internal A trainer for the compiled loss, metrics and optimizer. */
  makeTrainer(): Trainer;
}

/** How to train; typed and nested arrays above `memoryBudget` stream from the host, with the same results. */
export interface FitOptions extends LoopOptions, MemoryOptions {
  /** Samples a step; the last of an epoch may have fewer. Default 32. */
  batchSize?: number;
  /** Default 1. */
  epochs?: number;
  /** Whether each epoch takes the samples in a fresh random order; default true. */
  shuffle?: boolean;
  /** Inputs and targets to evaluate after each epoch. */
  validationData?: readonly [x: DataLike, y: DataLike];
  /** Share of the samples, taken from the end before any shuffling, to evaluate after each epoch instead. */
  validationSplit?: number;
  /** 0 silent, 1 a live bar on a terminal and else a line an epoch, 2 a line an epoch. Default 1. */
  verbose?: Verbosity;
  /** One or several, called in their order. */
  callbacks?: Callback | readonly Callback[];
  /** Short for one callback. */
  onEpochEnd?: Callback["onEpochEnd"];
  /** Takes the lines of `verbose`; default: the console. */
  print?: (line: string) => void;
}

const fitOptions: OptionNames<FitOptions> = {
  batchSize: true,
  jit: true,
  memoryBudget: true,
  epochs: true,
  shuffle: true,
  validationData: true,
  validationSplit: true,
  verbose: true,
  callbacks: true,
  onEpochEnd: true,
  print: true,
  signal: true,
};

/**
 * To be called before anything else: nothing is begun for who has aborted already.
 *
 * @throws ArgumentError for what is no AbortSignal; the reason of one that is aborted
 */
export function checkSignal(what: string, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof signal !== "object" || typeof signal?.throwIfAborted !== "function") {
    throw new ArgumentError(
      `${what}: signal must be an AbortSignal, as new AbortController().signal is, got ${kindOf(signal)}`,
    );
  }
  signal.throwIfAborted();
}

/** Milliseconds between two readings for a live bar. */
const readingInterval = 200;

/** Behind {@link Sequential.fit}. */
export async function fitModel(
  model: TrainableModel,
  shuffleState: Variable,
  x: DataLike,
  y: DataLike,
  options: FitOptions,
): Promise<History> {
  checkOptions("fit", options, fitOptions);
  checkSignal(`fit: ${model.describe()}`, options.signal);
  const { epochs = 1, shuffle = true, validationSplit = 0, validationData, verbose = 1 } = options;
  const what = `fit: ${model.describe()}`;
  const batchSize = batchSizeOf(what, options.batchSize);
  checkFitOptions(what, options);
  const callbacks = callbacksOf(what, options.callbacks, options.onEpochEnd);
  const { device } = model;
  const budget = new Budget(what, device, options.memoryBudget);
  const progress = makeProgress(verbose, epochs, options.print);
  return withOwned(async (use) => {
    const trainer = use(model.makeTrainer());
    // Before anything is awaited: the caller's arrays are read as they were at the call.
    const data = pairOf(model, what, trainer, x, y, use, budget);
    const split = data.count - heldBack(data.count, validationSplit);
    if (split === 0 || (validationSplit > 0 && split === data.count)) {
      throw new ArgumentError(
        `${what}: validationSplit ${validationSplit} of ${data.count} samples leaves ${split} to train on and ${data.count - split} to validate on; both need at least one`,
      );
    }
    let held: (RowSource & Checked) | undefined;
    if (validationSplit > 0) held = { x: data.x, y: data.y, start: split, count: data.count - split };
    if (validationData !== undefined) {
      const [heldX, heldY] = validationData;
      held = pairOf(model, `${what}, validationData`, trainer, heldX, heldY, use, budget);
    }
    await data.checked;
    await held?.checked;
    const train = use(
      await makeBatches(
        what,
        device,
        { ...data, count: split },
        batchSize,
        budget,
        shuffle ? shuffleState : undefined,
      ),
    );
    let validation: Parameters<typeof run>[3];
    if (held !== undefined) {
      const heldTrainer = use(model.makeTrainer());
      const batches = use(await makeBatches(`${what}, validation`, device, held, batchSize, budget));
      validation = {
        trainer: heldTrainer,
        batches,
        loop: use(testLoop(device, heldTrainer, batches, options)),
      };
    }
    trainer.prepare();
    const loop = use(new Loop(device, train, (xs, ys) => trainer.trainStep(xs, ys as Tensor), options));
    try {
      return await run(model, trainer, train, validation, loop, progress, callbacks, epochs);
    } finally {
      progress.stop();
    }
  });
}

/**
 * How many of `count` samples a share of them is, rounded up, so that what is left is rounded down as in Keras. Taken in
 * decimals: 0.9 of 10 are 9, though 1 - 0.9 is less than 0.1 in binary.
 */
function heldBack(count: number, share: number): number {
  const exact = count * share;
  const whole = Math.round(exact);
  return Math.abs(exact - whole) <= count * 2 ** -50 ? whole : Math.ceil(exact);
}

function checkFitOptions(
  what: string,
  { epochs = 1, validationSplit = 0, validationData }: FitOptions,
): void {
  atLeastOne(what, "epochs", epochs);
  if (!(typeof validationSplit === "number" && validationSplit >= 0 && validationSplit < 1)) {
    throw new ArgumentError(
      `${what}: validationSplit must be from 0 up to 1 (exclusive), the share of samples held back, got ${showGiven(validationSplit)}`,
    );
  }
  if (validationData === undefined) return;
  if (validationSplit > 0) {
    throw new ArgumentError(`${what}: validationData and validationSplit are both given; pass one`);
  }
  if (!Array.isArray(validationData) || validationData.length !== 2) {
    throw new ArgumentError(`${what}: validationData must be [x, y]`);
  }
}

async function run(
  model: TrainableModel,
  trainer: Trainer,
  train: BatchWalk,
  validation: { trainer: Trainer; batches: BatchWalk; loop: Loop } | undefined,
  loop: Loop,
  progress: Progress,
  callbacks: readonly Callback[],
  epochs: number,
): Promise<History> {
  const history = new History();
  const warn = warnings(`fit: ${model.describe()}`);
  model.history = history;
  model.stopTraining = false;
  for (const callback of callbacks) await callback.onTrainBegin?.(model);
  for (let epoch = 0; epoch < epochs && !model.stopTraining; epoch++) {
    for (const callback of callbacks) await callback.onEpochBegin?.(epoch, model);
    const started = performance.now();
    progress.begin(epoch, train.steps);
    const reader = progress.isLive ? new LiveReader(trainer) : undefined;
    trainer.reset();
    const onCompile: WarmUpProgress = ({ done, total, kernel }) => progress.compiling(done, total, kernel);
    const taken = await loop
      .epoch({
        onProgress: (steps, samples) => {
          trainer.noteSteps(steps);
          if (reader !== undefined) progress.update(steps, reader.look(samples));
        },
        onCompile,
        isStopped: () => model.stopTraining,
      })
      // What was read for the bar would else be read on behind the back of a caller who aborted.
      .finally(() => reader?.settled);
    if (epoch === 0) {
      history.firstStepMs = loop.firstStepMs ?? Number.NaN;
      history.compiledPipelines = loop.compiledPipelines;
    }
    const values = await trainer.read(taken.samples);
    const seconds = (performance.now() - started) / 1000;
    const logs: Record<string, number> & Logs = { ...logsOf(trainer, values) };
    if (validation !== undefined) {
      validation.trainer.reset();
      await validation.loop.epoch({
        onProgress: (steps) => {
          validation.trainer.noteSteps(steps);
          progress.validating(steps, validation.batches.steps);
        },
        onCompile,
      });
      const found = await validation.trainer.read(validation.batches.count);
      trainer.names.forEach((name, i) => {
        logs[validationName(name)] = found[i];
      });
    }
    history.add(epoch, logs, seconds);
    progress.end(logs, seconds, taken.steps);
    if (!Number.isFinite(logs.loss) || !Number.isFinite(logs.valLoss ?? 0))
      warn("numbers", lostNumbers(epoch, logs));
    for (const callback of callbacks) await callback.onEpochEnd?.(epoch, logs, model);
    if (!trainer.isCurrent) warn("weights", changedWeights);
  }
  for (const callback of callbacks) await callback.onTrainEnd?.(model);
  return history;
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

/** Behind {@link Sequential.evaluate}: loss and metrics, by the trainer's names. */
export async function evaluateModel(
  model: TrainableModel,
  x: DataLike,
  y: DataLike,
  options: EvaluateOptions,
): Promise<Logs> {
  const what = `evaluate: ${model.describe()}`;
  checkSignal(what, options.signal);
  const batchSize = batchSizeOf(what, options.batchSize);
  const budget = new Budget(what, model.device, options.memoryBudget);
  const verbose = verbosityOf(what, options.verbose ?? 0);
  return withOwned(async (use) => {
    const trainer = use(model.makeTrainer());
    const data = pairOf(model, what, trainer, x, y, use, budget);
    await data.checked;
    const batches = use(await makeBatches(what, model.device, data, batchSize, budget));
    const loop = use(testLoop(model.device, trainer, batches, options));
    await loop.epoch({ onProgress: (steps) => trainer.noteSteps(steps) });
    const logs = logsOf(trainer, await trainer.read(batches.count));
    if (verbose > 0) (options.print ?? console.log)(`${batches.count} samples - ${showLogs(logs)}`);
    return logs;
  });
}

/** Behind {@link Sequential.trainOnBatch}: `step` is kept by the model from batch to batch. */
export function trainModelOnBatch(
  model: TrainableModel,
  step: BatchStep,
  x: DataLike,
  y: DataLike,
): Promise<Logs> {
  return withOwned(async (use) => {
    const { trainer } = step;
    const what = `trainOnBatch: ${model.describe()}`;
    const data = pairOf(model, what, trainer, x, y, use);
    await data.checked;
    return logsOf(trainer, await step.run(data.x as Tensor, data.y as Tensor, data.count));
  });
}

const logsOf = (trainer: Trainer, values: readonly number[]): Logs =>
  Object.fromEntries(trainer.names.map((name, i) => [name, values[i]])) as Record<string, number> & Logs;

function testLoop(device: Device, trainer: Trainer, batches: BatchWalk, options: LoopOptions): Loop {
  return new Loop(device, batches, (x, y) => trainer.testStep(x, y as Tensor), options);
}

/**
 * Inputs and targets: on the device if the budget, where one is given, allows both; else left on the host. What is
 * uploaded is so when this returns, and freed with whatever `use` frees. Await `checked` before training: targets that
 * are on the device already are read back to be looked at.
 */
function pairOf(
  model: TrainableModel,
  what: string,
  trainer: Trainer,
  x: DataLike,
  y: DataLike,
  use: Use,
  budget?: Budget,
): RowSource & Checked {
  const { device, inputShape, outputShape } = model;
  const inputs = use(inputRows({ what, shape: inputShape, device, idCount: model.idCounts[0] }, x));
  const targets = use(targetRows({ what, shape: outputShape, device }, trainer.loss, y, inputs.count));
  const parts = [inputs, targets];
  const [xs, ys] =
    budget?.place(device, parts, use) ??
    parts.map(({ rows }) => (rows instanceof HostRows ? use(rows.upload(device)) : rows));
  return { x: xs, y: ys, start: 0, count: inputs.count, checked: targets.checked };
}

/** @throws ArgumentError unless it is a whole number of at least 1; 32 where none is given */
export const batchSizeOf = (what: string, batchSize = 32) => atLeastOne(what, "batchSize", batchSize);

/** Loss and metrics so far, read without waiting: one reading at a time, at most every 200 ms. */
class LiveReader {
  /** Resolves when no reading is under way. */
  settled: Promise<void> = Promise.resolve();
  readonly #trainer: Trainer;
  #last = performance.now();
  #isReading = false;
  #logs: Logs | undefined;

  constructor(trainer: Trainer) {
    this.#trainer = trainer;
  }

  look(samples: number): Logs | undefined {
    const now = performance.now();
    if (!this.#isReading && now - this.#last >= readingInterval) {
      this.#last = now;
      this.#isReading = true;
      this.settled = this.#trainer
        .read(samples)
        .then((values) => {
          this.#logs = logsOf(this.#trainer, values);
        })
        // The loop meets the same error at its own next wait.
        .catch(() => {})
        .finally(() => {
          this.#isReading = false;
        });
    }
    return this.#logs;
  }
}

// fit: epochs over data that lives on the device, or streams where that is too much. Checks everything up front, then
// only asks the device to work; loss and metrics are read once an epoch, and now and then for a live bar.

import { ArgumentError, type Variable, type WarmUpProgress } from "../../engine/index.ts";
import { atLeastOne, atLeastZero, checkOptions, type OptionNames, showGiven } from "../../engine/internal.ts";
import type { BatchWalk } from "./batches.ts";
import { type Callback, callbacksOf } from "./callbacks.ts";
import type { DataTree } from "./data.ts";
import { logsOf, testLoop } from "./evaluate.ts";
import { type Feed, feedOf } from "./feed.ts";
import { History, type Logs, validationName } from "./history.ts";
import { LiveReader } from "./live-reader.ts";
import { Loop, type LoopOptions } from "./loop.ts";
import { batchSizeOf, checkSignal } from "./options.ts";
import { withOwned } from "./owned.ts";
import { makeProgress, type Progress, type Verbosity } from "./progress.ts";
import { Budget, type MemoryOptions, makeBatches } from "./stream.ts";
import type { TrainableModel } from "./trainable.ts";
import type { Trainer } from "./trainer.ts";
import { type ClassWeightOption, checkWeights, classWeightsOf } from "./weighing.ts";

/** How to train; typed and nested arrays above `memoryBudget` stream from the host, with the same results. */
export interface FitOptions extends LoopOptions, MemoryOptions {
  /** Samples a step; the last of an epoch may have fewer. Default 32. */
  batchSize?: number;
  /** The number of the last epoch; default 1. */
  epochs?: number;
  /** Epochs that an earlier run has done: training begins at this one, counted from 0. Default 0. */
  initialEpoch?: number;
  /** Whether each epoch takes the samples in a fresh random order; default true. */
  shuffle?: boolean;
  /** What the loss (and weighted metrics) of each sample counts: [n], or [n, time]; default 1 each. */
  sampleWeight?: DataTree;
  /** What samples of each class count, as { 0: 1, 1: 5 }; of several outputs, by their names. */
  classWeight?: ClassWeightOption;
  /** Inputs and targets to evaluate after each epoch, and weights of their samples. */
  validationData?: readonly [x: DataTree, y: DataTree, sampleWeight?: DataTree];
  /** Share of the samples, taken from the end before any shuffling, to evaluate after each epoch instead. */
  validationSplit?: number;
  /** Samples a step of the validation; default `batchSize`. */
  validationBatchSize?: number;
  /** Validate after every so many epochs, or after the ones listed (counted from 1). Default 1. */
  validationFreq?: number | readonly number[];
  /** 0 silent, 1 or "auto" a live bar on a terminal and else a line an epoch, 2 a line an epoch. Default "auto". */
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
  initialEpoch: true,
  shuffle: true,
  sampleWeight: true,
  classWeight: true,
  validationData: true,
  validationSplit: true,
  validationBatchSize: true,
  validationFreq: true,
  verbose: true,
  callbacks: true,
  onEpochEnd: true,
  print: true,
  signal: true,
};

/** Behind {@link Model.fit}. */
export async function fitModel(
  model: TrainableModel,
  shuffleState: Variable,
  x: DataTree,
  y: DataTree,
  options: FitOptions,
): Promise<History> {
  checkOptions("fit", options, fitOptions);
  checkSignal(`fit: ${model.describe()}`, options.signal);
  const { epochs = 1, shuffle = true, validationSplit = 0, validationData, verbose = "auto" } = options;
  const what = `fit: ${model.describe()}`;
  const batchSize = batchSizeOf(what, options.batchSize);
  const validationSize = batchSizeOf(what, options.validationBatchSize ?? batchSize);
  checkFitOptions(what, options);
  const callbacks = callbacksOf(what, options.callbacks, options.onEpochEnd);
  const { device, losses } = model;
  const budget = new Budget(what, device, options.memoryBudget);
  const progress = makeProgress(verbose, epochs, options.print);
  return withOwned(async (use) => {
    // Before anything is awaited: the caller's arrays are read as they were at the call.
    const feed = feedOf({ what, model, losses, use, budget }, x, y, options.sampleWeight);
    const { count } = feed.source;
    const split = count - heldBack(count, validationSplit);
    if (split === 0 || (validationSplit > 0 && split === count)) {
      throw new ArgumentError(
        `${what}: validationSplit ${validationSplit} of ${count} samples leaves ${split} to train on and ${count - split} to validate on; both need at least one`,
      );
    }
    let held: Feed | undefined;
    if (validationSplit > 0)
      held = { ...feed, source: { ...feed.source, start: split, count: count - split } };
    if (validationData !== undefined) {
      const heldOptions = { what: `${what}, validationData`, model, losses, use, budget };
      held = feedOf(heldOptions, ...validationData);
    }
    checkWeights(what, feed);
    if (held !== undefined) checkWeights(`${what}, validationData`, held);
    const { classWeight } = options;
    const { outputNames, outputShapes } = model;
    const classWeights = classWeightsOf(what, classWeight, outputNames, losses, outputShapes, device);
    const trainer = use(model.makeTrainer({ hasWeights: feed.hasWeights, classWeights }));
    await feed.checked;
    await held?.checked;
    const source = { ...feed.source, count: split };
    const train = use(
      await makeBatches(what, device, source, batchSize, budget, shuffle ? shuffleState : undefined),
    );
    let validation: Parameters<typeof run>[3];
    if (held !== undefined) {
      const heldTrainer = use(model.makeTrainer({ hasWeights: held.hasWeights }));
      const batches = use(
        await makeBatches(`${what}, validation`, device, held.source, validationSize, budget),
      );
      validation = {
        trainer: heldTrainer,
        batches,
        loop: use(testLoop(device, heldTrainer, held, batches, options)),
      };
    }
    trainer.prepare();
    trainer.beginEpoch(options.initialEpoch ?? 0);
    const step = (parts: Parameters<Feed["batchOf"]>[0]) => {
      const batch = feed.batchOf(parts);
      trainer.trainStep(batch.x, batch.y as never, batch.weights);
    };
    const loop = use(new Loop(device, train, step, options));
    try {
      return await run(model, trainer, train, validation, loop, progress, callbacks, options);
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
  { epochs = 1, initialEpoch = 0, validationSplit = 0, validationData, validationFreq = 1 }: FitOptions,
): void {
  atLeastOne(what, "epochs", epochs);
  if (!Number.isInteger(atLeastZero(what, "initialEpoch", initialEpoch)) || initialEpoch >= epochs) {
    throw new ArgumentError(
      `${what}: initialEpoch is ${showGiven(initialEpoch)}; it must be a whole number below epochs, ${epochs}`,
    );
  }
  for (const freq of typeof validationFreq === "number" ? [validationFreq] : validationFreq)
    atLeastOne(what, "validationFreq", freq);
  if (!(typeof validationSplit === "number" && validationSplit >= 0 && validationSplit < 1)) {
    throw new ArgumentError(
      `${what}: validationSplit must be from 0 up to 1 (exclusive), the share of samples held back, got ${showGiven(validationSplit)}`,
    );
  }
  if (validationData === undefined) return;
  if (validationSplit > 0) {
    throw new ArgumentError(`${what}: validationData and validationSplit are both given; pass one`);
  }
  if (!Array.isArray(validationData) || ![2, 3].includes(validationData.length)) {
    throw new ArgumentError(`${what}: validationData must be [x, y] or [x, y, sampleWeight]`);
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
  { epochs = 1, initialEpoch = 0, validationFreq = 1 }: FitOptions,
): Promise<History> {
  const history = new History();
  const warn = warnings(`fit: ${model.describe()}`);
  model.history = history;
  model.stopTraining = false;
  for (const callback of callbacks) await callback.onTrainBegin?.(model);
  for (let epoch = initialEpoch; epoch < epochs && !model.stopTraining; epoch++) {
    for (const callback of callbacks) await callback.onEpochBegin?.(epoch, model);
    trainer.beginEpoch(epoch);
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
    if (epoch === initialEpoch) {
      history.firstStepMs = loop.firstStepMs ?? Number.NaN;
      history.compiledPipelines = loop.compiledPipelines;
    }
    const values = await trainer.read(taken.samples);
    const seconds = (performance.now() - started) / 1000;
    const logs: Record<string, number> & Logs = { ...logsOf(trainer, values) };
    if (validation !== undefined && isDue(validationFreq, epoch + 1)) {
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
  trainer.finalize();
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

/** @param epoch counted from 1 */
const isDue = (frequency: number | readonly number[], epoch: number): boolean =>
  typeof frequency === "number" ? epoch % frequency === 0 : frequency.includes(epoch);

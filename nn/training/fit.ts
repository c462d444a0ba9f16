// fit: epochs over data that lives on the device, or streams where that is too much. Checks everything up front, then
// only asks the device to work; loss and metrics are read once an epoch, and now and then for a live bar.

import type { Dataset } from "../../data/dataset/index.ts";
import { ArgumentError, Tensor, type Variable } from "../../engine/index.ts";
import {
  atLeastOne,
  atLeastZero,
  checkOptions,
  kindOf,
  type OptionNames,
  showGiven,
} from "../../engine/internal.ts";
import { type Callback, callbacksOf } from "./callbacks/callback.ts";
import type { ClassWeighting } from "./class-weighting.ts";
import type { DataTree } from "./data.ts";
import { type TestRun, testLoop } from "./evaluate.ts";
import { type Feed, feedOf } from "./feed.ts";
import { FitRun } from "./fit-run.ts";
import { checkGuardOptions, type GuardOptions } from "./guard.ts";
import type { History } from "./history.ts";
import { Loop, type LoopOptions } from "./loop.ts";
import { batchSizeOf, checkSignal } from "./options.ts";
import { withOwned } from "./owned.ts";
import { makeProgress } from "./progress.ts";
import { isDataset, openSet, refuseSteps, type Source } from "./source.ts";
import { Budget, type MemoryOptions, makeBatches } from "./stream.ts";
import type { TrainableModel } from "./trainable.ts";
import type { Verbosity } from "./verbosity.ts";
import { checkWeights } from "./weighing.ts";

/** How to train; typed and nested arrays above `memoryBudget` stream from the host, with the same results. */
export interface FitOptions extends LoopOptions, MemoryOptions, GuardOptions {
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
  /** What samples of each class count: `classWeights({ 0: 1, 1: 5 })`. */
  classWeight?: ClassWeighting;
  /** Batches an epoch of a data set; the next goes on where one ended. Default all that the set has. */
  stepsPerEpoch?: number;
  /** Inputs and targets to evaluate after each epoch, and weights of their samples; or a data set. */
  validationData?: readonly [x: DataTree, y: DataTree, sampleWeight?: DataTree] | Dataset;
  /** Batches of a validation data set to take, from its beginning; default all that it has. */
  validationSteps?: number;
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
  /**
   * Where the run's checkpoints are: a run that finds one goes on from it, exactly, else it begins anew; and it writes them
   * there, as {@link checkpoint} says how often. Made by `checkpoint("run.safetensors")`.
   */
  resume?: Callback;
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
  stepsPerEpoch: true,
  validationData: true,
  validationSteps: true,
  validationSplit: true,
  validationBatchSize: true,
  validationFreq: true,
  verbose: true,
  callbacks: true,
  resume: true,
  onEpochEnd: true,
  print: true,
  signal: true,
  snapshotBudget: true,
  snapshotEvery: true,
};

type ArrayData = Exclude<FitOptions["validationData"], Dataset | undefined>;

/** Behind {@link Model.fit}. */
export async function fitModel(
  model: TrainableModel,
  shuffleState: Variable,
  x: DataTree | Dataset,
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
  checkGuardOptions(what, options);
  const callbacks = [
    ...callbacksOf(what, options.callbacks, options.onEpochEnd),
    ...resumeOf(what, options.resume),
  ];
  const { device, losses } = model;
  const budget = new Budget(what, device, options.memoryBudget);
  const progress = makeProgress(verbose, epochs, options.print);
  return withOwned(async (use) => {
    // Before anything is awaited: the caller's arrays are read as they were at the call.
    const reading = { what, model, losses, use, budget };
    const { stepsPerEpoch, validationSteps, sampleWeight, signal } = options;
    const set = isDataset(x)
      ? await openSet(x, reading, {
          batchSize: options.batchSize,
          steps: stepsPerEpoch,
          stepsName: "stepsPerEpoch",
          startsAnew: false,
          epoch: options.initialEpoch,
          // Who saves the run saves where its data stand.
          withChecksum: callbacks.some(({ onBoundary }) => onBoundary !== undefined),
          others: { sampleWeight, validationSplit: validationSplit || undefined, shuffle: options.shuffle },
          signal,
        })
      : refuseSteps(what, { stepsPerEpoch });
    const feed = set?.feed ?? feedOf(reading, x as DataTree, y, sampleWeight);
    const { count } = feed.source;
    const split = count - heldBack(count, validationSplit);
    if (split === 0 || (validationSplit > 0 && split === count)) {
      throw new ArgumentError(
        `${what}: validationSplit ${validationSplit} of ${count} samples leaves ${split} to train on and ${count - split} to validate on; both need at least one`,
      );
    }
    let held: Feed | undefined;
    let heldSet: Source | undefined;
    if (validationSplit > 0)
      held = { ...feed, source: { ...feed.source, start: split, count: count - split } };
    if (validationData !== undefined) {
      const heldReading = { ...reading, what: `${what}, validationData` };
      if (isDataset(validationData)) {
        heldSet = await openSet(validationData, heldReading, {
          batchSize: options.validationBatchSize,
          fallbackSize: batchSize,
          steps: validationSteps,
          stepsName: "validationSteps",
          startsAnew: true,
          signal,
        });
      } else {
        heldSet = refuseSteps(what, { validationSteps });
      }
      held = heldSet?.feed ?? feedOf(heldReading, ...(validationData as ArrayData));
    }
    if (set === undefined) checkWeights(what, feed);
    if (held !== undefined && heldSet === undefined) checkWeights(`${what}, validationData`, held);
    const { classWeight } = options;
    const { outputNames, outputShapes } = model;
    const classWeights = classWeight?.weightsOf(what, outputNames, losses, outputShapes, device);
    const trainer = use(model.makeTrainer({ hasWeights: feed.hasWeights, classWeights }));
    await feed.checked;
    await held?.checked;
    const source = { ...feed.source, count: split };
    const walk =
      set?.walk ??
      use(await makeBatches(what, device, source, batchSize, budget, shuffle ? shuffleState : undefined));
    let validation: TestRun | undefined;
    if (held !== undefined) {
      const heldTrainer = use(model.makeTrainer({ hasWeights: held.hasWeights }));
      const batches =
        heldSet?.walk ??
        use(await makeBatches(`${what}, validation`, device, held.source, validationSize, budget));
      validation = {
        trainer: heldTrainer,
        batches,
        loop: use(testLoop(device, heldTrainer, held, batches, options)),
      };
    }
    trainer.prepare();
    trainer.beginEpoch(options.initialEpoch ?? 0);
    const step = (parts: Parameters<Feed["batchOf"]>[0], isWatched: boolean) => {
      const batch = feed.batchOf(parts);
      trainer.trainStep(batch.x, batch.y as never, batch.weights, isWatched ? trainer.watch : undefined);
    };
    const loop = use(new Loop(device, walk, step, options));
    const { snapshotEvery, snapshotBudget } = options;
    const isOrdered = set === undefined && shuffle;
    const run = new FitRun({
      model,
      trainer,
      walk,
      data: set === undefined ? { batchSize, shuffleState: shuffle ? shuffleState : undefined, source } : {},
      loop,
      validation,
      validationFreq: options.validationFreq ?? 1,
      callbacks,
      progress,
      guard:
        snapshotEvery === false
          ? undefined
          : {
              snapshotEvery,
              snapshotBudget,
              data: [...tensorsOf(feed), ...tensorsOf(held)],
              shuffleState: isOrdered ? shuffleState : undefined,
            },
      use,
      epoch: options.initialEpoch ?? 0,
      epochs,
    });
    try {
      return await run.run();
    } finally {
      progress.stop();
    }
  });
}

/** What of the data lies on the device. */
const tensorsOf = (feed: Feed | undefined) =>
  (feed?.source.parts ?? []).flatMap((tensor, i) =>
    tensor instanceof Tensor ? [{ name: (feed as Feed).source.names[i], tensor }] : [],
  );

/**
 * How many of `count` samples a share of them is, rounded up, so that what is left is rounded down as in Keras. Taken in
 * decimals: 0.9 of 10 are 9, though 1 - 0.9 is less than 0.1 in binary.
 */
function heldBack(count: number, share: number): number {
  const exact = count * share;
  const whole = Math.round(exact);
  return Math.abs(exact - whole) <= count * 2 ** -50 ? whole : Math.ceil(exact);
}

/** @throws ArgumentError for what is no checkpoint */
function resumeOf(what: string, resume: Callback | undefined): readonly Callback[] {
  if (resume === undefined) return [];
  if (typeof resume?.onBoundary === "function") return callbacksOf(what, resume);
  throw new ArgumentError(
    `${what}: resume takes checkpoint("run.safetensors"), with checkpoint of gradgpu/nn, got ${showGiven(resume)}`,
  );
}

function checkFitOptions(
  what: string,
  {
    epochs = 1,
    initialEpoch = 0,
    validationSplit = 0,
    validationData,
    validationFreq = 1,
    stepsPerEpoch = 1,
    validationSteps = 1,
    classWeight,
  }: FitOptions,
): void {
  if (classWeight !== undefined && typeof classWeight?.weightsOf !== "function") {
    throw new ArgumentError(
      `${what}: classWeight takes classWeights({ 0: 1, 1: 5 }), which "gradgpu/nn" exports, got ${kindOf(classWeight)}`,
    );
  }
  for (const [name, count] of Object.entries({ epochs, stepsPerEpoch, validationSteps }))
    atLeastOne(what, name, count);
  if (!Number.isInteger(atLeastZero(what, "initialEpoch", initialEpoch)) || initialEpoch >= epochs) {
    throw new ArgumentError(
      `${what}: initialEpoch is ${showGiven(initialEpoch)}; it must be a whole number below epochs, ${epochs}`,
    );
  }
  for (const freq of typeof validationFreq === "number" ? [validationFreq] : validationFreq)
    atLeastOne(what, "validationFreq", freq);
  if (!(typeof validationSplit === "number" && validationSplit >= 0 && validationSplit < 1)) {
    throw new ArgumentError(
      `${what}: validationSplit must be from 0 up to 1 (exclusive), got ${showGiven(validationSplit)}`,
    );
  }
  if (validationData === undefined) return;
  if (validationSplit > 0) {
    throw new ArgumentError(`${what}: validationData and validationSplit are both given; pass one`);
  }
  if (isDataset(validationData)) return;
  if (!Array.isArray(validationData) || ![2, 3].includes(validationData.length)) {
    throw new ArgumentError(`${what}: validationData must be [x, y], [x, y, sampleWeight] or a data set`);
  }
}

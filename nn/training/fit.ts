// fit: epochs over data that lives on the device, or streams where that is too much. Checks everything up front, then
// only asks the device to work; loss and metrics are read once an epoch, and now and then for a live bar.

import { ArgumentError, type Device, type Tensor, type Variable } from "../../engine/index.ts";
import { atLeastOne, checkOptions, type OptionNames, showGiven } from "../../engine/internal.ts";
import type { BatchWalk } from "./batches.ts";
import { type Callback, callbacksOf } from "./callbacks.ts";
import { type DataLike, HostRows, inputRows, targetRows } from "./data.ts";
import { History, type Logs, validationName } from "./history.ts";
import { Loop, type LoopOptions } from "./loop.ts";
import type { TrainedModel } from "./model.ts";
import type { EvaluateOptions } from "./options.ts";
import { type Use, withOwned } from "./owned.ts";
import { makeProgress, type Progress, type Verbosity } from "./progress.ts";
import { Budget, type MemoryOptions, makeBatches, type RowSource } from "./stream.ts";
import type { Trainer } from "./trainer.ts";

/** A compiled model. */
export interface TrainableModel extends TrainedModel {
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

/** What `fit`, `evaluate` and `predict` take, together: one object may serve all three. */
export const dataOptions: OptionNames<FitOptions & { returnDict?: boolean }> = {
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
  returnDict: true,
};

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
  checkOptions<object>("fit", options, dataOptions);
  const { epochs = 1, shuffle = true, validationSplit = 0, validationData, verbose = 1 } = options;
  const what = `fit: ${model.describe()}`;
  const batchSize = batchSizeOf(what, options.batchSize);
  checkFitOptions(what, options);
  const callbacks = callbacksOf(what, options.callbacks, options.onEpochEnd);
  const { device } = model;
  const budget = new Budget(what, device, options.memoryBudget);
  const progress = await makeProgress(verbose, epochs, options.print);
  return withOwned(async (use) => {
    const trainer = use(model.makeTrainer());
    const data = await pairOf(model, what, trainer, x, y, use, budget);
    const split = Math.floor(data.count * (1 - validationSplit));
    if (split === 0 || (validationSplit > 0 && split === data.count)) {
      throw new ArgumentError(
        `${what}: validationSplit ${validationSplit} of ${data.count} samples leaves ${split} to train on and ${data.count - split} to validate on; both need at least one`,
      );
    }
    let held: RowSource | undefined;
    if (validationSplit > 0) held = { x: data.x, y: data.y, start: split, count: data.count - split };
    if (validationData !== undefined) {
      const [heldX, heldY] = validationData;
      held = await pairOf(model, `${what}, validationData`, trainer, heldX, heldY, use, budget);
    }
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
  model.stopTraining = false;
  for (const callback of callbacks) await callback.onTrainBegin?.(model);
  for (let epoch = 0; epoch < epochs && !model.stopTraining; epoch++) {
    for (const callback of callbacks) await callback.onEpochBegin?.(epoch, model);
    const started = performance.now();
    progress.begin(epoch, train.steps);
    const reader = progress.isLive ? new LiveReader(trainer) : undefined;
    trainer.reset();
    await loop.epoch(
      (steps, samples) => {
        trainer.noteSteps(steps);
        if (reader !== undefined) progress.update(steps, reader.look(samples));
      },
      ({ done, total }) => progress.compiling(done, total),
    );
    if (epoch === 0) {
      history.firstStepMs = loop.firstStepMs ?? Number.NaN;
      history.compiledPipelines = loop.compiledPipelines;
    }
    await reader?.settled;
    const values = await trainer.read(train.count);
    const seconds = (performance.now() - started) / 1000;
    const logs: Record<string, number> & Logs = { ...logsOf(trainer, values) };
    if (validation !== undefined) {
      validation.trainer.reset();
      await validation.loop.epoch((steps) => validation.trainer.noteSteps(steps));
      const found = await validation.trainer.read(validation.batches.count);
      trainer.names.forEach((name, i) => {
        logs[validationName(name)] = found[i];
      });
    }
    history.add(epoch, logs, seconds);
    progress.end(logs, seconds);
    for (const callback of callbacks) await callback.onEpochEnd?.(epoch, logs, model);
  }
  for (const callback of callbacks) await callback.onTrainEnd?.(model);
  return history;
}

/** Behind {@link Sequential.evaluate}: loss and metrics, by the trainer's names. */
export function evaluateModel(
  model: TrainableModel,
  x: DataLike,
  y: DataLike,
  options: EvaluateOptions,
): Promise<Logs> {
  const what = `evaluate: ${model.describe()}`;
  const batchSize = batchSizeOf(what, options.batchSize);
  const budget = new Budget(what, model.device, options.memoryBudget);
  return withOwned(async (use) => {
    const trainer = use(model.makeTrainer());
    const data = await pairOf(model, what, trainer, x, y, use, budget);
    const batches = use(await makeBatches(what, model.device, data, batchSize, budget));
    const loop = use(testLoop(model.device, trainer, batches, options));
    await loop.epoch((steps) => trainer.noteSteps(steps));
    return logsOf(trainer, await trainer.read(batches.count));
  });
}

/** Behind {@link Sequential.trainOnBatch}. */
export function trainModelOnBatch(model: TrainableModel, x: DataLike, y: DataLike): Promise<Logs> {
  return withOwned(async (use) => {
    const trainer = use(model.makeTrainer());
    const what = `trainOnBatch: ${model.describe()}`;
    const data = await pairOf(model, what, trainer, x, y, use);
    trainer.trainStep(data.x as Tensor, data.y as Tensor);
    return logsOf(trainer, await trainer.read(data.count));
  });
}

const logsOf = (trainer: Trainer, values: readonly number[]): Logs =>
  Object.fromEntries(trainer.names.map((name, i) => [name, values[i]])) as Record<string, number> & Logs;

function testLoop(device: Device, trainer: Trainer, batches: BatchWalk, options: LoopOptions): Loop {
  return new Loop(device, batches, (x, y) => trainer.testStep(x, y as Tensor), options);
}

/**
 * Inputs and targets: on the device if the budget, where one is given, allows both; else left on the host. What is
 * uploaded is freed with whatever `use` frees.
 */
async function pairOf(
  model: TrainableModel,
  what: string,
  trainer: Trainer,
  x: DataLike,
  y: DataLike,
  use: Use,
  budget?: Budget,
): Promise<RowSource> {
  const { device, inputShape, outputShape } = model;
  const inputs = use(inputRows({ what, shape: inputShape, device, idCount: model.idCount }, x));
  const targets = use(await targetRows({ what, shape: outputShape, device }, trainer.loss, y, inputs.count));
  const parts = [inputs, targets];
  const [xs, ys] =
    budget?.place(device, parts, use) ??
    parts.map(({ rows }) => (rows instanceof HostRows ? use(rows.upload(device)) : rows));
  return { x: xs, y: ys, start: 0, count: inputs.count };
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

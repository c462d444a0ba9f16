// What evaluate, trainOnBatch and testOnBatch do with a model and data.

import type { Dataset } from "../../data/dataset/index.ts";
import type { Device } from "../../engine/index.ts";
import type { BatchStep } from "./batch-step.ts";
import type { BatchWalk } from "./batches.ts";
import { type Callback, callbacksOf } from "./callbacks/callback.ts";
import { Hooks } from "./callbacks/hooks.ts";
import type { DataTree } from "./data.ts";
import { type Feed, feedOf } from "./feed.ts";
import type { Logs } from "./history.ts";
import { type EpochOptions, Loop, type LoopOptions } from "./loop.ts";
import { batchSizeOf, checkSignal, type EvaluateOptions } from "./options.ts";
import { withOwned } from "./owned.ts";
import { showLogs } from "./progress-text.ts";
import { isDataset, openSet, refuseSteps } from "./source.ts";
import { Budget, makeBatches } from "./stream.ts";
import type { TrainableModel } from "./trainable.ts";
import type { Trainer } from "./trainer.ts";
import { verbosityOf } from "./verbosity.ts";
import { checkWeights } from "./weighing.ts";

export interface EvaluateModelOptions extends EvaluateOptions {
  /** What the loss (and weighted metrics) of each sample counts: [n], or [n, time]; default 1 each. */
  sampleWeight?: DataTree;
  /** One or several, whose `onTest...` hooks are called. */
  callbacks?: Callback | readonly Callback[];
}

/** A walk over data by which a model is judged. */
export interface TestRun {
  readonly trainer: Trainer;
  readonly batches: BatchWalk;
  readonly loop: Loop;
}

/** Behind `evaluate`: loss and metrics, by the trainer's names. */
export async function evaluateModel(
  model: TrainableModel,
  x: DataTree | Dataset,
  y: DataTree,
  options: EvaluateModelOptions,
): Promise<Logs> {
  const what = `evaluate: ${model.describe()}`;
  checkSignal(what, options.signal);
  const batchSize = batchSizeOf(what, options.batchSize);
  const budget = new Budget(what, model.device, options.memoryBudget);
  const verbose = verbosityOf(what, options.verbose ?? 0);
  const callbacks = callbacksOf(what, options.callbacks);
  return withOwned(async (use) => {
    const { losses } = model;
    const reading = { what, model, losses, use, budget };
    const { steps, signal, sampleWeight } = options;
    const set = isDataset(x)
      ? await openSet(x, reading, {
          batchSize: options.batchSize,
          steps,
          stepsName: "steps",
          startsAnew: true,
          others: { sampleWeight },
          signal,
        })
      : refuseSteps(what, { steps });
    const feed = set?.feed ?? feedOf(reading, x as DataTree, y, sampleWeight);
    if (set === undefined) checkWeights(what, feed);
    const trainer = use(model.makeTrainer({ hasWeights: feed.hasWeights }));
    await feed.checked;
    const batches = set?.walk ?? use(await makeBatches(what, model.device, feed.source, batchSize, budget));
    const loop = use(testLoop(model.device, trainer, feed, batches, options));
    const logs = await testEpoch({ trainer, batches, loop }, new Hooks(callbacks, model));
    if (verbose > 0) (options.print ?? console.log)(`${batches.count} samples - ${showLogs(logs)}`);
    return logs;
  });
}

/** Behind `trainOnBatch` and `testOnBatch`: `step` is kept by the model from batch to batch. */
export function runOnBatch(
  what: string,
  model: TrainableModel,
  step: BatchStep,
  x: DataTree,
  y: DataTree,
  sampleWeight?: DataTree,
): Promise<Logs> {
  return withOwned(async (use) => {
    const { losses } = model;
    const feed = feedOf({ what: `${what}: ${model.describe()}`, model, losses, use }, x, y, sampleWeight);
    checkWeights(what, feed);
    await feed.checked;
    return logsOf(step.trainer, await step.run(feed));
  });
}

export const logsOf = (trainer: Trainer, values: readonly number[]): Logs =>
  Object.fromEntries(trainer.names.map((name, i) => [name, values[i]])) as Record<string, number> & Logs;

/** Walks the data once: the loss and the metrics over all samples. */
export async function testEpoch(
  { trainer, loop }: TestRun,
  hooks: Hooks,
  { onCompile, onProgress }: Pick<EpochOptions, "onCompile"> & { onProgress?: (steps: number) => void } = {},
): Promise<Logs> {
  await hooks.tell("onTestBegin", []);
  trainer.reset();
  const byBatch = hooks.has("onTestBatchBegin", "onTestBatchEnd");
  const readLogs = async (samples: number) => logsOf(trainer, await trainer.read(samples));
  const { samples } = await loop.epoch({
    ends: byBatch ? [1] : [],
    onCompile,
    onSubmit: byBatch ? (steps) => hooks.tell("onTestBatchBegin", [steps]) : undefined,
    onProgress(steps, seen) {
      trainer.noteSteps(steps);
      onProgress?.(steps);
      if (!byBatch) return;
      return readLogs(seen).then((logs) => hooks.tell("onTestBatchEnd", [steps - 1, logs]));
    },
  });
  const logs = await readLogs(samples);
  await hooks.tell("onTestEnd", [logs]);
  return logs;
}

export function testLoop(
  device: Device,
  trainer: Trainer,
  feed: Feed,
  batches: BatchWalk,
  options: LoopOptions,
): Loop {
  const step = (parts: Parameters<Feed["batchOf"]>[0]) => {
    const { x, y, weights } = feed.batchOf(parts);
    trainer.testStep(x, y, weights);
  };
  return new Loop(device, batches, step, options);
}

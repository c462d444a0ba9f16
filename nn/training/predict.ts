// predict: a model's outputs for many inputs, in batches and in order.

import type { Dataset } from "../../data/dataset/index.ts";
import { cast, type Tensor, type Tree, tidy } from "../../engine/index.ts";
import { joinRows, leavesOf, withLeaves } from "../../engine/internal.ts";
import type { BatchWalk } from "./batches.ts";
import { type Callback, callbacksOf } from "./callbacks/callback.ts";
import { Hooks } from "./callbacks/hooks.ts";
import type { DataTree } from "./data.ts";
import { feedOf } from "./feed.ts";
import type { TrainedModel } from "./model.ts";
import { batchSizeOf, checkSignal, type EvaluateOptions } from "./options.ts";
import { withOwned } from "./owned.ts";
import { Pace } from "./pace.ts";
import { isDataset, openSet, refuseSteps } from "./source.ts";
import { Budget, makeBatches, StreamedBatches } from "./stream.ts";
import { verbosityOf } from "./verbosity.ts";

export interface PredictOptions extends EvaluateOptions {
  /** One or several, whose `onPredict...` hooks are called. */
  callbacks?: Callback | readonly Callback[];
}

/** Behind {@link Model.predict}: [n, ...outputShape] of each output, the caller's to dispose. */
export async function predictModel(
  model: TrainedModel,
  x: DataTree | Dataset,
  options: PredictOptions,
): Promise<Tree<Tensor>> {
  const what = `predict: ${model.describe()}`;
  const { signal } = options;
  checkSignal(what, signal);
  const batchSize = batchSizeOf(what, options.batchSize);
  const verbose = verbosityOf(what, options.verbose ?? 0);
  const hooks = new Hooks(callbacksOf(what, options.callbacks), model);
  const started = performance.now();
  const { device } = model;
  const budget = new Budget(what, device, options.memoryBudget);
  return withOwned(async (use) => {
    const reading = { what, model, use, budget };
    const { steps } = options;
    const set = isDataset(x)
      ? await openSet(x, reading, {
          batchSize: options.batchSize,
          steps,
          stepsName: "steps",
          startsAnew: true,
          inputsOnly: true,
          signal,
        })
      : refuseSteps(what, { steps });
    const feed = set?.feed ?? feedOf(reading, x as DataTree);
    const batches: BatchWalk =
      set?.walk ?? use(await makeBatches(what, device, feed.source, batchSize, budget));
    // No more than two chunks are under way.
    const stride = batches instanceof StreamedBatches ? batches.stepsPerChunk : set === undefined ? 16 : 4;
    const pace = new Pace(device, Math.min(16, stride));
    let samples = 0;
    /** Batch by batch, the outputs in their order. */
    const parts: Tensor[][] = [];
    /** Of each output, all rows. */
    const wholes: Tensor[] = [];
    try {
      await hooks.tell("onPredictBegin", []);
      await batches.begin();
      for (;;) {
        await batches.ready?.();
        if (!batches.hasNext) break;
        await hooks.tell("onPredictBatchBegin", [parts.length]);
        const key = batches.advance();
        samples += batches.rowsOf?.(key) ?? key;
        const outputs = tidy(() => leavesOf<Tensor>(model.call(feed.batchOf(batches.take(key)).x)));
        parts.push(outputs);
        await hooks.tell("onPredictBatchEnd", [parts.length - 1, withLeaves(model.outputs, outputs)]);
        await pace.step();
        signal?.throwIfAborted();
      }
      await hooks.tell("onPredictEnd", []);
      for (const i of parts[0].keys()) wholes.push(joined(parts.map((outputs) => outputs[i])));
      if (verbose > 0) {
        await device.sync();
        const seconds = (performance.now() - started) / 1000;
        (options.print ?? console.log)(`${samples} samples - ${seconds.toFixed(1)}s`);
      }
      return withLeaves(model.outputs, wholes);
    } catch (error) {
      for (const output of [...parts.flat(), ...wholes]) output.dispose();
      throw error;
    }
  });
}

/** One tensor of all rows; the parts are disposed. */
function joined(parts: readonly Tensor[]): Tensor {
  if (parts.length === 1) return parts[0];
  const { dtype } = parts[0];
  const whole = tidy(() =>
    dtype === "u8" ? cast(joinRows(parts.map((part) => cast(part, "i32"))), dtype) : joinRows(parts),
  );
  for (const part of parts) part.dispose();
  return whole;
}

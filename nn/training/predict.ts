// predict: a model's outputs for many inputs, in batches and in order.

import { concat, type Tensor, tidy } from "../../engine/index.ts";
import { Batches } from "./batches.ts";
import { type DataLike, inputRows } from "./data.ts";
import { batchSizeOf, checkSignal } from "./fit.ts";
import type { TrainedModel } from "./model.ts";
import type { EvaluateOptions } from "./options.ts";
import { withOwned } from "./owned.ts";
import { Pace } from "./pace.ts";
import { verbosityOf } from "./progress.ts";
import { Budget, makeBatches } from "./stream.ts";

/** Behind {@link Sequential.predict}: [n, ...outputShape], the caller's to dispose. */
export async function predictModel(
  model: TrainedModel,
  x: DataLike,
  options: EvaluateOptions,
): Promise<Tensor> {
  const what = `predict: ${model.describe()}`;
  const { signal } = options;
  checkSignal(what, signal);
  const batchSize = batchSizeOf(what, options.batchSize);
  const verbose = verbosityOf(what, options.verbose ?? 0);
  const started = performance.now();
  const { device } = model;
  const budget = new Budget(what, device, options.memoryBudget);
  return withOwned(async (use) => {
    const rows = use(inputRows({ what, shape: model.inputShape, device, idCount: model.idCounts[0] }, x));
    const [all] = budget.place(device, [rows], use);
    const source = { x: all, start: 0, count: rows.count };
    const batches = use(await makeBatches(what, device, source, batchSize, budget));
    // No more than two chunks are under way.
    const pace = new Pace(device, batches instanceof Batches ? 16 : Math.min(16, batches.stepsPerChunk));
    const outputs: Tensor[] = [];
    try {
      batches.begin();
      while (batches.hasNext) {
        const rows = batches.advance();
        outputs.push(tidy(() => model.call(batches.take(rows).x)));
        await pace.step();
        signal?.throwIfAborted();
      }
      const whole = joined(outputs);
      if (verbose > 0) {
        await device.sync();
        const seconds = (performance.now() - started) / 1000;
        (options.print ?? console.log)(`${rows.count} samples - ${seconds.toFixed(1)}s`);
      }
      return whole;
    } catch (error) {
      for (const output of outputs) output.dispose();
      throw error;
    }
  });
}

/** One tensor of all rows; the parts are disposed. */
function joined(parts: readonly Tensor[]): Tensor {
  if (parts.length === 1) return parts[0];
  const whole = concat(parts);
  for (const part of parts) part.dispose();
  return whole;
}

// diagnose: one training step that is looked into, after which the model is what it was.

import { ArgumentError, type Tensor, type Variable, variable } from "../../../engine/index.ts";
import { checkOptions, kindOf, type OptionNames, undone } from "../../../engine/internal.ts";
import type { DataTree } from "../data.ts";
import { feedOf } from "../feed.ts";
import type { LayeredModel } from "../layer-values.ts";
import { withOwned } from "../owned.ts";
import { Diagnosis } from "./diagnosis.ts";
import { layersOf } from "./report.ts";
import { LayerWatch } from "./step-watch.ts";

export interface DiagnoseOptions {
  /** Weights of the samples, as `fit` takes them. */
  sampleWeight?: DataTree;
  /** Whether values are counted in buckets, too; default true. */
  histograms?: boolean;
}

/** Before what was found is undone as well. */
const keepCopy = (found: Variable): Variable => variable(found, { trainable: false });

const diagnoseOptions: OptionNames<DiagnoseOptions> = { sampleWeight: true, histograms: true };

/**
 * Looks into a training step on a batch: by layer the norms of gradients, how much the step changes weights, what comes out
 * (mean, spread, zeros), the shares of dead units and of saturated values; and says in words what is wrong and what to do. The
 * step is taken in training mode, with the compiled loss and optimizer, and then undone: weights, moving averages, optimizer and
 * random states are what they were.
 *
 *     const found = await diagnose(model, x, y);
 *     console.log(String(found));
 *     for (const { text } of found.warnings) console.log(text);
 *
 * @param model compiled
 * @param x a batch of a few hundred samples: more say more of dead units
 * @throws ArgumentError for what is no compiled model
 */
export async function diagnose(
  model: LayeredModel,
  x: DataTree,
  y: DataTree,
  options: DiagnoseOptions = {},
): Promise<Diagnosis> {
  checkOptions("diagnose", options, diagnoseOptions);
  const { sampleWeight, histograms = true } = options;
  if (!Array.isArray(model?.calls) || typeof model.makeTrainer !== "function")
    throw new ArgumentError(
      `diagnose: the first argument must be a Model or a Sequential, got ${kindOf(model)}`,
    );
  const what = `diagnose: ${model.describe()}`;
  return withOwned(async (use) => {
    const feed = feedOf({ what, model, losses: model.losses, use }, x, y, sampleWeight);
    await feed.checked;
    const trainer = use(model.makeTrainer({ hasWeights: feed.hasWeights }));
    trainer.prepare();
    const watch = use(new LayerWatch(model, histograms));
    const { x: inputs, y: targets, weights } = feed.batchOf(feed.source.parts as readonly Tensor[]);
    const found = undone(() => {
      trainer.trainStep(inputs, targets as never, weights, watch);
      return use(keepCopy(watch.found));
    });
    return new Diagnosis({ epoch: 0, step: 0 }, layersOf(watch, await found.data()));
  });
}

// Metrics: what is reported beside the loss, and how it is found by name. "accuracy" is worked out from the loss and the
// outputs' shape.

import { ArgumentError, type Shape, type Tensor } from "../../engine/index.ts";
import { checkedName, kindOf, NameTable, spellingOf } from "../../engine/internal.ts";
import { accuracy, binaryAccuracy, categoricalAccuracy, sparseCategoricalAccuracy } from "./accuracies.ts";
import type { Loss } from "./loss.ts";
import * as losses from "./losses.ts";
import { isMetric, type Metric, type MetricFunction, type MetricLike } from "./metric.ts";

export type { TopKOptions } from "./accuracies.ts";
export {
  binaryAccuracy,
  categoricalAccuracy,
  sparseCategoricalAccuracy,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
} from "./accuracies.ts";
export type { CountOptions, F1Options, FBetaOptions, MatrixOptions } from "./counts.ts";
export {
  confusionMatrix,
  f1Score,
  falseNegatives,
  falsePositives,
  fBetaScore,
  meanIoU,
  precision,
  recall,
  sensitivity,
  specificity,
  trueNegatives,
  truePositives,
} from "./counts.ts";
export type { AUCOptions, CurveOptions } from "./curves.ts";
export {
  auc,
  precisionAtRecall,
  recallAtPrecision,
  sensitivityAtSpecificity,
  specificityAtSensitivity,
} from "./curves.ts";
export type {
  MeanMetric,
  Metric,
  MetricContext,
  MetricFunction,
  MetricLike,
  MetricOptions,
  MetricValue,
  SumShapes,
  SumsMetric,
} from "./metric.ts";
export type { CosineMetricOptions, R2Options } from "./regression-metrics.ts";
export { cosineSimilarity, r2Score, rootMeanSquaredError } from "./regression-metrics.ts";
export type { ThresholdOptions } from "./threshold.ts";

type Maker = (options: { name?: string }) => Metric;

/** Those that beginners write are built in; the rest comes with `gradgpu/names`. */
const table = new NameTable<Maker>(
  "metric",
  "metrics.*()",
  { binaryAccuracy, categoricalAccuracy, sparseCategoricalAccuracy },
  { f1: "f1Score", rmse: "rootMeanSquaredError", r2: "r2Score" },
  "topKCategoricalAccuracy sparseTopKCategoricalAccuracy precision recall sensitivity specificity f1Score fBetaScore " +
    "truePositives trueNegatives falsePositives falseNegatives auc confusionMatrix meanIoU r2Score rootMeanSquaredError " +
    "cosineSimilarity",
);

const allNames = (): string[] => [...new Set(["accuracy", "acc", ...table.spellings, ...losses.names])];

/**
 * All names that {@link get} knows; those that a metric and a loss share are the metric's. `gradgpu/names` adds some.
 */
export const names: readonly string[] = allNames();

/** @internal The names that `gradgpu/names` adds. */
export const restOfNames = (): readonly string[] => table.rest;

/** @internal Adds metrics that are found by name from now on, and the names of losses that were added. */
export function addNames(makers: Readonly<Record<string, Maker>>): void {
  table.add(makers);
  (names as string[]).splice(0, names.length, ...allNames());
}

/** What a metric is reported as: a name that we know in our spelling, others as they were given. */
const nameOf = (metric: MetricLike): string => {
  if (typeof metric === "string") return spellingOf(metric, names) ?? metric;
  return typeof metric === "function" ? metric.name || "metric" : metric.name;
};

/**
 * A metric by name: "accuracy" (or "acc"), one of the metrics, or any loss; a Metric is given back as it is; a
 * function becomes one, under its own name, or "metric" where it has none. A name is reported in camelCase
 * ("binary_accuracy" as `binaryAccuracy`), whichever way it was written.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one
 */
export function get(metric: MetricLike, loss: Loss, outputShape: Shape): Metric {
  if (typeof metric === "function") {
    checkNotMetricMaker(metric);
    const values = (targets: Tensor, outputs: Tensor) => metric(targets, outputs);
    return { name: nameOf(metric), values };
  }
  if (typeof metric !== "string") {
    if (isMetric(metric)) return metric;
    throw notMetric("metrics.get", metric);
  }
  checkName(metric);
  const name = nameOf(metric);
  if (name === "accuracy" || name === "acc") return accuracy(name, loss, outputShape);
  return table.spellingOf(name) === undefined ? ofLoss(name) : table.get(name)({ name });
}

/** The mean of a loss, from logits where it can and they are there. */
function ofLoss(name: string): Metric {
  const loss = losses.get(name);
  const fromLogits = loss.withLogits?.();
  return {
    name,
    logitsOf: fromLogits?.logitsOf === undefined ? undefined : [fromLogits.logitsOf],
    values: (targets, outputs, areLogits) => ((areLogits && fromLogits) || loss).call(targets, outputs),
  };
}

/**
 * @internal
 * What can be said of a list of metrics before the model is known.
 *
 * @throws ArgumentError for what is none, for an unknown name, and for two of one name
 */
export function check(wanted: readonly MetricLike[]): void {
  const seen = new Set(["loss"]);
  for (const metric of wanted) {
    if (typeof metric === "string") checkName(metric);
    else if (typeof metric === "function") checkNotMetricMaker(metric);
    else if (!isMetric(metric)) throw notMetric("compile", metric);
    const name = checkedName("compile: a metric", nameOf(metric));
    if (seen.has(name)) {
      throw new ArgumentError(
        `compile: two values would be reported as "${name}"; give each metric a name of its own, and none "loss"`,
      );
    }
    seen.add(name);
  }
}

const notMetric = (what: string, metric: unknown) =>
  new ArgumentError(
    `${what}: takes a name (${names.join(", ")}), a Metric { name, values } or { name, sums, add, result }, or a function, got ${kindOf(metric)}`,
  );

/** @internal @throws ArgumentError for a metric name that {@link get} won't know, so that `compile` can say so */
export function checkName(metric: string): void {
  if (spellingOf(metric, names) !== undefined) return;
  throw (spellingOf(metric, losses.table.rest) === undefined ? table : losses.table).unknown(
    metric,
    "metric",
    names,
  );
}

function checkNotMetricMaker(metric: MetricFunction): void {
  table.checkNotMaker(metric);
  losses.table.checkNotMaker(metric);
}

// Accuracies: shares of samples, or of their outputs, that are right.

import {
  ArgumentError,
  argMax,
  cast,
  equal,
  greater,
  less,
  mul,
  oneHot,
  reshape,
  type Shape,
  sum,
  type Tensor,
  tidy,
} from "../../engine/index.ts";
import { atLeastOne } from "../../engine/internal.ts";
import { madeBy } from "../layers/made.ts";
import type { Loss } from "./loss.ts";
import { checkTargets, type MeanMetric, type MetricOptions, nameFor } from "./metric.ts";
import { asLogit, type ThresholdOptions, thresholdOf } from "./threshold.ts";

export interface TopKOptions extends MetricOptions {
  /** How many of the largest outputs may be the right one; default 5. */
  k?: number;
}

const anyLogits = ["softmax", "sigmoid"] as const;

/** Share of outputs on the right side of `threshold` (1/2; for logits of what gives that); exactly on it counts as 0. */
export function binaryAccuracy(options: ThresholdOptions = {}): MeanMetric {
  const name = nameFor("binaryAccuracy", options, { threshold: true });
  const threshold = thresholdOf("binaryAccuracy", options);
  return madeBy("metrics.binaryAccuracy", [options], {
    name,
    logitsOf: ["sigmoid"],
    values: (targets, outputs, fromLogits) => {
      checkTargets(name, targets, outputs, "rows");
      const bound = fromLogits ? asLogit(threshold) : threshold;
      return tidy(() => equal(cast(greater(outputs, bound), "f32"), cast(targets, "f32")));
    },
  });
}

/** Share of rows whose largest output is at the largest target; of equal ones the first counts. */
export function categoricalAccuracy(options: MetricOptions = {}): MeanMetric {
  const name = nameFor("categoricalAccuracy", options, {});
  return madeBy("metrics.categoricalAccuracy", [options], {
    name,
    logitsOf: anyLogits,
    countsHits: "rows",
    values: (targets, outputs) => {
      checkTargets(name, targets, outputs, "rows");
      return tidy(() => equal(argMax(outputs, -1), argMax(targets, -1)));
    },
  });
}

/** Share of rows whose largest output is at the integer target; of equal ones the first counts. */
export function sparseCategoricalAccuracy(options: MetricOptions = {}): MeanMetric {
  const name = nameFor("sparseCategoricalAccuracy", options, {});
  return madeBy("metrics.sparseCategoricalAccuracy", [options], {
    name,
    logitsOf: anyLogits,
    countsHits: "classes",
    values: (targets, outputs) => {
      checkTargets(name, targets, outputs, "classes");
      return tidy(() => equal(argMax(outputs, -1), cast(targets, "i32")));
    },
  });
}

/** Share of rows for which fewer than k outputs are larger than that at the largest target. */
export const topKCategoricalAccuracy = (options: TopKOptions = {}): MeanMetric =>
  topK("topKCategoricalAccuracy", options, "rows");

/** Share of rows for which fewer than k outputs are larger than that at the integer target. */
export const sparseTopKCategoricalAccuracy = (options: TopKOptions = {}): MeanMetric =>
  topK("sparseTopKCategoricalAccuracy", options, "classes");

function topK(metric: string, options: TopKOptions, kind: "classes" | "rows"): MeanMetric {
  const name = nameFor(metric, options, { k: true });
  const k = atLeastOne(`metrics.${metric}`, "k", options.k ?? 5);
  return madeBy(`metrics.${metric}`, [options], {
    name,
    logitsOf: anyLogits,
    values: (targets, outputs) => {
      checkTargets(name, targets, outputs, kind);
      return tidy(() => {
        const labels = kind === "rows" ? argMax(targets, -1) : cast(targets, "i32");
        const own = sum(mul(oneHot(labels, outputs.shape[outputs.rank - 1]), outputs), -1);
        const larger = greater(outputs, reshape(own, [...own.shape, 1]));
        return less(sum(cast(larger, "f32"), -1), k);
      });
    },
  });
}

/** Of a loss of one's own, whose targets may be anything: by their shape, as in Keras. */
const accuracyByShape = (name: string): MeanMetric => ({
  name,
  logitsOf: anyLogits,
  values: (targets: Tensor, outputs: Tensor, fromLogits) => {
    const meant = targets.rank === outputs.rank - 1 ? sparseCategoricalAccuracy : categoricalAccuracy;
    return meant({ name }).values(targets, outputs, fromLogits);
  },
});

/**
 * Which accuracy "accuracy" means: binary for binary cross-entropy and for outputs of one number, sparse for
 * integer labels (which, for a loss of one's own, are told by their shape), else categorical. (Keras goes by shapes
 * alone, and so calls the multi-label outputs of a binary cross-entropy categorical.)
 */
export function accuracy(name: string, loss: Loss, outputShape: Shape): MeanMetric {
  if (loss.targets === "classes") return sparseCategoricalAccuracy({ name });
  if (loss.targets === "sequences") {
    throw new ArgumentError(
      `metric "${name}": labels of ${loss.name} have no places in time at which outputs could be right; give a metric of your own`,
    );
  }
  const isBinary = loss.name.startsWith("binary") || (outputShape.at(-1) ?? 1) === 1;
  if (isBinary) return binaryAccuracy({ name });
  return loss.targets === "any" ? accuracyByShape(name) : categoricalAccuracy({ name });
}

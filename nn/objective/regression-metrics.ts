// Metrics of numbers that are not losses: root mean squared error, R², cosine similarity.

import {
  cast,
  equal,
  mean,
  mul,
  reshape,
  type Shape,
  square,
  sub,
  sum,
  type Tensor,
  tidy,
} from "../../engine/index.ts";
import { choiceOf, wholeNumber } from "../../engine/internal.ts";
import { madeBy } from "../layers/made.ts";
import { cosine } from "./distances.ts";
import {
  checkTargets,
  type MeanMetric,
  type MetricOptions,
  nameFor,
  ratio,
  type SumsMetric,
} from "./metric.ts";
import { spread } from "./tally.ts";

/** The root of the mean of (output - target)² over all outputs. */
export function rootMeanSquaredError(options: MetricOptions = {}): MeanMetric {
  const name = nameFor("rootMeanSquaredError", options, {});
  return madeBy("metrics.rootMeanSquaredError", [options], {
    name,
    values: (targets, outputs) => {
      checkTargets(name, targets, outputs, "rows");
      return tidy(() => mean(square(sub(outputs, targets)), -1));
    },
    finish: Math.sqrt,
  });
}

export interface CosineMetricOptions extends MetricOptions {
  /** Along which the vectors lie; default -1. */
  axis?: number;
}

/** The mean cosine of the angle between target and output: the loss of that name with its sign turned, as in Keras. */
export function cosineSimilarity(options: CosineMetricOptions = {}): MeanMetric {
  const name = nameFor("cosineSimilarity", options, { axis: true });
  return madeBy("metrics.cosineSimilarity", [options], {
    name,
    values: (targets, outputs) => {
      checkTargets(name, targets, outputs, "rows");
      return tidy(() => cosine(targets, outputs, options.axis ?? -1));
    },
  });
}

const aggregations = ["uniformAverage", "varianceWeightedAverage", "none"] as const;

export interface R2Options extends MetricOptions {
  /** How the outputs' scores become one; `none`: an array of them. Default "uniformAverage". */
  classAggregation?: (typeof aggregations)[number];
  /** How many inputs the model has, for the adjusted R²; default 0, which adjusts nothing. */
  numRegressors?: number;
}

type R2Sums = "count" | "shifted" | "squares" | "residuals";

/**
 * 1 - Σ (t - o)² / Σ (t - mean)²: 1 for a perfect fit, 0 for one no better than the mean of the targets, by output. Targets
 * are measured from those of the first batch, so that a large mean costs no digits.
 */
export function r2Score(options: R2Options = {}): SumsMetric<R2Sums> {
  const name = nameFor("r2Score", options, { classAggregation: true, numRegressors: true });
  const aggregation = choiceOf(
    "metrics.r2Score classAggregation",
    options.classAggregation ?? "uniformAverage",
    aggregations,
  );
  const regressors = wholeNumber("metrics.r2Score", "numRegressors", options.numRegressors ?? 0);
  const outputsOf = (shape: Shape) => [shape[shape.length - 1] ?? 1];
  return madeBy("metrics.r2Score", [options], {
    name,
    sums: (shape) => {
      const each = outputsOf(shape);
      return { count: each, shifted: each, squares: each, residuals: each };
    },
    kept: (shape) => ({ origin: outputsOf(shape) }),
    add(targets, outputs, weights, { first }) {
      checkTargets(name, targets, outputs, "rows");
      return tidy(() => {
        const last = targets.shape[targets.rank - 1];
        const rows = (x: Tensor) => reshape(x, [x.size / last, last]);
        const [t, o] = [rows(targets), rows(outputs)];
        const w = weights === undefined ? undefined : rows(spread(weights, targets.shape));
        const total = (x: Tensor) => sum(w === undefined ? x : mul(x, w), 0);
        const shifted = sub(t, first("origin", mean(t, 0)));
        return {
          count: total(cast(equal(shifted, shifted), "f32")),
          shifted: total(shifted),
          squares: total(square(shifted)),
          residuals: total(square(sub(t, o))),
        };
      });
    },
    result({ count, shifted, squares, residuals }) {
      const variances = Array.from(count, (n, k) => squares[k] - ratio(shifted[k] ** 2, n));
      const scores = variances.map((variance, k) => {
        // Targets that never change: a perfect fit or none.
        if (!(variance > 0)) return residuals[k] === 0 && count[k] > 0 ? 1 : 0;
        return 1 - residuals[k] / variance;
      });
      const total = (values: ArrayLike<number>) => Array.from(values).reduce((all, value) => all + value, 0);
      const adjust = (score: number) => 1 - ((1 - score) * (count[0] - 1)) / (count[0] - regressors - 1);
      const adjusted = regressors === 0 ? (score: number) => score : adjust;
      if (aggregation === "none") return scores.map(adjusted);
      if (aggregation === "uniformAverage") return adjusted(total(scores) / scores.length);
      return adjusted(ratio(total(scores.map((score, k) => score * variances[k])), total(variances)));
    },
  });
}

// Metrics of a curve over thresholds: AUC, and one of precision, recall, sensitivity and specificity at another. As Keras
// does, they look at 200 thresholds: two histograms of the outputs, of what is true and of what is not.

import { ArgumentError, add, ceil, clip, mul, reshape, type Tensor, tidy } from "../../engine/index.ts";
import { choiceOf, showGiven } from "../../engine/internal.ts";
import { madeBy } from "../layers/made.ts";
import { type MetricOptions, nameFor, ratio, type SumsMetric } from "./metric.ts";
import { binaryPair, cellOf, tally, toCells } from "./tally.ts";

export interface CurveOptions extends MetricOptions {
  /** How many thresholds, even from 0 to 1; at least 2, default 200. */
  numThresholds?: number;
  /** Looks at the outputs for this class alone; targets may be labels then. Default: at all outputs alike. */
  classId?: number;
}

const curves = ["ROC", "PR"] as const;
const methods = ["interpolation", "minoring", "majoring"] as const;

export interface AUCOptions extends CurveOptions {
  /** True positive rate over false positive rate (the default), or precision over recall. */
  curve?: (typeof curves)[number];
  /** What lies between two thresholds: a line (for PR, Davis and Goadrich's curve), the lower value or the higher one. */
  summationMethod?: (typeof methods)[number];
}

/** By threshold, falling from all to none: what is above it. */
interface Curve {
  readonly truePositives: Float64Array;
  readonly falsePositives: Float64Array;
}

/** @param make gives what is made of the curve, once the options' names are known to be right */
function ofCurve(
  metric: string,
  options: CurveOptions,
  own: Readonly<Record<string, true>>,
  make: (what: string) => (curve: Curve) => number,
): SumsMetric<"counts"> {
  const name = nameFor<CurveOptions>(metric, options, { numThresholds: true, classId: true, ...own });
  const result = make(`metrics.${metric}`);
  const { numThresholds: count = 200, classId } = options;
  if (!(Number.isInteger(count) && count >= 2)) {
    throw new ArgumentError(
      `metrics.${metric}: numThresholds must be a whole number of at least 2, got ${showGiven(count)}`,
    );
  }
  const buckets = count - 1;
  return madeBy(`metrics.${metric}`, [options], {
    name,
    logitsOf: [],
    sums: { counts: [2, buckets] },
    add: (targets, outputs, weights) =>
      tidy(() => {
        const [truth, values] = binaryPair(name, targets, outputs, classId);
        // Bucket k holds what is above k / buckets and at most (k + 1) / buckets.
        const bucket = clip(add(ceil(mul(values, buckets)), -1), 0, buckets - 1);
        const counts = tally(cellOf(toCells(truth), toCells(bucket), buckets), 2 * buckets, weights);
        return { counts: reshape(counts, [2, buckets]) as Tensor };
      }),
    result({ counts }) {
      const above = (row: number) => {
        const found = new Float64Array(count);
        for (let k = buckets - 1; k >= 0; k--) found[k] = found[k + 1] + counts[row * buckets + k];
        return found;
      };
      return result({ truePositives: above(1), falsePositives: above(0) });
    },
  });
}

/** The area under the curve of true over false positive rates, or of precision over recall, by 200 thresholds. */
export function auc(options: AUCOptions = {}): SumsMetric<"counts"> {
  return ofCurve("auc", options, { curve: true, summationMethod: true }, (what) => {
    const curve = choiceOf(`${what} curve`, options.curve ?? "ROC", curves);
    const method = choiceOf(`${what} summationMethod`, options.summationMethod ?? "interpolation", methods);
    return (found) => areaUnder(found, curve, method);
  });
}

function areaUnder(found: Curve, curve: (typeof curves)[number], method: (typeof methods)[number]): number {
  if (curve === "PR" && method === "interpolation") return interpolated(found);
  const { truePositives, falsePositives } = found;
  const rates = Array.from(truePositives, (hits, k) => {
    const recall = ratio(hits, truePositives[0]);
    return curve === "ROC"
      ? { x: ratio(falsePositives[k], falsePositives[0]), y: recall }
      : { x: recall, y: ratio(hits, hits + falsePositives[k]) };
  });
  const height = {
    interpolation: (a: number, b: number) => (a + b) / 2,
    minoring: Math.min,
    majoring: Math.max,
  };
  return rates
    .slice(1)
    .reduce((area, to, k) => area + (rates[k].x - to.x) * height[method](rates[k].y, to.y), 0);
}

/** Between two thresholds both counts change in proportion, and so precision is no line. Davis and Goadrich 2006. */
function interpolated({ truePositives, falsePositives }: Curve): number {
  let area = 0;
  for (let k = 0; k + 1 < truePositives.length; k++) {
    const [hits, fewer] = [truePositives[k], truePositives[k + 1]];
    const [all, rest] = [hits + falsePositives[k], fewer + falsePositives[k + 1]];
    const slope = ratio(hits - fewer, all - rest);
    const growth = rest > 0 ? Math.log(all / rest) : 0;
    area += ratio(slope * (hits - fewer + (fewer - slope * rest) * growth), truePositives[0]);
  }
  return area;
}

/** The best of `wanted` among the thresholds at which `given` is at least `least`; 0 where it nowhere is. */
function bestAt(
  metric: string,
  least: number,
  options: CurveOptions,
  given: (at: Point) => number,
  wanted: (at: Point) => number,
): SumsMetric<"counts"> {
  const made = ofCurve(metric, options, {}, (what) => {
    if (!(typeof least === "number" && least >= 0 && least <= 1)) {
      throw new ArgumentError(`${what}: takes a number from 0 to 1, got ${showGiven(least)}`);
    }
    return ({ truePositives, falsePositives }) => {
      let best = 0;
      truePositives.forEach((hits, k) => {
        const at = { hits, alarms: falsePositives[k], ones: truePositives[0], zeros: falsePositives[0] };
        if (given(at) >= least) best = Math.max(best, wanted(at));
      });
      return best;
    };
  });
  return madeBy(`metrics.${metric}`, [least, options], made);
}

interface Point {
  readonly hits: number;
  readonly alarms: number;
  readonly ones: number;
  readonly zeros: number;
}
const recallAt = ({ hits, ones }: Point) => ratio(hits, ones);
const specificityAt = ({ alarms, zeros }: Point) => ratio(zeros - alarms, zeros);
const precisionAt = ({ hits, alarms }: Point) => ratio(hits, hits + alarms);

/** The best sensitivity where specificity is at least `specificity`. */
export const sensitivityAtSpecificity = (specificity: number, options: CurveOptions = {}) =>
  bestAt("sensitivityAtSpecificity", specificity, options, specificityAt, recallAt);

/** The best specificity where sensitivity is at least `sensitivity`. */
export const specificityAtSensitivity = (sensitivity: number, options: CurveOptions = {}) =>
  bestAt("specificityAtSensitivity", sensitivity, options, recallAt, specificityAt);

/** The best precision where recall is at least `recall`. */
export const precisionAtRecall = (recall: number, options: CurveOptions = {}) =>
  bestAt("precisionAtRecall", recall, options, recallAt, precisionAt);

/** The best recall where precision is at least `precision`. */
export const recallAtPrecision = (precision: number, options: CurveOptions = {}) =>
  bestAt("recallAtPrecision", precision, options, precisionAt, recallAt);

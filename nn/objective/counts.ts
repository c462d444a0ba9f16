// Metrics made of counts at a threshold: true and false positives and negatives, precision, recall, specificity, F-scores,
// the confusion matrix and the mean intersection over union.

import {
  cast,
  greater,
  less,
  logicalAnd,
  mul,
  notEqual,
  oneHot,
  reshape,
  ShapeError,
  showShape,
  sum,
  type Tensor,
  tidy,
  where,
} from "../../engine/index.ts";
import { aboveZero, atLeastOne, choiceOf } from "../../engine/internal.ts";
import { madeBy } from "../layers/made.ts";
import { equalShapes } from "../layers/spec.ts";
import { type MetricOptions, type MetricValue, nameFor, ratio, type SumsMetric } from "./metric.ts";
import { binaryPair, cellOf, classesOf, spread, tally, toCells } from "./tally.ts";
import { asLogit, type ThresholdOptions, thresholdOf } from "./threshold.ts";

export interface CountOptions extends ThresholdOptions {
  /** Looks at the outputs for this class alone; targets may be labels then. Default: at all outputs alike. */
  classId?: number;
}

/** What a class does with the four counts. */
interface Counts {
  readonly trueNegatives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly truePositives: number;
}

const countsOf = (values: ArrayLike<number>, from = 0): Counts => ({
  trueNegatives: values[from],
  falsePositives: values[from + 1],
  falseNegatives: values[from + 2],
  truePositives: values[from + 3],
});

function ofCounts(
  metric: string,
  options: CountOptions,
  result: (counts: Counts) => number,
): SumsMetric<"counts"> {
  const name = nameFor(metric, options, { threshold: true, classId: true });
  const threshold = thresholdOf(metric, options);
  return madeBy(`metrics.${metric}`, [options], {
    name,
    logitsOf: ["sigmoid"],
    sums: { counts: [4] },
    add: (targets, outputs, weights, { fromLogits }) =>
      tidy(() => {
        const [truth, values] = binaryPair(name, targets, outputs, options.classId);
        const found = greater(values, fromLogits ? asLogit(threshold) : threshold);
        return { counts: tally(cellOf(toCells(truth), toCells(found), 2), 4, weights) };
      }),
    result: ({ counts }) => result(countsOf(counts)),
  });
}

/** How many outputs (by weight) are above the threshold and rightly so. */
export const truePositives = (options: CountOptions = {}): SumsMetric<"counts"> =>
  ofCounts("truePositives", options, (counts) => counts.truePositives);

/** How many outputs (by weight) are at or below the threshold and rightly so. */
export const trueNegatives = (options: CountOptions = {}): SumsMetric<"counts"> =>
  ofCounts("trueNegatives", options, (counts) => counts.trueNegatives);

/** How many outputs (by weight) are above the threshold and wrongly so. */
export const falsePositives = (options: CountOptions = {}): SumsMetric<"counts"> =>
  ofCounts("falsePositives", options, (counts) => counts.falsePositives);

/** How many outputs (by weight) are at or below the threshold and wrongly so. */
export const falseNegatives = (options: CountOptions = {}): SumsMetric<"counts"> =>
  ofCounts("falseNegatives", options, (counts) => counts.falseNegatives);

/** Share of what is above the threshold that rightly is; 0 where nothing is. */
export const precision = (options: CountOptions = {}): SumsMetric<"counts"> =>
  ofCounts("precision", options, ({ truePositives, falsePositives }) =>
    ratio(truePositives, truePositives + falsePositives),
  );

/** Share of the ones that are above the threshold, the true positive rate; 0 where there are none. */
export const recall = (options: CountOptions = {}): SumsMetric<"counts"> =>
  ofCounts("recall", options, sensitivityOf);

/** Recall, by medicine's name. */
export const sensitivity = (options: CountOptions = {}): SumsMetric<"counts"> =>
  ofCounts("sensitivity", options, sensitivityOf);

/** Share of the zeros that are at or below the threshold, the true negative rate; 0 where there are none. */
export const specificity = (options: CountOptions = {}): SumsMetric<"counts"> =>
  ofCounts("specificity", options, ({ trueNegatives, falsePositives }) =>
    ratio(trueNegatives, trueNegatives + falsePositives),
  );

const sensitivityOf = ({ truePositives, falseNegatives }: Counts) =>
  ratio(truePositives, truePositives + falseNegatives);

const averages = ["macro", "micro", "weighted", "none"] as const;

export interface F1Options extends MetricOptions {
  /**
   * How the classes' scores become one: `macro`, their mean (the default); `weighted`, by how many targets a class has;
   * `micro`, of all counts together; `none`, an array of them. (Keras's default is none.)
   */
  average?: (typeof averages)[number];
  /**
   * Outputs above it count as 1, each by itself, for outputs of several labels. Default: the largest of a row counts, and
   * for outputs of one number 1/2 is the threshold.
   */
  threshold?: number;
}

export interface FBetaOptions extends F1Options {
  /** How many times as much recall counts as precision; above 0, default 1. */
  beta?: number;
}

type FSums = "hits" | "found" | "true";

/** (1 + beta²) precision recall / (beta² precision + recall), by class. Targets are rows or labels. */
export const fBetaScore = (options: FBetaOptions = {}): SumsMetric<FSums> =>
  fScore("fBetaScore", options, { beta: true });

/** The harmonic mean of precision and recall, by class. Targets are rows or labels. */
export const f1Score = (options: F1Options = {}): SumsMetric<FSums> => fScore("f1Score", options, {});

function fScore(metric: string, options: FBetaOptions, own: { beta?: true }): SumsMetric<FSums> {
  const name = nameFor<F1Options>(metric, options, { average: true, threshold: true, ...own });
  const squared = aboveZero(`metrics.${metric}`, "beta", options.beta ?? 1) ** 2;
  const average = choiceOf(`metrics.${metric} average`, options.average ?? "macro", averages);
  const threshold = thresholdOf(metric, options);
  /** Of true positives, and of what was found and what is true, which have them both. */
  const scoreOf = (hits: number, found: number, real: number) =>
    ratio((1 + squared) * hits, squared * real + found);
  return madeBy(`metrics.${metric}`, [options], {
    name,
    // Thresholds are for each output by itself.
    logitsOf: options.threshold === undefined ? ["softmax", "sigmoid"] : ["sigmoid"],
    sums: (outputShape) => {
      const classes = [outputShape[outputShape.length - 1] ?? 1];
      return { hits: classes, found: classes, true: classes };
    },
    add: (targets, outputs, weights, { fromLogits }) =>
      tidy(() => {
        const classes = outputs.shape[outputs.rank - 1];
        const isEach = classes === 1 || options.threshold !== undefined;
        const bound = fromLogits ? asLogit(threshold) : threshold;
        const truth = rowsOfTargets(name, targets, outputs);
        const found = isEach
          ? cast(greater(outputs, bound), "f32")
          : oneHot(classesOf(outputs, false), classes);
        const byClass = (x: Tensor) => {
          const weighed = weights === undefined ? x : mul(x, spread(weights, x.shape));
          return sum(
            weighed,
            Array.from({ length: x.rank - 1 }, (_, axis) => axis),
          );
        };
        return { hits: byClass(mul(truth, found)), found: byClass(found), true: byClass(truth) };
      }),
    result({ hits, found, true: real }) {
      const total = (values: ArrayLike<number>) => Array.from(values).reduce((all, value) => all + value, 0);
      const scores = Array.from(hits, (_, c) => scoreOf(hits[c], found[c], real[c]));
      if (average === "none") return scores;
      if (average === "macro") return total(scores) / scores.length;
      if (average === "micro") return scoreOf(total(hits), total(found), total(real));
      return ratio(total(scores.map((score, c) => score * real[c])), total(real));
    },
  });
}

/** Targets as rows of 0 and 1: labels as one-hot rows. */
function rowsOfTargets(name: string, targets: Tensor, outputs: Tensor): Tensor {
  if (!isLabels(name, targets, outputs)) return cast(greater(targets, 0.5), "f32");
  const classes = outputs.shape[outputs.rank - 1];
  if (classes > 1) return oneHot(cast(targets, "i32"), classes);
  return reshape(cast(greater(cast(targets, "f32"), 0.5), "f32"), outputs.shape);
}

/** Whether targets are labels, not rows. */
function isLabels(name: string, targets: Tensor, outputs: Tensor): boolean {
  if (equalShapes(targets.shape, outputs.shape)) return false;
  if (equalShapes(targets.shape, outputs.shape.slice(0, -1))) return true;
  throw new ShapeError(
    `metric "${name}": targets ${showShape(targets.shape)} do not fit outputs ${showShape(outputs.shape)}; they must have the same shape, or be labels ${showShape(outputs.shape.slice(0, -1))}`,
  );
}

export interface MatrixOptions extends MetricOptions {
  /** How many classes there are; default: the outputs, or 2 for outputs of one number. */
  classes?: number;
  /** The label that does not count. Default: none. */
  ignoreClass?: number;
}

/**
 * How many samples (by weight) of each class were found to be of which: an array of rows, a row for each true class, a column
 * for each that was found. Targets are labels or rows.
 */
export const confusionMatrix = (options: MatrixOptions = {}): SumsMetric<"counts"> =>
  ofMatrix("confusionMatrix", options, (rows) => rows);

/**
 * The mean over the classes of what is rightly found of a class, divided by all that is of it or found to be of it; classes
 * that never occur are left out. Targets are labels or rows.
 */
export const meanIoU = (options: MatrixOptions = {}): SumsMetric<"counts"> =>
  ofMatrix("meanIoU", options, (rows) => {
    const unions = rows.map((row, c) => rows.reduce((all, other, k) => all + row[k] + other[c], -row[c]));
    const present = rows.map((row, c) => row[c] / unions[c]).filter((_, c) => unions[c] > 0);
    return ratio(
      present.reduce((all, one) => all + one, 0),
      present.length,
    );
  });

function ofMatrix(
  metric: string,
  options: MatrixOptions,
  result: (rows: readonly (readonly number[])[]) => MetricValue,
): SumsMetric<"counts"> {
  const name = nameFor(metric, options, { classes: true, ignoreClass: true });
  const { classes, ignoreClass } = options;
  if (classes !== undefined) atLeastOne(`metrics.${metric}`, "classes", classes);
  const sizeOf = (last: number | undefined) => classes ?? Math.max(2, last ?? 1);
  return madeBy(`metrics.${metric}`, [options], {
    name,
    logitsOf: [],
    sums: (outputShape) => {
      const size = sizeOf(outputShape[outputShape.length - 1]);
      return { counts: [size, size] };
    },
    add: (targets, outputs, weights) =>
      tidy(() => {
        const size = sizeOf(outputs.shape[outputs.rank - 1]);
        const truth = classesOf(targets, isLabels(name, targets, outputs));
        const found = classesOf(outputs, false);
        const cells = cellOf(truth, found, size);
        const isWithin = (x: Tensor) => logicalAnd(greater(x, -1), less(x, size));
        let counts = logicalAnd(isWithin(truth), isWithin(found));
        if (ignoreClass !== undefined) counts = logicalAnd(counts, notEqual(truth, ignoreClass));
        const flat = tally(where(counts, cells, -1), size * size, weights);
        return { counts: reshape(flat, [size, size]) };
      }),
    result({ counts }) {
      const size = Math.sqrt(counts.length);
      return result(
        Array.from({ length: size }, (_, row) => Array.from(counts.subarray(row * size, (row + 1) * size))),
      );
    },
  });
}

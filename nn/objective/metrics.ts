// Metrics: what is reported beside the loss. "accuracy" is worked out from the loss and the outputs' shape.

import {
  ArgumentError,
  argMax,
  cast,
  equal,
  greater,
  type Shape,
  ShapeError,
  showShape,
  type Tensor,
  tidy,
} from "../../engine/index.ts";
import { checkedName, checkNotMaker, kindOf, spellingOf, unknownName } from "../../engine/internal.ts";
import { equalShapes } from "../layers/spec.ts";
import * as losses from "./losses.ts";

// All are means of values that samples have by themselves; precision and recall, quotients of counts over all samples,
// are none.

export interface Metric {
  readonly name: string;
  /** Whether it gives the same from logits (told by `values`'s last argument) as from probabilities. */
  readonly acceptsLogits: boolean;
  /** For one that counts the hits that a loss's `summary` gives: the targets it is for, labels or rows of numbers. */
  readonly countsHits?: "classes" | "rows";
  /** [batch, ...]: one value a sample, or several, or a scalar, the batch's mean. Their mean is reported; bool counts as 0 and 1. */
  values(targets: Tensor, outputs: Tensor, fromLogits: boolean): Tensor;
}

/** Share of outputs on the right side of 1/2 (of 0, for logits); exactly on it counts as 0. */
export function binaryAccuracy(name = "binaryAccuracy"): Metric {
  checkMetricName("binaryAccuracy", name);
  return {
    name,
    acceptsLogits: true,
    values: (targets, outputs, fromLogits) => {
      checkTargets(name, targets, outputs, "rows");
      return tidy(() => equal(cast(greater(outputs, fromLogits ? 0 : 0.5), "f32"), cast(targets, "f32")));
    },
  };
}

/** Share of rows whose largest output is at the largest target; of equal ones the first counts. */
export function categoricalAccuracy(name = "categoricalAccuracy"): Metric {
  checkMetricName("categoricalAccuracy", name);
  return {
    name,
    acceptsLogits: true,
    countsHits: "rows",
    values: (targets, outputs) => {
      checkTargets(name, targets, outputs, "rows");
      return tidy(() => equal(argMax(outputs, -1), argMax(targets, -1)));
    },
  };
}

/** Share of rows whose largest output is at the integer target; of equal ones the first counts. */
export function sparseCategoricalAccuracy(name = "sparseCategoricalAccuracy"): Metric {
  checkMetricName("sparseCategoricalAccuracy", name);
  return {
    name,
    acceptsLogits: true,
    countsHits: "classes",
    values: (targets, outputs) => {
      checkTargets(name, targets, outputs, "classes");
      return tidy(() => equal(argMax(outputs, -1), cast(targets, "i32")));
    },
  };
}

function checkMetricName(metric: string, name: unknown): void {
  if (typeof name === "string" && name !== "") return;
  throw new ArgumentError(
    `metrics.${metric}: takes the name that it is reported under, got ${name === "" ? "an empty one" : kindOf(name)}; it has no options`,
  );
}

/** Targets of another shape would be broadcast against the outputs, and give a number that means nothing. */
function checkTargets(name: string, targets: Tensor, outputs: Tensor, kind: "classes" | "rows"): void {
  const isRows = kind === "rows";
  const wanted = isRows ? outputs.shape : outputs.shape.slice(0, -1);
  if (equalShapes(targets.shape, wanted)) return;
  const remedy = isRows ? "sparseCategoricalAccuracy takes labels" : "categoricalAccuracy takes rows";
  throw new ShapeError(
    `metric "${name}": takes targets of shape ${showShape(wanted)} beside outputs ${showShape(outputs.shape)}, got ${showShape(targets.shape)}; ${remedy}`,
  );
}

/** Of a loss of one's own, whose targets may be anything: by their shape, as in Keras. */
const accuracyByShape = (name: string): Metric => ({
  name,
  acceptsLogits: true,
  values: (targets, outputs, fromLogits) => {
    const meant = targets.rank === outputs.rank - 1 ? sparseCategoricalAccuracy : categoricalAccuracy;
    return meant(name).values(targets, outputs, fromLogits);
  },
});

/** What `compile` takes for a metric: a name, a Metric, or a function that gives values as {@link Metric.values} does. */
export type MetricLike = string | Metric | MetricFunction;

/** Values from targets and outputs (as the model gives them, never logits that it would activate). */
export type MetricFunction = (targets: Tensor, outputs: Tensor) => Tensor;

/** What a metric is reported as: a name that we know in our spelling, others as they were given. */
const nameOf = (metric: MetricLike): string => {
  if (typeof metric === "string") return spellingOf(metric, known()) ?? metric;
  return typeof metric === "function" ? metric.name || "metric" : metric.name;
};

const table: Readonly<Record<string, (name: string) => Metric>> = {
  binaryAccuracy,
  categoricalAccuracy,
  sparseCategoricalAccuracy,
};

/**
 * Which accuracy "accuracy" means: binary for binary cross-entropy and for outputs of one number, sparse for
 * integer labels (which, for a loss of one's own, are told by their shape), else categorical. (Keras goes by shapes
 * alone, and so calls the multi-label outputs of a binary cross-entropy categorical.)
 */
function accuracy(name: string, loss: losses.Loss, outputShape: Shape): Metric {
  if (loss.targets === "classes") return sparseCategoricalAccuracy(name);
  const isBinary = loss.name === "binaryCrossentropy" || (outputShape.at(-1) ?? 1) === 1;
  if (isBinary) return binaryAccuracy(name);
  return loss.targets === "any" ? accuracyByShape(name) : categoricalAccuracy(name);
}

/**
 * A metric by name: "accuracy" (or "acc"), one of the accuracies, or any loss; a Metric is given back as it is; a
 * function becomes one, under its own name, or "metric" where it has none. A name is reported in camelCase
 * ("binary_accuracy" as `binaryAccuracy`), whichever way it was written.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one
 */
export function get(metric: MetricLike, loss: losses.Loss, outputShape: Shape): Metric {
  if (typeof metric === "function") {
    checkNotMetricMaker(metric);
    const values = (targets: Tensor, outputs: Tensor) => metric(targets, outputs);
    return { name: nameOf(metric), acceptsLogits: false, values };
  }
  if (typeof metric !== "string") {
    if (typeof metric?.values === "function") return metric;
    throw notMetric("metrics.get", metric);
  }
  checkName(metric);
  const name = nameOf(metric);
  if (name === "accuracy" || name === "acc") return accuracy(name, loss, outputShape);
  const asLoss = losses.find(name);
  if (asLoss !== undefined) {
    const fromLogits = loss.fromLogits && asLoss.withLogits !== undefined;
    const used = fromLogits ? (asLoss.withLogits as () => losses.Loss)() : asLoss;
    return { name, acceptsLogits: false, values: (targets, outputs) => used.call(targets, outputs) };
  }
  return table[name](name);
}

/**
 * What can be said of a list of metrics before the model is known.
 *
 * @throws ArgumentError for what is none, for an unknown name, and for two of one name
 */
export function check(wanted: readonly MetricLike[]): void {
  const seen = new Set(["loss"]);
  for (const metric of wanted) {
    if (typeof metric === "string") checkName(metric);
    else if (typeof metric === "function") checkNotMetricMaker(metric);
    else if (typeof metric?.values !== "function") throw notMetric("compile", metric);
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
    `${what}: takes a name (accuracy, ${Object.keys(table).join(", ")}, or a loss), a Metric { name, acceptsLogits, values } or a function, got ${kindOf(metric)}`,
  );

/** @throws ArgumentError for a metric name that {@link get} won't know, so that `compile` can say so */
export function checkName(metric: string): void {
  if (spellingOf(metric, known()) === undefined) throw unknownName("metric", metric, known());
}

function checkNotMetricMaker(metric: MetricFunction): void {
  checkNotMaker("metrics", metric, table);
  checkNotMaker("losses", metric, losses);
}

/** All names that {@link get} knows. */
const known = () => ["accuracy", "acc", ...Object.keys(table), ...losses.names];

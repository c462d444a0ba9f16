// Metric: what every metric is, and what is checked of each. The metrics themselves stand in the files beside.

import { type Shape, ShapeError, showShape, type Tensor } from "../../engine/index.ts";
import { checkedName, checkOptions, type OptionNames } from "../../engine/internal.ts";
import { equalShapes } from "../layers/spec.ts";

/** What is reported: a number, or an array of them by class, or of those. */
export type MetricValue = number | readonly MetricValue[];

interface NamedMetric {
  /** What it is reported under. */
  readonly name: string;
  /**
   * The activations before which it takes the outputs too, told so by `fromLogits`; outputs that are other logits are
   * activated for it. Left out, as for a metric of one's own: it gets what the model gives.
   */
  readonly logitsOf?: readonly ("softmax" | "sigmoid")[];
}

/** The mean over all samples of values that they have by themselves. */
export interface MeanMetric extends NamedMetric {
  /** For one that counts the hits that a loss's `summary` gives: the targets it is for, labels or rows of numbers. */
  readonly countsHits?: "classes" | "rows";
  /** [batch, ...]: one value a sample, or several, or a scalar, the batch's mean; bool counts as 0 and 1. */
  values(targets: Tensor, outputs: Tensor, fromLogits: boolean): Tensor;
  /** What is reported, made of the mean; default: the mean. */
  finish?(mean: number): number;
}

/** Shapes by name. */
export type SumShapes<S extends string> = Readonly<Record<S, Shape>>;

/** What {@link SumsMetric.add} is told besides. */
export interface MetricContext {
  /** Whether the outputs are logits of one of `logitsOf`. */
  readonly fromLogits: boolean;
  /** What `value` was in the first batch since the sums began: a constant to measure from. Its name is one of `kept`. */
  first(name: string, value: Tensor): Tensor;
}

/**
 * A number made of sums over all samples: precision, AUC, R². The sums are kept on the device; the host takes them over now
 * and then in float64, so that an epoch gives the same whatever its batches.
 */
export interface SumsMetric<S extends string = string> extends NamedMetric {
  /** The shape of each sum: [] for a number. A function of the outputs' shape (without the batch axis) where it matters. */
  readonly sums: SumShapes<S> | ((outputShape: Shape) => SumShapes<S>);
  /** Shapes of what {@link MetricContext.first} keeps. */
  readonly kept?: SumShapes<string> | ((outputShape: Shape) => SumShapes<string>);
  /**
   * What a batch adds to each sum, f32 of its shape.
   *
   * @param weights of the first axes of the targets, [batch] for one a sample; undefined where each counts 1
   */
  add(
    targets: Tensor,
    outputs: Tensor,
    weights: Tensor | undefined,
    context: MetricContext,
  ): Record<S, Tensor>;
  /** What is reported. */
  result(sums: Readonly<Record<S, Float64Array>>): MetricValue;
}

export type Metric = MeanMetric | SumsMetric;

/** Values from targets and outputs (as the model gives them, never logits that it would activate). */
export type MetricFunction = (targets: Tensor, outputs: Tensor) => Tensor;

/** What `compile` takes for a metric: a name, a Metric, or a function that gives values as {@link MeanMetric.values} does. */
export type MetricLike = string | Metric | MetricFunction;

/** Whether it is made of sums of its own. */
export const hasSums = (metric: Metric): metric is SumsMetric => "add" in metric;

export const isMetric = (value: unknown): value is Metric => {
  const { values, add, result, sums } = (value ?? {}) as Partial<MeanMetric & SumsMetric>;
  return (
    typeof values === "function" ||
    (typeof add === "function" && typeof result === "function" && sums !== undefined)
  );
};

export interface MetricOptions {
  /** What it is reported under; default: what it is called. */
  name?: string;
}

/**
 * The name to report under.
 *
 * @param own the names of the options that it has besides {@link MetricOptions}: any others are refused
 */
export function nameFor<O extends MetricOptions>(
  metric: string,
  options: O,
  own: OptionNames<Omit<O, keyof MetricOptions>>,
): string {
  checkOptions<object>(`metrics.${metric}`, options, { name: true, ...own });
  return options.name === undefined ? metric : checkedName(`metrics.${metric}`, options.name);
}

/** Targets of another shape would be broadcast against the outputs, and give a number that means nothing. */
export function checkTargets(name: string, targets: Tensor, outputs: Tensor, kind: "classes" | "rows"): void {
  const isRows = kind === "rows";
  const wanted = isRows ? outputs.shape : outputs.shape.slice(0, -1);
  if (equalShapes(targets.shape, wanted)) return;
  const remedy = isRows
    ? "labels are for sparse metrics, as sparseCategoricalAccuracy"
    : "rows are for metrics without sparse in their name, as categoricalAccuracy";
  throw new ShapeError(
    `metric "${name}": takes targets of shape ${showShape(wanted)} beside outputs ${showShape(outputs.shape)}, got ${showShape(targets.shape)}; ${remedy}`,
  );
}

/** a / b; 0 where b is. */
export const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);

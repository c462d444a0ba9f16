// What compile() was told, read and checked.

import { ArgumentError, type Shape } from "../../engine/index.ts";
import { checkOptions, isPlainObject, type OptionNames, showGiven } from "../../engine/internal.ts";
import { type Optimizer, optimizers } from "../../optim/index.ts";
import type { SampleShape } from "../layers/spec.ts";
import * as losses from "../objective/losses.ts";
import * as metrics from "../objective/metrics.ts";
import type { TrainedOutput } from "../training/trainer.ts";
import { beginUse } from "./optimizer-users.ts";

type MetricList = metrics.MetricLike | readonly metrics.MetricLike[];

export interface CompileOptions {
  /** By name, with its defaults, or an Optimizer. */
  optimizer: string | Optimizer;
  /** By name, a Loss, or a function (targets, outputs) => losses; of several outputs one for all, a list, or by name. */
  loss: losses.LossLike | readonly losses.LossLike[] | { readonly [output: string]: losses.LossLike };
  /** What the loss of each output counts in the sum that is descended, in a list or by name; default 1 each. */
  lossWeights?: readonly number[] | { readonly [output: string]: number };
  /**
   * Names, Metrics or functions (targets, outputs) => values, one or several; default none. Of several outputs a list with
   * those of each, or by name; one alone is for all.
   */
  metrics?: MetricList | readonly MetricList[] | { readonly [output: string]: MetricList };
  /** The same, but the weights of samples and classes count for them. */
  weightedMetrics?: CompileOptions["metrics"];
}

const compileOptions: OptionNames<CompileOptions> = {
  optimizer: true,
  loss: true,
  lossWeights: true,
  metrics: true,
  weightedMetrics: true,
};

export interface Compiled {
  readonly optimizer: Optimizer;
  /** Whether the model made it. */
  readonly isOwn: boolean;
  readonly options: CompileOptions;
  /** Layers that are not trained: as they said at `compile`, or where there were no weights by then, at the first step. */
  frozen: ReadonlySet<object> | undefined;
  /** Output by output, once they are known. */
  outputs: readonly TrainedOutput[] | undefined;
}

/**
 * @param model how errors name it
 * @throws ArgumentError for an unknown name, with the nearest known one
 */
export function compiled(model: string, options: CompileOptions): Compiled {
  checkOptions("compile", options, compileOptions);
  for (const part of ["optimizer", "loss"] as const) {
    if (options?.[part] === undefined) {
      throw new ArgumentError(`compile: ${model}: needs ${part === "loss" ? "a loss" : "an optimizer"}`);
    }
  }
  const optimizer = optimizers.get(options.optimizer);
  const { loss, metrics: wanted, weightedMetrics } = options;
  // Names are looked up now, though what they stand for may depend on the outputs.
  if (!Array.isArray(loss) && !isByName(loss)) losses.get(loss as losses.LossLike);
  for (const list of [wanted, weightedMetrics]) if (!isByName(list)) metrics.check(flat(list));
  return {
    optimizer,
    isOwn: optimizer !== options.optimizer,
    options,
    frozen: undefined,
    outputs: undefined,
  };
}

/** To be called once nothing can fail any more: the optimizer has one model more that trains with it. */
export const begin = ({ optimizer }: Compiled): void => beginUse(optimizer);

/**
 * What each output is trained and judged by.
 *
 * @throws ArgumentError where there are too few or too many, or names that no output has
 */
export function outputsOf(
  model: string,
  { options }: Compiled,
  names: readonly string[],
  shapes: readonly SampleShape[],
): TrainedOutput[] {
  const what = `compile: ${model}`;
  const isOne = names.length === 1;
  const lossList = each<losses.LossLike>(what, "loss", options.loss, names).map((loss, i) => {
    if (loss === undefined) {
      throw new ArgumentError(
        `${what}: output "${names[i]}" has no loss; give each of ${names.join(", ")} one`,
      );
    }
    return losses.get(loss);
  });
  const weights = each<number>(what, "lossWeights", options.lossWeights, names).map((weight = 1, i) => {
    if (Number.isFinite(weight)) return weight;
    throw new ArgumentError(
      `${what}: lossWeights of output "${names[i]}" must be a finite number, got ${showGiven(weight)}`,
    );
  });
  const lists = (["metrics", "weightedMetrics"] as const).map((kind) => {
    const given = options[kind];
    // Of one output, a list is all of its metrics.
    const all =
      isOne && !isByName(given) ? [given] : each<MetricList>(what, kind, given as MetricList, names);
    return all.map((list, i) => {
      const wanted = flat(list);
      metrics.check(wanted);
      return wanted.map((metric) => metrics.get(metric, lossList[i], shapes[i] as Shape));
    });
  });
  return names.map((name, i) => ({
    name,
    loss: lossList[i],
    lossWeight: weights[i],
    metrics: lists[0][i],
    weightedMetrics: lists[1][i],
  }));
}

/** Told output by output: a plain object that is no Loss and no Metric. */
const isByName = (given: unknown): boolean => isPlainObject(given) && typeof given.name !== "string";

const flat = (given: unknown): metrics.MetricLike[] =>
  given === undefined ? [] : ([given].flat(2) as metrics.MetricLike[]);

/** What each output gets: one for all, a list in their order, or by name, undefined where nothing is said. */
function each<T>(what: string, option: string, given: unknown, names: readonly string[]): (T | undefined)[] {
  if (given === undefined) return names.map(() => undefined);
  if (isByName(given)) {
    const table = given as Readonly<Record<string, T>>;
    const unknown = Object.keys(table).find((key) => !names.includes(key));
    if (unknown !== undefined) {
      throw new ArgumentError(
        `${what}: ${option} names the output "${unknown}", but the model's are ${names.join(", ")}`,
      );
    }
    return names.map((name) => (Object.hasOwn(table, name) ? table[name] : undefined));
  }
  if (!Array.isArray(given)) return names.map(() => given as T);
  if (given.length !== names.length) {
    throw new ArgumentError(
      `${what}: ${option} has ${given.length} entries for ${names.length} outputs (${names.join(", ")}); give each one, or name them`,
    );
  }
  return [...given];
}

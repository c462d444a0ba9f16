// Losses, in Keras's names and formulas. A loss gives one value a sample (or several); the mean of them is what
// training descends.

import {
  ArgumentError,
  abs,
  add,
  clip,
  div,
  log,
  mean,
  minimum,
  mul,
  neg,
  ShapeError,
  showShape,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  sparseSoftmaxCrossEntropy,
  square,
  sub,
  sum,
  Tensor,
  tidy,
} from "../../engine/index.ts";
import {
  aboveZero,
  checkNotMaker,
  checkOptions,
  kindOf,
  lookup,
  softmaxCrossEntropySummary,
} from "../../engine/internal.ts";
import { equalShapes } from "../layers/spec.ts";

export interface Loss {
  readonly name: string;
  /**
   * What targets must be:
   * - `values`: f32 of the outputs' shape; `probabilities`: the same, from 0 to 1;
   * - `classes`: whole numbers from 0 to classes - 1, of the outputs' shape without its last axis;
   * - `any`: not checked.
   */
  readonly targets: "values" | "probabilities" | "classes" | "any";
  /** Whether it takes outputs before softmax or sigmoid. */
  readonly fromLogits: boolean;
  /** The activation before which it is stabler to take the outputs: `fit` does when a model ends with it. */
  readonly activation?: "softmax" | "sigmoid";
  /** The same loss from logits. */
  withLogits?(): Loss;
  /**
   * The sum of a batch's losses and the rows whose largest output is at the target, worked out together: set where
   * one kernel gives both. For outputs [batch, classes].
   */
  summary?(targets: Tensor, outputs: Tensor): { loss: Tensor; hits: Tensor };
  /** Loss of each sample: [batch] (or [batch, ...], or a scalar). Targets are f32, classes i32. */
  call(targets: Tensor, outputs: Tensor): Tensor;
}

export interface CrossentropyOptions {
  /** The outputs are logits, before softmax or sigmoid; default false: they are probabilities. */
  fromLogits?: boolean;
}

export interface HuberOptions {
  /** The error up to which the loss is a parabola, in the targets' unit; a finite number above 0, default 1. */
  delta?: number;
}

/** @internal Probabilities are kept this far from 0 and 1 before their logarithm is taken, as Keras does. */
export const clipEpsilon = 1e-7;

/** What a loss without options takes: nothing. What others know as `reduction` is the mean over a batch here, always. */
export type NoLossOptions = Readonly<Record<string, never>>;

/** Mean over the last axis of (output - target)². */
export function meanSquaredError(options: NoLossOptions = {}): Loss {
  checkOptions("losses.meanSquaredError", options, {});
  return withOwnExtras({
    name: "meanSquaredError",
    targets: "values",
    fromLogits: false,
    call: (targets, outputs) => mean(square(sub(outputs, targets)), -1),
  });
}

/** Mean over the last axis of |output - target|. Its gradient is the error's sign, 0 where there is no error. */
export function meanAbsoluteError(options: NoLossOptions = {}): Loss {
  checkOptions("losses.meanAbsoluteError", options, {});
  return withOwnExtras({
    name: "meanAbsoluteError",
    targets: "values",
    fromLogits: false,
    call: (targets, outputs) => mean(abs(sub(outputs, targets)), -1),
  });
}

/**
 * Mean over the last axis of e² / 2 where e = |output - target| is at most delta, and of delta (e - delta / 2) beyond:
 * a squared error that outliers pull at with at most delta. Source: Huber 1964.
 *
 * @throws ArgumentError for a delta that is no finite number above 0
 */
export function huber(options: HuberOptions = {}): Loss {
  checkOptions("losses.huber", options, { delta: true });
  const delta = aboveZero("losses.huber", "delta", options.delta ?? 1);
  return withOwnExtras({
    name: "huber",
    targets: "values",
    fromLogits: false,
    call(targets, outputs) {
      const error = abs(sub(outputs, targets));
      // Both branches in one: its gradient is the capped error, whichever of two equal ones the minimum takes.
      const capped = minimum(error, delta);
      return mean(mul(capped, sub(error, mul(capped, 0.5))), -1);
    },
  });
}

/**
 * Mean over the last axis of -(t ln p + (1 - t) ln(1 - p)), p clipped to [1e-7, 1 - 1e-7]; from logits
 * max(x, 0) - x t + ln(1 + e^-|x|), which needs no clipping.
 */
export function binaryCrossentropy(options: CrossentropyOptions = {}): Loss {
  const fromLogits = fromLogitsOf("binaryCrossentropy", options);
  return withOwnExtras({
    name: "binaryCrossentropy",
    targets: "probabilities",
    fromLogits,
    activation: "sigmoid",
    withLogits: () => binaryCrossentropy({ fromLogits: true }),
    call(targets, outputs) {
      if (fromLogits) return mean(sigmoidCrossEntropy(outputs, targets), -1);
      const p = clip(outputs, clipEpsilon, 1 - clipEpsilon);
      const likelihood = add(mul(targets, log(p)), mul(sub(1, targets), log(sub(1, p))));
      return neg(mean(likelihood, -1));
    },
  });
}

/**
 * -Σ t ln p over the last axis, p divided by its sum and clipped to [1e-7, 1 - 1e-7]; from logits
 * -Σ t logSoftmax(x). Targets are one-hot rows or any distributions.
 */
export function categoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  const fromLogits = fromLogitsOf("categoricalCrossentropy", options);
  return withOwnExtras({
    name: "categoricalCrossentropy",
    targets: "probabilities",
    fromLogits,
    activation: "softmax",
    withLogits: () => categoricalCrossentropy({ fromLogits: true }),
    summary: fromLogits ? (targets, outputs) => summary(targets, outputs) : undefined,
    call(targets, outputs) {
      if (fromLogits) return softmaxCrossEntropy(outputs, targets);
      const p = clip(div(outputs, sum(outputs, -1, { keepDims: true })), clipEpsilon, 1 - clipEpsilon);
      return neg(sum(mul(targets, log(p)), -1));
    },
  });
}

/**
 * -ln p[label], with integer labels; otherwise as {@link categoricalCrossentropy}. From probabilities, as Keras:
 * the logarithms of the clipped probabilities are taken for logits.
 */
export function sparseCategoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  const fromLogits = fromLogitsOf("sparseCategoricalCrossentropy", options);
  return withOwnExtras({
    name: "sparseCategoricalCrossentropy",
    targets: "classes",
    fromLogits,
    activation: "softmax",
    withLogits: () => sparseCategoricalCrossentropy({ fromLogits: true }),
    summary: fromLogits ? (targets, outputs) => summary(targets, outputs) : undefined,
    call(targets, outputs) {
      const logits = fromLogits ? outputs : log(clip(outputs, clipEpsilon, 1 - clipEpsilon));
      return sparseSoftmaxCrossEntropy(logits, targets);
    },
  });
}

function fromLogitsOf(name: string, options: CrossentropyOptions): boolean {
  checkOptions(`losses.${name}`, options, { fromLogits: true });
  return options.fromLogits ?? false;
}

function summary(targets: Tensor, outputs: Tensor): { loss: Tensor; hits: Tensor } {
  const [loss, hits] = softmaxCrossEntropySummary(outputs, targets);
  return { loss, hits };
}

/** By `withLogits` and `summary` of a loss of this file: the `call` that they compute the same as. */
const callOf = new WeakMap<object, Loss["call"]>();

/** The loss, with what belongs to its `call` known; `call` checks shapes and frees what it makes on the way. */
function withOwnExtras(loss: Loss): Loss {
  const call: Loss["call"] = (targets, outputs) => {
    checkShapes(loss, targets, outputs);
    return tidy(() => loss.call(targets, outputs));
  };
  for (const part of [loss.withLogits, loss.summary]) if (part !== undefined) callOf.set(part, call);
  return { ...loss, call };
}

/** Targets of another shape than the outputs would be broadcast, and give a number that means nothing. */
function checkShapes({ name, targets: kind }: Loss, targets: Tensor, outputs: Tensor): void {
  for (const [what, value] of Object.entries({ targets, outputs })) {
    if (!(value instanceof Tensor)) {
      throw new ArgumentError(`losses.${name}: ${what} must be a Tensor, got ${kindOf(value)}`);
    }
  }
  // Labels are looked at by the op, which names both shapes, too.
  if (kind === "classes" || equalShapes(targets.shape, outputs.shape)) return;
  const isOneShort = targets.rank === outputs.rank - 1;
  const remedy =
    name === "categoricalCrossentropy" && isOneShort
      ? "integer labels are for sparseCategoricalCrossentropy"
      : "reshape the one that is wrong";
  throw new ShapeError(
    `losses.${name}: targets ${showShape(targets.shape)} and outputs ${showShape(outputs.shape)} must have the same shape; ${remedy}`,
  );
}

/** The loss; without what belongs to another `call` where it was made of a loss of this file with its `call` replaced. */
function dropForeignExtras(loss: Loss): Loss {
  const isForeign = (part: object | undefined) =>
    part !== undefined && (callOf.get(part) ?? loss.call) !== loss.call;
  if (!isForeign(loss.withLogits) && !isForeign(loss.summary)) return loss;
  return { ...loss, withLogits: undefined, summary: undefined };
}

const table: Readonly<Record<string, () => Loss>> = {
  meanSquaredError,
  meanAbsoluteError,
  huber,
  binaryCrossentropy,
  categoricalCrossentropy,
  sparseCategoricalCrossentropy,
};
const aliases = { mse: "meanSquaredError", mae: "meanAbsoluteError", bce: "binaryCrossentropy" };

/** The names that {@link get} knows. */
export const names: readonly string[] = [...Object.keys(table), ...Object.keys(aliases)];

/** @internal A loss by name ("mse", "huber", "sparse_categorical_crossentropy", ...), undefined for none. */
export function find(name: string): Loss | undefined {
  try {
    return lookup("loss", name, table, aliases)();
  } catch {
    return undefined;
  }
}

/**
 * A loss by name; a Loss is given back as it is; a function (targets, outputs) => losses becomes one.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one
 */
export function get(loss: string | Loss | ((targets: Tensor, outputs: Tensor) => Tensor)): Loss {
  if (typeof loss === "string") return lookup("loss", loss, table, aliases)();
  if (typeof loss === "function") {
    checkNotMaker("losses", loss, table);
    return { name: loss.name || "loss", targets: "any", fromLogits: false, call: loss };
  }
  if (typeof loss?.call === "function") return dropForeignExtras(loss);
  throw new ArgumentError(
    `losses.get: takes a name (${names.join(", ")}), a Loss or a function, got ${kindOf(loss)}`,
  );
}

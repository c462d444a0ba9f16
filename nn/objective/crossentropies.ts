// Losses of probabilities: cross-entropies, focal ones, divergence, Poisson.

import {
  ArgumentError,
  add,
  clip,
  div,
  equal,
  expm1,
  log,
  logSoftmax,
  mean,
  mul,
  neg,
  pow,
  sigmoid,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  sparseSoftmaxCrossEntropy,
  sub,
  sum,
  type Tensor,
  transpose,
  where,
} from "../../engine/index.ts";
import { atLeastZero, belowOne, showGiven, softmaxCrossEntropySummary } from "../../engine/internal.ts";
import { epsilon, meanOf } from "./distances.ts";
import { type Loss, type LossOptions, makeLoss } from "./loss.ts";

export interface FromLogitsOption extends LossOptions {
  /** The outputs are logits, before softmax or sigmoid; default false: they are probabilities. */
  fromLogits?: boolean;
}

export interface CrossentropyOptions extends FromLogitsOption {
  /** Moves targets that much of the way to equal shares (binary: to 1/2); from 0 up to 1, default 0. */
  labelSmoothing?: number;
  /** Where the classes lie (binary: what the mean is taken over); default -1. */
  axis?: number;
}

export interface SparseCrossentropyOptions extends FromLogitsOption {
  /** Where the classes lie; default -1. */
  axis?: number;
  /** The label of samples, pixels or words that do not count; any whole number. Default: none. */
  ignoreClass?: number;
}

export interface FocalOptions extends CrossentropyOptions {
  /** The power of (1 - p) that makes what is right already count less; default 2. */
  gamma?: number;
  /** The weight of the classes; default 0.25. */
  alpha?: number;
}

export interface BinaryFocalOptions extends FocalOptions {
  /** Weighs ones by alpha and zeros by 1 - alpha; default false: alpha has no effect. */
  applyClassBalancing?: boolean;
}

const crossentropyOptions = { fromLogits: true, axis: true, labelSmoothing: true } as const;
const focalOptions = { ...crossentropyOptions, gamma: true, alpha: true } as const;

/** With the axis of the classes last: what the kernels take. */
function classesLast(x: Tensor, axis: number): Tensor {
  const at = axis < 0 ? x.rank + axis : axis;
  if (at === x.rank - 1) return x;
  const order = Array.from({ length: x.rank }, (_, k) => k).filter((k) => k !== at);
  return transpose(x, [...order, at]);
}

const smooth = (targets: Tensor, amount: number, share: number) =>
  amount === 0 ? targets : add(mul(targets, 1 - amount), amount * share);

/** p divided by its sum and kept from 0 and 1, as Keras does. */
const normalized = (outputs: Tensor) =>
  clip(div(outputs, sum(outputs, -1, { keepDims: true })), epsilon, 1 - epsilon);

/** -(t ln p + (1 - t) ln(1 - p)) by element. */
function binaryLosses(targets: Tensor, outputs: Tensor, fromLogits: boolean): Tensor {
  if (fromLogits) return sigmoidCrossEntropy(outputs, targets);
  const p = clip(outputs, epsilon, 1 - epsilon);
  return neg(add(mul(targets, log(p)), mul(sub(1, targets), log(sub(1, p)))));
}

/**
 * Mean over the last axis of -(t ln p + (1 - t) ln(1 - p)), p clipped to [1e-7, 1 - 1e-7]; from logits
 * max(x, 0) - x t + ln(1 + e^-|x|), which needs no clipping.
 */
export const binaryCrossentropy = (options: CrossentropyOptions = {}): Loss =>
  makeLoss("binaryCrossentropy", options, crossentropyOptions, (given, what) => {
    const { fromLogits = false, axis = -1 } = given;
    const amount = smoothing(what, given);
    return {
      targets: "probabilities",
      logitsOf: fromLogits ? "sigmoid" : undefined,
      withLogits: () => binaryCrossentropy({ ...given, fromLogits: true }),
      call: (targets, outputs) => mean(binaryLosses(smooth(targets, amount, 0.5), outputs, fromLogits), axis),
    };
  });

/**
 * Mean over the last axis of (1 - p)^gamma times the binary cross-entropy, p the probability given to what is true: what
 * is easy counts less. Source: Lin et al. 2017. Names and defaults are Keras's.
 */
export const binaryFocalCrossentropy = (options: BinaryFocalOptions = {}): Loss =>
  makeLoss(
    "binaryFocalCrossentropy",
    options,
    { ...focalOptions, applyClassBalancing: true },
    (given, what) => {
      const { fromLogits = false, axis = -1 } = given;
      const { gamma, alpha, amount } = focal(what, given);
      return {
        targets: "probabilities",
        logitsOf: fromLogits ? "sigmoid" : undefined,
        withLogits: () => binaryFocalCrossentropy({ ...given, fromLogits: true }),
        call(hard, outputs) {
          const targets = smooth(hard, amount, 0.5);
          const p = fromLogits ? sigmoid(outputs) : clip(outputs, epsilon, 1 - epsilon);
          // 1 - (t p + (1 - t)(1 - p)), without taking a small number from 1.
          const wrong = add(mul(targets, sub(1, p)), mul(sub(1, targets), p));
          const losses = mul(pow(wrong, gamma), binaryLosses(targets, outputs, fromLogits));
          if (given.applyClassBalancing !== true) return mean(losses, axis);
          return mean(mul(add(mul(targets, 2 * alpha - 1), 1 - alpha), losses), axis);
        },
      };
    },
  );

/**
 * -Σ t ln p over the last axis, p divided by its sum and clipped to [1e-7, 1 - 1e-7]; from logits
 * -Σ t logSoftmax(x). Targets are one-hot rows or any distributions.
 */
export const categoricalCrossentropy = (options: CrossentropyOptions = {}): Loss =>
  makeLoss("categoricalCrossentropy", options, crossentropyOptions, (given, what) => {
    const { fromLogits = false, axis = -1 } = given;
    const amount = smoothing(what, given);
    return {
      targets: "probabilities",
      logitsOf: fromLogits ? "softmax" : undefined,
      axis,
      withLogits: () => categoricalCrossentropy({ ...given, fromLogits: true }),
      summary: fromLogits && amount === 0 && axis === -1 ? summary : undefined,
      call(hard, all) {
        const outputs = classesLast(all, axis);
        const targets = smooth(classesLast(hard, axis), amount, 1 / outputs.shape[outputs.rank - 1]);
        if (fromLogits) return softmaxCrossEntropy(outputs, targets);
        return neg(sum(mul(targets, log(normalized(outputs))), -1));
      },
    };
  });

/**
 * Σ over the classes of -alpha (1 - p)^gamma t ln p: what is easy counts less. Source: Lin et al. 2017. Names and
 * defaults are Keras's.
 */
export const categoricalFocalCrossentropy = (options: FocalOptions = {}): Loss =>
  makeLoss("categoricalFocalCrossentropy", options, focalOptions, (given, what) => {
    const { fromLogits = false, axis = -1 } = given;
    const { gamma, alpha, amount } = focal(what, given);
    return {
      targets: "probabilities",
      logitsOf: fromLogits ? "softmax" : undefined,
      axis,
      withLogits: () => categoricalFocalCrossentropy({ ...given, fromLogits: true }),
      call(hard, all) {
        const outputs = classesLast(all, axis);
        const targets = smooth(classesLast(hard, axis), amount, 1 / outputs.shape[outputs.rank - 1]);
        // Times a target of 0 a class that is ruled out is nothing.
        const logs = fromLogits ? where(equal(targets, 0), 0, logSoftmax(outputs)) : log(normalized(outputs));
        return mul(sum(mul(pow(neg(expm1(logs)), gamma), mul(targets, logs)), -1), -alpha);
      },
    };
  });

/**
 * -ln p[label], with integer labels; otherwise as {@link categoricalCrossentropy}. From probabilities, as Keras:
 * the logarithms of the clipped probabilities are taken for logits.
 */
export const sparseCategoricalCrossentropy = (options: SparseCrossentropyOptions = {}): Loss =>
  makeLoss(
    "sparseCategoricalCrossentropy",
    options,
    { fromLogits: true, axis: true, ignoreClass: true },
    (given, what) => {
      const { fromLogits = false, axis = -1, ignoreClass } = given;
      if (ignoreClass !== undefined && !Number.isInteger(ignoreClass)) {
        throw new ArgumentError(
          `${what}: ignoreClass must be a whole number, the label that does not count, got ${showGiven(ignoreClass)}`,
        );
      }
      return {
        targets: "classes",
        logitsOf: fromLogits ? "softmax" : undefined,
        ignoreClass,
        axis,
        withLogits: () => sparseCategoricalCrossentropy({ ...given, fromLogits: true }),
        summary: fromLogits && ignoreClass === undefined && axis === -1 ? summary : undefined,
        call(labels, all) {
          const outputs = classesLast(all, axis);
          const logits = fromLogits ? outputs : log(clip(outputs, epsilon, 1 - epsilon));
          // A label that no class has gives neither loss nor gradient.
          const counted = ignoreClass === undefined ? labels : where(equal(labels, ignoreClass), -1, labels);
          return sparseSoftmaxCrossEntropy(logits, counted);
        },
      };
    },
  );

/** Σ t ln(t / p) over the last axis, both kept within [1e-7, 1]: what p loses of the distribution t. */
export const klDivergence = (options: LossOptions = {}): Loss =>
  makeLoss("klDivergence", options, {}, () => ({
    targets: "probabilities",
    call(targets, outputs) {
      const t = clip(targets, epsilon, 1);
      return sum(mul(t, log(div(t, clip(outputs, epsilon, 1)))), -1);
    },
  }));

/** Mean over the last axis of output - target · ln(output + 1e-7): for counts, outputs being their rates. */
export const poisson = (given: LossOptions = {}): Loss =>
  meanOf("poisson", given, (targets, outputs) => sub(outputs, mul(targets, log(add(outputs, epsilon)))));

const smoothing = (what: string, { labelSmoothing = 0 }: CrossentropyOptions): number =>
  belowOne(what, "labelSmoothing", labelSmoothing);

const focal = (what: string, given: FocalOptions) => ({
  gamma: atLeastZero(what, "gamma", given.gamma ?? 2),
  alpha: atLeastZero(what, "alpha", given.alpha ?? 0.25),
  amount: smoothing(what, given),
});

function summary(targets: Tensor, outputs: Tensor): { loss: Tensor; hits: Tensor } {
  const [loss, hits] = softmaxCrossEntropySummary(outputs, targets);
  return { loss, hits };
}

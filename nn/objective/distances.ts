// Losses of numbers: how far outputs are from targets, as a mean over the last axis, and by direction.

import {
  abs,
  add,
  div,
  less,
  log1p,
  maximum,
  mean,
  minimum,
  mul,
  neg,
  softplus,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  where,
} from "../../engine/index.ts";
import { aboveZero } from "../../engine/internal.ts";
import { type Loss, type LossOptions, makeLoss } from "./loss.ts";

/** @internal What divisors and logarithms are kept above, as in Keras. */
export const epsilon = 1e-7;

export interface HuberOptions extends LossOptions {
  /** The error up to which the loss is a parabola, in the targets' unit; a finite number above 0, default 1. */
  delta?: number;
}

export interface CosineSimilarityOptions extends LossOptions {
  /** Along which the vectors lie; default -1. */
  axis?: number;
}

/** The mean over the last axis of what `each` gives for every element. */
export const meanOf = (
  name: string,
  options: LossOptions,
  each: (targets: Tensor, outputs: Tensor) => Tensor,
): Loss =>
  makeLoss(name, options, {}, () => ({
    targets: "values",
    call: (targets, outputs) => mean(each(targets, outputs), -1),
  }));

/** Mean over the last axis of (output - target)²; the sum of the squares must be a number that f32 has, else it is ∞. */
export const meanSquaredError = (options: LossOptions = {}): Loss =>
  meanOf("meanSquaredError", options, (targets, outputs) => square(sub(outputs, targets)));

/**
 * Mean over the last axis of |output - target|; the sum must be a number that f32 has, else it is ∞. Its gradient is the
 * error's sign, 0 where there is no error and NaN where there is no telling (NaN, or ∞ beside ∞).
 */
export const meanAbsoluteError = (options: LossOptions = {}): Loss =>
  meanOf("meanAbsoluteError", options, (targets, outputs) => abs(sub(outputs, targets)));

/** Mean over the last axis of 100 |output - target| / |target|, the divisor kept above 1e-7. */
export const meanAbsolutePercentageError = (options: LossOptions = {}): Loss =>
  meanOf("meanAbsolutePercentageError", options, (targets, outputs) =>
    mul(div(abs(sub(outputs, targets)), maximum(abs(targets), epsilon)), 100),
  );

/** Mean over the last axis of (ln(1 + output) - ln(1 + target))², both kept above 1e-7. */
export const meanSquaredLogarithmicError = (options: LossOptions = {}): Loss =>
  meanOf("meanSquaredLogarithmicError", options, (targets, outputs) =>
    square(sub(log1p(maximum(outputs, epsilon)), log1p(maximum(targets, epsilon)))),
  );

/** Mean over the last axis of ln cosh(output - target): e² / 2 near 0, |e| - ln 2 far from it. */
export const logCosh = (options: LossOptions = {}): Loss =>
  meanOf("logCosh", options, (targets, outputs) => {
    const error = abs(sub(outputs, targets));
    return sub(add(error, softplus(mul(error, -2))), Math.LN2);
  });

/**
 * Mean over the last axis of e² / 2 where e = |output - target| is at most delta, and of delta (e - delta / 2) beyond:
 * a squared error that outliers pull at with at most delta, infinite ones too. Source: Huber 1964.
 *
 * @throws ArgumentError for a delta that is no finite number above 0
 */
export const huber = (options: HuberOptions = {}): Loss =>
  makeLoss("huber", options, { delta: true }, (given, what) => {
    const delta = aboveZero(what, "delta", given.delta ?? 1);
    return {
      targets: "values",
      call(targets, outputs) {
        const error = abs(sub(outputs, targets));
        // The parabola is one of the capped error, lest its slope be 0 times infinity where it does not count.
        const parabola = mul(square(minimum(error, delta)), 0.5);
        return mean(where(less(error, delta), parabola, mul(sub(error, delta / 2), delta)), -1);
      },
    };
  });

/** -cos of the angle between target and output along `axis`: -1 for one direction, 1 for opposite ones, 0 for zeros. */
export const cosineSimilarity = (options: CosineSimilarityOptions = {}): Loss =>
  makeLoss("cosineSimilarity", options, { axis: true }, ({ axis = -1 }) => ({
    targets: "values",
    axis,
    call: (targets, outputs) => neg(cosine(targets, outputs, axis)),
  }));

/** @internal The cosine of the angle between two vectors along `axis`; lengths are kept above 1e-7. */
export function cosine(a: Tensor, b: Tensor, axis: number): Tensor {
  const unit = (x: Tensor) =>
    div(x, sqrt(maximum(sum(square(x), axis, { keepDims: true }), epsilon * epsilon)));
  return sum(mul(unit(a), unit(b)), axis);
}

// Losses of margins and of overlaps: hinges, Dice, Tversky.

import {
  add,
  div,
  equal,
  max,
  mul,
  relu,
  type Shape,
  square,
  sub,
  sum,
  type Tensor,
  where,
} from "../../engine/index.ts";
import { atLeastZero } from "../../engine/internal.ts";
import { epsilon, meanOf } from "./distances.ts";
import { type Loss, type LossOptions, makeLoss } from "./loss.ts";

export interface DiceOptions extends LossOptions {
  /** Axes of one region, by number; default: all but the batch, so that a sample is one. */
  axis?: number | readonly number[];
}

export interface TverskyOptions extends DiceOptions {
  /** What a false positive counts; default 0.5, which is Dice's. */
  alpha?: number;
  /** What a false negative counts; default 0.5. */
  beta?: number;
}

/** 1 - t x, at least 0; targets are -1 and 1, or 0 and 1 as Keras allows. */
const margins = (targets: Tensor, outputs: Tensor) =>
  relu(sub(1, mul(where(equal(targets, 0), -1, targets), outputs)));

/** Mean over the last axis of max(1 - t x, 0), targets t being -1 or 1; 0 counts as -1. */
export const hinge = (options: LossOptions = {}): Loss => meanOf("hinge", options, margins);

/** Mean over the last axis of max(1 - t x, 0)², targets t being -1 or 1; 0 counts as -1. */
export const squaredHinge = (options: LossOptions = {}): Loss =>
  meanOf("squaredHinge", options, (targets, outputs) => square(margins(targets, outputs)));

/** max(1 + the largest output of the wrong classes - the right one's, 0), targets being one-hot rows. */
export const categoricalHinge = (options: LossOptions = {}): Loss =>
  makeLoss("categoricalHinge", options, {}, () => ({
    targets: "values",
    call(targets, outputs) {
      // Times 0 an infinite output is nothing.
      const times = (share: Tensor) => mul(share, where(equal(share, 0), 0, outputs));
      const right = sum(times(targets), -1);
      const wrong = max(times(sub(1, targets)), -1);
      return relu(add(sub(wrong, right), 1));
    },
  }));

/**
 * 1 - 2 Σ t p / (Σ t + Σ p): 0 where a region is covered exactly. For masks of images; a sample is one region. (Keras's
 * default takes the whole batch for one.) Source: Milletari et al. 2016.
 */
export const dice = (options: DiceOptions = {}): Loss =>
  makeLoss("dice", options, { axis: true }, ({ axis }) => ({
    targets: "probabilities",
    call(targets, outputs) {
      const total = regionSums(axis, targets.shape);
      const both = total(mul(targets, outputs));
      return sub(1, div(mul(both, 2), add(add(total(targets), total(outputs)), epsilon)));
    },
  }));

/**
 * 1 - Σ t p / (Σ t p + alpha Σ (1 - t) p + beta Σ t (1 - p)): Dice with a price of their own for false positives and false
 * negatives. Source: Salehi et al. 2017.
 */
export const tversky = (options: TverskyOptions = {}): Loss =>
  makeLoss("tversky", options, { axis: true, alpha: true, beta: true }, (given, what) => {
    const alpha = atLeastZero(what, "alpha", given.alpha ?? 0.5);
    const beta = atLeastZero(what, "beta", given.beta ?? 0.5);
    return {
      targets: "probabilities",
      call(targets, outputs) {
        const total = regionSums(given.axis, targets.shape);
        const both = total(mul(targets, outputs));
        const extra = mul(total(mul(sub(1, targets), outputs)), alpha);
        const missing = mul(total(mul(targets, sub(1, outputs))), beta);
        return sub(1, div(both, add(add(add(both, extra), missing), epsilon)));
      },
    };
  });

function regionSums(axis: DiceOptions["axis"], shape: Shape): (x: Tensor) => Tensor {
  const axes = axis ?? shape.slice(1).map((_, k) => k + 1);
  return (x) => sum(x, axes as number[]);
}

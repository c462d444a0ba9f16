// How losses of samples become one number: weights, masks, and what the sum is divided by.

import {
  ArgumentError,
  cast,
  div,
  equal,
  mul,
  reshape,
  type Shape,
  ShapeError,
  showShape,
  sum,
  Tensor,
  tidy,
  where,
} from "../../engine/index.ts";
import { checkOptions, choiceOf, kindOf } from "../../engine/internal.ts";
import { type Reduction, reductions } from "./loss.ts";

export interface ReduceOptions {
  /** Default "sumOverBatchSize". */
  reduction?: Reduction;
  /** Of the losses' shape, or of its first axes: [batch] weighs samples, [batch, time] their steps. */
  sampleWeight?: Tensor;
  /** The same, of bool or of 0 and 1: losses where it is 0 are left out. */
  mask?: Tensor;
}

/**
 * Losses as a loss's `call` gives them, made one number (`none`: weighed only), for loops of one's own:
 * `losses.reduce(loss.call(targets, outputs), { sampleWeight })`. A divisor of 0 gives 0, and a gradient of 0.
 *
 * @throws ShapeError for weights or a mask that do not fit
 */
export function reduce(losses: Tensor, options: ReduceOptions = {}): Tensor {
  checkOptions("losses.reduce", options, { reduction: true, sampleWeight: true, mask: true });
  if (!(losses instanceof Tensor)) {
    throw new ArgumentError(`losses.reduce: losses must be a Tensor, got ${kindOf(losses)}`);
  }
  const { sampleWeight, mask } = options;
  const reduction = choiceOf("losses.reduce reduction", options.reduction ?? "sumOverBatchSize", reductions);
  return tidy(() => {
    const weighed = weigh("losses.reduce", losses, sampleWeight, mask);
    if (reduction === "none") return mul(weighed, 1);
    const total = sum(weighed);
    return reduction === "sum" ? total : over(total, divisorOf(reduction, losses, sampleWeight, mask));
  });
}

/** The losses times the weights, and 0 where the mask leaves them out, whatever they are there. */
export function weigh(
  what: string,
  losses: Tensor,
  weights: Tensor | undefined,
  mask: Tensor | undefined,
): Tensor {
  let weighed = losses;
  if (weights !== undefined) weighed = mul(weighed, aligned(what, "sample weights", weights, losses.shape));
  if (mask === undefined) return weighed;
  return where(cast(aligned(what, "mask", mask, losses.shape), "bool"), weighed, 0);
}

/** What the sum of the losses is divided by: how many count, or the sum of their weights. */
export function divisorOf(
  reduction: "sumOverBatchSize" | "meanWithSampleWeight",
  losses: Tensor,
  weights: Tensor | undefined,
  mask: Tensor | undefined,
): Tensor | number {
  const weighs = reduction === "meanWithSampleWeight" ? weights : undefined;
  const counted = productOf(weighs, mask, losses.shape);
  return counted === undefined ? losses.size : mul(sum(counted), losses.size / counted.size);
}

/** Weights times mask, of the smallest shape that has both; undefined for none. f32. */
export function productOf(
  weights: Tensor | undefined,
  mask: Tensor | undefined,
  shape: Shape,
): Tensor | undefined {
  const [a, b] = [weights, mask].map((x) => (x === undefined ? undefined : toNumbers(withoutOnes(x, shape))));
  if (a === undefined || b === undefined) return a ?? b;
  const rank = Math.max(a.rank, b.rank);
  return mul(reshape(a, padded(a.shape, rank)), reshape(b, padded(b.shape, rank)));
}

/** total / divisor; 0 where the divisor is. */
export function over(total: Tensor, divisor: Tensor | number): Tensor {
  if (typeof divisor === "number") return mul(total, divisor === 0 ? 0 : 1 / divisor);
  return div(total, where(equal(divisor, 0), 1, divisor));
}

/** Of the losses' rank, so that the last axes are broadcast. */
function aligned(what: string, kind: string, given: Tensor, shape: Shape): Tensor {
  const x = toNumbers(withoutOnes(given, shape));
  if (x.rank === 0 || !x.shape.every((length, axis) => length === shape[axis])) {
    throw new ShapeError(
      `${what}: ${kind} of shape ${showShape(given.shape)} do not fit losses of shape ${showShape(shape)}; they must have its first axes, ${showShape(shape.slice(0, 1))} for one number a sample`,
    );
  }
  return reshape(x, padded(x.shape, shape.length));
}

/** [batch, 1] beside losses [batch] is [batch]. */
function withoutOnes(x: Tensor, shape: Shape): Tensor {
  let rank = x.rank;
  while (rank > shape.length && x.shape[rank - 1] === 1) rank--;
  return rank === x.rank ? x : reshape(x, x.shape.slice(0, rank));
}

const toNumbers = (x: Tensor) => (x.dtype === "f32" ? x : cast(x, "f32"));

const padded = (shape: Shape, rank: number) => [...shape, ...new Array<number>(rank - shape.length).fill(1)];

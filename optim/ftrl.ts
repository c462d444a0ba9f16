// Ftrl: "follow the regularized leader", for wide models with sparse inputs; its L1 penalty makes weights exactly 0.

import {
  ArgumentError,
  add,
  clip,
  div,
  equal,
  maximum,
  mul,
  pow,
  sqrt,
  square,
  sub,
  type Tensor,
  where,
} from "../engine/index.ts";
import { atLeastZero, showGiven } from "../engine/internal.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { flush } from "./flush.ts";
import { type Hyper, twice } from "./hyper.ts";
import { fixed, hyper, type OptimizerOptions, type OwnOptions } from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface FtrlOptions extends OptimizerOptions {
  /** To which power of the sum of squares the rate falls, at most 0. Default -0.5; 0 is a fixed rate. */
  learningRatePower?: number;
  /** What the sums of squares start from. Default 0.1. */
  initialAccumulatorValue?: number;
  /** λ₁: weights whose `linear` is smaller become 0. Default 0. */
  l1RegularizationStrength?: number;
  /** λ₂: a penalty that keeps steps small. Default 0. */
  l2RegularizationStrength?: Hyper;
  /** A penalty on the weights' size, as an L2 penalty in the loss. Default 0. */
  l2ShrinkageRegularizationStrength?: Hyper;
  /** β of the paper. Default 0. */
  beta?: Hyper;
}

const atMostZero = (who: string, what: string, value: number): number => {
  if (Number.isFinite(value) && value <= 0) return value;
  throw new ArgumentError(`${who}: ${what} must be a finite number of at most 0, got ${showGiven(value)}`);
};

const own: OwnOptions<FtrlOptions> = {
  learningRatePower: fixed(-0.5, atMostZero),
  initialAccumulatorValue: fixed(0.1, atLeastZero),
  l1RegularizationStrength: fixed(0, atLeastZero),
  l2RegularizationStrength: hyper(0),
  l2ShrinkageRegularizationStrength: hyper(0),
  beta: hyper(0),
};

type Slot = "accumulator" | "linear";

/**
 * With p = -learningRatePower and s the shrinkage: a' = a + g²; z ← z + g + 2 s w - (a'ᵖ - aᵖ) w / η;
 * w ← (clip(z, -λ₁, λ₁) - z) / (a'ᵖ / η + 2 λ₂ + β / η). Default learning rate η 0.001, which must not be 0. What weights
 * start from hardly counts: z starts from 0. Source: McMahan et al. 2013, as Keras 3 has it.
 */
export class Ftrl extends DeclaredOptimizer<Slot> {
  declare readonly learningRatePower: number;
  declare readonly initialAccumulatorValue: number;
  declare readonly l1RegularizationStrength: number;
  declare readonly l2RegularizationStrength: Hyper;
  declare readonly l2ShrinkageRegularizationStrength: Hyper;
  declare readonly beta: Hyper;
  protected readonly slotStarts: Record<Slot, number>;

  constructor(options: FtrlOptions = {}) {
    super("Ftrl", 0.001, options, own);
    this.slotStarts = { accumulator: this.initialAccumulatorValue, linear: 0 };
  }

  protected update(context: UpdateContext<Slot>): UpdateResult<Slot> {
    const { value, gradient, slots, learningRate, at } = context;
    const shrinkage = at(this.l2ShrinkageRegularizationStrength);
    const accumulator = add(slots.accumulator, square(gradient));
    const grown = this.#raised(accumulator);
    const penalized = shrinkage === 0 ? gradient : add(gradient, mul(value, twice(shrinkage)));
    const sigma = div(sub(grown, this.#raised(slots.accumulator)), learningRate);
    const linear = flush(add(slots.linear, sub(penalized, mul(sigma, value))));
    const [l2, beta] = [at(this.l2RegularizationStrength), at(this.beta)];
    const slower = add(div(add(grown, beta), learningRate), twice(l2));
    const limit = this.l1RegularizationStrength;
    const ahead = limit === 0 ? mul(linear, -1) : sub(clip(linear, -limit, limit), linear);
    // Nothing is known yet of a weight without gradient where sums start from 0.
    const isUnknown = equal(slower, 0);
    return {
      value: where(isUnknown, value, div(ahead, where(isUnknown, 1, slower))),
      slots: { accumulator, linear },
    };
  }

  #raised(accumulator: Tensor): Tensor {
    if (this.learningRatePower === -0.5) return sqrt(accumulator);
    // Drivers' pow takes the logarithm of 0.
    const raised = pow(maximum(accumulator, 1e-30), -this.learningRatePower);
    return this.learningRatePower === 0 ? raised : where(equal(accumulator, 0), 0, raised);
  }
}

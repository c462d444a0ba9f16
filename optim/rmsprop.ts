// RMSprop: steps against gradients as large as the last ones, with momentum and the centered variant.

import { add, maximum, mul, sqrt, square, sub } from "../engine/index.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { flush, flushSquare, overRoot } from "./flush.ts";
import { complement, type Hyper } from "./hyper.ts";
import { flag, hyper, type OptimizerOptions, type OwnOptions, share } from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface RMSpropOptions extends OptimizerOptions {
  /** ρ: how much of the mean square is kept at each step. Default 0.9. */
  rho?: Hyper;
  /** μ: the share of the last step kept. Default 0. */
  momentum?: Hyper;
  /** Added under the root. Default (and for null) 1e-7. */
  epsilon?: Hyper | null;
  /** Divide by the variance of the gradients instead of their mean square. Default false. */
  centered?: boolean;
}

const own: OwnOptions<RMSpropOptions> = {
  rho: share(0.9),
  momentum: share(0),
  epsilon: hyper(1e-7),
  centered: flag(),
};

type Slot = "meanSquare" | "mean" | "velocity";

/**
 * a ← ρ a + (1 - ρ) g²; s = η g / √(a + ε), with a less the square of ρ's running mean of g if centered; w ← w - s, or
 * with momentum v ← μ v + s and w ← w - v. Default learning rate η 0.001. Source: Tieleman and Hinton 2012 (lecture 6e),
 * as Keras 3 has it.
 */
export class RMSprop extends DeclaredOptimizer<Slot> {
  declare readonly rho: Hyper;
  declare readonly momentum: Hyper;
  declare readonly epsilon: Hyper;
  declare readonly centered: boolean;
  protected readonly slotStarts: Record<Slot, number>;

  constructor(options: RMSpropOptions = {}) {
    super("RMSprop", 0.001, options, own);
    this.slotStarts = {
      meanSquare: 0,
      ...(this.centered ? { mean: 0 } : {}),
      ...(this.momentum !== 0 ? { velocity: 0 } : {}),
    } as Record<Slot, number>;
  }

  protected update({ value, gradient, slots, learningRate, at }: UpdateContext<Slot>): UpdateResult<Slot> {
    const { centered } = this;
    const [rho, momentum, epsilon] = [at(this.rho), at(this.momentum), at(this.epsilon)];
    const next = { ...slots };
    next.meanSquare = flushSquare(add(mul(slots.meanSquare, rho), mul(square(gradient), complement(rho))));
    let spread = next.meanSquare;
    if (centered) {
      next.mean = flush(add(mul(slots.mean, rho), mul(gradient, complement(rho))));
      // Rounding must not make it negative.
      spread = maximum(sub(spread, square(next.mean)), 0);
    }
    let step = overRoot(mul(gradient, learningRate), sqrt(add(spread, epsilon)), epsilon);
    if (momentum !== 0) {
      next.velocity = flush(add(mul(slots.velocity, momentum), step));
      step = next.velocity;
    }
    return { value: sub(value, step), slots: next };
  }
}

// RAdam: Adam that takes plain momentum's steps until it knows the gradients' variance well enough.

import {
  add,
  cast,
  div,
  exp,
  greater,
  less,
  maximum,
  mul,
  neg,
  sqrt,
  square,
  sub,
  type Tensor,
  where,
} from "../engine/index.ts";
import { belowOne } from "../engine/internal.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { flush, flushSquare, overRoot } from "./flush.ts";
import { complement, correctionOf, correctionStart, type Hyper, oneMinusPower } from "./hyper.ts";
import { fixed, hyper, type OptimizerOptions, type OwnOptions, share } from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface RAdamOptions extends OptimizerOptions {
  /** β₁: how much of the first moment is kept at each step. Default 0.9. */
  beta1?: Hyper;
  /** β₂: how much of the second moment is kept at each step, a number: it says how long variance is not known. Default 0.999. */
  beta2?: number;
  /** Added to √v. Default (and for null) 1e-8. */
  epsilon?: Hyper | null;
}

const own: OwnOptions<RAdamOptions> = {
  beta1: share(0.9),
  beta2: fixed(0.999, belowOne),
  epsilon: hyper(1e-8),
};

type Slot = "firstMoment" | "secondMoment";

/**
 * m and v as in Adam; with ρ∞ = 2 / (1 - β₂) - 1 and ρ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ), t counted from 1: while ρ is at most 5,
 * w ← w - η m / (1 - β₁ᵗ); then w ← w - η r (m / (1 - β₁ᵗ)) √(1 - β₂ᵗ) / (√v + ε), r = √((ρ - 4) (ρ - 2) ρ∞ /
 * ((ρ∞ - 4) (ρ∞ - 2) ρ)). Default learning rate η 0.001. Source: Liu et al. 2019, as PyTorch has it.
 */
export class RAdam extends DeclaredOptimizer<Slot> {
  declare readonly beta1: Hyper;
  declare readonly beta2: number;
  declare readonly epsilon: Hyper;
  protected readonly slotStarts: Record<Slot, number> = { firstMoment: 0, secondMoment: 0 };

  constructor(options: RAdamOptions = {}) {
    super("RAdam", 0.001, options, own);
  }

  protected override get scalarStarts() {
    return correctionStart("correction1", this.beta1);
  }

  protected update(context: UpdateContext<Slot>): UpdateResult<Slot> {
    const { value, gradient, slots, scalars, learningRate, iterations, at } = context;
    const [beta1, beta2, epsilon] = [at(this.beta1), this.beta2, at(this.epsilon)];
    const t = cast(add(iterations, 1), "f32");
    const ofFirst = correctionOf("correction1", beta1, scalars, t);
    const first = flush(add(slots.firstMoment, mul(sub(gradient, slots.firstMoment), complement(beta1))));
    const second = flushSquare(
      add(slots.secondMoment, mul(sub(square(gradient), slots.secondMoment), 1 - beta2)),
    );
    const limit = 2 / (1 - beta2) - 1;
    const length = lengthOf(beta2, limit, t);
    const isKnown = greater(length, 5);
    const held = maximum(length, 5);
    const grown = div(mul(mul(sub(held, 4), sub(held, 2)), limit / ((limit - 4) * (limit - 2))), held);
    const rectified = sqrt(mul(grown, oneMinusPower(beta2, t)));
    const rate = div(learningRate, ofFirst.correction);
    const adaptive = overRoot(mul(first, mul(rate, rectified)), add(sqrt(second), epsilon), epsilon);
    return {
      value: sub(value, where(isKnown, adaptive, mul(first, rate))),
      slots: { firstMoment: first, secondMoment: second },
      scalars: ofFirst.scalars,
    };
  }
}

/**
 * ρ after t steps. In f32 the formula loses its digits in the first steps, when it is the difference of two numbers near
 * ρ∞: with x = -t ln β₂, t β₂ᵗ / (1 - β₂ᵗ) is (x / (eˣ - 1)) / -ln β₂, of which the series in x is taken while x is below 1.
 */
function lengthOf(beta2: number, limit: number, t: Tensor): Tensor {
  const rate = -Math.log(Math.max(beta2, 1e-80));
  const x = mul(t, rate);
  const xx = square(x);
  // x / (eˣ - 1) = 1 - x / 2 + x² / 12 - x⁴ / 720 + ..., Bernoulli's numbers over factorials.
  let series: Tensor | number = 1 / 47_900_160;
  for (const divisor of [-1_209_600, 30_240, -720, 12]) series = add(mul(xx, series), 1 / divisor);
  const early = sub(add(t, limit - 2 / rate), mul(mul(xx, series), 2 / rate));
  const power = exp(neg(x));
  const late = sub(limit, div(mul(mul(t, power), 2), oneMinusPower(beta2, t)));
  return where(less(x, 1), early, late);
}

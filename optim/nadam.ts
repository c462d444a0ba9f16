// Nadam: Adam that looks ahead along its first moment, as Nesterov's momentum does.

import { add, cast, div, exp, mul, sqrt, square, sub } from "../engine/index.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { flush, flushSquare, overRoot } from "./flush.ts";
import { complement, correctionOf, correctionStart, type Hyper, type HyperValue } from "./hyper.ts";
import { hyper, type OptimizerOptions, type OwnOptions, share } from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface NadamOptions extends OptimizerOptions {
  /** β₁: how much of the first moment is kept at each step. Default 0.9. */
  beta1?: Hyper;
  /** β₂: how much of the second moment is kept at each step. Default 0.999. */
  beta2?: Hyper;
  /** Added to √v. Default (and for null) 1e-7. */
  epsilon?: Hyper | null;
}

const own: OwnOptions<NadamOptions> = { beta1: share(0.9), beta2: share(0.999), epsilon: hyper(1e-7) };

type Slot = "firstMoment" | "secondMoment";

/**
 * With μₜ = β₁ (1 - 0.96ᵗ / 2), t counted from 1, and Πₜ = μ₁ μ₂ ... μₜ: m and v as in Adam;
 * w ← w - η (μₜ₊₁ m / (1 - Πₜ₊₁) + (1 - μₜ) g / (1 - Πₜ)) / (√(v / (1 - β₂ᵗ)) + ε). Default learning rate η 0.001.
 * Source: Dozat 2016, as Keras 3 has it.
 */
export class Nadam extends DeclaredOptimizer<Slot> {
  declare readonly beta1: Hyper;
  declare readonly beta2: Hyper;
  declare readonly epsilon: Hyper;
  protected readonly slotStarts: Record<Slot, number> = { firstMoment: 0, secondMoment: 0 };

  constructor(options: NadamOptions = {}) {
    super("Nadam", 0.001, options, own);
  }

  protected override get scalarStarts() {
    return { momentumProduct: 1, ...correctionStart("correction2", this.beta2) };
  }

  protected update(context: UpdateContext<Slot>): UpdateResult<Slot> {
    const { value, gradient, slots, scalars, learningRate, iterations, at } = context;
    const [beta1, beta2, epsilon] = [at(this.beta1), at(this.beta2), at(this.epsilon)];
    const before = cast(iterations, "f32");
    // β₁ (1 - 0.96ᵗ / 2) at t = iterations + 1 and one later.
    const momentumAt = (ahead: number) =>
      sub(beta1, mul(exp(mul(before, Math.log(0.96))), times(beta1, 0.5 * 0.96 ** ahead)));
    const momentum = momentumAt(1);
    const nextMomentum = momentumAt(2);
    const product = flush(mul(scalars.momentumProduct, momentum));
    const first = flush(add(slots.firstMoment, mul(sub(gradient, slots.firstMoment), complement(beta1))));
    const second = flushSquare(
      add(slots.secondMoment, mul(sub(square(gradient), slots.secondMoment), complement(beta2))),
    );
    // What is the same for all weights is put together first: a few scalars.
    const ofFirst = mul(learningRate, div(nextMomentum, sub(1, mul(product, nextMomentum))));
    const ofGradient = mul(learningRate, div(sub(1, momentum), sub(1, product)));
    const ofSecond = correctionOf("correction2", beta2, scalars, add(before, 1));
    const step = overRoot(
      add(mul(first, ofFirst), mul(gradient, ofGradient)),
      add(sqrt(div(second, ofSecond.correction)), epsilon),
      epsilon,
    );
    return {
      value: sub(value, step),
      slots: { firstMoment: first, secondMoment: second },
      scalars: { momentumProduct: product, ...ofSecond.scalars },
    };
  }
}

const times = (x: HyperValue, factor: number): HyperValue =>
  typeof x === "number" ? x * factor : mul(x, factor);

// Nadam: Adam that looks ahead along its first moment, as Nesterov's momentum does.

import { add, cast, div, exp, mul, sqrt, square, sub } from "../engine/index.ts";
import { belowOne } from "../engine/internal.ts";
import { flush, flushSquare, overRoot } from "./flush.ts";
import { complement, correctionOf, correctionStart, type Hyper, type HyperValue } from "./hyper.ts";
import {
  Optimizer,
  type OptimizerOptions,
  type OwnOptions,
  type RuleConfig,
  type UpdateContext,
  type UpdateResult,
} from "./optimizer.ts";

export interface NadamOptions extends OptimizerOptions {
  /** β₁: how much of the first moment is kept at each step. Default 0.9. */
  beta1?: Hyper;
  /** β₂: how much of the second moment is kept at each step. Default 0.999. */
  beta2?: Hyper;
  /** Added to √v. Default (and for null) 1e-7. */
  epsilon?: Hyper | null;
}

const ownOptions: OwnOptions<NadamOptions> = { beta1: true, beta2: true, epsilon: true };

type Slot = "firstMoment" | "secondMoment";

/**
 * With μₜ = β₁ (1 - 0.96ᵗ / 2), t counted from 1, and Πₜ = μ₁ μ₂ ... μₜ: m and v as in Adam;
 * w ← w - η (μₜ₊₁ m / (1 - Πₜ₊₁) + (1 - μₜ) g / (1 - Πₜ)) / (√(v / (1 - β₂ᵗ)) + ε). Default learning rate η 0.001.
 * Source: Dozat 2016, as Keras 3 has it.
 */
export class Nadam extends Optimizer<Slot> {
  readonly beta1: Hyper;
  readonly beta2: Hyper;
  readonly epsilon: Hyper;
  protected readonly slotStarts: Record<Slot, number> = { firstMoment: 0, secondMoment: 0 };

  constructor(options: NadamOptions = {}) {
    super("Nadam", 0.001, options, ownOptions);
    this.beta1 = this.hyper("beta1", options.beta1 ?? 0.9, belowOne);
    this.beta2 = this.hyper("beta2", options.beta2 ?? 0.999, belowOne);
    this.epsilon = this.hyper("epsilon", options.epsilon ?? 1e-7);
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

  protected ruleConfig(): RuleConfig {
    const { beta1, beta2, epsilon } = this;
    return { beta1, beta2, epsilon };
  }
}

const times = (x: HyperValue, factor: number): HyperValue =>
  typeof x === "number" ? x * factor : mul(x, factor);

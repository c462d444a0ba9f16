// Nadam: Adam that looks ahead along its first moment, as Nesterov's momentum does.

import { add, cast, div, exp, mul, sqrt, square, sub } from "../engine/index.ts";
import { atLeastZero, belowOne } from "../engine/internal.ts";
import { oneMinusPower } from "./adam.ts";
import { flush, flushSquare, overRoot } from "./flush.ts";
import {
  Optimizer,
  type OptimizerConfig,
  type OptimizerOptions,
  type OwnOptions,
  type UpdateContext,
  type UpdateResult,
} from "./optimizer.ts";

export interface NadamOptions extends OptimizerOptions {
  /** β₁: how much of the first moment is kept at each step. Default 0.9. */
  beta1?: number;
  /** β₂: how much of the second moment is kept at each step. Default 0.999. */
  beta2?: number;
  /** Added to √v. Default (and for null) 1e-7. */
  epsilon?: number | null;
}

const ownOptions: OwnOptions<NadamOptions> = { beta1: true, beta2: true, epsilon: true };

type Slot = "firstMoment" | "secondMoment";

/**
 * With μₜ = β₁ (1 - 0.96ᵗ / 2), t counted from 1, and Πₜ = μ₁ μ₂ ... μₜ: m and v as in Adam;
 * w ← w - η (μₜ₊₁ m / (1 - Πₜ₊₁) + (1 - μₜ) g / (1 - Πₜ)) / (√(v / (1 - β₂ᵗ)) + ε). Default learning rate η 0.001.
 * Source: Dozat 2016, as Keras 3 has it.
 */
export class Nadam extends Optimizer<Slot> {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  protected readonly slotStarts: Record<Slot, number> = { firstMoment: 0, secondMoment: 0 };

  constructor(options: NadamOptions = {}) {
    super("Nadam", 0.001, options, ownOptions);
    this.beta1 = belowOne(this.name, "beta1", options.beta1 ?? 0.9);
    this.beta2 = belowOne(this.name, "beta2", options.beta2 ?? 0.999);
    this.epsilon = atLeastZero(this.name, "epsilon", options.epsilon ?? 1e-7);
  }

  protected override get scalarStarts() {
    return { momentumProduct: 1 };
  }

  protected update(context: UpdateContext<Slot>): UpdateResult<Slot> {
    const { value, gradient, slots, scalars, learningRate, iterations } = context;
    const { beta1, beta2, epsilon } = this;
    const before = cast(iterations, "f32");
    // β₁ (1 - 0.96ᵗ / 2) at t = iterations + 1 and one later.
    const momentumAt = (ahead: number) =>
      sub(beta1, mul(exp(mul(before, Math.log(0.96))), beta1 * 0.5 * 0.96 ** ahead));
    const momentum = momentumAt(1);
    const nextMomentum = momentumAt(2);
    const product = flush(mul(scalars.momentumProduct, momentum));
    const first = flush(add(slots.firstMoment, mul(sub(gradient, slots.firstMoment), 1 - beta1)));
    const second = flushSquare(
      add(slots.secondMoment, mul(sub(square(gradient), slots.secondMoment), 1 - beta2)),
    );
    // What is the same for all weights is put together first: a few scalars.
    const ofFirst = mul(learningRate, div(nextMomentum, sub(1, mul(product, nextMomentum))));
    const ofGradient = mul(learningRate, div(sub(1, momentum), sub(1, product)));
    const correction = oneMinusPower(beta2, add(before, 1));
    const step = overRoot(
      add(mul(first, ofFirst), mul(gradient, ofGradient)),
      add(sqrt(div(second, correction)), epsilon),
      epsilon,
    );
    return {
      value: sub(value, step),
      slots: { firstMoment: first, secondMoment: second },
      scalars: { momentumProduct: product },
    };
  }

  protected ruleConfig(): OptimizerConfig {
    const { beta1, beta2, epsilon } = this;
    return { beta1, beta2, epsilon };
  }
}

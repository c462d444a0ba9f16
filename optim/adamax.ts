// Adamax: Adam that divides by the largest gradient of late instead of their root mean square.

import { abs, add, cast, div, maximum, mul, sub } from "../engine/index.ts";
import { belowOne } from "../engine/internal.ts";
import { flush, overRoot } from "./flush.ts";
import { complement, correctionOf, correctionStart, type Hyper } from "./hyper.ts";
import {
  Optimizer,
  type OptimizerOptions,
  type OwnOptions,
  type RuleConfig,
  type UpdateContext,
  type UpdateResult,
} from "./optimizer.ts";

export interface AdamaxOptions extends OptimizerOptions {
  /** β₁: how much of the first moment is kept at each step. Default 0.9. */
  beta1?: Hyper;
  /** β₂: how much of the largest gradient is kept at each step. Default 0.999. */
  beta2?: Hyper;
  /** Added to the largest gradient. Default (and for null) 1e-7. */
  epsilon?: Hyper | null;
}

const ownOptions: OwnOptions<AdamaxOptions> = { beta1: true, beta2: true, epsilon: true };

type Slot = "firstMoment" | "norm";

/**
 * m as in Adam; u ← max(β₂ u, |g|); w ← w - η m / ((1 - β₁ᵗ) (u + ε)), t counted from 1. Default learning rate η 0.001.
 * Source: Kingma and Ba 2015, section 7.1, as Keras 3 has it.
 */
export class Adamax extends Optimizer<Slot> {
  readonly beta1: Hyper;
  readonly beta2: Hyper;
  readonly epsilon: Hyper;
  protected readonly slotStarts: Record<Slot, number> = { firstMoment: 0, norm: 0 };

  constructor(options: AdamaxOptions = {}) {
    super("Adamax", 0.001, options, ownOptions);
    this.beta1 = this.hyper("beta1", options.beta1 ?? 0.9, belowOne);
    this.beta2 = this.hyper("beta2", options.beta2 ?? 0.999, belowOne);
    this.epsilon = this.hyper("epsilon", options.epsilon ?? 1e-7);
  }

  protected override get scalarStarts() {
    return correctionStart("correction1", this.beta1);
  }

  protected update(context: UpdateContext<Slot>): UpdateResult<Slot> {
    const { value, gradient, slots, scalars, learningRate, iterations, at } = context;
    const [beta1, beta2, epsilon] = [at(this.beta1), at(this.beta2), at(this.epsilon)];
    const ofFirst = correctionOf("correction1", beta1, scalars, cast(add(iterations, 1), "f32"));
    const first = flush(add(slots.firstMoment, mul(sub(gradient, slots.firstMoment), complement(beta1))));
    const norm = flush(maximum(mul(slots.norm, beta2), abs(gradient)));
    const step = overRoot(mul(first, div(learningRate, ofFirst.correction)), add(norm, epsilon), epsilon);
    return { value: sub(value, step), slots: { firstMoment: first, norm }, scalars: ofFirst.scalars };
  }

  protected ruleConfig(): RuleConfig {
    const { beta1, beta2, epsilon } = this;
    return { beta1, beta2, epsilon };
  }
}

// Adamax: Adam that divides by the largest gradient of late instead of their root mean square.

import { abs, add, cast, div, maximum, mul, sub } from "../engine/index.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { flush, overRoot } from "./flush.ts";
import { complement, correctionOf, correctionStart, type Hyper } from "./hyper.ts";
import { hyper, type OptimizerOptions, type OwnOptions, share } from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface AdamaxOptions extends OptimizerOptions {
  /** β₁: how much of the first moment is kept at each step. Default 0.9. */
  beta1?: Hyper;
  /** β₂: how much of the largest gradient is kept at each step. Default 0.999. */
  beta2?: Hyper;
  /** Added to the largest gradient. Default (and for null) 1e-7. */
  epsilon?: Hyper | null;
}

const own: OwnOptions<AdamaxOptions> = { beta1: share(0.9), beta2: share(0.999), epsilon: hyper(1e-7) };

type Slot = "firstMoment" | "norm";

/**
 * m as in Adam; u ← max(β₂ u, |g|); w ← w - η m / ((1 - β₁ᵗ) (u + ε)), t counted from 1. Default learning rate η 0.001.
 * Source: Kingma and Ba 2015, section 7.1, as Keras 3 has it.
 */
export class Adamax extends DeclaredOptimizer<Slot> {
  declare readonly beta1: Hyper;
  declare readonly beta2: Hyper;
  declare readonly epsilon: Hyper;
  protected readonly slotStarts: Record<Slot, number> = { firstMoment: 0, norm: 0 };

  constructor(options: AdamaxOptions = {}) {
    super("Adamax", 0.001, options, own);
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
}

// Lion: steps of one length, in the direction of a momentum.

import { add, mul, sign, sub, type Tensor } from "../engine/index.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { flush } from "./flush.ts";
import { complement, type Hyper, type HyperValue } from "./hyper.ts";
import { type OptimizerOptions, type OwnOptions, share } from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface LionOptions extends OptimizerOptions {
  /** β₁: how much of the momentum is in the step's direction, the rest being the gradient. Default 0.9. */
  beta1?: Hyper;
  /** β₂: how much of the momentum is kept at each step. Default 0.99. */
  beta2?: Hyper;
}

const own: OwnOptions<LionOptions> = { beta1: share(0.9), beta2: share(0.99) };

/**
 * w ← w - η sign(β₁ m + (1 - β₁) g); m ← β₂ m + (1 - β₂) g. Default learning rate η 0.001, as in Keras; the authors take 3
 * to 10 times less than for AdamW, and so many times more weight decay. Source: Chen et al. 2023.
 */
export class Lion extends DeclaredOptimizer<"momentum"> {
  declare readonly beta1: Hyper;
  declare readonly beta2: Hyper;
  protected readonly slotStarts = { momentum: 0 };

  constructor(options: LionOptions = {}) {
    super("Lion", 0.001, options, own);
  }

  protected update({
    value,
    gradient,
    slots,
    learningRate,
    at,
  }: UpdateContext<"momentum">): UpdateResult<"momentum"> {
    const mixed = (beta: HyperValue): Tensor =>
      add(mul(slots.momentum, beta), mul(gradient, complement(beta)));
    return {
      value: sub(value, mul(sign(mixed(at(this.beta1))), learningRate)),
      slots: { momentum: flush(mixed(at(this.beta2))) },
    };
  }
}

// Lion: steps of one length, in the direction of a momentum.

import { add, mul, sign, sub, type Tensor } from "../engine/index.ts";
import { belowOne } from "../engine/internal.ts";
import { flush } from "./flush.ts";
import { complement, type Hyper, type HyperValue } from "./hyper.ts";
import {
  Optimizer,
  type OptimizerOptions,
  type OwnOptions,
  type RuleConfig,
  type UpdateContext,
  type UpdateResult,
} from "./optimizer.ts";

export interface LionOptions extends OptimizerOptions {
  /** β₁: how much of the momentum is in the step's direction, the rest being the gradient. Default 0.9. */
  beta1?: Hyper;
  /** β₂: how much of the momentum is kept at each step. Default 0.99. */
  beta2?: Hyper;
}

const ownOptions: OwnOptions<LionOptions> = { beta1: true, beta2: true };

/**
 * w ← w - η sign(β₁ m + (1 - β₁) g); m ← β₂ m + (1 - β₂) g. Default learning rate η 0.001, as in Keras; the authors take 3
 * to 10 times less than for AdamW, and so many times more weight decay. Source: Chen et al. 2023.
 */
export class Lion extends Optimizer<"momentum"> {
  readonly beta1: Hyper;
  readonly beta2: Hyper;
  protected readonly slotStarts = { momentum: 0 };

  constructor(options: LionOptions = {}) {
    super("Lion", 0.001, options, ownOptions);
    this.beta1 = this.hyper("beta1", options.beta1 ?? 0.9, belowOne);
    this.beta2 = this.hyper("beta2", options.beta2 ?? 0.99, belowOne);
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

  protected ruleConfig(): RuleConfig {
    const { beta1, beta2 } = this;
    return { beta1, beta2 };
  }
}

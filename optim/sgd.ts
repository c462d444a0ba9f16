// Stochastic gradient descent, with momentum and Nesterov's variant.

import { add, mul, sub } from "../engine/index.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { flush } from "./flush.ts";
import type { Hyper } from "./hyper.ts";
import { flag, type OptimizerOptions, type OwnOptions, share } from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface SGDOptions extends OptimizerOptions {
  /** μ: the share of the last step kept, from 0 up to 1. Default 0. */
  momentum?: Hyper;
  /** Look ahead along the momentum (Nesterov). Default false. */
  nesterov?: boolean;
}

const own: OwnOptions<SGDOptions> = { momentum: share(0), nesterov: flag() };

/**
 * w ← w - η g; with momentum μ, in the form of Keras: v ← μ v - η g and w ← w + v, or with Nesterov
 * w ← w + μ v - η g. Default learning rate η 0.01. Sources: Polyak 1964; Sutskever et al. 2013.
 */
export class SGD extends DeclaredOptimizer<"velocity"> {
  declare readonly momentum: Hyper;
  declare readonly nesterov: boolean;
  protected readonly slotStarts: Record<"velocity", number>;

  constructor(options: SGDOptions = {}) {
    super("SGD", 0.01, options, own);
    this.slotStarts = (this.momentum !== 0 ? { velocity: 0 } : {}) as Record<"velocity", number>;
  }

  protected update({
    value,
    gradient,
    slots,
    learningRate,
    at,
  }: UpdateContext<"velocity">): UpdateResult<"velocity"> {
    const step = mul(gradient, learningRate);
    if (this.momentum === 0) return { value: sub(value, step) };
    const momentum = at(this.momentum);
    const velocity = flush(sub(mul(slots.velocity, momentum), step));
    const change = this.nesterov ? sub(mul(velocity, momentum), step) : velocity;
    return { value: add(value, change), slots: { velocity } };
  }
}

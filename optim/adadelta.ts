// Adadelta: steps as large as the last ones, against gradients as large as the last ones.

import { add, mul, sqrt, square, sub, type Tensor } from "../engine/index.ts";
import { atLeastZero, belowOne } from "../engine/internal.ts";
import { flushSquare, overRoot } from "./flush.ts";
import {
  Optimizer,
  type OptimizerConfig,
  type OptimizerOptions,
  type OwnOptions,
  type UpdateContext,
  type UpdateResult,
} from "./optimizer.ts";

export interface AdadeltaOptions extends OptimizerOptions {
  /** ρ: how much of both means is kept at each step. Default 0.95. */
  rho?: number;
  /** Added under the roots. Default (and for null) 1e-7. */
  epsilon?: number | null;
}

const ownOptions: OwnOptions<AdadeltaOptions> = { rho: true, epsilon: true };

type Slot = "meanSquare" | "meanSquareStep";

/**
 * a ← ρ a + (1 - ρ) g²; s = g √(d + ε) / √(a + ε); d ← ρ d + (1 - ρ) s²; w ← w - η s. Default learning rate η 0.001 as
 * in Keras; the paper's is 1. Source: Zeiler 2012.
 */
export class Adadelta extends Optimizer<Slot> {
  readonly rho: number;
  readonly epsilon: number;
  protected readonly slotStarts: Record<Slot, number> = { meanSquare: 0, meanSquareStep: 0 };

  constructor(options: AdadeltaOptions = {}) {
    super("Adadelta", 0.001, options, ownOptions);
    this.rho = belowOne(this.name, "rho", options.rho ?? 0.95);
    this.epsilon = atLeastZero(this.name, "epsilon", options.epsilon ?? 1e-7);
  }

  protected update({ value, gradient, slots, learningRate }: UpdateContext<Slot>): UpdateResult<Slot> {
    const root = (x: Tensor) => sqrt(add(x, this.epsilon));
    const mean = (old: Tensor, x: Tensor) =>
      flushSquare(add(mul(old, this.rho), mul(square(x), 1 - this.rho)));
    const meanSquare = mean(slots.meanSquare, gradient);
    const step = overRoot(mul(gradient, root(slots.meanSquareStep)), root(meanSquare), this.epsilon);
    return {
      value: sub(value, mul(step, learningRate)),
      slots: { meanSquare, meanSquareStep: mean(slots.meanSquareStep, step) },
    };
  }

  protected ruleConfig(): OptimizerConfig {
    const { rho, epsilon } = this;
    return { rho, epsilon };
  }
}

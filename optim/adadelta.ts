// Adadelta: steps as large as the last ones, against gradients as large as the last ones.

import { add, mul, sqrt, square, sub, type Tensor } from "../engine/index.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { flushSquare, overRoot } from "./flush.ts";
import { complement, type Hyper } from "./hyper.ts";
import { hyper, type OptimizerOptions, type OwnOptions, share } from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface AdadeltaOptions extends OptimizerOptions {
  /** ρ: how much of both means is kept at each step. Default 0.95. */
  rho?: Hyper;
  /** Added under the roots. Default (and for null) 1e-7. */
  epsilon?: Hyper | null;
}

const own: OwnOptions<AdadeltaOptions> = { rho: share(0.95), epsilon: hyper(1e-7) };

type Slot = "meanSquare" | "meanSquareStep";

/**
 * a ← ρ a + (1 - ρ) g²; s = g √(d + ε) / √(a + ε); d ← ρ d + (1 - ρ) s²; w ← w - η s. Default learning rate η 0.001 as
 * in Keras; the paper's is 1. Source: Zeiler 2012.
 */
export class Adadelta extends DeclaredOptimizer<Slot> {
  declare readonly rho: Hyper;
  declare readonly epsilon: Hyper;
  protected readonly slotStarts: Record<Slot, number> = { meanSquare: 0, meanSquareStep: 0 };

  constructor(options: AdadeltaOptions = {}) {
    super("Adadelta", 0.001, options, own);
  }

  protected update({ value, gradient, slots, learningRate, at }: UpdateContext<Slot>): UpdateResult<Slot> {
    const [rho, epsilon] = [at(this.rho), at(this.epsilon)];
    const root = (x: Tensor) => sqrt(add(x, epsilon));
    const mean = (old: Tensor, x: Tensor) => flushSquare(add(mul(old, rho), mul(square(x), complement(rho))));
    const meanSquare = mean(slots.meanSquare, gradient);
    const step = overRoot(mul(gradient, root(slots.meanSquareStep)), root(meanSquare), epsilon);
    return {
      value: sub(value, mul(step, learningRate)),
      slots: { meanSquare, meanSquareStep: mean(slots.meanSquareStep, step) },
    };
  }
}

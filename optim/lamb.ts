// LAMB: Adam whose steps are as large, variable by variable, as the variable's weights, for large batches.

import { add, cast, div, equal, logicalOr, mul, sqrt, square, sub, where } from "../engine/index.ts";
import { ByVariable } from "./by-variable.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { flush, flushSquare, overRoot } from "./flush.ts";
import { complement, correctionOf, correctionStart, type Hyper } from "./hyper.ts";
import { hyper, type OptimizerOptions, type OwnOptions, share } from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface LambOptions extends OptimizerOptions {
  /** β₁: how much of the first moment is kept at each step. Default 0.9. */
  beta1?: Hyper;
  /** β₂: how much of the second moment is kept at each step. Default 0.999. */
  beta2?: Hyper;
  /** Added to √v. Default (and for null) 1e-7. */
  epsilon?: Hyper | null;
}

const own: OwnOptions<LambOptions> = { beta1: share(0.9), beta2: share(0.999), epsilon: hyper(1e-7) };

type Slot = "firstMoment" | "secondMoment";

/**
 * m and v as in Adam; u = (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε); w ← w - η (‖w‖ / ‖u‖) u, the norms being each
 * variable's, and their ratio 1 where one of them is 0. Default learning rate η 0.001. Source: You et al. 2019, as Keras 3
 * has it: weight decay comes before and is in no norm.
 */
export class Lamb extends DeclaredOptimizer<Slot> {
  declare readonly beta1: Hyper;
  declare readonly beta2: Hyper;
  declare readonly epsilon: Hyper;
  protected readonly slotStarts: Record<Slot, number> = { firstMoment: 0, secondMoment: 0 };

  constructor(options: LambOptions = {}) {
    super("Lamb", 0.001, options, own);
  }

  protected override get byVariable() {
    return ByVariable;
  }

  protected override get reducesByVariable() {
    return true;
  }

  protected override get scalarStarts() {
    return { ...correctionStart("correction1", this.beta1), ...correctionStart("correction2", this.beta2) };
  }

  protected update(context: UpdateContext<Slot>): UpdateResult<Slot> {
    const { value, gradient, slots, scalars, learningRate, iterations, at, byVariable } = context;
    const [beta1, beta2, epsilon] = [at(this.beta1), at(this.beta2), at(this.epsilon)];
    const t = cast(add(iterations, 1), "f32");
    const ofFirst = correctionOf("correction1", beta1, scalars, t);
    const ofSecond = correctionOf("correction2", beta2, scalars, t);
    const first = flush(add(slots.firstMoment, mul(sub(gradient, slots.firstMoment), complement(beta1))));
    const second = flushSquare(
      add(slots.secondMoment, mul(sub(square(gradient), slots.secondMoment), complement(beta2))),
    );
    const root = add(sqrt(div(second, ofSecond.correction)), epsilon);
    const update = overRoot(div(first, ofFirst.correction), root, epsilon);
    const [ofValues, ofUpdates] = [byVariable.norms(value), byVariable.norms(update)];
    const isZero = logicalOr(equal(ofValues, 0), equal(ofUpdates, 0));
    const ratios = where(isZero, 1, div(ofValues, where(isZero, 1, ofUpdates)));
    return {
      value: sub(value, mul(update, mul(byVariable.spread(ratios), learningRate))),
      slots: { firstMoment: first, secondMoment: second },
      scalars: { ...ofFirst.scalars, ...ofSecond.scalars },
    };
  }
}

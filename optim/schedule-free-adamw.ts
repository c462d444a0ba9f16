// Schedule-free AdamW: an average of the steps takes the place of a falling learning rate.

import {
  ArgumentError,
  add,
  cast,
  div,
  greater,
  minimum,
  mul,
  sqrt,
  square,
  sub,
  type Tensor,
  where,
} from "../engine/index.ts";
import { belowOne, wholeNumber } from "../engine/internal.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { flushSquare, overRoot } from "./flush.ts";
import { complement, correctionOf, correctionStart, type Hyper } from "./hyper.ts";
import { fixed, hyper, type OptimizerOptions, type OwnOptions, share } from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface ScheduleFreeAdamWOptions extends OptimizerOptions {
  /** β₁: how near to the average the point lies where gradients are taken, above 0. Default 0.9. */
  beta1?: number;
  /** β₂: how much of the second moment is kept at each step. Default 0.999. */
  beta2?: Hyper;
  /** Added to √v. Default (and for null) 1e-8. */
  epsilon?: Hyper | null;
  /** Steps in which the rate rises from 0 in a straight line. Default 0. */
  warmupSteps?: number;
}

const own: OwnOptions<ScheduleFreeAdamWOptions> = {
  beta1: fixed(0.9, belowOne),
  beta2: share(0.999),
  epsilon: hyper(1e-8),
  warmupSteps: fixed(0, wholeNumber),
};

type Slot = "point" | "secondMoment";

/**
 * Weights y = (1 - β₁) z + β₁ x, where gradients are taken, of steps z and their average x. v as in Adam;
 * z ← z - η g / (√(v / (1 - β₂ᵗ)) + ε); x ← (1 - 1 / t) x + z / t, t counted from 1. Default learning rate η 0.0025.
 * Source: Defazio et al. 2024, as Keras 3 has it. The average is what the training has found: {@link swapToEval} before
 * evaluating, predicting or saving, {@link swapToTrain} before going on.
 */
export class ScheduleFreeAdamW extends DeclaredOptimizer<Slot> {
  declare readonly beta1: number;
  declare readonly beta2: Hyper;
  declare readonly epsilon: Hyper;
  declare readonly warmupSteps: number;
  protected readonly slotStarts = { point: "value", secondMoment: 0 } as const;

  constructor(options: ScheduleFreeAdamWOptions = {}) {
    super("ScheduleFreeAdamW", 0.0025, options, own);
    if (this.beta1 === 0)
      throw new ArgumentError(
        `${this.name}: beta1 must be above 0: the average is found from the weights by it`,
      );
  }

  protected override get scalarStarts() {
    return { isAverage: 0, ...correctionStart("correction2", this.beta2) };
  }

  /** Makes the weights the average of the steps. Doing it twice is harmless. */
  swapToEval(): void {
    this.replaceValues((value, { slots, scalars }) => ({
      value: where(greater(scalars.isAverage, 0.5), value, this.#averageOf(value, slots.point)),
      scalars: { isAverage: add(mul(scalars.isAverage, 0), 1) },
    }));
  }

  /** Makes the weights the point where gradients are taken again. Doing it twice is harmless. */
  swapToTrain(): void {
    this.replaceValues((value, { slots, scalars }) => ({
      value: where(greater(scalars.isAverage, 0.5), this.#mixed(value, slots.point), value),
      scalars: { isAverage: mul(scalars.isAverage, 0) },
    }));
  }

  protected update(context: UpdateContext<Slot>): UpdateResult<Slot> {
    const { value, gradient, slots, scalars, iterations, at } = context;
    const [beta2, epsilon] = [at(this.beta2), at(this.epsilon)];
    const t = cast(add(iterations, 1), "f32");
    const ofSecond = correctionOf("correction2", beta2, scalars, t);
    const second = flushSquare(
      add(slots.secondMoment, mul(sub(square(gradient), slots.secondMoment), complement(beta2))),
    );
    const root = add(sqrt(div(second, ofSecond.correction)), epsilon);
    const rate =
      this.warmupSteps === 0
        ? context.learningRate
        : mul(context.learningRate, minimum(div(t, this.warmupSteps), 1));
    const point = sub(slots.point, overRoot(mul(gradient, rate), root, epsilon));
    const average = where(greater(scalars.isAverage, 0.5), value, this.#averageOf(value, slots.point));
    const next = add(average, div(sub(point, average), t));
    return {
      value: this.#mixed(next, point),
      slots: { point, secondMoment: second },
      scalars: { isAverage: mul(scalars.isAverage, 0), ...ofSecond.scalars },
    };
  }

  #averageOf(value: Tensor, point: Tensor): Tensor {
    return div(sub(value, mul(point, 1 - this.beta1)), this.beta1);
  }

  #mixed(average: Tensor, point: Tensor): Tensor {
    return add(mul(point, 1 - this.beta1), mul(average, this.beta1));
  }
}

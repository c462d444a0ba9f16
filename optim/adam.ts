// Adam, its AMSGrad variant, and AdamW.

import { add, cast, div, maximum, mul, sqrt, square, sub } from "../engine/index.ts";
import { checkOptions } from "../engine/internal.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { flush, flushSquare, overRoot } from "./flush.ts";
import { complement, correctionOf, correctionStart, type Hyper } from "./hyper.ts";
import { flag, hyper, type OptimizerOptions, type OwnOptions, optimizerOptions, share } from "./options.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface AdamOptions extends OptimizerOptions {
  /** β₁: how much of the first moment is kept at each step. Default 0.9. */
  beta1?: Hyper;
  /** β₂: how much of the second moment is kept at each step. Default 0.999. */
  beta2?: Hyper;
  /** Added to √v. Default (and for null, as in older Keras) 1e-7. */
  epsilon?: Hyper | null;
  /** Divide by the largest second moment so far (Reddi et al. 2018). Default false. */
  amsgrad?: boolean;
}

const own: OwnOptions<AdamOptions> = {
  beta1: share(0.9),
  beta2: share(0.999),
  epsilon: hyper(1e-7),
  amsgrad: flag(),
};

type Slot = "firstMoment" | "secondMoment" | "largestSecondMoment";

/**
 * m ← m + (g - m)(1 - β₁); v ← v + (g² - v)(1 - β₂); w ← w - α m / (√v + ε), with the bias correction in the rate
 * as Keras has it: α = η √(1 - β₂ᵗ) / (1 - β₁ᵗ), t counted from 1. Default learning rate η 0.001.
 * Source: Kingma and Ba 2015, section 2's last paragraph (their ε hat is this ε).
 */
export class Adam extends DeclaredOptimizer<Slot> {
  declare readonly beta1: Hyper;
  declare readonly beta2: Hyper;
  declare readonly epsilon: Hyper;
  declare readonly amsgrad: boolean;
  protected readonly slotStarts: Record<Slot, number>;

  /** @param type what a subclass calls itself */
  constructor(options: AdamOptions = {}, type = "Adam") {
    super(type, 0.001, options, own);
    const starts = { firstMoment: 0, secondMoment: 0 };
    this.slotStarts = (this.amsgrad ? { ...starts, largestSecondMoment: 0 } : starts) as Record<Slot, number>;
  }

  protected override get scalarStarts() {
    return { ...correctionStart("correction1", this.beta1), ...correctionStart("correction2", this.beta2) };
  }

  protected update(context: UpdateContext<Slot>): UpdateResult<Slot> {
    const { value, gradient, slots, scalars, learningRate, iterations, at } = context;
    const [beta1, beta2, epsilon] = [at(this.beta1), at(this.beta2), at(this.epsilon)];
    const t = cast(add(iterations, 1), "f32");
    const ofSecond = correctionOf("correction2", beta2, scalars, t);
    const ofFirst = correctionOf("correction1", beta1, scalars, t);
    const correction = div(sqrt(ofSecond.correction), ofFirst.correction);
    const alpha = mul(learningRate, correction);
    const first = flush(add(slots.firstMoment, mul(sub(gradient, slots.firstMoment), complement(beta1))));
    const second = flushSquare(
      add(slots.secondMoment, mul(sub(square(gradient), slots.secondMoment), complement(beta2))),
    );
    const largest = this.amsgrad ? maximum(slots.largestSecondMoment, second) : second;
    const step = overRoot(mul(first, alpha), add(sqrt(largest), epsilon), epsilon);
    return {
      value: sub(value, step),
      slots: {
        firstMoment: first,
        secondMoment: second,
        largestSecondMoment: this.amsgrad ? largest : undefined,
      },
      scalars: { ...ofFirst.scalars, ...ofSecond.scalars },
    };
  }
}

/**
 * {@link Adam} with decoupled weight decay, by default 0.004 as in Keras: w ← w - η · weightDecay · w before each update.
 * Source: Loshchilov and Hutter 2019.
 */
export class AdamW extends Adam {
  constructor(options: AdamOptions = {}) {
    // Before anything else is looked at: null has no weightDecay.
    checkOptions<object>("AdamW", options, { ...optimizerOptions, ...own } as object);
    super({ ...options, weightDecay: options.weightDecay ?? 0.004 }, "AdamW");
  }
}

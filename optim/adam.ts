// Adam, its AMSGrad variant, and AdamW.

import { add, cast, div, expm1, maximum, mul, neg, sqrt, square, sub, type Tensor } from "../engine/index.ts";
import { atLeastZero, belowOne, checkOptions } from "../engine/internal.ts";
import { flush, flushSquare, overRoot } from "./flush.ts";
import {
  Optimizer,
  type OptimizerConfig,
  type OptimizerOptions,
  type OwnOptions,
  optimizerOptions,
  type UpdateContext,
  type UpdateResult,
} from "./optimizer.ts";

export interface AdamOptions extends OptimizerOptions {
  /** β₁: how much of the first moment is kept at each step. Default 0.9. */
  beta1?: number;
  /** β₂: how much of the second moment is kept at each step. Default 0.999. */
  beta2?: number;
  /** Added to √v. Default (and for null, as in older Keras) 1e-7. */
  epsilon?: number | null;
  /** Divide by the largest second moment so far (Reddi et al. 2018). Default false. */
  amsgrad?: boolean;
}

const ownOptions: OwnOptions<AdamOptions> = { beta1: true, beta2: true, epsilon: true, amsgrad: true };

type Slot = "firstMoment" | "secondMoment" | "largestSecondMoment";

/**
 * m ← m + (g - m)(1 - β₁); v ← v + (g² - v)(1 - β₂); w ← w - α m / (√v + ε), with the bias correction in the rate
 * as Keras has it: α = η √(1 - β₂ᵗ) / (1 - β₁ᵗ), t counted from 1. Default learning rate η 0.001.
 * Source: Kingma and Ba 2015, section 2's last paragraph (their ε hat is this ε).
 */
export class Adam extends Optimizer<Slot> {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly amsgrad: boolean;
  protected readonly slotStarts: Record<Slot, number>;

  constructor(options: AdamOptions = {}) {
    super("Adam", 0.001, options, ownOptions);
    this.beta1 = belowOne(this.name, "beta1", options.beta1 ?? 0.9);
    this.beta2 = belowOne(this.name, "beta2", options.beta2 ?? 0.999);
    this.epsilon = atLeastZero(this.name, "epsilon", options.epsilon ?? 1e-7);
    this.amsgrad = options.amsgrad ?? false;
    const starts = { firstMoment: 0, secondMoment: 0 };
    this.slotStarts = (this.amsgrad ? { ...starts, largestSecondMoment: 0 } : starts) as Record<Slot, number>;
  }

  protected update(context: UpdateContext<Slot>): UpdateResult<Slot> {
    const { value, gradient, slots, learningRate, iterations } = context;
    const t = cast(add(iterations, 1), "f32");
    const correction = div(sqrt(oneMinusPower(this.beta2, t)), oneMinusPower(this.beta1, t));
    const alpha = mul(learningRate, correction);
    const first = flush(add(slots.firstMoment, mul(sub(gradient, slots.firstMoment), 1 - this.beta1)));
    const second = flushSquare(
      add(slots.secondMoment, mul(sub(square(gradient), slots.secondMoment), 1 - this.beta2)),
    );
    const largest = this.amsgrad ? maximum(slots.largestSecondMoment, second) : second;
    const step = overRoot(mul(first, alpha), add(sqrt(largest), this.epsilon), this.epsilon);
    return {
      value: sub(value, step),
      slots: {
        firstMoment: first,
        secondMoment: second,
        largestSecondMoment: this.amsgrad ? largest : undefined,
      },
    };
  }

  protected ruleConfig(): OptimizerConfig {
    const { beta1, beta2, epsilon, amsgrad } = this;
    return { beta1, beta2, epsilon, amsgrad };
  }
}

/**
 * {@link Adam} with decoupled weight decay, by default 0.004 as in Keras: w ← w - η · weightDecay · w before each update.
 * Source: Loshchilov and Hutter 2019.
 */
export class AdamW extends Adam {
  constructor(options: AdamOptions = {}) {
    checkOptions<AdamOptions>("AdamW", options, { ...optimizerOptions, ...ownOptions });
    super({ ...options, name: options.name ?? "AdamW", weightDecay: options.weightDecay ?? 0.004 });
  }
}

/** 1 - βᵗ for the f32 tensor `t` of at least 1, by expm1: 1 - 0.999 in f32 would lose five digits. */
export function oneMinusPower(beta: number, t: Tensor): Tensor {
  // β = 0: e⁻²⁰⁰ is zero in f32.
  return neg(expm1(mul(t, Math.max(Math.log(beta), -200))));
}

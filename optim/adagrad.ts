// Adagrad: each weight's rate shrinks with all of its gradients so far.

import { add, mul, sqrt, square, sub } from "../engine/index.ts";
import { atLeastZero } from "../engine/internal.ts";
import { DeclaredOptimizer } from "./declared.ts";
import { flushSquare, overRoot } from "./flush.ts";
import type { Hyper } from "./hyper.ts";
import { fixed, hyper, type OptimizerOptions, type OwnOptions } from "./options.ts";
import type { Rule } from "./rule.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

export interface AdagradOptions extends OptimizerOptions {
  /** What the accumulators start from. Default 0.1; older Keras started from 0. */
  initialAccumulatorValue?: number;
  /** Added under the root. Default (and for null) 1e-7. */
  epsilon?: Hyper | null;
}

const own: OwnOptions<AdagradOptions> = {
  initialAccumulatorValue: fixed(0.1, atLeastZero),
  epsilon: hyper(1e-7),
};

/**
 * a ← a + g²; w ← w - η g / √(a + ε). Default learning rate η 0.001. It only ever slows down. Source: Duchi, Hazan
 * and Singer 2011, as Keras 3 has it.
 */
export class Adagrad extends DeclaredOptimizer<"accumulator"> {
  declare readonly initialAccumulatorValue: number;
  declare readonly epsilon: Hyper;
  protected readonly slotStarts: Record<"accumulator", number>;

  constructor(options: AdagradOptions = {}) {
    super("Adagrad", 0.001, options, own);
    this.slotStarts = { accumulator: this.initialAccumulatorValue };
  }

  protected update(context: UpdateContext<"accumulator">): UpdateResult<"accumulator"> {
    const { value, gradient, slots, learningRate, at } = context;
    const epsilon = at(this.epsilon);
    const sum = add(slots.accumulator, square(gradient));
    const accumulator = this.initialAccumulatorValue > 0 ? sum : flushSquare(sum);
    const step = overRoot(mul(gradient, learningRate), sqrt(add(accumulator, epsilon)), epsilon);
    return { value: sub(value, step), slots: { accumulator } };
  }
}

const rule = (rate: number, epsilon: number, start: number): Omit<Rule<{ a: number }>, "make"> => ({
  memory: () => ({ a: start }),
  step(w, g, memory) {
    memory.a += g * g;
    return w - (rate * g) / Math.sqrt(memory.a + epsilon);
  },
});

export const rules: readonly Rule<{ a: number }>[] = [
  { make: () => new Adagrad(), ...rule(0.001, 1e-7, Math.fround(0.1)) },
  {
    make: () => new Adagrad({ lr: 0.01, epsilon: 1e-6, initialAccumulatorValue: 0 }),
    ...rule(0.01, 1e-6, 0),
  },
];

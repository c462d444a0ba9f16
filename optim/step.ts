// One update: gradients gathered, averaged, penalized and clipped, the rule, and what it gives assigned.

import {
  ArgumentError,
  add,
  cast,
  div,
  equal,
  mul,
  sub,
  type Tensor,
  type Variable,
  where,
} from "../engine/index.ts";
import type { Built } from "./built.ts";
import { centralized } from "./centralization.ts";
import { Clock, type HyperValue, twice } from "./hyper.ts";
import type { LearningRate } from "./learning-rate.ts";
import type { UpdateContext, UpdateResult } from "./update.ts";

/** What the optimizer itself remembers, beside the rule. */
export const accumulated = "accumulatedGradient";
export const average = "averagedValue";
export const accumulatedSteps = "accumulatedSteps";
export const epoch = "epoch";

/** How an optimizer makes its updates. */
export interface StepSettings {
  readonly name: string;
  readonly gradientAccumulationSteps: number;
  readonly gradientCentralization: boolean;
  readonly useEma: boolean;
  readonly emaMomentum: number;
  readonly emaOverwriteFrequency: number | undefined;
  readonly inside: { readonly scaling?: LossScaling };
}

/** Loss scaling, as `withLossScaling` gives it to an optimizer. */
export interface LossScaling {
  readonly options: object;
  /** Scalars that it remembers, with what they start from. */
  readonly starts: Readonly<Record<string, number>>;
  /** The value of `loss()` and its gradients, computed by way of what the loss is scaled to. */
  gradients(
    loss: () => Tensor,
    variables: readonly Variable[],
    built: Built,
  ): { value: Tensor; grads: Tensor[] };
  /**
   * Whether an update is made, a bool scalar.
   *
   * @param gradient all of it
   * @param isLast whether one is due, a bool scalar; undefined: at each step
   * @param next takes what the scalars become
   */
  decide(gradient: Tensor, built: Built, isLast: Tensor | undefined, next: Map<Variable, Tensor>): Tensor;
}

/** @param rule gives what has been checked */
export function takeStep(
  settings: StepSettings,
  built: Built,
  baseRate: LearningRate,
  given: readonly Tensor[],
  rule: (context: UpdateContext) => UpdateResult,
): void {
  const { packing, slots, scalars, iterations, byVariable, variables } = built;
  const { rate, weightDecay, l2, clip } = built.settings;
  const { name, gradientAccumulationSteps: steps, gradientCentralization, emaOverwriteFrequency } = settings;
  const clock = new Clock(name, iterations, scalars[epoch]);
  const hasPenalty = !l2.isZero;
  const penalized = (gradient: Tensor, values: Tensor, share: HyperValue) =>
    add(gradient, mul(values, twice(share)));
  // Where gradients are centralized, those of the penalty are too.
  const gradients = gradientCentralization
    ? given.map((one, i) => centralized(hasPenalty ? penalized(one, variables[i], l2.of(i, clock)) : one))
    : given;
  const gathered = packing.gather(gradients);
  const summed = steps > 1 ? add(slots[accumulated], gathered) : undefined;
  const isLast = summed && equal(scalars[accumulatedSteps], steps - 1);
  const next = new Map<Variable, Tensor>();
  /** Whether an update is made; undefined: in each step. */
  const isMade = settings.inside.scaling?.decide(summed ?? gathered, built, isLast, next) ?? isLast;
  const old = packing.read();
  let gradient = summed ? mul(summed, 1 / steps) : gathered;
  if (hasPenalty && !gradientCentralization) gradient = penalized(gradient, old, l2.at(clock, byVariable));
  if (clip !== undefined) gradient = clip(gradient, clock, byVariable);
  const own = baseRate.at(clock, built.learningRate);
  const learningRate = rate.at(clock, byVariable, own) as Tensor;
  // What is not decayed is the packed variable itself.
  const decayed = weightDecay.isZero
    ? old
    : sub(old, mul(old, mul(learningRate, weightDecay.at(clock, byVariable))));
  const result = rule({
    value: decayed,
    gradient,
    slots,
    scalars,
    learningRate,
    iterations,
    at: clock.at,
    get byVariable() {
      if (byVariable !== undefined) return byVariable;
      throw new ArgumentError(
        `${name}: context.byVariable needs the class that does it; override get byVariable() { return ByVariable; }, which "gradgpu/optim" exports`,
      );
    },
  });
  /** What becomes of something at an update: nothing in other steps. */
  const updated = (then: Tensor, now: Tensor) => (isMade ? where(isMade, then, now) : then);
  for (const [held, made = {}] of [
    [slots, result.slots],
    [scalars, result.scalars],
  ] as const)
    for (const name in made) if (made[name]) next.set(held[name], updated(made[name], held[name]));
  let { value } = result;
  if (settings.useEma) {
    const { emaMomentum } = settings;
    const kept = add(mul(slots[average], emaMomentum), mul(value, 1 - emaMomentum));
    const averaged = where(equal(iterations, 0), value, kept);
    next.set(slots[average], updated(averaged, slots[average]));
    if (emaOverwriteFrequency !== undefined) {
      const count = add(iterations, 1);
      const rest = sub(count, mul(div(count, emaOverwriteFrequency), emaOverwriteFrequency));
      value = where(equal(rest, 0), averaged, value);
    }
  }
  value = updated(value, old);
  if (summed && isLast) {
    next.set(slots[accumulated], where(isLast, 0, summed));
    next.set(scalars[accumulatedSteps], where(isLast, 0, add(scalars[accumulatedSteps], 1)));
  }
  next.set(iterations, add(iterations, isMade ? cast(isMade, "i32") : 1));
  packing.assign(value);
  for (const [variable, tensor] of next) variable.assign(tensor);
}

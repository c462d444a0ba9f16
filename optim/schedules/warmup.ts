// Rates that rise first and follow another schedule, or stay, from then on.

import { add, div, full, less, maximum, mul, pow, sub, type Tensor, where } from "../../engine/index.ts";
import { aboveZero, atLeastOne, atLeastZero, type OptionNames } from "../../engine/internal.ts";
import { checkRequired, configOf, named, type Schedule, type ScheduleContext } from "./schedule.ts";

export interface LinearWarmupOptions {
  /** Steps in which the rate rises. */
  readonly warmupSteps: number;
  /** What it rises to: a number, which it keeps, or a schedule, whose steps count from the end of the warm-up. */
  readonly learningRate: number | Schedule;
  /** The rate at step 0. Default 0. */
  readonly initialLearningRate?: number;
}

export interface PolynomialWarmupOptions extends LinearWarmupOptions {
  /** Above 1 it rises slowly at first, below 1 fast. */
  readonly power: number;
}

const linearOptions: OptionNames<LinearWarmupOptions> = {
  warmupSteps: true,
  learningRate: true,
  initialLearningRate: true,
};

/** rate(t) = initialLearningRate + (learningRate - initialLearningRate) · t / warmupSteps until step warmupSteps. */
export function linearWarmup(options: LinearWarmupOptions): Schedule {
  checkRequired("linearWarmup", options, linearOptions);
  return warmup("linearWarmup", options, 1);
}

/** rate(t) = initialLearningRate + (learningRate - initialLearningRate) · (t / warmupSteps)^power until step warmupSteps. */
export function polynomialWarmup(options: PolynomialWarmupOptions): Schedule {
  const name = "polynomialWarmup";
  checkRequired<PolynomialWarmupOptions>(name, options, { ...linearOptions, power: true });
  return warmup(name, options, aboveZero(name, "power", options.power));
}

function warmup(name: string, options: LinearWarmupOptions, power: number): Schedule {
  const { warmupSteps, learningRate, initialLearningRate = 0 } = options;
  atLeastOne(name, "warmupSteps", warmupSteps);
  atLeastZero(name, "initialLearningRate", initialLearningRate);
  const isNumber = typeof learningRate !== "function";
  if (isNumber) atLeastZero(name, "learningRate", learningRate);
  const shown = isNumber ? learningRate : configOf(learningRate);
  const given = { warmupSteps, learningRate: shown, initialLearningRate };
  const config = { schedule: name, ...given, ...(name === "linearWarmup" ? {} : { power }) };
  const rate = (step: Tensor, context?: ScheduleContext) => {
    const share = div(step, warmupSteps);
    // Drivers' pow takes the logarithm of 0.
    const raised = power === 1 ? share : where(less(step, 0.5), 0, pow(maximum(share, 1e-30), power));
    const [target, then] = isNumber
      ? [learningRate, learningRate]
      : [learningRate(full([], 0), context), learningRate(maximum(sub(step, warmupSteps), 0), context)];
    const rising = add(mul(raised, sub(target, initialLearningRate)), initialLearningRate);
    return where(less(step, warmupSteps), rising, then);
  };
  return named(config, rate, !isNumber && learningRate.usesEpochs === true);
}

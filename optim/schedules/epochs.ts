// Rates by epoch. Training by `fit` tells the optimizer each epoch that begins; a loop of one's own calls `beginEpoch`.

import { ArgumentError, exp, maximum, mul, type Tensor } from "../../engine/index.ts";
import {
  aboveZero,
  atLeastOne,
  atLeastZero,
  checkFunction,
  type OptionNames,
} from "../../engine/internal.ts";
import { checkRequired, configOf, named, passed, type Schedule, type ScheduleContext } from "./schedule.ts";

/**
 * A schedule that counts epochs where others count steps: `byEpoch((epoch) => div(0.1, add(epoch, 1)))`, or one of these
 * schedules, `byEpoch(piecewiseConstant({ boundaries: [9, 19], values: [0.1, 0.01, 0.001] }))`.
 */
export function byEpoch(schedule: Schedule | ((epoch: Tensor) => Tensor)): Schedule {
  checkFunction(
    "byEpoch",
    schedule,
    "gives the rate of an epoch, as in (epoch) => div(0.1, add(epoch, 1))",
    "it is called with the epoch, an f32 scalar tensor",
  );
  const config = { schedule: "byEpoch", of: configOf(schedule) };
  return named(config, (_, context) => schedule(epochOf("byEpoch", context), context), true);
}

export interface StepDecayOptions {
  /** Epochs after which the rate falls, each time. */
  readonly every: number;
  /** What is left of the rate then, as a share of it. */
  readonly factor: number;
  /** The rate of the first epochs. Default: the optimizer's default rate. */
  readonly initialLearningRate?: number;
  /** The rate does not fall below it. Default 0. */
  readonly minLearningRate?: number;
  /** Batches in an epoch: epochs are counted by steps then, and nobody needs to tell them. */
  readonly stepsPerEpoch?: number;
}

const stepDecayOptions: OptionNames<StepDecayOptions> = {
  every: true,
  factor: true,
  initialLearningRate: true,
  minLearningRate: true,
  stepsPerEpoch: true,
};

/** rate(epoch) = max(initialLearningRate · factor^⌊epoch / every⌋, minLearningRate). */
export function stepDecay(options: StepDecayOptions): Schedule {
  const name = "stepDecay";
  checkRequired(name, options, stepDecayOptions);
  const { every, factor, initialLearningRate, minLearningRate = 0, stepsPerEpoch } = options;
  atLeastOne(name, "every", every);
  aboveZero(name, "factor", factor);
  atLeastZero(name, "minLearningRate", minLearningRate);
  if (initialLearningRate !== undefined) atLeastZero(name, "initialLearningRate", initialLearningRate);
  if (stepsPerEpoch !== undefined) atLeastOne(name, "stepsPerEpoch", stepsPerEpoch);
  const rate = (step: Tensor, context?: ScheduleContext) => {
    const initial = initialLearningRate ?? context?.defaultValue;
    if (initial === undefined) {
      throw new ArgumentError(
        `${name}: needs initialLearningRate where it is not a learning rate: only those have a default`,
      );
    }
    const times =
      stepsPerEpoch === undefined
        ? passed(epochOf(name, context), every, true)
        : passed(step, every * stepsPerEpoch, true);
    return maximum(mul(exp(mul(times, Math.log(factor))), initial), minLearningRate);
  };
  const given = Object.entries({ ...options }).filter(([, value]) => value !== undefined);
  return named({ schedule: name, ...Object.fromEntries(given) }, rate, stepsPerEpoch === undefined);
}

function epochOf(name: string, context: ScheduleContext | undefined): Tensor {
  if (context !== undefined) return context.epoch;
  throw new ArgumentError(`${name}: counts epochs, which its second argument, { epoch }, tells; got none`);
}

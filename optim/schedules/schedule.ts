// What a schedule is, and what those that come with the package are made with.

import { ArgumentError, add, cast, div, mul, reshape, showShape, sub, Tensor } from "../../engine/index.ts";
import { checkOptions, kindOf, type OptionNames } from "../../engine/internal.ts";

/**
 * A learning rate, or another hyper-parameter, that follows the step: from an f32 scalar, how many updates were made before
 * this one, to an f32 scalar, the rate of this one. Any function of tensor ops is one; it must not read data, and host values
 * that it looks at count as they were when the training step was traced.
 */
export interface Schedule {
  (step: Tensor, context?: ScheduleContext): Tensor;
  /** How it was made, for showing and saving; functions of your own need none. */
  readonly config?: ScheduleConfig;
  /** Whether it reads the context's epoch. Functions of your own that do are made by `byEpoch`. */
  readonly usesEpochs?: boolean;
}

/** What else a schedule may go by. */
export interface ScheduleContext {
  /** f32 scalar: the epoch that the training loop told last, from 0. */
  readonly epoch: Tensor;
  /** The optimizer's default rate; undefined for other hyper-parameters. */
  readonly defaultValue: number | undefined;
}

export interface ScheduleConfig {
  readonly schedule: string;
  readonly [option: string]: string | number | boolean | readonly number[] | ScheduleConfig;
}

/** How a schedule was made, or its function's name. */
export const configOf = (schedule: Schedule): ScheduleConfig =>
  schedule.config ?? { schedule: schedule.name || "custom" };

/** What a schedule gives, checked. */
export function scheduled(who: string, schedule: Schedule, step: Tensor, context: ScheduleContext): Tensor {
  const value: unknown = schedule(step, context);
  if (value instanceof Tensor && value.size === 1 && value.dtype === "f32") return reshape(value, []);
  const got = value instanceof Tensor ? `a ${value.dtype} ${showShape(value.shape)}` : kindOf(value);
  throw new ArgumentError(`${who}: the schedule must return an f32 scalar tensor, got ${got}`);
}

/** A schedule that shows how it was made. */
export function named(
  config: ScheduleConfig,
  rate: (step: Tensor, context?: ScheduleContext) => Tensor,
  usesEpochs = false,
): Schedule {
  const schedule = (step: Tensor, context?: ScheduleContext) => rate(step, context);
  return Object.assign(schedule, usesEpochs ? { config, usesEpochs } : { config });
}

/** As {@link checkOptions}, for options that must be there. */
export function checkRequired<O extends object>(name: string, options: O, known: OptionNames<O>): void {
  // Given in the place of a schedule, the maker is called with a step.
  if ((options as unknown) instanceof Tensor) {
    throw new ArgumentError(
      `schedules.${name} is a function that makes one; call it, as in schedules.${name}(...)`,
    );
  }
  if (options === undefined) {
    throw new ArgumentError(`${name}: needs options, as in { ${Object.keys(known)[0]}: ... }, got undefined`);
  }
  checkOptions(name, options, known);
}

/** How often `steps` steps have passed; whole numbers are divided as such, and so exactly. */
export function passed(step: Tensor, steps: number, isWhole: boolean): Tensor {
  return isWhole ? cast(div(cast(step, "i32"), steps), "f32") : div(step, steps);
}

/** (1 + cos πx) / 2 for x from 0 to 1, to 1e-7: drivers' cosines are off by up to 2e-4. */
export function halfCosine(x: Tensor): Tensor {
  // It is (1 - sin πq) / 2 with q = x - 1/2, |πq| at most π/2, where sine's series of 13 terms is good to 1e-9.
  const q = mul(sub(x, 0.5), Math.PI);
  const square = mul(q, q);
  let series: Tensor | number = 1 / 6_227_020_800;
  for (const factorial of [-39_916_800, 362_880, -5040, 120, -6, 1])
    series = add(mul(square, series), 1 / factorial);
  return sub(0.5, mul(mul(q, series), 0.5));
}

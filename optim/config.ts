// Hyper-parameters by name, as optimizers show and save them.

import { configOf, type Schedule, type ScheduleConfig } from "./schedules/schedule.ts";

/** Hyperparameters by name. A schedule shows how it was made, or its function's name. */
export type OptimizerConfig = Readonly<
  Record<string, number | boolean | string | readonly string[] | ScheduleConfig>
>;

/** The same as a rule gives them: schedules as they are. */
export type RuleConfig = Readonly<Record<string, OptimizerConfig[string] | Schedule>>;

/** With schedules as they were made, without what is undefined. */
export function shownConfig(
  given: Readonly<Record<string, RuleConfig[string] | undefined>>,
): OptimizerConfig {
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === "function" ? configOf(value) : value]],
    ),
  );
}

// The optimizers' entry point, `gradgpu/optim`.

export * from "./all.ts";
export type { ByVariable } from "./by-variable.ts";
export type { ClippingOptions } from "./clipping.ts";
export type { ParameterGroup, VariableFilter } from "./groups.ts";
export type { Hyper, HyperValue } from "./hyper.ts";
export { legacyDefaults } from "./legacy-defaults.ts";
export {
  Optimizer,
  type OptimizerConfig,
  type OptimizerOptions,
  type OptimizerState,
  type RuleConfig,
  type SlotStart,
  type UpdateContext,
  type UpdateResult,
} from "./optimizer.ts";
export * as optimizers from "./registry.ts";
export * as schedules from "./schedules/index.ts";
export type { Schedule, ScheduleConfig, ScheduleContext } from "./schedules/schedule.ts";

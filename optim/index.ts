// The optimizers' entry point, `gradgpu/optim`.

export * from "./all.ts";
export { ByVariable } from "./by-variable.ts";
export { type Clipping, clipNorm, clipValue, globalClipNorm } from "./clipping.ts";
export type { VariableFilter } from "./filters.ts";
export { type ParameterGroup, type ParameterGroups, parameterGroups } from "./groups.ts";
export type { Hyper, HyperValue } from "./hyper.ts";
export { legacyDefaults } from "./legacy-defaults.ts";
export { type LossScaleOptions, type LossScaleState, lossScaleState, withLossScaling } from "./loss-scale.ts";
export { mixedPrecision } from "./mixed-precision.ts";
export {
  Optimizer,
  type OptimizerConfig,
  type OptimizerOptions,
  type RuleConfig,
  type SlotStart,
  type UpdateContext,
  type UpdateResult,
} from "./optimizer.ts";
export * as optimizers from "./registry.ts";
export * as schedules from "./schedules/index.ts";
export type { Schedule, ScheduleConfig, ScheduleContext } from "./schedules/schedule.ts";
export { excludeFromWeightDecay } from "./spared.ts";
export { type OptimizerState, optimizerState, setOptimizerState } from "./state.ts";

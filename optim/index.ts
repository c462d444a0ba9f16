// The optimizers' entry point, `gradgpu/optim`.

export * from "./all.ts";
export type { ClippingOptions } from "./clipping.ts";
export {
  Optimizer,
  type OptimizerConfig,
  type OptimizerOptions,
  type OptimizerState,
  type UpdateContext,
  type UpdateResult,
} from "./optimizer.ts";
export * as optimizers from "./registry.ts";
export type { Schedule, ScheduleConfig } from "./schedules.ts";
export * as schedules from "./schedules.ts";

// The optimizers' entry point, `gradgpu/optim`.

export { Adadelta, type AdadeltaOptions } from "./adadelta.ts";
export { Adagrad, type AdagradOptions } from "./adagrad.ts";
export { Adam, type AdamOptions, AdamW } from "./adam.ts";
export type { ClippingOptions } from "./clipping.ts";
export { Nadam, type NadamOptions } from "./nadam.ts";
export {
  Optimizer,
  type OptimizerConfig,
  type OptimizerOptions,
  type OptimizerState,
  type UpdateContext,
  type UpdateResult,
} from "./optimizer.ts";
export * as optimizers from "./registry.ts";
export { RMSprop, type RMSpropOptions } from "./rmsprop.ts";
export type { Schedule, ScheduleConfig } from "./schedules.ts";
export * as schedules from "./schedules.ts";
export { SGD, type SGDOptions } from "./sgd.ts";

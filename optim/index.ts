// The optimizers' entry point, `gradgpu/optim`.

export { Adam, type AdamOptions } from "./adam.ts";
export { lookup } from "./names.ts";
export {
  Optimizer,
  type OptimizerOptions,
  type OptimizerState,
  type UpdateContext,
  type UpdateResult,
} from "./optimizer.ts";
export * as optimizers from "./registry.ts";
export { SGD, type SGDOptions } from "./sgd.ts";

// The neural-network entry point, `gradgpu/nn`: models, layers, losses, metrics, initializers. Runs in browsers.

export type { ActivationFunction } from "./activations.ts";
export * as activations from "./activations.ts";
export { modelDiagram } from "./diagram.ts";
export type { Initializer } from "./initializers.ts";
export * as initializers from "./initializers.ts";
export * from "./layers/index.ts";
export type { CrossentropyOptions, HuberOptions, Loss } from "./losses.ts";
export * as losses from "./losses.ts";
export type { Metric, MetricFunction, MetricLike } from "./metrics.ts";
export * as metrics from "./metrics.ts";
export { resetNames } from "./names.ts";
export { type CompileOptions, Sequential } from "./sequential.ts";
export type { Callback } from "./training/callbacks.ts";
export type { DataLike } from "./training/data.ts";
export { EarlyStopping, type EarlyStoppingOptions } from "./training/early-stopping.ts";
export type { EvaluateOptions, FitOptions } from "./training/fit.ts";
export { type Curves, History, type Logs } from "./training/history.ts";
export type { MonitorOptions } from "./training/monitor.ts";
export type { Verbosity } from "./training/progress.ts";
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from "./training/reduce-learning-rate.ts";
export type { WeightValue } from "./weights.ts";

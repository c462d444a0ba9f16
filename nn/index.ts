// The neural-network entry point, `gradgpu/nn`: models, layers, losses, metrics, initializers. Runs in browsers.

export type { ActivationFunction } from "./layers/activations.ts";
export * as activations from "./layers/activations.ts";
export type { Constraint, ConstraintLike } from "./layers/constraints.ts";
export * as constraints from "./layers/constraints.ts";
export * from "./layers/index.ts";
export type { Initializer } from "./layers/initializers.ts";
export * as initializers from "./layers/initializers.ts";
export type { Regularizer, RegularizerLike } from "./layers/regularizers.ts";
export * as regularizers from "./layers/regularizers.ts";
export type { CompileOptions } from "./model/compiled.ts";
export { type ModelFromConfigOptions, modelFromConfig } from "./model/from-config.ts";
export { type LoadModelOptions, loadModel } from "./model/loading.ts";
export { Model, type ModelOptions, type OnBatchOptions } from "./model/model.ts";
export { modelBytes, type SaveModelOptions, saveModel } from "./model/saving.ts";
export { Sequential } from "./model/sequential.ts";
export type { ClassWeight } from "./objective/class-weights.ts";
export type { CrossentropyOptions, HuberOptions, Loss, LossLike, Reduction } from "./objective/losses.ts";
export * as losses from "./objective/losses.ts";
export type {
  MeanMetric,
  Metric,
  MetricFunction,
  MetricLike,
  MetricValue,
  SumsMetric,
} from "./objective/metrics.ts";
export * as metrics from "./objective/metrics.ts";
export type { Source } from "./state/files.ts";
export {
  type LoadedWeights,
  type LoadWeightsOptions,
  loadWeights,
  saveWeights,
  weightBytes,
} from "./state/saved-weights.ts";
export type { Place, Store, Verify } from "./state/store.ts";
export type { WeightValue } from "./state/weights.ts";
export * from "./training/all-callbacks.ts";
export type { Callback } from "./training/callbacks.ts";
export type { DataLike } from "./training/data.ts";
export type { FitOptions } from "./training/fit.ts";
export { type Curves, History, type Logs } from "./training/history.ts";
export type { TrainedModel } from "./training/model.ts";
export type { MonitorOptions } from "./training/monitor.ts";
export type { EvaluateOptions } from "./training/options.ts";
export type { Verbosity } from "./training/progress.ts";

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
export {
  createFileWriter,
  EventWriter,
  type EventWriterOptions,
  type HistogramOptions,
  type HparamsOptions,
  type ImageOptions,
  type SummaryOptions,
} from "./logs/event-writer.ts";
export type { HyperParameter } from "./logs/events.ts";
export { type DirectoryHandle, LogDownload, type LogTarget } from "./logs/log-files.ts";
export type { GraphModel } from "./logs/model-graph.ts";
export type { Pixels } from "./logs/pixels.ts";
export {
  type EventLog,
  type LoggedHistogram,
  type LoggedImages,
  type LoggedScalar,
  type LoggedText,
  readEvents,
} from "./logs/read-events.ts";
export type { CompileOptions } from "./model/compiled.ts";
export { type ModelFromConfigOptions, modelFromConfig } from "./model/from-config.ts";
export { type LoadModelOptions, loadModel } from "./model/loading.ts";
export { Model, type ModelOptions, type OnBatchOptions } from "./model/model.ts";
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
export type { Place, Store, Verify } from "./state/place.ts";
export { modelBytes, type SaveModelOptions, saveModel } from "./state/saved-model.ts";
export {
  type LoadedWeights,
  type LoadWeightsOptions,
  loadWeights,
  saveWeights,
  weightBytes,
} from "./state/saved-weights.ts";
export { restore, Snapshot, type Snapshotted, snapshot } from "./state/snapshot.ts";
export type { WeightValue } from "./state/weights.ts";
export type { Callback, CallbackState, FitContext, FitParams } from "./training/callbacks/callback.ts";
export {
  BackupAndRestore,
  type BackupAndRestoreOptions,
  type Checkpoint,
  checkpoint,
  type SaveEvery,
} from "./training/callbacks/checkpoint.ts";
export * from "./training/callbacks/index.ts";
export { ModelCheckpoint, type ModelCheckpointOptions } from "./training/callbacks/model-checkpoint.ts";
export type { MonitorOptions } from "./training/callbacks/monitor.ts";
export { type ClassWeighting, classWeights } from "./training/class-weighting.ts";
export type { DataLike } from "./training/data.ts";
export { type DiagnoseOptions, diagnose } from "./training/diagnosis/diagnose.ts";
export { Diagnosis } from "./training/diagnosis/diagnosis.ts";
export type { LayerReport, OutputReport, Spread, WeightReport } from "./training/diagnosis/report.ts";
export type { DiagnosisKind, DiagnosisWarning } from "./training/diagnosis/warnings.ts";
export type { FitOptions } from "./training/fit.ts";
export { type Curves, History, type Logs } from "./training/history.ts";
export type { TrainedModel } from "./training/model.ts";
export type { EvaluateOptions } from "./training/options.ts";
export type { Verbosity } from "./training/verbosity.ts";
export { SearchResult, type TrialResult } from "./tuning/result.ts";
export { type SearchOptions, search, type Trial } from "./tuning/search.ts";
export type {
  Choice,
  IntegerRange,
  LogUniformRange,
  Space,
  SpaceEntry,
  UniformRange,
  Values,
  When,
} from "./tuning/space.ts";

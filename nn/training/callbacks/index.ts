// Every callback that comes with the package, as `gradgpu/nn` exports them: a line and a file each.

export { CSVLogger, type CSVLoggerOptions } from "./csv-logger.ts";
export { Diagnostics, type DiagnosticsOptions } from "./diagnostics.ts";
export { EarlyStopping, type EarlyStoppingOptions } from "./early-stopping.ts";
export { JSONLogger } from "./json-logger.ts";
export { LambdaCallback } from "./lambda-callback.ts";
export { type EpochRate, LearningRateScheduler } from "./learning-rate-scheduler.ts";
export { ProgressBar, type ProgressBarOptions } from "./progress-bar.ts";
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from "./reduce-learning-rate.ts";
export { StepLosses } from "./step-losses.ts";
export { SwapEmaWeights, type SwapEmaWeightsOptions } from "./swap-ema-weights.ts";
export { TensorBoard, type TensorBoardOptions } from "./tensor-board.ts";
export { TerminateOnNaN, type TerminateOnNaNOptions } from "./terminate-on-nan.ts";

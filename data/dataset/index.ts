// Pipelines of data.

export type { PadValue } from "./batch.ts";
export type { BatchWalk } from "./batch-walk.ts";
export type { BucketOptions } from "./buckets.ts";
export type { CsvDatasetOptions } from "./csv.ts";
export {
  type BatchOptions,
  type CacheOptions,
  Dataset,
  type GeneratorOptions,
  type PaddedBatchOptions,
  type ShuffleOptions,
} from "./dataset.ts";
export type { DatasetIterator, DatasetPosition, OpenOptions } from "./iterator.ts";
export { NdArray, type NumberArray, type Shaped } from "./nd-array.ts";
export type { ElementPlace } from "./row-stages.ts";
export type { SourceFunction, SourcePosition } from "./sources.ts";
export {
  type Fold,
  type FoldOptions,
  kFold,
  type Rows,
  type RowsOf,
  type SplitOptions,
  type SplitRows,
  takeRows,
  trainTestSplit,
} from "./split.ts";
export {
  type Series,
  type SeriesValues,
  type TimeseriesOptions,
  timeseriesDatasetFromArray,
} from "./timeseries.ts";
export type { ReadRows, TrainingRequest } from "./training.ts";
export type { Batch, RowOf, Slice, Tensors } from "./types.ts";

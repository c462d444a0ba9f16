// The data entry point, `gradgpu/data`: data sets and the formats they come in.

export { type CsvOptions, type CsvRow, type CsvTableOptions, csvRows, readCsv } from "./formats/csv.ts";
export { gunzip, type Idx, type IdxValues, parseIdx, readIdx } from "./formats/idx.ts";
export { type NpyArray, type NpyOptions, type NpyValues, readNpy } from "./formats/npy.ts";
export { type NpzOptions, readNpz } from "./formats/npz.ts";
export type { Column, ColumnType, Missing, Table } from "./formats/table.ts";
export { type LineOptions, readText, type TextOptions, textLines } from "./formats/text.ts";
export { multiHot, type PadOptions, padSequences } from "./sequences.ts";
export { type BrownOptions, brown } from "./sets/brown.ts";
export { imdb } from "./sets/imdb.ts";
export {
  type DecodeOptions,
  decodeSequence,
  type SequenceDataset,
  type SequenceOptions,
  type SequenceSplit,
  type WordIndexOptions,
} from "./sets/keras-files.ts";
export {
  fashionMnist,
  type ImageDataset,
  type ImageDatasetLoader,
  type ImageFiles,
  type ImageSplit,
  type LoadOptions,
  mnist,
} from "./sets/mnist.ts";
export { type ReutersOptions, reuters } from "./sets/reuters.ts";
export { spamAssassin } from "./sets/spam-assassin.ts";
export type { TextDataset, TextSetOptions, TextSplit } from "./sets/text-split.ts";
export { isGzip } from "./sources/bytes.ts";
export type { ReadOptions } from "./sources/options.ts";
export { type OptionalPackage, usePackage } from "./sources/packages.ts";
export type { DataSource } from "./sources/source.ts";

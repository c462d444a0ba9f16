// The data entry point, `gradgpu/data`: data sets and the formats they come in.

export { type CsvOptions, type CsvRow, type CsvTableOptions, csvRows, readCsv } from "./formats/csv.ts";
export { gunzip, type Idx, type IdxValues, parseIdx, readIdx } from "./formats/idx.ts";
export type { Column, ColumnType, Missing, Table } from "./formats/table.ts";
export { type LineOptions, readText, type TextOptions, textLines } from "./formats/text.ts";
export {
  fashionMnist,
  type ImageDataset,
  type ImageDatasetLoader,
  type ImageFiles,
  type ImageSplit,
  type LoadOptions,
  mnist,
} from "./sets/mnist.ts";
export { isGzip } from "./sources/bytes.ts";
export type { ReadOptions } from "./sources/options.ts";
export { type OptionalPackage, usePackage } from "./sources/packages.ts";
export type { DataSource } from "./sources/source.ts";

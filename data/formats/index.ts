// The formats that data come in, as `gradgpu/data` has them.

export { type CsvOptions, type CsvRow, type CsvTableOptions, csvRows, readCsv } from "./csv.ts";
export { gunzip, type Idx, type IdxValues, parseIdx, readIdx } from "./idx.ts";
export type { DirectoryHandle, ImageSource } from "./image-files.ts";
export {
  type ImageFolder,
  type ImageFolderOptions,
  imageFolder,
  type LabelledImage,
} from "./image-folder.ts";
export { type NpyArray, type NpyOptions, type NpyValues, readNpy } from "./npy.ts";
export { type NpzOptions, readNpz } from "./npz.ts";
export { type ParquetOptions, readParquet } from "./parquet.ts";
export type { Column, ColumnType, Missing, Table } from "./table.ts";
export { type LineOptions, readText, type TextOptions, textLines } from "./text.ts";

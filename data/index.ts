// The data entry point, `gradgpu/data`: data sets, the formats they come in, and pipelines that end in batches.

export { toCategorical } from "../engine/index.ts";
export * from "./dataset/index.ts";
export * from "./formats/index.ts";
export { multiHot, type PadOptions, padSequences } from "./sequences.ts";
export * from "./sets/index.ts";
export { isGzip } from "./sources/bytes.ts";
export type { ReadOptions } from "./sources/options.ts";
export { type OptionalPackage, usePackage } from "./sources/packages.ts";
export type { DataSource } from "./sources/source.ts";

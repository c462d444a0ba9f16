// The data entry point, `gradgpu/data`: data sets and the formats they come in.

export * from "./dataset/index.ts";
export { gunzip, type Idx, type IdxValues, isGzip, parseIdx, readIdx } from "./idx.ts";
export {
  fashionMnist,
  type ImageDataset,
  type ImageDatasetLoader,
  type ImageFiles,
  type ImageSplit,
  type LoadOptions,
  mnist,
} from "./mnist.ts";

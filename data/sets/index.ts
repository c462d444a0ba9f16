// Data sets by name, as `gradgpu/data` has them.

export { type BrownOptions, brown } from "./brown.ts";
export { imdb } from "./imdb.ts";
export {
  type DecodeOptions,
  decodeSequence,
  type SequenceDataset,
  type SequenceOptions,
  type SequenceSplit,
  type WordIndexOptions,
} from "./keras-files.ts";
export {
  fashionMnist,
  type ImageDataset,
  type ImageDatasetLoader,
  type ImageFiles,
  type ImageSplit,
  type LoadOptions,
  mnist,
} from "./mnist.ts";
export { type ReutersOptions, reuters } from "./reuters.ts";
export { spamAssassin } from "./spam-assassin.ts";
export type { TextDataset, TextSetOptions, TextSplit } from "./text-split.ts";

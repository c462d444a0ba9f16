// All layers.

export { Activation } from "./activation.ts";
export { BatchNormalization, type BatchNormalizationOptions } from "./batch-normalization.ts";
export { type CallContext, collectLosses } from "./call-context.ts";
export type { Config, LayerClass, LayerConfig } from "./config.ts";
export {
  Conv1D,
  Conv2D,
  Conv2DTranspose,
  type Conv2DTransposeOptions,
  type ConvOptions,
  DepthwiseConv2D,
  type DepthwiseConv2DOptions,
} from "./convolution.ts";
export { Dense, type DenseOptions } from "./dense.ts";
export { Dropout, type DropoutOptions } from "./dropout.ts";
export { Embedding, type EmbeddingOptions } from "./embedding.ts";
export { Flatten } from "./flatten.ts";
export { Input } from "./input.ts";
export { type CallOptions, Layer, type LayerOptions, type LayerSample, type LayerVariable } from "./layer.ts";
export {
  type AffineNormalizationOptions,
  GroupNormalization,
  type GroupNormalizationOptions,
  LayerNormalization,
  type LayerNormalizationOptions,
  RMSNormalization,
  type RMSNormalizationOptions,
} from "./layer-normalization.ts";
export { type Mask, maskOf } from "./masks.ts";
export {
  type Call,
  type InputOptions,
  input,
  Placeholder,
  type Symbolic,
  type TensorsOf,
} from "./placeholder.ts";
export {
  AveragePooling1D,
  AveragePooling2D,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  type GlobalPoolingOptions,
  MaxPooling1D,
  MaxPooling2D,
  type PoolingOptions,
} from "./pooling.ts";
export { Rescaling, type RescalingOptions } from "./rescaling.ts";
export { Permute, Reshape } from "./reshape.ts";
export type { SampleShape, SampleSpec, SpecOf } from "./spec.ts";
export type { Role, WeightConstraint, WeightOptions, WeightRegularizer, Weights } from "./weights.ts";

// All layers.

export { type CallContext, collectLosses } from "./call-context.ts";
export {
  Conv1D,
  Conv2D,
  Conv2DTranspose,
  type Conv2DTransposeOptions,
  type ConvOptions,
  DepthwiseConv2D,
  type DepthwiseConv2DOptions,
} from "./convolution.ts";
export { Activation } from "./core/activation.ts";
export { Dense, type DenseOptions } from "./core/dense.ts";
export { Embedding, type EmbeddingOptions } from "./core/embedding.ts";
export { Flatten } from "./core/flatten.ts";
export { Permute, Reshape } from "./core/reshape.ts";
export { Input } from "./input.ts";
export { type CallOptions, Layer, type LayerOptions, type LayerSample, type LayerVariable } from "./layer.ts";
export { type Mask, maskOf } from "./masks.ts";
export { BatchNormalization, type BatchNormalizationOptions } from "./normalization/batch-normalization.ts";
export {
  type AffineNormalizationOptions,
  GroupNormalization,
  type GroupNormalizationOptions,
  LayerNormalization,
  type LayerNormalizationOptions,
  RMSNormalization,
  type RMSNormalizationOptions,
} from "./normalization/layer-normalization.ts";
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
export { Dropout, type DropoutOptions } from "./regularizing/dropout.ts";
export { Rescaling, type RescalingOptions } from "./rescaling.ts";
export type { SampleShape, SampleSpec, SpecOf } from "./spec.ts";
export type { Role, WeightConstraint, WeightOptions, WeightRegularizer, Weights } from "./weights.ts";

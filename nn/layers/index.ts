// All layers.

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
export { Activation } from "./core/activation.ts";
export { Dense, type DenseOptions } from "./core/dense.ts";
export { Embedding, type EmbeddingOptions } from "./core/embedding.ts";
export { Flatten } from "./core/flatten.ts";
export { Identity, Lambda, type LambdaOptions } from "./core/lambda.ts";
export { Masking, type MaskingOptions } from "./core/masking.ts";
export {
  ELU,
  type ELUOptions,
  LeakyReLU,
  type LeakyReLUOptions,
  PReLU,
  type PReLUOptions,
  ReLU,
  type ReLUOptions,
  Softmax,
  type SoftmaxOptions,
} from "./core/rectifiers.ts";
export { RepeatVector } from "./core/repeat-vector.ts";
export { Permute, Reshape } from "./core/reshape.ts";
export { Input } from "./input.ts";
export { type CallOptions, Layer, type LayerOptions, type LayerSample, type LayerVariable } from "./layer.ts";
export { type Mask, maskOf } from "./masks.ts";
export { Concatenate, type ConcatenateOptions } from "./merging/concatenate.ts";
export { Dot, type DotOptions } from "./merging/dot.ts";
export { Add, Average, Maximum, Minimum, Multiply, Subtract } from "./merging/elementwise.ts";
export type { AffineOptions } from "./normalization/affine.ts";
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
export { UnitNormalization, type UnitNormalizationOptions } from "./normalization/unit-normalization.ts";
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
export {
  ActivityRegularization,
  type ActivityRegularizationOptions,
} from "./regularizing/activity-regularization.ts";
export {
  Dropout,
  type DropoutOptions,
  type NoiseShape,
  SpatialDropout1D,
  SpatialDropout2D,
} from "./regularizing/dropout.ts";
export {
  AlphaDropout,
  type AlphaDropoutOptions,
  GaussianDropout,
  GaussianNoise,
} from "./regularizing/noise.ts";
export type { RandomLayerOptions } from "./regularizing/random-layer.ts";
export { Rescaling, type RescalingOptions } from "./rescaling.ts";
export type { SampleShape, SampleSpec, SpecOf } from "./spec.ts";
export type { BiasOptions, KernelOptions } from "./weight-options.ts";
export type { Role, WeightConstraint, WeightOptions, WeightRegularizer, Weights } from "./weights.ts";

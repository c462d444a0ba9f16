// All layers.

export { Activation } from "./activation.ts";
export { BatchNormalization, type BatchNormalizationOptions } from "./batch-normalization.ts";
export { type CallContext, collectLosses } from "./call-context.ts";
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
export type { AdaptData } from "./preprocessing/adapted.ts";
export { CategoryEncoding, type CategoryEncodingOptions } from "./preprocessing/category-encoding.ts";
export { Discretization, type DiscretizationOptions } from "./preprocessing/discretization.ts";
export type { Encoding } from "./preprocessing/encoding.ts";
export { GaussianBlur, type GaussianBlurOptions } from "./preprocessing/gaussian-blur.ts";
export type { Ends, Range } from "./preprocessing/images.ts";
export { Normalization, type NormalizationOptions } from "./preprocessing/normalization.ts";
export {
  RandomBrightness,
  type RandomColourOptions,
  RandomContrast,
} from "./preprocessing/random-colours.ts";
export { type FlipMode, RandomFlip } from "./preprocessing/random-flip.ts";
export type { RandomLayerOptions } from "./preprocessing/random-layer.ts";
export {
  RandomRotation,
  type RandomTransformOptions,
  RandomTranslation,
  RandomZoom,
  type RandomZoomOptions,
} from "./preprocessing/random-transforms.ts";
export { Rescaling, type RescalingOptions } from "./preprocessing/rescaling.ts";
export {
  CenterCrop,
  type CropOptions,
  RandomCrop,
  Resizing,
  type ResizingOptions,
} from "./preprocessing/sizes.ts";
export {
  type Standardization,
  type TextOutput,
  type TextSplit,
  TextVectorization,
  type TextVectorizationOptions,
} from "./preprocessing/text-vectorization.ts";
export { Permute, Reshape } from "./reshape.ts";
export type { SampleShape, SampleSpec, SpecOf } from "./spec.ts";
export type { Role, WeightConstraint, WeightOptions, WeightRegularizer, Weights } from "./weights.ts";
export {
  type BorderOptions,
  type Borders,
  Cropping1D,
  Cropping2D,
  ZeroPadding1D,
  ZeroPadding2D,
} from "./windows/borders.ts";
export { Conv1D, type Conv1DOptions, Conv2D, type ConvOptions } from "./windows/convolution.ts";
export {
  DepthwiseConv1D,
  type DepthwiseConv1DOptions,
  DepthwiseConv2D,
  type DepthwiseConv2DOptions,
  SeparableConv1D,
  type SeparableConv1DOptions,
  SeparableConv2D,
  type SeparableConv2DOptions,
} from "./windows/depthwise.ts";
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
} from "./windows/pooling.ts";
export { Conv1DTranspose, Conv2DTranspose, type ConvTransposeOptions } from "./windows/transposed.ts";
export { UpSampling1D, UpSampling2D, type UpSamplingOptions } from "./windows/upsampling.ts";

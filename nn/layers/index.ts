// All layers.

export { KeyValueCache, type KeyValueCacheOptions } from "./attention/cache.ts";
export {
  AdditiveAttention,
  type AdditiveAttentionOptions,
  Attention,
  type AttentionLayerOptions,
} from "./attention/dot-attention.ts";
export type { AttentionInput, AttentionParts } from "./attention/inputs.ts";
export {
  GroupedQueryAttention,
  type GroupedQueryAttentionOptions,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
} from "./attention/multi-head.ts";
export {
  PositionEmbedding,
  type PositionEmbeddingOptions,
  RotaryEmbedding,
  type RotaryEmbeddingOptions,
  SinePositionEncoding,
  type SinePositionEncodingOptions,
} from "./attention/positions.ts";
export { ReversibleEmbedding, type ReversibleEmbeddingOptions } from "./attention/reversible-embedding.ts";
export { type CallContext, collectLosses } from "./call-context.ts";
export type { Config, LayerClass, LayerConfig } from "./config.ts";
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
  type VocabularyOptions,
} from "./preprocessing/text-vectorization.ts";
export { Bidirectional, type BidirectionalOptions } from "./recurrent/bidirectional.ts";
export { RecurrentCell, type Sequence, type SequenceResults } from "./recurrent/cell.ts";
export type { CellOptions, GateOptions } from "./recurrent/gated-cell.ts";
export { GRU, GRUCell, type GRUCellOptions, type GRUOptions } from "./recurrent/gru.ts";
export { LSTM, LSTMCell, type LSTMCellOptions, type LSTMOptions } from "./recurrent/lstm.ts";
export type { RecurrentInput, RecurrentLayer, RecurrentOptions } from "./recurrent/recurrent-layer.ts";
export { RNN } from "./recurrent/rnn.ts";
export { SimpleRNN, SimpleRNNCell, type SimpleRNNOptions } from "./recurrent/simple-rnn.ts";
export { TimeDistributed } from "./recurrent/time-distributed.ts";
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
export type { SampleShape, SampleSpec, SpecOf } from "./spec.ts";
export type { BiasOptions, KernelOptions } from "./weight-options.ts";
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

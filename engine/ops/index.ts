// Every public op, by file. The tests iterate over what stands here and in internal.ts: a new op file is added here
// and is tested.

export * from "./arrange/arrange.ts";
export * from "./arrange/pad.ts";
export * from "./arrange/sort.ts";
export * from "./arrange/triangle.ts";
export {
  type AttentionDropout,
  type AttentionOptions,
  scaledDotProductAttention,
} from "./attention/attention.ts";
export { type RotaryOptions, rotaryEmbedding } from "./attention/rotary.ts";
export * from "./elementwise/activations.ts";
export * from "./elementwise/arithmetic.ts";
export * from "./elementwise/cast.ts";
export * from "./elementwise/comparison.ts";
export { erf, erfc } from "./elementwise/error-function.ts";
export * from "./elementwise/exponential.ts";
export * from "./elementwise/hyperbolic.ts";
export * from "./elementwise/logical.ts";
export * from "./elementwise/rectifiers.ts";
export * from "./elementwise/rounding.ts";
export * from "./elementwise/stop-gradient.ts";
export * from "./elementwise/trigonometric.ts";
export { type AffineOptions, affineTransform, type FillMode } from "./images/affine.ts";
export {
  type Interpolation,
  type ResizeOptions,
  resize,
  upsample1d,
  upsample2d,
} from "./images/resize.ts";
export * from "./indexing/along-axis.ts";
export { type BincountOptions, bincount, type SearchOptions, searchSorted } from "./indexing/counting.ts";
export { dynamicSlice } from "./indexing/dynamic-slice.ts";
export { embedding, gather, scatterAdd } from "./indexing/gather.ts";
export { gatherNd, scatterNd } from "./indexing/nd.ts";
export { oneHot } from "./indexing/one-hot.ts";
export * from "./layout/concat.ts";
export * from "./layout/movement.ts";
export * from "./layout/reshape.ts";
export * from "./layout/slice.ts";
export * from "./matmul/einsum.ts";
export { type MatmulOptions, matmul } from "./matmul/matmul.ts";
export { batchNorm } from "./normalize/batch-norm.ts";
export {
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  sparseSoftmaxCrossEntropy,
} from "./normalize/cross-entropy.ts";
export { type CtcLossOptions, ctcLoss } from "./normalize/ctc.ts";
export * from "./normalize/layer-norm.ts";
export { normalize } from "./normalize/normalize.ts";
export { logSoftmax, softmax } from "./normalize/softmax.ts";
export {
  type CategoricalOptions,
  randomBernoulli,
  randomBits,
  randomCategorical,
  randomGumbel,
  randomInteger,
  randomNormal,
  randomTruncatedNormal,
  randomUniform,
} from "./random/distributions.ts";
export { dropout } from "./random/random.ts";
export * from "./reduce/arg-reduce.ts";
export * from "./reduce/cumulative.ts";
export * from "./reduce/moments.ts";
export { all, any, max, mean, min, prod, sum } from "./reduce/reduce.ts";
export {
  logSumExp,
  type NormOptions,
  norm,
  type ReduceOptions,
  standardDeviation,
  type VarianceOptions,
  variance,
} from "./reduce/statistics.ts";
export {
  type ConvolutionTransposeOptions,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  depthwiseConv1d,
  depthwiseConv2d,
} from "./windows/convolution.ts";
export {
  averagePool1d,
  averagePool2d,
  globalAveragePool,
  globalMaxPool,
  maxPool1d,
  maxPool2d,
} from "./windows/pooling.ts";

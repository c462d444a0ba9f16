// Ops that others are made of: gradients of fast kernels, what training and random generators move. Tested as the
// public ones are.

export { attention, attentionByOps, attentionGradient } from "./attention/attention.ts";
export { joinColumns, splitColumns } from "./attention/join-columns.ts";
export type { AttentionAttrs } from "./attention/problem.ts";
export { resizeGradient } from "./images/resize.ts";
export { placeRows } from "./indexing/dynamic-slice.ts";
export { linearIndex } from "./indexing/nd.ts";
export { pack } from "./layout/pack.ts";
export { batchNormGradient } from "./normalize/batch-norm.ts";
export { softmaxCrossEntropyGradient, softmaxCrossEntropySummary } from "./normalize/cross-entropy.ts";
export { ctcGradient, ctcLogLosses } from "./normalize/ctc.ts";
export { rowNormGradient, rowNormGradients } from "./normalize/row-norm-gradients.ts";
export { rowNormParameterGradient } from "./normalize/row-norm-parameters.ts";
export { advance, permutation } from "./random/random.ts";
export { gatesApart, gatesTogether } from "./recurrent/gates-together.ts";
export { gruSequence } from "./recurrent/gru-sequence.ts";
export { gruStep } from "./recurrent/gru-step.ts";
export { lstmSequence } from "./recurrent/lstm-sequence.ts";
export { lstmStep } from "./recurrent/lstm-step.ts";
export { prefersOneKernel } from "./recurrent/recurrence.ts";
export { stepAt } from "./recurrent/sequence-cell.ts";
export { rootOfSquares } from "./reduce/root-of-squares.ts";
export { averagePoolGradient } from "./windows/average-pool.ts";
export { convolutionWeightGradient } from "./windows/convolution.ts";
export { depthwiseConvolution, depthwiseTranspose, depthwiseWeightGradient } from "./windows/depthwise.ts";
export { maxPoolGradient, maxPoolTake } from "./windows/max-pool.ts";
export { windowProduct, windowWeights } from "./windows/window-product.ts";

// Every public op, by file. The tests iterate over what stands here: a new op file is added here and is tested.
// Files that are not listed are how ops are made: they export none.

export * from "./activations.ts";
export * from "./along-axis.ts";
export * from "./arg-reduce.ts";
export * from "./arithmetic.ts";
export * from "./arrange.ts";
export * from "./concat.ts";
export * from "./convolution.ts";
export * from "./cross-entropy.ts";
export * from "./cumulative.ts";
export * from "./depthwise.ts";
export * from "./distributions.ts";
export * from "./embedding.ts";
export * from "./indexing.ts";
export * from "./layer-norm.ts";
export * from "./matmul.ts";
export * from "./movement.ts";
export * from "./normalization.ts";
export * from "./pack.ts";
export * from "./pad.ts";
export * from "./patches.ts";
export * from "./pooling.ts";
export * from "./random.ts";
export * from "./reduce.ts";
export * from "./reshape.ts";
export * from "./row-norm.ts";
export * from "./softmax.ts";
export * from "./sort.ts";
export * from "./statistics.ts";
export * from "./stop-gradient.ts";
export * from "./triangle.ts";

// The part of tfjs-core that is used here: the package is installed only when peers are asked for.

import type { OpAttributes } from "../cases/op-spec.ts";

export interface Tensor {
  readonly shape: readonly number[];
  dispose(): void;
  data(): Promise<Float32Array>;
}

export interface Variable extends Tensor {
  readonly name: string;
  assign(value: Tensor): void;
}

/** Height and width, or both in one. */
type Window = number | readonly [number, number];

interface FusedConvolution {
  x: Tensor;
  filter: Tensor;
  bias: Tensor;
  strides: number;
  pad: string;
  activation?: string;
}

interface Optimizer {
  applyGradients(gradients: readonly { name: string; tensor: Tensor }[]): void;
  minimize(loss: () => Tensor, returnCost: boolean, variables: Variable[]): Tensor;
  dispose(): void;
}

export interface Tfjs {
  version_core: string;
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  getBackend(): string;
  tensor(values: ArrayLike<number>, shape: readonly number[], dtype?: string): Tensor;
  oneHot(indices: Tensor, depth: number): Tensor;
  cast(value: Tensor, dtype: string): Tensor;
  variable(value: Tensor, trainable: boolean): Variable;
  tidy<T>(fn: () => T): T;
  backend(): object;
  add(a: Tensor, b: Tensor | number): Tensor;
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  neg(x: Tensor): Tensor;
  relu(x: Tensor): Tensor;
  exp(x: Tensor): Tensor;
  erf(x: Tensor): Tensor;
  keep(x: Tensor): Tensor;
  tanh(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  sum(x: Tensor, axis?: number): Tensor;
  mean(x: Tensor, axis?: number | readonly number[], keepDims?: boolean): Tensor;
  max(x: Tensor, axis?: number | readonly number[]): Tensor;
  argMax(x: Tensor, axis?: number): Tensor;
  softmax(x: Tensor): Tensor;
  transpose(x: Tensor, order?: readonly number[]): Tensor;
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  stack(parts: readonly Tensor[], axis?: number): Tensor;
  unstack(x: Tensor, axis?: number): Tensor[];
  split(x: Tensor, count: number, axis?: number): Tensor[];
  zeros(shape: readonly number[]): Tensor;
  concat(parts: readonly Tensor[], axis?: number): Tensor;
  pad(x: Tensor, widths: readonly (readonly number[])[]): Tensor;
  cumsum(x: Tensor, axis?: number): Tensor;
  reverse(x: Tensor, axis: number): Tensor;
  topk(x: Tensor, k: number): { values: Tensor };
  linalg: { bandPart(x: Tensor, lower: number, upper: number): Tensor };
  randomUniform(shape: readonly number[]): Tensor;
  randomNormal(shape: readonly number[]): Tensor;
  square(x: Tensor): Tensor;
  rsqrt(x: Tensor): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  gather(x: Tensor, rows: Tensor): Tensor;
  scatterND(indices: Tensor, updates: Tensor, shape: readonly number[]): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  moments(
    x: Tensor,
    axis: number | readonly number[],
    keepDims?: boolean,
  ): { mean: Tensor; variance: Tensor };
  batchNorm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    offset: Tensor,
    scale: Tensor,
    epsilon?: number,
  ): Tensor;
  conv1d(x: Tensor, kernel: Tensor, stride: number, pad: string): Tensor;
  conv2dTranspose(x: Tensor, kernel: Tensor, shape: readonly number[], stride: number, pad: string): Tensor;
  maxPool(x: Tensor, window: Window, stride: Window, pad: string): Tensor;
  avgPool(x: Tensor, window: Window, stride: Window, pad: string): Tensor;
  /** Gradients of a function's result, weighted by `dy`, by all its arguments. */
  grads(fn: (...inputs: Tensor[]) => Tensor): (inputs: readonly Tensor[], dy: Tensor) => Tensor[];
  dropout(x: Tensor, rate: number): Tensor;
  fused: {
    matMul(options: { a: Tensor; b: Tensor; bias: Tensor; activation?: string }): Tensor;
    conv2d(options: FusedConvolution): Tensor;
    depthwiseConv2d(options: FusedConvolution): Tensor;
  };
  losses: {
    softmaxCrossEntropy(
      labels: Tensor,
      logits: Tensor,
      weights?: undefined,
      smoothing?: undefined,
      reduction?: number,
    ): Tensor;
  };
  train: {
    adam(rate: number, beta1: number, beta2: number, epsilon: number): Optimizer & { epsilon: number };
    momentum(rate: number, momentum: number): Optimizer;
  };
}

/** What tfjs's WebGPU backend does before it reads, which is how it is made to begin without reading. */
export interface TfjsQueue {
  readonly device: GPUDevice;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

export const disposeAll = (tensors: readonly (Tensor | undefined)[]) => {
  for (const each of tensors) each?.dispose();
};

/** An op in terms of tfjs. */
export type TfjsOp = (tf: Tfjs, inputs: readonly Tensor[], attributes: OpAttributes) => Tensor;

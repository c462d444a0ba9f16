// The part of tfjs-core that is used here: the package is installed only when peers are asked for.

export interface Tensor {
  readonly shape: readonly number[];
  dispose(): void;
  data(): Promise<Float32Array>;
}

export interface Variable extends Tensor {
  readonly name: string;
  assign(value: Tensor): void;
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
  add(a: Tensor, b: Tensor): Tensor;
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  neg(x: Tensor): Tensor;
  relu(x: Tensor): Tensor;
  exp(x: Tensor): Tensor;
  tanh(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  sum(x: Tensor, axis?: number): Tensor;
  max(x: Tensor, axis?: number): Tensor;
  argMax(x: Tensor, axis?: number): Tensor;
  softmax(x: Tensor): Tensor;
  transpose(x: Tensor): Tensor;
  gather(x: Tensor, rows: Tensor): Tensor;
  scatterND(indices: Tensor, updates: Tensor, shape: readonly number[]): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  moments(x: Tensor, axis: number): { mean: Tensor; variance: Tensor };
  batchNorm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    offset: Tensor,
    scale: Tensor,
    epsilon: number,
  ): Tensor;
  dropout(x: Tensor, rate: number): Tensor;
  fused: { matMul(options: { a: Tensor; b: Tensor; bias: Tensor; activation?: string }): Tensor };
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
    adam(
      rate: number,
      beta1: number,
      beta2: number,
      epsilon: number,
    ): {
      epsilon: number;
      applyGradients(gradients: readonly { name: string; tensor: Tensor }[]): void;
      minimize(loss: () => Tensor, returnCost: boolean, variables: Variable[]): Tensor;
      dispose(): void;
    };
  };
}

/** What tfjs's WebGPU backend does before it reads, which is how it is made to begin without reading. */
export interface TfjsQueue {
  readonly device: GPUDevice;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

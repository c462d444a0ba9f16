// The part of jax-js that is used here: the package is installed only when peers are asked for. Its arrays are counted
// references: an argument is used up, and `.ref` is one more.

import type { OpAttributes } from "../cases/op-spec.ts";

/** Of a reduction; all of them where it is absent. */
export type Axes = number | readonly number[];

export interface Array_ {
  readonly ref: Array_;
  readonly shape: readonly number[];
  add(other: Array_ | number): Array_;
  sub(other: Array_ | number): Array_;
  mul(other: Array_ | number): Array_;
  div(other: Array_ | number): Array_;
  mean(axis?: Axes, options?: { keepdims: boolean }): Array_;
  sum(axis?: Axes): Array_;
  max(axis?: Axes): Array_;
  transpose(order?: readonly number[]): Array_;
  reshape(shape: readonly number[]): Array_;
  astype(dtype: string): Array_;
  data(): Promise<Float32Array | Int32Array | Uint32Array>;
  dispose(): void;
}

/** What a function gives for the weights of its result: the gradients by its arguments. */
export interface Pullback {
  (weights: Array_): Array_[];
  dispose(): void;
}

export interface Jax {
  init(...devices: string[]): Promise<string[]>;
  defaultDevice(device: string): void;
  blockUntilReady<T>(x: T): Promise<T>;
  numpy: {
    int32: unknown;
    array(values: ArrayLike<number>, options?: { dtype: unknown }): Array_;
    argmax(x: Array_, axis?: number): Array_;
    concatenate(parts: Array_[], axis?: number): Array_;
    cumsum(x: Array_, axis?: number): Array_;
    exp(x: Array_): Array_;
    tanh(x: Array_): Array_;
    negative(x: Array_): Array_;
    /** Numbers on both sides of each axis. */
    pad(x: Array_, width: number): Array_;
    sort(x: Array_, axis?: number): Array_;
    take(x: Array_, indices: Array_, axis: number): Array_;
    tril(x: Array_): Array_;
    matmul(a: Array_, b: Array_): Array_;
    sqrt(x: Array_): Array_;
    square(x: Array_): Array_;
    where(condition: Array_, a: Array_ | number, b: Array_ | number): Array_;
    unstack(x: Array_, axis?: number): Array_[];
    stack(parts: Array_[], axis?: number): Array_;
    split(x: Array_, count: number, axis?: number): Array_[];
    zeros(shape: readonly number[]): Array_;
  };
  lax: {
    /** Channels before places, and so the kernel: [outputs, inputs of a group, ...places]. */
    convGeneralDilated(
      x: Array_,
      kernel: Array_,
      strides: readonly number[],
      padding: "SAME" | "VALID",
      options?: { featureGroupCount?: number },
    ): Array_;
    /** With a transposed kernel, [inputs, outputs, ...places]. */
    convTranspose(
      x: Array_,
      kernel: Array_,
      strides: readonly number[],
      padding: "SAME" | "VALID",
      options?: { transposeKernel?: boolean },
    ): Array_;
    reduceWindow(
      x: Array_,
      reduce: (window: Array_) => Array_,
      window: readonly number[],
      strides: readonly number[],
    ): Array_;
  };
  nn: {
    relu(x: Array_): Array_;
    gelu(x: Array_, options: { approximate: boolean }): Array_;
    /** Of [batch, steps, heads, size] each. */
    dotProductAttention(query: Array_, key: Array_, value: Array_, options: { isCausal: boolean }): Array_;
    sigmoid(x: Array_): Array_;
    softmax(x: Array_, axis?: number): Array_;
    logSoftmax(x: Array_, axis?: number): Array_;
    oneHot(indices: Array_, classes: number): Array_;
  };
  random: {
    key(seed: number): Array_;
    split(key: Array_, count: number): Array_;
    bernoulli(key: Array_, p: number, shape: readonly number[]): Array_;
    bits(key: Array_, shape: readonly number[]): Array_;
    normal(key: Array_, shape: readonly number[]): Array_;
    uniform(key: Array_, shape: readonly number[]): Array_;
  };
  jit<F>(fn: F): F & { dispose(): void };
  makeJaxpr(fn: (...inputs: Array_[]) => Array_): (...inputs: Array_[]) => { jaxpr: { dispose(): void } };
  valueAndGrad(
    fn: (params: Array_[][]) => [Array_, Array_[]],
    options: { hasAux: true },
  ): (params: Array_[][]) => [[Array_, Array_[]], Array_[][]];
  vjp(fn: (...inputs: Array_[]) => Array_, inputs: Array_[]): [Array_, Pullback];
}

/** `key` is that of a generator, for those that draw numbers. */
export type JaxOp = (
  jax: Jax,
  inputs: readonly Array_[],
  attributes: OpAttributes,
  key: Array_ | undefined,
) => Array_;

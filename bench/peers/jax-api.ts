// The part of jax-js that is used here: the package is installed only when peers are asked for. Its arrays are counted
// references: an argument is used up, and `.ref` is one more.

export interface Array_ {
  readonly ref: Array_;
  add(other: Array_ | number): Array_;
  sub(other: Array_ | number): Array_;
  mul(other: Array_ | number): Array_;
  div(other: Array_ | number): Array_;
  mean(axis?: number): Array_;
  sum(axis?: number): Array_;
  max(axis?: number): Array_;
  transpose(): Array_;
  reshape(shape: readonly number[]): Array_;
  astype(dtype: string): Array_;
  data(): Promise<Float32Array>;
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
    exp(x: Array_): Array_;
    tanh(x: Array_): Array_;
    negative(x: Array_): Array_;
    take(x: Array_, indices: Array_, axis: number): Array_;
    matmul(a: Array_, b: Array_): Array_;
    sqrt(x: Array_): Array_;
    square(x: Array_): Array_;
    where(condition: Array_, a: Array_ | number, b: Array_ | number): Array_;
    unstack(x: Array_): Array_[];
  };
  nn: {
    relu(x: Array_): Array_;
    sigmoid(x: Array_): Array_;
    softmax(x: Array_, axis?: number): Array_;
    logSoftmax(x: Array_, axis?: number): Array_;
  };
  random: {
    key(seed: number): Array_;
    split(key: Array_, count: number): Array_;
    bernoulli(key: Array_, p: number, shape: readonly number[]): Array_;
  };
  jit<F>(fn: F): F & { dispose(): void };
  valueAndGrad(
    fn: (params: Array_[][]) => [Array_, Array_[]],
    options: { hasAux: true },
  ): (params: Array_[][]) => [[Array_, Array_[]], Array_[][]];
}

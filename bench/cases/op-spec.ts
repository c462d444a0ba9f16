// An op on given inputs as data, which another process or library can be told: everybody computes the same from the
// same numbers.

import { labels, spread } from "../values.ts";

export interface InputSpec {
  readonly shape: readonly number[];
  /** Numbers in [-1, 1) (the default), in [0, 1), or whole numbers below `limit`. */
  readonly fill?: "signed" | "positive" | "whole";
  readonly limit?: number;
}

export interface OpSpec {
  /** Its name in the tables of what each library calls it. */
  readonly op: OpName;
  readonly inputs: readonly InputSpec[];
  readonly attributes?: OpAttributes;
  /** Asks for the gradients by all inputs but whole numbers, of the result's sum weighted by {@link seedOf}. */
  readonly isGradient?: boolean;
}

export interface OpAttributes {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Of a reduction; all of them where it is absent. */
  readonly axis?: number;
  /** Rows of a scatter's result, columns of one-hot rows. */
  readonly size?: number;
  /** Of a pooling window, whose stride it is too. */
  readonly window?: number;
  /** Of a convolution, whose padding is that of Keras' "same". */
  readonly stride?: number;
  readonly groups?: number;
  readonly epsilon?: number;
  /** What a scaling multiplies by. */
  readonly factor?: number;
  /** Share of the numbers that dropout sets to 0. */
  readonly rate?: number;
  /** Of the random numbers wanted. */
  readonly shape?: readonly number[];
  /** Additions in a chain. */
  readonly count?: number;
}

/** Ops of the engine. Whole numbers that they take come last, but for `oneHot`'s. */
export type EngineOpName =
  | "matmul"
  | "dense"
  | "neg"
  | "relu"
  | "add"
  | "exp"
  | "tanh"
  | "sigmoid"
  | "sum"
  | "max"
  | "argMax"
  | "softmax"
  | "batchNorm"
  | "crossEntropy"
  | "gather"
  | "scatterAdd"
  | "transpose"
  | "concat"
  | "pad"
  | "tril"
  | "cumsum"
  | "sort"
  | "oneHot"
  | "randomBits"
  | "randomUniform"
  | "randomNormal"
  | "dropout";

/**
 * What layers compute that no op of the above does: of the layer's input and its weights, in the order and in the shapes
 * that nn has them in, channels last.
 */
export type LayerOpName =
  | "denseRelu"
  | "permute"
  | "scale"
  | "layerNorm"
  | "rmsNorm"
  | "groupNorm"
  | "embedding"
  | "conv1d"
  | "conv2d"
  | "depthwiseConv2d"
  | "conv2dTranspose"
  | "maxPool"
  | "averagePool"
  | "globalMaxPool"
  | "globalAveragePool";

/** What changes a state of its own with every run. */
const updateOpNames = ["adam", "sgdMomentum"] as const;
export type UpdateOpName = (typeof updateOpNames)[number];

/** So many additions one after the other, op by op or as one traced program. */
export type ChainOpName = "chain" | "tracedChain";

export type OpName = EngineOpName | LayerOpName | UpdateOpName | ChainOpName;

export const isUpdate = (op: OpName): op is UpdateOpName => (updateOpNames as readonly string[]).includes(op);

const randomOps: readonly OpName[] = ["randomBits", "randomUniform", "randomNormal", "dropout"];
/** Whether what it draws is every library's own: results are compared by what they are like. */
export const isRandom = (op: OpName) => randomOps.includes(op);

/** What weights the result of a gradient's function. */
export const seedOf = (shape: readonly number[]) => spread(countOf(shape), -1, 1, 99);

export const countOf = (shape: readonly number[]) => shape.reduce((count, length) => count * length, 1);

/** The values of each input. */
export function valuesOf({ inputs }: Pick<OpSpec, "inputs">): (Float32Array | Int32Array)[] {
  return inputs.map(({ shape, fill = "signed", limit = 1 }, i) => {
    const count = countOf(shape);
    if (fill === "whole") return labels(count, limit, i + 1);
    return spread(count, fill === "signed" ? -1 : 0, 1, i + 1);
  });
}

/** Mean, mean square and the share of zeros: what random numbers of one distribution have in common. */
export function momentsOf(values: ArrayLike<number>): number[] {
  let [sum, squares, zeros] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += values[i];
    squares += values[i] ** 2;
    if (values[i] === 0) zeros++;
  }
  return [sum, squares, zeros].map((each) => each / values.length);
}

/** At most this many of a result's values are compared: enough to meet every row, column and tile. */
const comparedValues = 5003;

/** Values spread over all of a result, its last one included. */
export function sampled(values: ArrayLike<number>): number[] {
  const step = Math.max(1, (values.length - 1) / (comparedValues - 1));
  const count = Math.min(values.length, comparedValues);
  return Array.from({ length: count }, (_, i) => values[Math.min(values.length - 1, Math.round(i * step))]);
}

// An op on given inputs as data, which another process or library can be told: everybody computes the same from the
// same numbers. Knows no library.

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
}

export interface OpAttributes {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Of a reduction; all of them where it is absent. */
  readonly axis?: number;
  /** Rows of a scatter's result. */
  readonly size?: number;
  /** Of a convolution or a pooling window. */
  readonly window?: number;
  readonly stride?: number;
  readonly padding?: "same" | "valid";
}

export const opNames = [
  "matmul",
  "dense",
  "neg",
  "relu",
  "add",
  "exp",
  "tanh",
  "sigmoid",
  "sum",
  "max",
  "argMax",
  "softmax",
  "batchNorm",
  "crossEntropy",
  "gather",
  "scatterAdd",
  "transpose",
  "adam",
] as const;
export type OpName = (typeof opNames)[number];

export const countOf = (shape: readonly number[]) => shape.reduce((count, length) => count * length, 1);

/** The values of each input. */
export function valuesOf({ inputs }: OpSpec): (Float32Array | Int32Array)[] {
  return inputs.map(({ shape, fill = "signed", limit = 1 }, i) => {
    const count = countOf(shape);
    if (fill === "whole") return labels(count, limit, i + 1);
    return spread(count, fill === "signed" ? -1 : 0, 1, i + 1);
  });
}

/** At most this many of a result's values are compared: enough to meet every row, column and tile. */
const comparedValues = 5003;

/** Values spread over all of a result, its last one included. */
export function sampled(values: ArrayLike<number>): number[] {
  const step = Math.max(1, (values.length - 1) / (comparedValues - 1));
  const count = Math.min(values.length, comparedValues);
  return Array.from({ length: count }, (_, i) => values[Math.min(values.length - 1, Math.round(i * step))]);
}

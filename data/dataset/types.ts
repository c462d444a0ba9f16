// What elements and batches of a data set are, as types: rows of what was given, and batches of rows.

import type { Tensor } from "../../engine/index.ts";
import type { NdArray, NumberArray, Shaped } from "./nd-array.ts";

type Scalar = number | boolean;

/** A row of a part: what its first axis holds. */
export type RowOf<T> = T extends Tensor
  ? // biome-ignore lint/suspicious/noExplicitAny: a number, a typed array or an NdArray, by the tensor's rank
    any
  : T extends NumberArray
    ? number
    : T extends Shaped
      ? // biome-ignore lint/suspicious/noExplicitAny: by the number of axes
        any
      : T extends readonly Scalar[]
        ? number
        : T extends readonly (readonly Scalar[])[]
          ? Float64Array
          : T extends readonly (readonly (readonly unknown[])[])[]
            ? NdArray<Float64Array>
            : T extends readonly (infer Row)[]
              ? Row
              : T extends object
                ? { -readonly [K in keyof T]: RowOf<T[K]> }
                : never;

/** An element of `Dataset.fromTensorSlices`: arrays of parts and objects keep their form. */
export type Slice<T> = T extends readonly (Scalar | string)[]
  ? RowOf<T>
  : T extends readonly unknown[]
    ? { -readonly [K in keyof T]: RowOf<T[K]> }
    : RowOf<T>;

/** Several elements as one; in tuples and objects part by part. */
export type Batch<T> = 0 extends 1 & T
  ? // biome-ignore lint/suspicious/noExplicitAny: of what is not known
    any
  : T extends Scalar
    ? NumberArray
    : T extends Tensor
      ? Tensor
      : T extends NumberArray | Shaped
        ? NdArray
        : T extends string
          ? string[]
          : T extends readonly unknown[]
            ? number extends T["length"]
              ? T extends readonly Scalar[]
                ? NdArray
                : unknown
              : { -readonly [K in keyof T]: Batch<T[K]> }
            : T extends object
              ? { -readonly [K in keyof T]: Batch<T[K]> }
              : unknown;

/** A batch on the device. */
export type Tensors<T> = 0 extends 1 & T
  ? // biome-ignore lint/suspicious/noExplicitAny: of what is not known
    any
  : T extends Tensor | NumberArray | Shaped
    ? Tensor
    : T extends object
      ? { -readonly [K in keyof T]: Tensors<T[K]> }
      : never;

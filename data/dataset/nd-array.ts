// NdArray: values on the host with a shape, as elements and batches of a data set hold them.

import { ShapeError } from "../../engine/base/errors.ts";

/** Arrays of numbers that parts of elements may be. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array;

/** What values with a shape look like, whoever made them. */
export interface Shaped {
  /** Row-major. */
  readonly values: NumberArray;
  readonly shape: readonly number[];
}

/** Values and their shape: `tensor(array.values, array.shape)` brings them to the device. */
export class NdArray<A extends NumberArray = NumberArray> implements Shaped {
  /** Row-major. */
  readonly values: A;
  readonly shape: readonly number[];

  /** @throws ShapeError where the shape does not have as many elements as there are values */
  constructor(values: A, shape: readonly number[]) {
    const size = shape.reduce((product, length) => product * length, 1);
    if (size !== values.length) {
      throw new ShapeError(
        `NdArray: ${values.length} values do not fill shape [${shape.join(", ")}], which has ${size} elements`,
      );
    }
    this.values = values;
    this.shape = shape;
  }

  /** Of the first axis. */
  get length(): number {
    return this.shape[0] ?? 1;
  }
}

/** Whether a value is a typed array of numbers. */
export const isNumberArray = (value: unknown): value is NumberArray =>
  ArrayBuffer.isView(value) &&
  !(value instanceof DataView) &&
  !(value instanceof BigInt64Array) &&
  !(value instanceof BigUint64Array);

/** Whether a value is an {@link NdArray} or has the form of one. */
export const isShaped = (value: unknown): value is Shaped =>
  value instanceof NdArray ||
  (typeof value === "object" &&
    value !== null &&
    "values" in value &&
    "shape" in value &&
    isNumberArray(value.values) &&
    Array.isArray(value.shape));

/** A new array of the same type. */
export const arrayLike = <A extends NumberArray>(like: A, length: number): A =>
  new (like.constructor as new (length: number) => A)(length);

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, length) => product * length, 1);

export const isSameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((length, axis) => length === b[axis]);

/** Values of one sample as users meet them: a number, a typed array, or an NdArray of two axes and more. */
export function unwrapped(values: NumberArray, shape: readonly number[]): number | NumberArray | NdArray {
  if (shape.length === 0) return values[0];
  return shape.length === 1 ? values : new NdArray(values, shape);
}

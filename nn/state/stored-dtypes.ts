// Element types of safetensors files: their sizes, and their numbers in arrays that we hold.

import { DataError, type DType, type HostArray } from "../../engine/index.ts";
import { hostArray, showGiven } from "../../engine/internal.ts";

/** Arrays as files hold them; those of other element types are made of bytes by {@link numbersOf}. */
export type StoredArray = HostArray | Float64Array;

/** Bytes of an element, of those types that are read. */
export const storedBytes: Readonly<Record<string, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** What a dtype of ours is called in files. */
export const storedName = (dtype: DType | "f64"): string => dtype.toUpperCase();

/** An aligned view of bytes, or of a copy of them. */
function viewOf<T>(
  Kind: new (buffer: ArrayBuffer, start: number, length: number) => T,
  size: number,
  bytes: Uint8Array,
): T {
  const { buffer, byteOffset, length } = byteAligned(bytes, size);
  return new Kind(buffer as ArrayBuffer, byteOffset, length / size);
}

const byteAligned = (bytes: Uint8Array, size: number): Uint8Array =>
  bytes.byteOffset % size === 0 ? bytes : bytes.slice();

/** The numbers of little-endian bytes; of 64-bit integers those that a double holds exactly. */
export function numbersOf(what: string, dtype: string, bytes: Uint8Array): StoredArray {
  switch (dtype) {
    case "F64":
      return viewOf(Float64Array, 8, bytes);
    case "F32":
      return viewOf(Float32Array, 4, bytes);
    case "I32":
      return viewOf(Int32Array, 4, bytes);
    case "U32":
      return viewOf(Uint32Array, 4, bytes);
    case "U8":
    case "BOOL":
      return bytes;
    case "I64":
      return wholeOf(what, viewOf(BigInt64Array, 8, bytes));
    case "U64":
      return wholeOf(what, viewOf(BigUint64Array, 8, bytes));
    case "I16":
      return Int32Array.from(viewOf(Int16Array, 2, bytes));
    case "U16":
      return Uint32Array.from(viewOf(Uint16Array, 2, bytes));
    case "I8":
      return Int32Array.from(viewOf(Int8Array, 1, bytes));
    case "BF16":
      // The upper half of a float.
      return new Float32Array(Uint32Array.from(viewOf(Uint16Array, 2, bytes), (half) => half << 16).buffer);
    default:
      return Float32Array.from(viewOf(Uint16Array, 2, bytes), halfOf);
  }
}

function wholeOf(what: string, values: BigInt64Array | BigUint64Array): Float64Array {
  const numbers = Float64Array.from(values as BigInt64Array, Number);
  const at = numbers.findIndex((number) => !Number.isSafeInteger(number));
  if (at < 0) return numbers;
  throw new DataError(
    `${what}: its value at ${at}, ${values[at]}, is beyond the whole numbers that a double holds`,
  );
}

/** The number of an IEEE half's bits. */
function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/**
 * Numbers as a variable of a dtype takes them.
 *
 * @throws DataError for whole numbers that it can't hold, and for fractions where it holds whole numbers
 */
export function convertedTo(what: string, dtype: DType, stored: string, values: StoredArray): HostArray {
  if (storedName(dtype) === stored) return values as HostArray;
  const made = hostArray(dtype, values.length);
  made.set(values);
  if (dtype === "f32") return made;
  const at = made.findIndex((value, i) => value !== values[i] || (dtype === "bool" && value > 1));
  if (at < 0) return made;
  throw new DataError(
    `${what}: it is ${stored} in the file and ${dtype} in the model, which can't hold its value at ${at}, ${showGiven(values[at])}`,
  );
}

// Element types: their sizes on the device, the host arrays that hold them, and the float64 reference's.

/**
 * - `f32`, `i32`, `u32`: 4 bytes an element.
 * - `bool`: true or false; 4 bytes an element on the GPU (a u32 of 0 or 1), one byte on the host.
 * - `u8`: storage for images and labels, one byte an element, four to a word on the GPU. Arithmetic and comparisons with
 *   numbers and f32 tensors give f32; other ops want `cast(x, "f32")` first; `gather`, `reshape`, `slice` and `cast` take it
 *   as it is.
 */
export type DType = "f32" | "i32" | "u32" | "bool" | "u8";

export const dtypes: readonly DType[] = ["f32", "i32", "u32", "bool", "u8"];

/** What `await tensor.data()` yields for each dtype. */
export type HostArray = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** What the CPU reference computes with: f32 is kept in float64 and rounded only on reading. */
export type ReferenceArray = Float64Array | Int32Array | Uint32Array | Uint8Array;

/** Bytes that `count` elements take on the GPU: whole 16-byte rows, so that every kernel may use vec4. */
export function deviceBytes(dtype: DType, count: number): number {
  const bytes = dtype === "u8" ? count : count * 4;
  return Math.max(16, Math.ceil(bytes / 16) * 16);
}

/** Bytes of `count` elements alone, as copies need them: what lies between them and the next row is another's. */
export function copyBytes(dtype: DType, count: number): number {
  return dtype === "u8" ? Math.ceil(count / 4) * 4 : count * 4;
}

export function hostArray(dtype: DType, count: number): HostArray {
  switch (dtype) {
    case "f32":
      return new Float32Array(count);
    case "i32":
      return new Int32Array(count);
    case "u32":
      return new Uint32Array(count);
    default:
      return new Uint8Array(count);
  }
}

export function referenceArray(dtype: DType, count: number): ReferenceArray {
  switch (dtype) {
    case "f32":
      return new Float64Array(count);
    case "i32":
      return new Int32Array(count);
    case "u32":
      return new Uint32Array(count);
    default:
      return new Uint8Array(count);
  }
}

export function isFloat(dtype: DType): boolean {
  return dtype === "f32";
}

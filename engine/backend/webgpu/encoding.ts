// How values lie in GPU buffers.

import type { DType, HostArray } from "../../base/dtype.ts";

/**
 * Values as the GPU stores them: bool as u32, u8 four to a word, the rest as they are. They lie in memory that WebGPU
 * takes: not in one that threads share, which Dawn's binding dies of, nor in one that can be resized, which it refuses.
 */
export function encode(
  dtype: DType,
  values: ArrayLike<number>,
): Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> {
  if (dtype === "u8") {
    const bytes = new Uint8Array(Math.ceil(values.length / 4) * 4);
    bytes.set(values);
    return bytes;
  }
  if (dtype === "bool") return Uint32Array.from(values, (v) => (v ? 1 : 0));
  if (dtype === "f32")
    return values instanceof Float32Array && isPlain(values.buffer)
      ? (values as Float32Array<ArrayBuffer>)
      : Float32Array.from(values);
  return dtype === "i32" ? Int32Array.from(values) : Uint32Array.from(values);
}

const isPlain = (buffer: ArrayBufferLike): boolean =>
  buffer instanceof ArrayBuffer && (buffer as { resizable?: boolean }).resizable !== true;

/** The values of what {@link encode} stored. */
export function decode(dtype: DType, raw: ArrayBuffer, count: number): HostArray {
  switch (dtype) {
    case "f32":
      return new Float32Array(raw, 0, count);
    case "i32":
      return new Int32Array(raw, 0, count);
    case "u32":
      return new Uint32Array(raw, 0, count);
    case "u8":
      return new Uint8Array(raw, 0, count);
    default:
      return Uint8Array.from(new Uint32Array(raw, 0, count));
  }
}

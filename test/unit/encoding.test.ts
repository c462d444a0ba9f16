// How values lie in GPU buffers, by dtype, and back.

import { describe, expect, it } from "vitest";
import { decode, encode } from "../../engine/backend/webgpu/encoding.ts";
import type { DType } from "../../engine/base/dtype.ts";

/** Bytes as a GPU would return them: of a whole buffer, with something behind what is asked for. */
function stored(dtype: DType, values: readonly number[]): ArrayBuffer {
  const data = encode(dtype, values);
  const raw = new Uint8Array(data.byteLength + 16).fill(0xff);
  raw.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return raw.buffer;
}

describe("values on the GPU", () => {
  it.each<[DType, number[], string]>([
    ["f32", [1.5, -0, Number.NaN, 3e38, 1e-45], "Float32Array"],
    ["i32", [-(2 ** 31), -1, 0, 2 ** 31 - 1], "Int32Array"],
    ["u32", [0, 1, 2 ** 31, 2 ** 32 - 1], "Uint32Array"],
    ["u8", [0, 255, 1, 128, 7], "Uint8Array"],
    ["bool", [1, 0, 0, 1, 1], "Uint8Array"],
  ])("of %s come back as they were", (dtype, values, kind) => {
    const got = decode(dtype, stored(dtype, values), values.length);
    expect(got.constructor.name).toBe(kind);
    expect([...got]).toEqual([...got.map((_, i) => (dtype === "f32" ? Math.fround(values[i]) : values[i]))]);
    expect(decode(dtype, stored(dtype, values), 2)).toHaveLength(2);
  });

  it("are words: bool is 0 or 1, bytes stand four to a word with zeros behind", () => {
    expect([...encode("bool", [5, 0, Number.NaN, -1])]).toEqual([1, 0, 0, 1]);
    expect(encode("bool", [1])).toBeInstanceOf(Uint32Array);
    expect([...encode("u8", [1, 2, 3, 4, 5])]).toEqual([1, 2, 3, 4, 5, 0, 0, 0]);
    expect(encode("u32", [2 ** 32 - 1])[0]).toBe(2 ** 32 - 1);
    expect(encode("i32", [-1])[0]).toBe(-1);
    const given = Float32Array.of(1, 2);
    expect(encode("f32", given)).toBe(given);
  });
});

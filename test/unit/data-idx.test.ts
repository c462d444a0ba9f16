// The IDX parser: every element type, gzip, and an error that names file, offset, expected and actual for
// every kind of damage.

import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gunzip, parseIdx, readIdx } from "../../data/formats/idx.ts";
import { DataError } from "../../engine/base/errors.ts";

/** An IDX file by hand: header, then the given payload. */
function idx(type: number, shape: number[], payload: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[2] = type;
  bytes[3] = shape.length;
  shape.forEach((size, axis) => {
    view.setUint32(4 + 4 * axis, size);
  });
  bytes.set(payload, 4 + 4 * shape.length);
  return bytes;
}

/** `values` as big-endian bytes, written by the DataView setter of that name. */
function bigEndian(
  setter: "setInt16" | "setInt32" | "setFloat32" | "setFloat64",
  bytes: number,
  values: number[],
) {
  const out = new DataView(new ArrayBuffer(values.length * bytes));
  values.forEach((value, i) => {
    out[setter](i * bytes, value);
  });
  return new Uint8Array(out.buffer);
}

describe("readIdx", () => {
  it("reads unsigned and signed bytes", () => {
    expect(readIdx(idx(0x08, [2, 3], [0, 1, 2, 253, 254, 255]))).toEqual({
      shape: [2, 3],
      values: new Uint8Array([0, 1, 2, 253, 254, 255]),
    });
    expect(readIdx(idx(0x09, [3], [255, 0, 127])).values).toEqual(new Int8Array([-1, 0, 127]));
  });

  it("reads the wider types, which are big-endian", () => {
    const i16 = readIdx(idx(0x0b, [2], bigEndian("setInt16", 2, [-2, 300])));
    expect(i16.values).toEqual(new Int16Array([-2, 300]));
    const i32 = readIdx(idx(0x0c, [1, 2], bigEndian("setInt32", 4, [-70000, 70000])));
    expect(i32.values).toEqual(new Int32Array([-70000, 70000]));
    const f32 = readIdx(idx(0x0d, [2], bigEndian("setFloat32", 4, [0.5, -1.25])));
    expect(f32.values).toEqual(new Float32Array([0.5, -1.25]));
    const f64 = readIdx(idx(0x0e, [1], bigEndian("setFloat64", 8, [Math.PI])));
    expect(f64.values).toEqual(new Float64Array([Math.PI]));
  });

  it("reads from the middle of a larger buffer", () => {
    const file = idx(0x0b, [2], bigEndian("setInt16", 2, [7, 8]));
    const larger = new Uint8Array(file.length + 9);
    larger.set(file, 5);
    expect(readIdx(larger.subarray(5, 5 + file.length)).values).toEqual(new Int16Array([7, 8]));
  });

  it("reads files without any value", () => {
    expect(readIdx(idx(0x08, [0, 28, 28], []))).toEqual({ shape: [0, 28, 28], values: new Uint8Array(0) });
  });

  it("gives back any shape and bytes that it is given", () => {
    const file = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }).chain((shape) => {
      const length = shape.reduce((product, size) => product * size, 1);
      return fc.tuple(fc.constant(shape), fc.uint8Array({ minLength: length, maxLength: length }));
    });
    fc.assert(
      fc.property(file, ([shape, values]) => {
        expect(readIdx(idx(0x08, shape, values))).toEqual({ shape, values: new Uint8Array(values) });
      }),
    );
  });
});

describe("malformed files", () => {
  const good = idx(0x08, [2, 2], [1, 2, 3, 4]);
  const changed = (offset: number, value: number) => {
    const bytes = good.slice();
    bytes[offset] = value;
    return bytes;
  };
  const cases: [string, Uint8Array, RegExp][] = [
    ["nothing", new Uint8Array(0), /^f: at byte 0: expected .* 4 bytes, found 0 bytes/],
    ["a cut magic number", good.subarray(0, 3), /^f: at byte 0: .* found 3 bytes/],
    ["a wrong magic number", changed(0, 0x89), /^f: at byte 0: expected .* zero bytes, found 0x8900$/],
    [
      "an unknown type",
      changed(2, 0x0a),
      /^f: at byte 2: expected an element type.*0x08 \(u8\).*found 0x0a$/,
    ],
    ["no dimensions", changed(3, 0), /^f: at byte 3: expected at least 1 dimension, found 0$/],
    ["a cut header", good.subarray(0, 9), /^f: at byte 4: expected 2 dimensions.*found 9 bytes/],
    [
      "cut values",
      good.subarray(0, 15),
      /^f: at byte 12: expected 4 bytes.*\[2, 2\], found 3 bytes \(the file is cut off\)$/,
    ],
    ["too many values", idx(0x08, [1], [1, 2]), /^f: at byte 8: expected 1 bytes.*1 bytes too many/],
    ["an absurd size", changed(4, 0xff), /^f: at byte 12: expected 85\d+ bytes/],
  ];
  it.each(cases)("names file, offset, expected and actual for %s", async (_, bytes, message) => {
    expect(() => readIdx(bytes, "f")).toThrow(DataError);
    expect(() => readIdx(bytes, "f")).toThrow(message);
    await expect(parseIdx(bytes, "f")).rejects.toThrow(message);
  });

  it("never throws anything but a DataError, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          readIdx(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
    );
  });
});

describe("gzip", () => {
  const plain = idx(0x08, [3], [9, 8, 7]);

  it("is recognised by its first bytes and unzipped", async () => {
    const zipped = gzipSync(plain);
    expect(await gunzip(zipped)).toEqual(plain);
    expect(await parseIdx(zipped, "z.gz")).toEqual(await parseIdx(plain));
  });

  it("refuses a damaged or cut stream, naming the file", async () => {
    const zipped = new Uint8Array(gzipSync(plain));
    await expect(parseIdx(zipped.subarray(0, zipped.length - 6), "cut.gz")).rejects.toThrow(
      /^cut\.gz: the gzip stream of \d+ bytes is damaged or cut off/,
    );
    zipped[14] ^= 0xff;
    await expect(parseIdx(zipped, "bad.gz")).rejects.toBeInstanceOf(DataError);
  });
});

// Safetensors files: what is written is read, by an independent reader too, and whatever is no sound file is refused.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { DataError } from "../../engine/index.ts";
import { joinedBytes, partsOf, stateFile } from "../../nn/state/files.ts";
import { decode, encode, type HostTensor, Verifier } from "../../nn/state/safetensors.ts";
import { convertedTo } from "../../nn/state/stored-dtypes.ts";
import { Xxh32 } from "../../nn/state/xxh32.ts";

const tensors = new Map<string, HostTensor>([
  ["bytes", { dtype: "u8", shape: [3], values: Uint8Array.of(1, 2, 255) }],
  [
    "model/dense/kernel",
    { dtype: "f32", shape: [2, 3], values: Float32Array.of(1, -0, NaN, 1e-45, 3e38, -Infinity) },
  ],
  ["flags", { dtype: "bool", shape: [1, 5], values: Uint8Array.of(1, 0, 0, 1, 1) }],
  ["count", { dtype: "i32", shape: [], values: Int32Array.of(-(2 ** 31)) }],
  ["none", { dtype: "f32", shape: [0, 4], values: new Float32Array() }],
  ["random/ö/\u{1f600}", { dtype: "u32", shape: [4], values: Uint32Array.of(1, 2, 3, 2 ** 32 - 1) }],
  ["sums", { dtype: "f64", shape: [2], values: Float64Array.of(Math.PI, 2 ** 60 + 256) }],
]);
const bytes = joinedBytes(partsOf("weights", tensors, { text: 'a "quoted" text' }));

/** A file of a header and data, without our checksum. */
function file(header: string | Uint8Array, data = new Uint8Array(), length?: bigint): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const made = new Uint8Array(8 + json.length + data.length);
  new DataView(made.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  made.set(json, 8);
  made.set(data, 8 + json.length);
  return made;
}

describe("XXH32", () => {
  // Of the specification's author: github.com/Cyan4973/xxHash, and of the Rust and Python ports' tests.
  it.each([
    ["", "02cc5d05"],
    ["a", "550d7456"],
    ["abc", "32d153ff"],
    ["Nobody inspects the spammish repetition", "e2293b2f"],
  ])("of %j is %s", (text, digest) => {
    expect(new Xxh32().update(new TextEncoder().encode(text)).digest()).toBe(digest);
  });

  it("is the same however the bytes come", () => {
    const all = Uint8Array.from({ length: 300_001 }, (_, i) => (i * 7919) >> 3);
    const whole = new Xxh32().update(all).digest();
    const parts = new Xxh32();
    for (let at = 0, size = 1; at < all.length; at += size, size = (size * 3) % 70_001) {
      parts.update(all.subarray(at, at + Math.min(size, all.length - at)));
    }
    expect(parts.digest()).toBe(whole);
  });
});

describe("a file", () => {
  it("gives what was written", () => {
    const { tensors: found, metadata, isChecked } = decode("f", bytes);
    expect(isChecked).toBe(true);
    expect(metadata).toMatchObject({ format: "gradgpu", kind: "weights", version: "1" });
    expect(stateFile("f", bytes).note("text")).toBe('a "quoted" text');
    expect([...found.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { dtype, shape, values }] of tensors) {
      expect(found.get(name)).toEqual({ dtype: dtype.toUpperCase(), shape, values });
    }
  });

  it("is read where it does not begin at a word", () => {
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    expect(decode("f", moved.subarray(1)).tensors.get("sums")?.values).toEqual(tensors.get("sums")?.values);
  });

  // As the format's reference implementation writes it: the header filled with spaces up to the next multiple of 8 bytes, so
  // that the data begin at one, and wide elements first, so that each tensor begins at a multiple of its element's size.
  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    "has each tensor at a multiple of its element's size, with %i letters more",
    (n) => {
      const written = joinedBytes(encode(tensors, { text: "x".repeat(n) }));
      const length = Number(new DataView(written.buffer, written.byteOffset).getBigUint64(0, true));
      const text = new TextDecoder().decode(written.subarray(8, 8 + length));
      expect(text[0]).toBe("{");
      const json = new TextEncoder().encode(text.trimEnd());
      expect(length).toBe(Math.ceil(json.length / 8) * 8);
      const { __metadata__: _, ...entries } = JSON.parse(text);
      for (const [name, { values }] of tensors)
        expect(entries[name].data_offsets[0] % values.BYTES_PER_ELEMENT, name).toBe(0);
    },
  );

  it("holds of an array that begins within a buffer what the array shows", () => {
    const values = Float32Array.of(1, 2, 3, 4, 5).subarray(2, 4);
    const written = joinedBytes(encode(new Map([["part", { dtype: "f32", shape: [2], values }]])));
    expect([...new Float32Array(written.slice(-8).buffer)]).toEqual([3, 4]);
  });

  it("is read where its tensors' names need escapes", () => {
    const header = {
      'a"b"': { dtype: "U8", shape: [1], data_offsets: [0, 1] },
      'c"d"': { dtype: "U8", shape: [1], data_offsets: [1, 2] },
      "e\\": { dtype: "U8", shape: [1], data_offsets: [2, 3] },
    };
    const { tensors: found } = decode("f", file(JSON.stringify(header), Uint8Array.of(5, 6, 7)));
    expect([...found].map(([name, { values }]) => [name, ...values])).toEqual([
      ['a"b"', 5],
      ['c"d"', 6],
      ["e\\", 7],
    ]);
  });

  it("is refused with any byte changed", () => {
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] ^= 1 << (at % 8);
      expect(() => stateFile("f", changed), `byte ${at}`).toThrow(DataError);
    }
  });

  it("is refused cut off anywhere, and with bytes behind it", () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => stateFile("f", bytes.subarray(0, length)), `${length} bytes`).toThrow(DataError);
    }
    expect(() => decode("f", Uint8Array.of(...bytes, 0))).toThrow(/checksum/);
  });

  it("of others is read, their dtypes as numbers", () => {
    const header = {
      half: { dtype: "F16", shape: [4], data_offsets: [0, 8] },
      brain: { dtype: "BF16", shape: [1], data_offsets: [8, 10] },
      long: { dtype: "I64", shape: [2], data_offsets: [10, 26] },
      short: { dtype: "I16", shape: [1], data_offsets: [26, 28] },
    };
    const data = new Uint8Array(28);
    const view = new DataView(data.buffer);
    // 1.5, the smallest subnormal number, -∞, 65504: IEEE 754-2008's binary16.
    [0x3e00, 0x0001, 0xfc00, 0x7bff].forEach((bits, i) => {
      view.setUint16(2 * i, bits, true);
    });
    view.setUint16(8, 0xc049, true); // -3.140625
    view.setBigInt64(10, -5n, true);
    view.setBigInt64(18, 2n ** 40n, true);
    view.setInt16(26, -7, true);
    const { tensors: found, isChecked } = decode("f", file(`${JSON.stringify(header)}   `, data));
    expect(isChecked).toBe(false);
    expect([...(found.get("half")?.values ?? [])]).toEqual([1.5, 2 ** -24, -Infinity, 65504]);
    expect([...(found.get("brain")?.values ?? [])]).toEqual([-3.140625]);
    expect([...(found.get("long")?.values ?? [])]).toEqual([-5, 2 ** 40]);
    expect([...(found.get("short")?.values ?? [])]).toEqual([-7]);
    const long = found.get("long")!;
    expect(() => convertedTo("long", "i32", "I64", long.values)).toThrow(
      /can't hold its value at 1, 1099511627776/,
    );
    expect(convertedTo("long", "f32", "I64", long.values)).toEqual(Float32Array.of(-5, 2 ** 40));
  });

  const one = '"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
  it.each<[string, Uint8Array, RegExp]>([
    ["of a header longer than the file", file("{}", undefined, 2n ** 60n), /no safetensors file, or cut off/],
    ["of a header a byte longer than the file", file("{}", undefined, 3n), /would take 3 bytes of the 10/],
    // The format has the header begin with {.
    ["that begins with a byte order mark", file("\ufeff{}"), /no JSON/],
    ["of a header above 100 MB", file("{}", undefined, 100_000_001n), /would take 100000001 bytes/],
    ["of bad UTF-8", file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), /not UTF-8/],
    ["of no JSON", file("{]"), /no JSON/],
    ["of a list", file("[]"), /must be an object/],
    [
      "with a name twice",
      file(`{${one},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, new Uint8Array(4)),
      /"a" twice/,
    ],
    [
      "with a shape twice",
      file('{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', new Uint8Array(4)),
      /"shape" twice/,
    ],
    [
      "with an unknown dtype",
      file('{"a":{"dtype":"F8_E5M2","shape":[4],"data_offsets":[0,4]}}', new Uint8Array(4)),
      /F8_E5M2.*F64, I64/,
    ],
    [
      "with a dtype of the prototype",
      file('{"a":{"dtype":"constructor","shape":[4],"data_offsets":[0,4]}}', new Uint8Array(4)),
      /dtype "constructor"/,
    ],
    [
      "with another size than its shape's",
      file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', new Uint8Array(4)),
      /takes 8 bytes, but has 4/,
    ],
    [
      "with a smaller size than its place's",
      file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}', new Uint8Array(8)),
      /takes 4 bytes, but has 8/,
    ],
    [
      "with an enormous shape",
      file(
        '{"a":{"dtype":"F32","shape":[9007199254740991,9007199254740991],"data_offsets":[0,4]}}',
        new Uint8Array(4),
      ),
      /whole numbers/,
    ],
    [
      "with a negative length",
      file('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', new Uint8Array(4)),
      /shape \[-1\]/,
    ],
    [
      "with offsets beyond its end",
      file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', new Uint8Array(4)),
      /0 to 8 of 4 bytes/,
    ],
    [
      "with offsets the wrong way",
      file('{"a":{"dtype":"F32","shape":[0],"data_offsets":[4,0]}}', new Uint8Array(4)),
      /from 4 to 0/,
    ],
    [
      "with a fraction for an offset",
      file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0.5,4.5]}}', new Uint8Array(8)),
      /two whole numbers/,
    ],
    [
      "with overlapping tensors",
      file(`{${one},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, new Uint8Array(6)),
      /begins at byte 2.*inside/,
    ],
    [
      "with two tensors in one place",
      file(`{${one},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, new Uint8Array(4)),
      /begins at byte 0.*inside/,
    ],
    [
      "with a gap",
      file(`{${one},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`, new Uint8Array(12)),
      /behind a gap/,
    ],
    ["with bytes of no tensor", file(`{${one}}`, new Uint8Array(5)), /1 bytes behind the last tensor/],
    [
      "with an entry too many",
      file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}', new Uint8Array(4)),
      /nothing else/,
    ],
    ["with metadata that are no texts", file('{"__metadata__":{"a":1}}'), /texts by name/],
    [
      "with a bool of 2",
      file('{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}', Uint8Array.of(2)),
      /other bytes than 0 and 1/,
    ],
    ["with another checksum", file('{"__metadata__":{"checksum":"00000000"}}'), /checksum is/],
  ])("%s is refused", (_, given, message) => {
    expect(() => decode("f", given)).toThrow(DataError);
    expect(() => decode("f", given)).toThrow(message);
  });
});

describe.each(["with Buffer", "without Buffer, as browsers are"])("a Verifier %s", (where) => {
  const written = partsOf("weights", tensors, { text: "of several parts" });
  const whole = joinedBytes(written);
  afterEach(() => void vi.unstubAllGlobals());

  /** What it says of bytes that come in pieces of a size, each beginning `shift` bytes into a buffer. */
  function verdict(all: Uint8Array, size: number, shift = 0): boolean {
    if (where !== "with Buffer") vi.stubGlobal("Buffer", undefined);
    const verifier = new Verifier(written);
    for (let at = 0; at < all.length; at += size) {
      const piece = new Uint8Array(shift + size).subarray(shift, shift + Math.min(size, all.length - at));
      piece.set(all.subarray(at, at + size));
      verifier.update(piece);
    }
    vi.unstubAllGlobals();
    return verifier.isRight();
  }

  it.each([1, 3, 8, 13, 4096])("takes the bytes as they were written, %i at a time", (size) => {
    for (const shift of [0, 1, 4]) expect(verdict(whole, size, shift)).toBe(true);
  });

  it.each([1, 13, 4096])("notices any byte that changed, %i at a time", (size) => {
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice();
      changed[at] ^= 1 << (at % 8);
      expect(verdict(changed, size), `byte ${at}`).toBe(false);
    }
  });

  it("notices bytes that are missing at the end, or too many", () => {
    for (let length = 0; length < whole.length; length++)
      expect(verdict(whole.subarray(0, length), 13), `${length} bytes`).toBe(false);
    expect(verdict(Uint8Array.of(...whole, 0), 13)).toBe(false);
  });
});

const python = "/usr/bin/python3";
const hasNumpy = (() => {
  try {
    execFileSync(python, ["-c", "import numpy"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!hasNumpy)("Python with NumPy, which knows nothing of our writer", () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-safetensors-"));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it("reads the same numbers and the same checksum", () => {
    const place = path.join(folder, "a.safetensors");
    fs.writeFileSync(place, bytes);
    const reader = path.resolve(import.meta.dirname, "../fixtures/read-safetensors.py");
    const found = JSON.parse(execFileSync(python, [reader, place], { encoding: "utf8" }));
    expect(found.checksum).toBe(found.metadata.checksum);
    expect(Object.keys(found.tensors).sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { shape, values }] of tensors) {
      expect(found.tensors[name].shape).toEqual(shape);
      expect(found.tensors[name].bytes).toBe(
        Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex"),
      );
      expect(found.tensors[name].text).toEqual(
        [...values].map((value) =>
          Number.isFinite(value) ? value : Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf",
        ),
      );
    }
  });
});

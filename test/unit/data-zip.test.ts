// Zip files: read as they are, and refused where they lie, overlap, expand without end or lead elsewhere.

import { deflateRawSync } from "node:zlib";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { crc32 } from "../../data/formats/crc32.ts";
import { unzipEntry, zipEntries } from "../../data/formats/zip.ts";
import { Turns } from "../../data/sources/bytes.ts";
import { DataError } from "../../engine/base/errors.ts";

const limits = { mostBytes: 2 ** 24, mostEntries: 100 };
const text = (value: string) => new TextEncoder().encode(value);

/** All entries of a zip by name. */
async function unzipped(bytes: Uint8Array, within = limits): Promise<Record<string, Uint8Array>> {
  const turns = new Turns("zip", undefined);
  const all: Record<string, Uint8Array> = {};
  for (const entry of zipEntries("zip", bytes, within))
    all[entry.name] = await unzipEntry("zip", bytes, entry, turns);
  return all;
}

const errorOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error("it was accepted"),
    (error) => error,
  );

interface Made {
  name: string;
  packed: Uint8Array;
  size: number;
  crc: number;
  method: number;
  /** Where it begins, if not where it does. */
  at?: number;
}

/** A zip by hand, which may lie. */
function zipOf(entries: readonly Made[]): Uint8Array {
  const parts: Buffer[] = [];
  const places: number[] = [];
  let end = 0;
  for (const { name, packed, size, crc, method } of entries) {
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(method, 8);
    head.writeUInt32LE(crc, 14);
    head.writeUInt32LE(packed.length, 18);
    head.writeUInt32LE(size, 22);
    head.writeUInt16LE(text(name).length, 26);
    places.push(end);
    parts.push(head, Buffer.from(text(name)), Buffer.from(packed));
    end += 30 + text(name).length + packed.length;
  }
  const start = end;
  entries.forEach(({ name, packed, size, crc, method, at }, i) => {
    const head = Buffer.alloc(46);
    head.writeUInt32LE(0x02014b50, 0);
    head.writeUInt16LE(method, 10);
    head.writeUInt32LE(crc, 16);
    head.writeUInt32LE(packed.length, 20);
    head.writeUInt32LE(size, 24);
    head.writeUInt16LE(text(name).length, 28);
    head.writeUInt32LE(at ?? places[i], 42);
    parts.push(head, Buffer.from(text(name)));
    end += 46 + text(name).length;
  });
  const last = Buffer.alloc(22);
  last.writeUInt32LE(0x06054b50, 0);
  last.writeUInt16LE(entries.length, 8);
  last.writeUInt16LE(entries.length, 10);
  last.writeUInt32LE(end - start, 12);
  last.writeUInt32LE(start, 16);
  return new Uint8Array(Buffer.concat([...parts, last]));
}

const stored = (name: string, content: Uint8Array): Made => ({
  name,
  packed: content,
  size: content.length,
  crc: crc32(content),
  method: 0,
});
const deflated = (name: string, content: Uint8Array): Made => ({
  name,
  packed: deflateRawSync(content, { level: 9 }),
  size: content.length,
  crc: crc32(content),
  method: 8,
});

describe("the checksum", () => {
  it("is that of the standard's check value", () => {
    expect(crc32(text("123456789"))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array())).toBe(0);
  });
});

describe("a zip", () => {
  const long = Uint8Array.from({ length: 40_000 }, (_, i) => (i * i) >> 7);

  it("gives what another program put into it", async () => {
    const files = {
      "a.txt": text("hello"),
      "long.bin": long,
      "empty.bin": new Uint8Array(),
      "b/c.txt": text("c"),
    };
    for (const level of [0, 1, 9] as const) {
      const found = await unzipped(zipSync(files, { level }));
      expect(Object.keys(found).sort()).toEqual(Object.keys(files).sort());
      for (const [name, content] of Object.entries(files))
        expect(Buffer.compare(found[name], content)).toBe(0);
    }
  });

  it("made by hand is read", async () => {
    const found = await unzipped(zipOf([stored("a", text("hello")), deflated("b", long)]));
    expect(found.a).toEqual(text("hello"));
    expect(Buffer.compare(found.b, long)).toBe(0);
  });

  const zeros = deflateRawSync(Buffer.alloc(2 ** 26), { level: 9 });
  const five = crc32(text("hello"));
  it.each<[string, () => Uint8Array, RegExp]>([
    ["is none", () => text("not a zip at all, but long enough to be one"), /it has no directory at its end/],
    ["is empty", () => new Uint8Array(), /it has no directory at its end/],
    [
      "is cut off",
      () => zipOf([stored("a", text("hello"))]).subarray(0, 60),
      /it has no directory at its end/,
    ],
    [
      "promises less than it expands to",
      () => zipOf([{ ...deflated("a", text("hello")), size: 4 }]),
      /expands to more than its 4 bytes/,
    ],
    [
      "promises more than it holds",
      () => zipOf([{ ...deflated("a", text("hello")), size: 900 }]),
      /has 5 bytes, expected 900/,
    ],
    [
      "promises more than deflate can",
      () => zipOf([{ ...deflated("a", text("hello")), size: 2 ** 31 }]),
      /more than any can expand to/,
    ],
    [
      "is stored with other sizes",
      () => zipOf([{ ...stored("a", text("hello")), size: 6 }]),
      /is stored, and has 5 bytes for 6/,
    ],
    [
      "has another checksum",
      () => zipOf([{ ...stored("a", text("hellO")), crc: five }]),
      /its checksum is another/,
    ],
    [
      "is a bomb that says so",
      () => zipOf([{ name: "a", packed: zeros, size: 2 ** 26, crc: 0, method: 8 }]),
      /expands to 67108864 bytes, more than 16777216/,
    ],
    [
      "is a bomb that doesn't",
      () => zipOf([{ name: "a", packed: zeros, size: 9, crc: 0, method: 8 }]),
      /expands to more than its 9 bytes/,
    ],
    [
      "has entries in one place",
      () => zipOf([stored("a", text("hello")), { ...stored("a", text("hello")), at: 0 }]),
      /two entries "a"/,
    ],
    [
      "has entries that overlap",
      () =>
        zipOf([stored("a", zipOf([stored("b", text("hello"))])), { ...stored("b", text("hello")), at: 31 }]),
      /overlaps what follows it/,
    ],
    [
      "leads to the folder above",
      () => zipOf([stored("../a", text("hello"))]),
      /the name "\.\.\/a" leads out of it/,
    ],
    ["leads to the root", () => zipOf([stored("/etc/a", text("hello"))]), /leads out of it/],
    ["leads to a drive", () => zipOf([stored("C:\\a", text("hello"))]), /leads out of it/],
    [
      "is packed otherwise",
      () => zipOf([{ ...stored("a", text("hello")), method: 12 }]),
      /is packed by method 12/,
    ],
    [
      "points outside",
      () => zipOf([{ ...stored("a", text("hello")), at: 10_000 }]),
      /it points to byte 10000/,
    ],
  ])("that %s is refused", async (_, make, told) => {
    const host = process.memoryUsage().arrayBuffers;
    const error = await errorOf(unzipped(make()));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(told);
    expect(process.memoryUsage().arrayBuffers - host).toBeLessThan(2 ** 25);
  });

  it("that is changed anywhere is refused, or read right", async () => {
    const files = { "a.txt": text("hello, hello, hello"), "b.bin": long.subarray(0, 3000) };
    const zip = zipSync(files);
    let [state, accepted] = [7, 0];
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let i = 0; i < 1500; i++) {
      const bytes = zip.slice();
      for (let k = 0; k <= random(3); k++) bytes[random(bytes.length)] ^= 1 << random(8);
      try {
        for (const content of Object.values(await unzipped(bytes)))
          expect(Object.values(files).some((one) => Buffer.compare(one, content) === 0)).toBe(true);
        accepted++;
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
      }
    }
    expect(accepted).toBeGreaterThan(5);
  });
});

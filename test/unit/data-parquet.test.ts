// Parquet files of another implementation: values, nulls, what is refused, and files that are changed.

import fs from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readParquet } from "../../data/index.ts";
import { ArgumentError, DataError } from "../../engine/base/errors.ts";
import { cpuMs } from "../support/cpu-time.ts";

const fixture: {
  files: { compression: string; rows: number; parquet: string }[];
  values: Record<string, (number | string | boolean)[]>;
  missing: string;
  large: string;
  lists: string;
  gzip: string;
} = JSON.parse(fs.readFileSync(path.resolve(import.meta.dirname, "../fixtures/parquet.json"), "utf8"));
const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
const errorOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error("it was accepted"),
    (error) => error,
  );

const { f32, f64, i32, i64, bool, text } = fixture.values;
const expected = {
  f32: Float32Array.from(f32 as number[]),
  f64: Float32Array.from(f64 as number[]),
  i32: Int32Array.from(i32 as number[]),
  i64: Int32Array.from(i64 as number[]),
  bool: Uint8Array.from(bool as boolean[], Number),
  text,
};

describe("readParquet", () => {
  it.each(fixture.files)(
    "reads files packed by $compression in groups of $rows rows",
    async ({ parquet }) => {
      const { names, columns, length } = await readParquet(bytesOf(parquet));
      expect(names).toEqual(["f32", "f64", "i32", "i64", "bool", "text"]);
      expect(length).toBe(50);
      expect(columns).toEqual(expected);
    },
  );

  it("takes the columns that are wanted, in that order, and unpackers for other codecs", async () => {
    const { names, columns } = await readParquet(bytesOf(fixture.files[2].parquet), {
      select: ["text", "i32"],
    });
    expect(names).toEqual(["text", "i32"]);
    expect(columns).toEqual({ text, i32: expected.i32 });
    const compressors = { GZIP: (packed: Uint8Array) => new Uint8Array(gunzipSync(packed)) };
    expect((await readParquet(bytesOf(fixture.gzip), { compressors })).columns).toEqual(expected);
    expect((await errorOf(readParquet(bytesOf(fixture.gzip)))).message).toMatch(
      /unsupported compression codec: GZIP/,
    );
  });

  it("treats nulls as it is told", async () => {
    const bytes = bytesOf(fixture.missing);
    expect((await errorOf(readParquet(bytes))).message).toBe(
      'bytes: row 1, column "x" is null; pass { missing } as "nan", "skip" or a number',
    );
    const { columns } = await readParquet(bytes, { missing: "nan" });
    expect([...(columns.x as Float32Array)].slice(0, 4)).toEqual([0, NaN, 1, 1.5]);
    expect(columns.t.slice(0, 4)).toEqual(["t0", "t1", "", "t3"]);
    expect((await readParquet(bytes, { missing: -1 })).columns.x[1]).toBe(-1);
    const kept = await readParquet(bytes, { missing: "skip" });
    expect(kept.length).toBe(37);
    expect(kept.columns.t.slice(0, 2)).toEqual(["t0", ""]);
  });

  it("refuses what it can't hold, and says what to do", async () => {
    expect((await errorOf(readParquet(bytesOf(fixture.large)))).message).toMatch(
      /row 1, column "x" is 1099511627776, which is no 32-bit integer/,
    );
    expect((await errorOf(readParquet(bytesOf(fixture.lists)))).message).toMatch(
      /column "x" holds lists or records/,
    );
    const bytes = bytesOf(fixture.files[0].parquet);
    expect((await errorOf(readParquet(bytes, { maxRows: 10 }))).message).toMatch(/has 50 rows, more than 10/);
    expect((await errorOf(readParquet(bytes, { maxBytes: 10 }))).message).toMatch(/has more than 10 bytes/);
    expect((await errorOf(readParquet(bytes, { select: ["y"] }))).message).toMatch(/has no column "y"/);
    expect(await errorOf(readParquet(bytes, { missing: "drop" as never }))).toBeInstanceOf(ArgumentError);
    for (const wrong of [
      new Uint8Array(),
      bytes.subarray(0, 100),
      new TextEncoder().encode("a,b\n1,2\n3,4\n"),
    ])
      expect(await errorOf(readParquet(wrong))).toBeInstanceOf(DataError);
  });

  it("of files that are changed anywhere gives columns of one length, or a DataError, in bounded time", async () => {
    let [state, longest] = [11, 0];
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let i = 0; i < 500; i++) {
      const bytes = bytesOf(fixture.files[random(3)].parquet);
      for (let k = random(3); k >= 0; k--) {
        const place = random(2) === 0 ? random(bytes.length) : bytes.length - 1 - random(900);
        bytes[place] = random(256);
      }
      const started = cpuMs();
      try {
        const { columns, length } = await readParquet(bytes, { missing: 0, maxBytes: 2 ** 24, maxRows: 1e5 });
        for (const column of Object.values(columns)) expect(column.length).toBe(length);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
      }
      longest = Math.max(longest, cpuMs() - started);
    }
    expect(longest).toBeLessThan(5000);
  });
});

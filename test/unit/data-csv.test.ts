// CSV files: columns by name and type, what is missing, what is malformed, and files larger than may be held.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { csvRows, readCsv, usePackage } from "../../data/index.ts";
import { ArgumentError, DataError } from "../../engine/base/errors.ts";

const csv = (text: string) => new TextEncoder().encode(text);
const errorOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error("it was accepted"),
    (error) => error,
  );
async function allOf<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

const iris = 'height,count,species,isWild\n1.5,2,"setosa, ""blue""",true\n-2e-1,3,"two\nlines",FALSE\n';

describe("readCsv", () => {
  it("tells columns of whole numbers, numbers, truths and texts", async () => {
    const { names, columns, length } = await readCsv(csv(iris));
    expect(names).toEqual(["height", "count", "species", "isWild"]);
    expect(length).toBe(2);
    expect(columns).toEqual({
      height: Float32Array.of(1.5, Math.fround(-0.2)),
      count: Int32Array.of(2, 3),
      species: ['setosa, "blue"', "two\nlines"],
      isWild: Uint8Array.of(1, 0),
    });
  });

  it("takes the types that are given, and the columns that are wanted, in that order", async () => {
    const { names, columns } = await readCsv(csv(iris), {
      select: ["count", "height"],
      types: { count: "f32" },
    });
    expect(names).toEqual(["count", "height"]);
    expect(columns.count).toEqual(Float32Array.of(2, 3));
    const { columns: texts } = await readCsv(csv("id,n\n007,1\n"), { types: { id: "string", n: "bool" } });
    expect(texts).toEqual({ id: ["007"], n: Uint8Array.of(1) });
  });

  it("widens whole numbers where a later row has others", async () => {
    const text = `x\n${"1\n".repeat(10)}2.5\n`;
    expect((await readCsv(csv(text), { inferRows: 3 })).columns.x).toEqual(
      Float32Array.from([...new Array(10).fill(1), 2.5]),
    );
    expect((await readCsv(csv("x\n1\n3000000000\n"))).columns.x).toEqual(Float32Array.of(1, 3e9));
    expect((await readCsv(csv("x\ninf\n-Infinity\n"))).columns.x).toEqual(
      Float32Array.of(Infinity, -Infinity),
    );
  });

  it("reads files without a header, with other delimiters, comments, line ends and a byte order mark", async () => {
    const { names, columns } = await readCsv(csv("\ufeff# made by hand\r\n1;2\r\n\r\n3;4\r\n"), {
      header: false,
      delimiter: ";",
      comment: "#",
    });
    expect(names).toEqual(["column0", "column1"]);
    expect(columns).toEqual({ column0: Int32Array.of(1, 3), column1: Int32Array.of(2, 4) });
    const named = await readCsv(csv("1\t2\n3\t4"), { header: ["a", "b"], delimiter: "\t" });
    expect(named.columns.b).toEqual(Int32Array.of(2, 4));
    expect((await readCsv(csv('a,b\n5" disk,1\n'), { quote: false })).columns.a).toEqual(['5" disk']);
    expect((await readCsv(csv(",x\n0,1\n"))).names).toEqual(["column0", "x"]);
  });

  it("reads other encodings and gzip", async () => {
    // "이름" in EUC-KR.
    const korean = Uint8Array.from([0xc0, 0xcc, 0xb8, 0xa7, 0x0a, 0x61, 0x0a]);
    expect((await readCsv(korean, { encoding: "euc-kr" })).names).toEqual(["이름"]);
    expect((await readCsv(gzipSync(iris))).length).toBe(2);
  });

  it("of a header alone has columns of no values", async () => {
    expect(await readCsv(csv("a,b\n"))).toEqual({ names: ["a", "b"], columns: { a: [], b: [] }, length: 0 });
    const typed = await readCsv(csv("a,b\n"), { types: { a: "f32" } });
    expect(typed.columns.a).toEqual(new Float32Array());
  });
});

describe("missing values", () => {
  const text = "x,y,t\n1,2,a\nNA,3,\n4,,b\n";

  it("are an error that names line, column and remedy", async () => {
    const error = await errorOf(readCsv(csv(text)));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(
      'bytes: line 3: column "x" has no value; pass { missing } as "nan", "skip" or a number',
    );
  });

  it.each([
    ["nan", Float32Array.of(1, NaN, 4), ["a", "", "b"]],
    ["skip", Int32Array.of(1), ["a"]],
    [-1, Int32Array.of(1, -1, 4), ["a", "", "b"]],
    [0.5, Float32Array.of(1, 0.5, 4), ["a", "", "b"]],
  ] as const)("become %s", async (missing, x, t) => {
    const { columns } = await readCsv(csv(text), { missing });
    expect(columns.x).toEqual(x);
    expect(columns.t).toEqual(t);
  });

  it("are told by the texts that are given", async () => {
    expect((await readCsv(csv("x\n1\n?\n"), { missing: 0, missingTexts: ["?"] })).columns.x).toEqual(
      Int32Array.of(1, 0),
    );
    expect((await readCsv(csv("x\n1\n?\n"))).columns.x).toEqual(["1", "?"]);
  });

  it("that a type can't hold are refused", async () => {
    const error = await errorOf(readCsv(csv(text), { missing: "nan", types: { x: "i32" } }));
    expect(error.message).toMatch(/line 3: column "x" has no value; nan is none of the type i32/);
  });
});

describe("csvRows", () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-csv-"));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it("gives one row at a time, with values by name", async () => {
    expect(await allOf(csvRows(new Blob([iris])))).toEqual([
      { height: 1.5, count: 2, species: 'setosa, "blue"', isWild: 1 },
      { height: -0.2, count: 3, species: "two\nlines", isWild: 0 },
    ]);
  });

  it("reads a long file whatever its pieces are, in little memory", async () => {
    const file = path.join(folder, "long.csv");
    const rows = 60_000;
    fs.writeFileSync(file, "i,half\n");
    for (let start = 0; start < rows; start += 10_000) {
      const lines = Array.from({ length: 10_000 }, (_, k) => `${start + k},"${(start + k) / 2}"\n`);
      fs.appendFileSync(file, lines.join(""));
    }
    let [count, sum] = [0, 0];
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for await (const { i, half } of csvRows(file)) {
      if (i !== count || half !== count / 2) throw new Error(`row ${count} is ${i}, ${half}`);
      count++;
      sum += half as number;
      if (count % 10_000 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect([count, sum]).toEqual([rows, (rows * (rows - 1)) / 4]);
    expect(most).toBeLessThan(64e6);
  });

  it("may be left early, and lets the file go", async () => {
    let isClosed = false;
    const endless = (async function* () {
      try {
        yield csv("x\n");
        for (;;) yield csv("1\n".repeat(1000));
      } finally {
        isClosed = true;
      }
    })();
    let count = 0;
    for await (const row of csvRows(endless)) {
      expect(row).toEqual({ x: 1 });
      if (++count === 2000) break;
    }
    await vi.waitFor(() => expect(isClosed).toBe(true), { timeout: 60_000 });
  });

  it("ends when the signal says so", async () => {
    const controller = new AbortController();
    const endless = (async function* () {
      yield csv("x\n");
      for (;;) yield csv("1\n".repeat(10_000));
    })();
    setTimeout(() => controller.abort(new Error("enough")), 30);
    const error = await errorOf(allOf(csvRows(endless, { signal: controller.signal })));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe("stream: reading was aborted");
    expect(error.cause).toEqual(new Error("enough"));
  });
});

describe("malformed files", () => {
  it.each<[string, string, object, RegExp]>([
    ["", "is empty", {}, /is empty/],
    [
      "a,b\n1,2\n1,2,3\n",
      "has a field too many",
      {},
      /line 3: has 3 fields, expected 2 as in the first line/,
    ],
    ["a,b\n1,2\n1\n", "has a field too few", {}, /line 3: has 1 fields, expected 2/],
    ['a,b\n1,"2\n3,4\n', "doesn't close a quote", {}, /line \d: the file ends inside quotes/],
    ['a\n"b"c\n', "has text behind a quote", {}, /line 2: a quote " stands inside a field/],
    ["a,a\n1,2\n", "names two columns alike", {}, /two columns are named "a"/],
    ["__proto__\n1\n", "names a column __proto__", {}, /a column is named "__proto__"/],
    [
      "a\n1\nb\n",
      "has a letter in a column of numbers",
      { inferRows: 1 },
      /line 3: column "a": expected a number that f32 holds, found "b"; the first rows had numbers: pass \{ types: \{ "a": "string" \} \}/,
    ],
    [
      "a\n1\n1.5\n",
      "has a fraction in a column of i32",
      { types: { a: "i32" } },
      /line 3: column "a": expected a whole number from -2\^31 to 2\^31 - 1, found "1.5"; correct it/,
    ],
    [
      "a\n1e39\n",
      "has more than f32 holds",
      {},
      /line 2: column "a": expected a number that f32 holds, found "1e39"/,
    ],
    ["a\n1\n", "has no such column", { select: ["b"] }, /has no column "b"; its columns are a/],
    ["a\n1\n", "has no such column to type", { types: { b: "f32" } }, /has no column "b"/],
    [
      `a\n"${"x".repeat(2000)}\n`,
      "has a record without end",
      { maxRecordBytes: 1000 },
      /line 2: a record of more than 1000 bytes/,
    ],
    ["a\n1\n2\n3\n", "has too many rows", { maxRows: 2 }, /has more than 2 rows; raise \{ maxRows \}/],
    [
      "1,2\n",
      "has other columns than named",
      { header: ["a"] },
      /line 1: has 2 fields, and \{ header \} names 1/,
    ],
  ])("%j %s", async (text, _, options, told) => {
    const error = await errorOf(readCsv(csv(text), options));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(told);
  });

  it.each<[object, RegExp]>([
    [{ types: { a: "float" } }, /type of a column for readCsv "float"/],
    [{ missing: "drop" }, /missing must be "error", "nan", "skip" or a number/],
    [{ delimiter: "" }, /delimiter must be a text/],
    [{ encoding: "klingon" }, /the encoding "klingon" is unknown/],
    [{ timeout: 0 }, /timeout/],
    [{ maxRows: -1 }, /maxRows/],
  ])("and options like %j are refused", async (options, told) => {
    const error = await errorOf(readCsv(csv("a\n1\n"), options));
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toMatch(told);
  });

  it("and sources that are none, or are not there, are told", async () => {
    expect(await errorOf(readCsv(undefined as never))).toBeInstanceOf(ArgumentError);
    const error = await errorOf(readCsv("no/such.csv"));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe("no/such.csv: there is no such file; look at the path");
  });
});

describe("the parser that pages use", () => {
  it("gives the same", async () => {
    usePackage("csv-parse", () => import("csv-parse/browser/esm"));
    const { columns } = await readCsv(csv(iris));
    const long = csvRows(new Blob([`i\n${Array.from({ length: 30_000 }, (_, i) => i).join("\n")}`]));
    const rows = await allOf(long);
    const error = await errorOf(readCsv(csv("a,b\n1,2\n1,2,3\n")));
    usePackage("csv-parse", () => import("csv-parse"));
    expect(columns).toEqual((await readCsv(csv(iris))).columns);
    expect([rows.length, rows[29_999]]).toEqual([30_000, { i: 29_999 }]);
    expect(error.message).toMatch(/line 3: has 3 fields, expected 2/);
  });
});

describe("a package that is not there", () => {
  it("is named with the line that installs it", async () => {
    usePackage("csv-parse", () =>
      Promise.reject(
        Object.assign(new Error("Cannot find package 'csv-parse'"), { code: "ERR_MODULE_NOT_FOUND" }),
      ),
    );
    const error = await errorOf(readCsv(csv("a\n1\n")));
    usePackage("csv-parse", () => import("csv-parse"));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(
      "reading CSV needs the npm package csv-parse, which is not installed: npm install csv-parse",
    );
    expect((await readCsv(csv("a\n1\n"))).length).toBe(1);
  });

  it("is none of those that no reader uses", () => {
    expect(() => usePackage("papaparse" as never, () => import("csv-parse"))).toThrow(ArgumentError);
    expect(() => usePackage("fflate", undefined as never)).toThrow(/must be a function/);
  });
});

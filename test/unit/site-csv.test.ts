// A user's CSV file with texts and missing cells in the playground: what becomes of each column, and the programs that do the same.

import { spawnSync } from "node:child_process";
import * as csvParse from "csv-parse";
import { transformSync } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { readCsv as readTable, usePackage } from "../../data/index.ts";
import { specOfState } from "../../site/page/state.ts";
import { kerasCode } from "../../site/setup/code-keras.ts";
import { typescriptCode } from "../../site/setup/code-typescript.ts";
import type { CsvForm, OwnData } from "../../site/setup/own-data.ts";
import { rowOf } from "../../site/setup/rows.ts";
import { defaultSetup, fromHash, setupFor, setupForOwn, toHash } from "../../site/setup/setup.ts";
import { readCsv } from "../../site/worker/csv.ts";

const cities = ["Busan", "Seoul, the city", "Daegu"];
/** Id, price, area (some missing), city (some missing), note (all different), country (all the same). */
const cells = Array.from({ length: 90 }, (_, i) => [
  `h${i}`,
  i % 30 === 7 ? "NA" : `${100 + i * 3.5}`,
  i % 9 === 2 ? "?" : `${40 + (i % 13) * 5}`,
  i % 10 === 4 ? "" : `"${cities[i % 3]}"`,
  `"a ""nice"" house, ${i}"`,
  "Korea",
]);
const lines = cells.map((row) => row.join(","));
const text = `id,price,area,city,note,country\n${lines.join("\n")}\n`;
const price = { target: "price", missing: "fill", learntAs: "auto" } as const;
/** Where commas are decimal marks: areas times 100 plus a half, as 4.000,5. */
const withCommas = `id;price;area;city;note;country\n${cells
  .map(([id, cost, area, ...rest]) =>
    [
      id,
      cost.replace(".", ","),
      area.replace(/(\d+)(\d)/, (_, tens, ones) => `${tens}.${ones}00,5`),
      ...rest,
    ].join(";"),
  )
  .join("\n")}`;
const read = (form: Partial<CsvForm> = {}) => readCsv(text, "houses.csv", { ...price, ...form });

/** Rows of inputs with their target, the smallest first. */
function rowsOf(x: ArrayLike<number>, y: ArrayLike<number>): number[] {
  const width = x.length / y.length;
  const rows = Array.from({ length: y.length }, (_, i) => [
    ...Array.from({ length: width }, (_, k) => x[i * width + k]),
    y[i],
  ]);
  const key = (row: readonly number[]) => row.map((value) => (value + 10).toFixed(3)).join();
  return rows.sort((a, b) => (key(a) < key(b) ? -1 : 1)).flat();
}

describe("columns of a CSV file", () => {
  it("become numbers, or categories of 0 and 1, and what cannot is left out with a reason", () => {
    const { shape, columns, csv, leftOut, task, target, y, x } = read();
    expect(columns?.map(({ name, categories, missing }) => [name, categories, missing])).toEqual([
      ["area", undefined, 10],
      ["city", ["", "Busan", "Daegu", "Seoul, the city"], 9],
    ]);
    expect(shape).toEqual([5]);
    expect(csv?.unused).toEqual([
      { name: "id", why: "it only numbers the rows" },
      { name: "note", why: 'it has 87 different texts, as “a "nice" house, 0”, and 50 are the most' },
      { name: "country", why: "it is the same in each row" },
    ]);
    expect([task, target?.name, leftOut, y.length]).toEqual(["regression", "price", 3, 87]);
    // Each row is in one city; a missing area is the mean of those that are there.
    const rows = Array.from({ length: 87 }, (_, i) => [...x.slice(5 * i, 5 * i + 5)]);
    expect(rows.every((row) => row.slice(1).reduce((a, b) => a + b) === 1)).toBe(true);
    expect(rows.filter(([area]) => area === 0).length).toBeGreaterThanOrEqual(10);
    const areas = lines
      .filter((_, i) => i % 30 !== 7 && i % 9 !== 2)
      .map((line) => Number(line.split(",")[2]));
    expect(columns?.[0].mean).toBeCloseTo(areas.reduce((a, b) => a + b) / areas.length, 6);
  });

  it("may leave out rows instead, and give any column to be learnt", () => {
    const dropped = read({ missing: "drop" });
    const whole = lines.filter((line) => !/,(NA|\?|),/.test(line));
    expect([dropped.y.length, dropped.leftOut]).toEqual([whole.length, 90 - whole.length]);
    expect(dropped.columns?.[1].categories).toEqual(["Busan", "Daegu", "Seoul, the city"]);
    const city = read({ target: "city" });
    expect([city.task, city.classNames]).toEqual(["classes", ["Busan", "Daegu", "Seoul, the city"]]);
    expect(city.columns?.map(({ name }) => name)).toEqual(["price", "area"]);
    expect(() => read({ target: "note" })).toThrow(
      /the column to be learnt \(note\) has 90 different values, not all of them numbers, as “a "nice" house, \d+”;/,
    );
    const unknown = text.replace(/^(h\d+),[^,]*/gm, "$1,");
    expect(() => readCsv(unknown, "f.csv", price)).toThrow(
      /0 of 90 rows have a value in the column that is to be learnt; .* Column 2 \(price\) lacks 90/,
    );
    // Of a column that is not there: the last that can be learnt, which notes and a single country cannot.
    expect(read({ target: "none" }).csv?.target).toBe("city");
  });

  it("say whether the first row holds names", () => {
    const body = Array.from(
      { length: 12 },
      (_, i) => `${cities[i % 3].slice(0, 5)};${i};${i % 2 ? "yes" : "no"}`,
    );
    const first = (head: string) => readCsv([head, ...body].join("\n"), "f.csv").csv?.names;
    expect(first("Busan;7;no")).toEqual(["column 1", "column 2", "column 3"]);
    expect(first("city;n;said")).toEqual(["city", "n", "said"]);
    expect(first("a;a;said")).toEqual(["a", "a.1", "said"]);
    const texts = body.map((row) => row.replace(/\d+/, "x"));
    expect(readCsv(["city;kind;said", ...texts].join("\n"), "f.csv").csv?.hasNames).toBe(true);
    expect(readCsv(texts.join("\n"), "f.csv").csv?.hasNames).toBe(false);
  });

  it("of numbers take a text among them as missing, and say which; floors and the like are categories", () => {
    const given = text.replaceAll(",60,", ",60 m²,").replace(",65,", ",1e300,");
    const strayed = (form: Partial<CsvForm> = {}) => readCsv(given, "f.csv", { ...price, ...form });
    const { columns = [], x } = strayed();
    const sixties = lines.filter((line, i) => i % 30 !== 7 && line.includes(",60,")).length;
    expect(columns[0]).toMatchObject({
      missing: 10 + sixties + 1,
      strays: { count: sixties + 1, example: "60 m²", line: 6 },
    });
    expect([...x].every(Number.isFinite)).toBe(true);
    expect(rowOf("?, Busan", columns)).toEqual(rowOf("60 m², Busan", columns));
    const dropped = strayed({ missing: "drop" });
    const whole = lines.filter((line) => !/,(NA|\?|60|),/.test(line)).length - 1;
    expect([dropped.y.length, dropped.columns?.[0].missing]).toEqual([whole, undefined]);
    expect(dropped.columns?.[0].strays?.example).toBe("60 m²");
    const floors = Array.from({ length: 30 }, (_, i) => `${["1", "2", "3", "B1"][i % 4]},${i / 7}`).join(
      "\n",
    );
    expect(readCsv(`floor,price\n${floors}`, "f.csv").columns?.[0].categories).toEqual(["1", "2", "3", "B1"]);
  });

  it("of few whole numbers are learnt as classes or as a number, as one likes", () => {
    const given = `x,stars,kind\n${Array.from({ length: 60 }, (_, i) => `${i / 7},${(i % 12) + 1},${i % 2 ? "a" : "b"}`).join("\n")}`;
    const stars = (learntAs: CsvForm["learntAs"], target = "stars") =>
      readCsv(given, "f.csv", { target, missing: "fill", learntAs });
    const usual = stars("auto");
    expect([usual.task, usual.csv?.mayBeBoth, usual.csv?.learntAs]).toEqual(["classes", true, "auto"]);
    // In the order of numbers, not of letters.
    expect(usual.classNames).toEqual(Array.from({ length: 12 }, (_, i) => String(i + 1)));
    const number = stars("number");
    expect([number.task, number.classNames, number.csv?.learntAs]).toEqual(["regression", [], "number"]);
    expect(number.target?.mean).toBeCloseTo(6.5);
    const told = [...number.y].map((y) => y * (number.target?.deviation ?? 0) + 6.5);
    expect(told.map(Math.round).sort()).toEqual(
      [...usual.y].map((place) => Number(usual.classNames[place])).sort(),
    );
    // Neither texts nor fractions are both; of a column that is not there nothing was said.
    for (const column of ["kind", "x"])
      expect(stars("number", column).csv).toMatchObject({ mayBeBoth: false, learntAs: "auto" });
    expect(stars("number", "kind").task).toBe("binary");
    expect(stars("classes", "x").task).toBe("regression");
    expect(stars("number", "none").csv?.learntAs).toBe("auto");
    // More than are classes by themselves may be so.
    const ages = Array.from({ length: 90 }, (_, i) => `${i / 7},${i % 30}`).join("\n");
    expect(readCsv(`x,age\n${ages}`, "f.csv")).toMatchObject({
      task: "regression",
      csv: { mayBeBoth: true },
    });
    expect(readCsv(`x,age\n${ages}`, "f.csv", { ...price, target: "age", learntAs: "classes" }).classes).toBe(
      30,
    );
    expect(() => readCsv(given.replace(/,[ab]$/gm, ",1"), "f.csv", { ...price, target: "kind" })).toThrow(
      "the column to be learnt (kind) has the same value in each row, “1”; choose another one.",
    );
  });

  it("with decimal commas are numbers", () => {
    const { columns = [], csv, task, target } = readCsv(withCommas, "f.csv", price);
    expect([csv?.separator, csv?.decimal, task]).toEqual([";", ",", "regression"]);
    const page = read();
    expect(columns.map(({ name, mean }) => [name, mean])).toEqual(
      page.columns?.map(({ name, mean }) => [name, name === "area" ? mean * 100 + 0.5 : mean]),
    );
    expect(target?.mean).toBeCloseTo(page.target?.mean as number, 6);
    const number = Math.fround((1234.5 - columns[0].mean) / columns[0].deviation);
    expect([...rowOf("1.234,5; Busan", columns, ",")]).toEqual([number, 0, 1, 0, 0]);
    expect(() => rowOf("1.234,5, Busan", columns, ",")).toThrow(
      "1 values, where the net takes 2, with semicolons between them.",
    );
    // Without names, and with commas between cells too.
    const bare = Array.from({ length: 12 }, (_, i) => `${i},5;${i * i},25;2,5`);
    expect(readCsv(bare.join("\n"), "f.csv").csv).toMatchObject({ separator: ";", decimal: "," });
    const quoted = bare.map((row) => row.replace(/[^;]+/g, '"$&"').replaceAll(";", ","));
    expect(readCsv(`a,b,c\n${quoted.join("\n")}`, "f.csv").csv).toMatchObject({
      separator: ",",
      decimal: ",",
    });
    // Thousands of an English file are none; neither are points.
    const thousands = Array.from({ length: 12 }, (_, i) => `"1,${200 + i}",${i / 8}`);
    expect(readCsv(`a,b\n${thousands.join("\n")}`, "f.csv").csv?.decimal).toBe(".");
    expect(page.csv?.decimal).toBe(".");
  });

  it("take a row that is typed", () => {
    const { columns = [] } = read();
    const [area] = columns;
    const number = (value: number) => Math.fround((value - area.mean) / area.deviation);
    expect([...rowOf('60, "Seoul, the city"', columns)]).toEqual([number(60), 0, 0, 0, 1]);
    expect([...rowOf("?, ", columns)]).toEqual([0, 1, 0, 0, 0]);
    expect(() => rowOf("60, Oslo", columns)).toThrow("“Oslo” is none of city: missing, Busan, Daegu");
  });
});

describe("a set-up on a CSV file", () => {
  it("has what is learnt and what becomes of missing cells in its address", () => {
    const form = { target: "a & b=c #1 %", missing: "drop", learntAs: "number" } as const;
    const setup = { ...setupFor("csv"), ...form };
    expect(fromHash(`#${toHash(setup)}`)).toMatchObject({ setup, problems: [] });
    expect(toHash({ ...defaultSetup, ...form })).toBe(toHash(defaultSetup));
    const own = read({ missing: "drop" });
    expect(setupForOwn("csv", own, defaultSetup)).toMatchObject({ ...price, missing: "drop" });
    expect(fromHash("#data=csv&as=colour").problems).toHaveLength(1);
  });

  it("keeps a loss that was chosen, but none of another task", () => {
    const loss = "meanSquaredError";
    const before = { ...setupFor("csv"), loss };
    const own = readCsv(`x,kind\n${cells.map((_, i) => `${i / 7},${i % 2}`).join("\n")}`, "f.csv");
    expect([own.task, setupForOwn("csv", own, before).loss]).toEqual(["binary", loss]);
    expect(setupForOwn("csv", own, before, "binary").loss).toBe(loss);
    expect(setupForOwn("csv", own, before, "regression").loss).toBe("binaryCrossentropy");
  });

  const withStrays = text.replaceAll(",60,", ",60 m²,");
  const withoutNumbers = text.replace(/^(.*?,.*?),.*?,/gm, "$1,");
  const forms: [string, OwnData, string?][] = [
    ["filled in", read()],
    ["left out", read({ missing: "drop" })],
    ["classes", read({ target: "city" })],
    ["texts alone", readCsv(withoutNumbers, "houses.csv", price), withoutNumbers],
    ["texts among numbers", readCsv(withStrays, "houses.csv", price), withStrays],
    ["those left out", readCsv(withStrays, "houses.csv", { ...price, missing: "drop" }), withStrays],
  ];
  const codesOf = (own: OwnData) => {
    const setup = setupForOwn("csv", own, defaultSetup);
    const spec = specOfState({ setup, own });
    return { typescript: typescriptCode(setup, spec), keras: kerasCode(setup, spec) };
  };

  beforeAll(() => usePackage("csv-parse", async () => csvParse));

  it.each(forms)("in TypeScript makes the same rows: %s", async (_, own, file = text) => {
    const [table] = /\/\/ npm install[\s\S]*?(?=\nconst model)/.exec(
      codesOf(own).typescript,
    ) as RegExpExecArray;
    const given = new TextEncoder().encode(file);
    const { code } = transformSync(`async (readCsv) => {${table}; return { x, y }; }`, { loader: "ts" });
    const program = new Function(`return ${code}`)();
    const { x, y } = await program((_file: string, options: object) => readTable(given, options));
    const [made, page] = [rowsOf(x.flat(), y), rowsOf(own.x, own.y)];
    expect(made.length).toBe(page.length);
    expect(Math.max(...made.map((value, i) => Math.abs(value - page[i])))).toBeLessThan(1e-5);
  });

  it("in Keras is Python", () => {
    const codes = forms.map(([, own]) => codesOf(own).keras);
    const check = "import sys, json\nfor code in json.load(sys.stdin): compile(code, 'view', 'exec')";
    const { status, stderr, error } = spawnSync("python3", ["-c", check], {
      input: JSON.stringify(codes),
      encoding: "utf8",
    });
    if (error === undefined) expect([status, stderr]).toEqual([0, ""]);
    expect(codes[0]).toContain('("city", ["", "Busan", "Daegu", "Seoul, the city"]),');
    expect(codes[0]).toContain('pd.read_csv("houses.csv"');
    expect(codes[1]).toContain("table[names]");
    expect(codes[2]).toContain('classes = ["Busan", "Daegu", "Seoul, the city"]');
  });
});

// A user's CSV file as samples: columns of numbers and of texts, and one of them to be learnt, numbers or names of classes.

import {
  type Column,
  type CsvForm,
  type LearntAs,
  type OwnData,
  type Strays,
  widthOf,
} from "../setup/own-data.ts";
import {
  decimalMarkOf,
  isMissing,
  isNumber,
  type Row,
  rowsOf,
  separatorOf,
  valuesOf,
  withPoint,
} from "../setup/rows.ts";
import { columnOf, standardOf, type Unused } from "./columns.ts";

/** Bytes of a file that the page reads. */
const mostBytes = 50e6;
const mostClasses = 50;
/** Different whole numbers that are classes unless somebody says otherwise. */
const mostUsualClasses = 20;
/** Numbers of all samples together, categories counted one by one. */
const mostValues = 50e6;

/** @throws Error that says what is wrong with the file, and where */
export async function readCsvFile(file: File, form: CsvForm): Promise<OwnData> {
  if (file.size > mostBytes)
    throw new Error(
      `${file.name} has ${Math.round(file.size / 1e6)} MB; the page takes up to ${mostBytes / 1e6}. Choose a file with fewer rows.`,
    );
  return readCsv(await file.text(), file.name, form);
}

/**
 * @param form its `target` may be none of the file's columns: then the last one that can be is learnt
 * @throws Error that says what is wrong with the text, and where
 */
export function readCsv(
  text: string,
  name: string,
  form: CsvForm = { target: "", missing: "fill", learntAs: "auto" },
): OwnData {
  if (text.includes("\0") || text.slice(0, 1000).includes("\uFFFD"))
    throw new Error(`${name} is no text: choose a CSV file, with columns of numbers or texts, in UTF-8.`);
  const whole = text.replace(/^\uFEFF/, "");
  const separator = separatorOf(whole);
  const written = rowsIn(whole, separator, name);
  const decimal = decimalMarkOf(written, separator);
  const rows =
    decimal === "," ? written.map(({ cells, line }) => ({ cells: cells.map(withPoint), line })) : written;
  const width = rows[0]?.cells.length ?? 0;
  if (width < 2)
    throw new Error(
      `${name}: a row needs two columns at least, with commas, semicolons or tabs between them; found ${width}.`,
    );
  const uneven = rows.find(({ cells }) => cells.length !== width);
  if (uneven !== undefined)
    throw new Error(
      `${name}, line ${uneven.line}: ${uneven.cells.length} columns, where the first row has ${width}.`,
    );
  const hasNames = isHeader(rows);
  const names = hasNames
    ? distinct(written[0].cells)
    : Array.from({ length: width }, (_, k) => `column ${k + 1}`);
  const given = hasNames ? rows.slice(1) : rows;
  const found = names.indexOf(form.target);
  const learnt = found < 0 ? lastLearnable(given, width) : found;
  // What was said of another column says nothing of this one.
  const learntAs = found < 0 ? "auto" : form.learntAs;
  const isDropped = form.missing === "drop";
  const known = given.filter(({ cells }) => !isMissing(cells[learnt]));
  const strays = straysOf(known, names, learnt);
  const isWhole = ({ cells }: Row) =>
    !cells.some((cell, k) => isMissing(cell) || (strays[k] !== undefined && !isNumber(cell)));
  const samples = isDropped ? known.filter(isWhole) : known;
  if (samples.length < 10) throw new Error(`${name}: ${tooFew(given, samples.length, names, learnt)}`);
  const order = shuffled(samples.length).map((at) => samples[at]);
  const { x, columns, unused } = featuresOf(order, names, learnt, name, strays);
  const targets = order.map(({ cells }) => cells[learnt]);
  const mayBeBoth = areWhole(targets) && new Set(targets).size <= mostClasses;
  const leftOut = given.length - samples.length;
  return {
    name,
    shape: [x.length / order.length],
    x,
    columns,
    csv: {
      target: names[learnt],
      missing: form.missing,
      learntAs: mayBeBoth ? learntAs : "auto",
      mayBeBoth,
      separator,
      decimal,
      hasNames,
      names,
      unused,
    },
    ...(leftOut === 0 ? {} : { leftOut }),
    ...targetsOf(targets, name, names[learnt], mayBeBoth ? learntAs : "auto"),
  };
}

function rowsIn(text: string, separator: string, name: string): Row[] {
  try {
    return rowsOf(text, separator);
  } catch (error) {
    throw new Error(`${name}, ${(error as Error).message}`);
  }
}

/**
 * Whether the first row holds names: where a column of numbers begins with none; where there is none such, where it holds
 * texts that do not come again.
 */
function isHeader([first, ...rest]: readonly Row[]): boolean {
  const places = first.cells.map((_, k) => k);
  const looked = rest.slice(0, 200);
  const ofNumbers = places.filter((k) => {
    const present = looked.map(({ cells }) => cells[k]).filter((cell) => !isMissing(cell));
    return present.length > 0 && present.filter(isNumber).length > present.length / 2;
  });
  const isText = (k: number) => !isNumber(first.cells[k]) && !isMissing(first.cells[k]);
  if (ofNumbers.length > 0) return ofNumbers.some(isText);
  return places.every((k) => isText(k) && !rest.some(({ cells }) => cells[k] === first.cells[k]));
}

/** Names that come twice get a number, as pandas gives them; those without one are called by their place. */
function distinct(cells: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return cells.map((cell, k) => {
    const name = cell === "" ? `column ${k + 1}` : cell;
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return before === 0 ? name : `${name}.${before}`;
  });
}

/** The last column that can be learnt; of none the last one, whose error says why. */
function lastLearnable(rows: readonly Row[], width: number): number {
  for (let k = width - 1; k >= 0; k--) {
    const present = rows.map(({ cells }) => cells[k]).filter((cell) => !isMissing(cell));
    const kinds = new Set(present).size;
    if (kinds > 1 && (kinds <= mostClasses || present.every(isNumber))) return k;
  }
  return width - 1;
}

function tooFew(given: readonly Row[], whole: number, names: readonly string[], learnt: number): string {
  if (given.length < 10) return `${given.length} rows of samples; 10 are the least.`;
  const missing = names.map((_, k) => given.filter(({ cells }) => isMissing(cells[k])).length);
  const worst = missing.indexOf(Math.max(...missing));
  // Of rows that are filled in, what is to be learnt has to be there.
  const least = given.length - missing[learnt] === whole ? learnt : worst;
  return `${whole} of ${given.length} rows have a value in ${least === learnt ? "the column that is to be learnt" : "every column"}; 10 are the least. Column ${least + 1} (${names[least].slice(0, 40)}) lacks ${missing[least]}: fill it, or leave it out of the file.`;
}

/** Of each column, texts among its numbers. */
const straysOf = (rows: readonly Row[], names: readonly string[], learnt: number): (Strays | undefined)[] =>
  names.map((name, k) => {
    const made = k === learnt ? undefined : columnOf(name, k, rows);
    return made === undefined || "why" in made ? undefined : made.strays;
  });

function featuresOf(
  samples: readonly Row[],
  names: readonly string[],
  learnt: number,
  file: string,
  strays: readonly (Strays | undefined)[],
): { x: Float32Array<ArrayBuffer>; columns: Column[]; unused: (Unused & { name: string })[] } {
  const columns: (Column & { readonly at: number })[] = [];
  const unused: (Unused & { name: string })[] = [];
  for (const [at, name] of names.entries()) {
    if (at === learnt) continue;
    const made = columnOf(name, at, samples);
    if ("why" in made) unused.push({ name, why: made.why });
    else columns.push({ ...made, ...(strays[at] === undefined ? {} : { strays: strays[at] }), at });
  }
  const width = columns.reduce((sum, column) => sum + widthOf(column), 0);
  if (width === 0)
    throw new Error(
      `${file}: no column is left to learn from: ${unused.map(({ name, why }) => `${name.slice(0, 40)}: ${why}`).join("; ")}.`,
    );
  if (width * samples.length > mostValues)
    throw new Error(
      `${file}: ${samples.length} rows of ${width} numbers, categories counted one by one, are ${Math.round((width * samples.length) / 1e6)} million; ${mostValues / 1e6} million are the most. Choose a file with fewer rows or columns.`,
    );
  const x = new Float32Array(width * samples.length);
  let to = 0;
  for (const { cells } of samples)
    for (const column of columns) for (const value of valuesOf(cells[column.at], column)) x[to++] = value;
  return { x, columns: columns.map(({ at: _, ...column }) => column), unused };
}

const areWhole = (cells: readonly string[]): boolean =>
  cells.every((cell) => isNumber(cell) && Number.isInteger(Number(cell)));

function targetsOf(
  cells: readonly string[],
  name: string,
  column: string,
  learntAs: LearntAs,
): Pick<OwnData, "task" | "classes" | "classNames" | "y" | "target"> {
  const areNumbers = cells.every(isNumber);
  const kinds = [...new Set(cells)].sort(areNumbers ? (a, b) => Number(a) - Number(b) : undefined);
  if (kinds.length === 1)
    throw new Error(
      `${name}: the column to be learnt (${column.slice(0, 40)}) has the same value in each row, “${kinds[0].slice(0, 40)}”; choose another one.`,
    );
  const areUsually = areWhole(cells) && kinds.length <= mostUsualClasses;
  const areClasses = !areNumbers || (learntAs === "auto" ? areUsually : learntAs === "classes");
  if (!areClasses) {
    const y = Float32Array.from(cells, Number);
    const target = standardOf(column, y);
    for (let i = 0; i < y.length; i++) y[i] = (y[i] - target.mean) / target.deviation;
    return { task: "regression", classes: 0, classNames: [], y, target };
  }
  if (kinds.length > mostClasses)
    throw new Error(
      `${name}: the column to be learnt (${column.slice(0, 40)}) has ${kinds.length} different values, not all of them numbers, as “${(cells.find((cell) => !isNumber(cell)) ?? "").slice(0, 40)}”; names stand for 2 to ${mostClasses} classes.`,
    );
  const place = new Map(kinds.map((kind, i) => [kind, i]));
  const y = Float32Array.from(cells, (cell) => place.get(cell) as number);
  return { task: kinds.length === 2 ? "binary" : "classes", classes: kinds.length, classNames: kinds, y };
}

/** The rows of a file often stand in the order of their classes. */
function shuffled(count: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  let state = 1;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

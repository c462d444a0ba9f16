// A user's CSV file as samples: numbers in columns, what is to be learnt in the last one, numbers or names of classes.

import type { Column, OwnData } from "../setup/own-data.ts";
import { isNumber, type Row, rowsOf, separatorOf } from "../setup/rows.ts";

/** Bytes of a file that the page reads. */
const mostBytes = 50e6;
const mostClasses = 50;

/** @throws Error that says what is wrong with the file, and where */
export async function readCsvFile(file: File): Promise<OwnData> {
  if (file.size > mostBytes)
    throw new Error(
      `${file.name} has ${Math.round(file.size / 1e6)} MB; the page takes up to ${mostBytes / 1e6}. Choose a file with fewer rows.`,
    );
  return readCsv(await file.text(), file.name);
}

/**
 * Rows that lack a value are left out.
 *
 * @throws Error that says what is wrong with the text, and where
 */
export function readCsv(text: string, name: string): OwnData {
  if (text.includes("\0") || text.slice(0, 1000).includes("\uFFFD"))
    throw new Error(`${name} is no text: choose a CSV file, with numbers in columns and in UTF-8.`);
  const rows = rowsIn(text.replace(/^\uFEFF/, ""), name);
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
  const features = width - 1;
  // The first row holds names where its features are no numbers.
  const hasNames = rows[0].cells.slice(0, -1).some((cell) => !isNumber(cell) && !isMissing(cell));
  const names = Array.from({ length: width }, (_, k) => (hasNames ? rows[0].cells[k] : `column ${k + 1}`));
  const given = hasNames ? rows.slice(1) : rows;
  const samples = given.filter(({ cells }) => !cells.some(isMissing));
  if (samples.length < 10) throw new Error(`${name}: ${tooFew(given, samples.length, names)}`);
  for (const { cells, line } of samples) {
    const k = cells.findIndex((cell, at) => at < features && !isNumber(cell));
    if (k >= 0)
      throw new Error(
        `${name}, line ${line}, column ${k + 1}${hasNames ? ` (${names[k].slice(0, 40)})` : ""}: “${cells[k].slice(0, 40)}” is no number; only the last column may hold names.`,
      );
  }
  const order = shuffled(samples.length);
  const x = new Float32Array(samples.length * features);
  order.forEach((from, i) => {
    for (let k = 0; k < features; k++) x[i * features + k] = Number(samples[from].cells[k]);
  });
  const columns = standardize(x, names.slice(0, features));
  const targets = order.map((from) => samples[from].cells[features]);
  const leftOut = given.length - samples.length;
  return {
    name,
    shape: [features],
    x,
    columns,
    ...(leftOut === 0 ? {} : { leftOut }),
    ...targetsOf(targets, name, names[features]),
  };
}

/** As spreadsheets, pandas and R write that there is no value. */
const isMissing = (cell: string): boolean => /^(?:|\?|na|n\/a|nan|null)$/i.test(cell);

function rowsIn(text: string, name: string): Row[] {
  try {
    return rowsOf(text, separatorOf(text));
  } catch (error) {
    throw new Error(`${name}, ${(error as Error).message}`);
  }
}

function tooFew(given: readonly Row[], whole: number, names: readonly string[]): string {
  if (given.length < 10) return `${given.length} rows of samples; 10 are the least.`;
  const missing = names.map((_, k) => given.filter(({ cells }) => isMissing(cells[k])).length);
  const worst = missing.indexOf(Math.max(...missing));
  return `${whole} of ${given.length} rows have a value in every column; 10 are the least. Column ${worst + 1} (${names[worst].slice(0, 40)}) lacks ${missing[worst]}: fill it, or leave it out of the file.`;
}

/** Mean 0 and deviation 1 a column, so that columns of any unit train alike; what they were comes back. */
function standardize(x: Float32Array, names: readonly string[]): Column[] {
  const features = names.length;
  const count = x.length / features;
  return names.map((name, k) => {
    let [sum, squares] = [0, 0];
    for (let i = k; i < x.length; i += features) sum += x[i];
    const mean = sum / count;
    for (let i = k; i < x.length; i += features) squares += (x[i] - mean) ** 2;
    const deviation = Math.sqrt(squares / count) || 1;
    for (let i = k; i < x.length; i += features) x[i] = (x[i] - mean) / deviation;
    return { name, mean, deviation };
  });
}

function targetsOf(
  cells: readonly string[],
  name: string,
  column: string,
): Pick<OwnData, "task" | "classes" | "classNames" | "y" | "target"> {
  const kinds = [...new Set(cells)].sort();
  const areNumbers = cells.every(isNumber);
  const areClasses =
    !areNumbers || (kinds.length <= 20 && cells.every((cell) => Number.isInteger(Number(cell))));
  if (!areClasses) {
    const y = Float32Array.from(cells, Number);
    const [target] = standardize(y, [column]);
    return { task: "regression", classes: 0, classNames: [], y, target };
  }
  if (kinds.length < 2 || kinds.length > mostClasses)
    throw new Error(
      `${name}: the last column has ${kinds.length} different values; names stand for 2 to ${mostClasses} classes.`,
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

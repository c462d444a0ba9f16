// A user's CSV file as samples: numbers in columns, what is to be learnt in the last one, numbers or names of classes.

import type { Column, OwnData } from "../setup/own-data.ts";

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

/** @throws Error that says what is wrong with the text, and where */
export function readCsv(text: string, name: string): OwnData {
  if (text.includes("\0") || text.slice(0, 1000).includes("\uFFFD"))
    throw new Error(`${name} is no text: choose a CSV file, with numbers in columns and in UTF-8.`);
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const separator = separatorOf(lines[0] ?? "");
  const rows = lines
    .map((line, i) => ({ cells: cellsOf(line, separator), line: i + 1 }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""));
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
  // The first row holds names where its features are no numbers.
  const hasNames = rows[0].cells.slice(0, -1).some((cell) => !isNumber(cell));
  const samples = hasNames ? rows.slice(1) : rows;
  if (samples.length < 10) throw new Error(`${name}: ${samples.length} rows of samples; 10 are the least.`);
  const features = width - 1;
  const order = shuffled(samples.length);
  const x = new Float32Array(samples.length * features);
  order.forEach((from, i) => {
    const { cells, line } = samples[from];
    for (let k = 0; k < features; k++) {
      if (!isNumber(cells[k]))
        throw new Error(
          `${name}, line ${line}, column ${k + 1}: “${cells[k].slice(0, 40)}” is no number; only the last column may hold names.`,
        );
      x[i * features + k] = Number(cells[k]);
    }
  });
  const names = Array.from({ length: width }, (_, k) => (hasNames ? rows[0].cells[k] : `column ${k + 1}`));
  const columns = standardize(x, names.slice(0, features));
  const targets = order.map((from) => samples[from].cells[features]);
  return { name, shape: [features], x, columns, ...targetsOf(targets, name, names[features]) };
}

const isNumber = (cell: string): boolean => cell !== "" && Number.isFinite(Number(cell));

function separatorOf(line: string): string {
  const counts = [",", ";", "\t"].map((separator) => line.split(separator).length);
  return [",", ";", "\t"][counts.indexOf(Math.max(...counts))];
}

/** Quotes may stand around a cell, and two of them inside for one. */
function cellsOf(line: string, separator: string): string[] {
  const cells: string[] = [];
  let [cell, isQuoted] = ["", false];
  for (let i = 0; i < line.length; i++) {
    const letter = line[i];
    if (letter === '"' && isQuoted && line[i + 1] === '"') {
      cell += '"';
      i++;
    } else if (letter === '"') isQuoted = !isQuoted;
    else if (letter === separator && !isQuoted) {
      cells.push(cell.trim());
      cell = "";
    } else cell += letter;
  }
  return [...cells, cell.trim()];
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

/**
 * A row that was typed, as the net takes it.
 *
 * @throws Error that says what is wrong with it
 */
export function rowOf(text: string, columns: readonly Column[]): Float32Array<ArrayBuffer> {
  const cells = cellsOf(text.trim(), separatorOf(text));
  const wrong = cells.find((cell) => !isNumber(cell));
  if (wrong !== undefined) throw new Error(`“${wrong.slice(0, 40)}” is no number.`);
  if (cells.length !== columns.length)
    throw new Error(`${cells.length} numbers, where the net takes ${columns.length}.`);
  return Float32Array.from(columns, ({ mean, deviation }, k) => (Number(cells[k]) - mean) / deviation);
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

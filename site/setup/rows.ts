// Rows of a CSV text, those of a file and those that are typed: cells with commas, semicolons or tabs between them.

import type { Column, DecimalMark } from "./own-data.ts";

export interface Row {
  readonly cells: readonly string[];
  /** Of the text, from 1: where the row begins. */
  readonly line: number;
}

export const isNumber = (cell: string): boolean => cell !== "" && Number.isFinite(Math.fround(Number(cell)));

/** Commas as decimal marks, and points between thousands where there are some: 1.234,5. */
export const commaNumber = /^[-+]?(?:\d{1,3}(?:\.\d{3})+|\d*)(?:,\d+)?(?:e[-+]?\d+)?$/i;

/** A cell of a file with decimal commas, as programs write numbers; texts stay. */
export const withPoint = (cell: string): string =>
  commaNumber.test(cell) ? cell.replaceAll(".", "").replace(",", ".") : cell;

/** The decimal mark of a file: a comma where more numbers have one than have a point. */
export function decimalMarkOf(rows: readonly Row[], separator: string): DecimalMark {
  let [commas, points, others] = [0, 0, 0];
  for (const { cells } of rows)
    for (const cell of cells) {
      if (cell.includes(",") && commaNumber.test(cell)) {
        commas++;
        // Behind a comma three digits may be thousands, as 12,500.
        if (!/^[-+]?[1-9]\d{0,2},\d{3}$/.test(cell)) others++;
      } else if (cell.includes(".") && isNumber(cell) && !commaNumber.test(cell)) points++;
    }
  return commas > points && (separator !== "," || others > commas / 2) ? "," : ".";
}

/** What stands between the cells of the first row: no comma that only stands in numbers, as in 1,5;2,5. */
export function separatorOf(text: string): string {
  const [line] = text
    .slice(0, 10_000)
    .replace(/"[^"]*"/g, "")
    .split("\n");
  for (const separator of [";", "\t"]) {
    const cells = line.split(separator);
    if (cells.length > 1 && cells.every((cell) => !cell.includes(",") || commaNumber.test(cell.trim())))
      return separator;
  }
  const counts = [",", ";", "\t"].map((separator) => line.split(separator).length);
  return [",", ";", "\t"][counts.indexOf(Math.max(...counts))];
}

/**
 * All rows but empty ones. A cell that begins with a quote ends at the next one, whatever stands between: commas, ends of
 * lines, and two quotes for one.
 *
 * @throws Error where a quote is not closed
 */
export function rowsOf(text: string, separator: string): Row[] {
  const rows: Row[] = [];
  let cells: string[] = [];
  let [line, begun] = [1, 1];
  for (let at = 0; at <= text.length; at++) {
    let quoted = "";
    let start = at;
    while (text[start] === " ") start++;
    if (text[start] === '"') {
      const end = endOfQuote(text, start);
      if (end < 0)
        throw new Error(
          `line ${line}: the quote (") that begins a cell there is not closed. Close it, or write it twice within quotes.`,
        );
      quoted = text.slice(start + 1, end).replaceAll('""', '"');
      line += quoted.split("\n").length - 1;
      start = end + 1;
    }
    at = start;
    while (at < text.length && text[at] !== separator && text[at] !== "\n") at++;
    cells.push((quoted + text.slice(start, at)).trim());
    if (text[at] === separator) continue;
    if (cells.some((cell) => cell !== "")) rows.push({ cells, line: begun });
    cells = [];
    begun = ++line;
  }
  return rows;
}

/** Where the quote closes that opens at `start`; negative: nowhere. */
function endOfQuote(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
  return end;
}

/** As spreadsheets, pandas and R write that there is no value. */
export const isMissing = (cell: string): boolean => /^(?:|\?|na|n\/a|nan|null)$/i.test(cell);

/**
 * A row that was typed, as the net takes it.
 *
 * @param decimal the file's decimal mark; where it is a comma, semicolons or tabs stand between the cells
 * @throws Error that says what is wrong with it
 */
export function rowOf(
  text: string,
  columns: readonly Column[],
  decimal: DecimalMark = ".",
): Float32Array<ArrayBuffer> {
  const hasCommas = decimal === ",";
  const separator = !hasCommas ? separatorOf(text) : text.includes("\t") ? "\t" : ";";
  const cells = rowsOf(text.trim(), separator)[0]?.cells ?? [];
  if (cells.length !== columns.length)
    throw new Error(
      `${cells.length} values, where the net takes ${columns.length}${hasCommas ? ", with semicolons between them" : ""}.`,
    );
  return Float32Array.from(
    columns.flatMap((column, k) => valuesOf(hasCommas ? withPoint(cells[k]) : cells[k], column)),
  );
}

/**
 * A cell as the net takes it.
 *
 * @throws Error where it is none of the column's
 */
export function valuesOf(
  cell: string,
  { name, mean, deviation, categories, missing, strays }: Column,
): number[] {
  const isEmpty = isMissing(cell);
  if (categories !== undefined) {
    const place = categories.indexOf(isEmpty ? "" : cell);
    if (place < 0) throw new Error(`${said(cell)} is none of ${name.slice(0, 40)}: ${listed(categories)}.`);
    return categories.map((_, k) => (k === place ? 1 : 0));
  }
  const isGap = isEmpty || (strays !== undefined && !isNumber(cell));
  if (isGap && missing !== undefined) return [0];
  if (!isNumber(cell)) throw new Error(isEmpty ? "A number is missing." : `${said(cell)} is no number.`);
  return [(Number(cell) - mean) / deviation];
}

const said = (cell: string): string => (cell === "" ? "An empty cell" : `“${cell.slice(0, 40)}”`);

/** The first categories by name. */
export function listed(categories: readonly string[], most = 6): string {
  const first = categories.slice(0, most).map((kind) => (kind === "" ? "missing" : kind.slice(0, 40)));
  return `${first.join(", ")}${categories.length > most ? ` … (${categories.length} in all)` : ""}`;
}

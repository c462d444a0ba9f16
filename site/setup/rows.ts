// Rows of a CSV text, those of a file and those that are typed: cells with commas, semicolons or tabs between them.

import type { Column } from "./own-data.ts";

export interface Row {
  readonly cells: readonly string[];
  /** Of the text, from 1: where the row begins. */
  readonly line: number;
}

export const isNumber = (cell: string): boolean => cell !== "" && Number.isFinite(Math.fround(Number(cell)));

/** What stands between the cells of the first row. */
export function separatorOf(text: string): string {
  const [line] = text
    .slice(0, 10_000)
    .replace(/"[^"]*"/g, "")
    .split("\n");
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

/**
 * A row that was typed, as the net takes it.
 *
 * @throws Error that says what is wrong with it
 */
export function rowOf(text: string, columns: readonly Column[]): Float32Array<ArrayBuffer> {
  const cells = rowsOf(text.trim(), separatorOf(text))[0]?.cells ?? [];
  const wrong = cells.find((cell) => !isNumber(cell));
  if (wrong !== undefined)
    throw new Error(wrong === "" ? "A number is missing." : `“${wrong.slice(0, 40)}” is no number.`);
  if (cells.length !== columns.length)
    throw new Error(`${cells.length} numbers, where the net takes ${columns.length}.`);
  return Float32Array.from(columns, ({ mean, deviation }, k) => (Number(cells[k]) - mean) / deviation);
}

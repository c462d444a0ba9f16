// Small pieces of HTML: escaping, and arrays as tables.

import type { Notation } from "./notation.ts";
import { showNumber } from "./notation.ts";
import type { ShownArray } from "./recording.ts";

/** Text as it stands in HTML and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

const maxRows = 8;
const maxColumns = 8;

/** An array as a table, its elements under their own names where they have some; larger ones by their beginning. */
export function arrayTable(array: ShownArray, notation: Notation, name: string | undefined): string {
  const { shape, data } = array;
  const columns = shape.at(-1) ?? 1;
  const rows = shape.slice(0, -1).reduce((count, length) => count * length, 1);
  if (rows * columns === 0) return '<p class="none">no elements</p>';
  const shownRows = Math.min(rows, maxRows, Math.ceil(data.length / columns));
  const shownColumns = Math.min(columns, maxColumns);
  const cell = (row: number, column: number) => {
    const index = row * columns + column;
    if (index >= data.length) return "<td></td>";
    const label = name === undefined ? undefined : notation.label(name, index);
    const above = label === undefined ? "" : `<small>${escapeHtml(label)}</small>`;
    return `<td>${above}${escapeHtml(showNumber(data[index]))}</td>`;
  };
  const body = Array.from({ length: shownRows }, (_, row) => {
    const cells = Array.from({ length: shownColumns }, (_, column) => cell(row, column));
    return `<tr>${cells.join("")}${shownColumns < columns ? "<td>…</td>" : ""}</tr>`;
  });
  if (shownRows < rows) body.push("<tr><td>⋮</td></tr>");
  return `<table class="array"><tbody>${body.join("")}</tbody></table>`;
}

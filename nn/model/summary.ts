// The table of a model's layers, byte for byte as Keras 2.13 prints it (keras/src/utils/layer_utils.py). Text only.

import { printable } from "../../engine/internal.ts";

export interface SummaryRow {
  readonly name: string;
  readonly type: string;
  /** Without the batch axis. */
  readonly outputShape: readonly number[];
  readonly params: number;
}

export interface SummaryTotals {
  readonly trainable: number;
  readonly nonTrainable: number;
}

/** Width of a line, and where its columns end: Keras's default for sequential models. */
const width = 65;
const ends = [29, 55, 65];

export function summaryText(name: string, rows: readonly SummaryRow[], totals: SummaryTotals): string {
  const lines = [
    `Model: "${printable(name)}"`,
    "_".repeat(width),
    ...row(["Layer (type)", "Output Shape", "Param #"]),
  ];
  lines.push("=".repeat(width));
  for (const { name, type, outputShape, params } of rows) {
    lines.push(...row([`${name} (${type})`, `(${["None", ...outputShape].join(", ")})`, String(params)]));
    lines.push(" ".repeat(width));
  }
  const { trainable, nonTrainable } = totals;
  lines.push("=".repeat(width));
  lines.push(`Total params: ${withBytes(trainable + nonTrainable)}`);
  lines.push(`Trainable params: ${withBytes(trainable)}`);
  lines.push(`Non-trainable params: ${withBytes(nonTrainable)}`);
  lines.push("_".repeat(width));
  return lines.join("\n");
}

/** One row as lines: text too long for its column goes on in the next line. */
function row(fields: readonly string[]): string[] {
  const rest = fields.map((text) => printable(text));
  const lines: string[] = [];
  while (rest.some((text) => text !== "")) {
    let line = " ";
    for (let column = 0; column < ends.length; column++) {
      const isLast = column === ends.length - 1;
      const begin = column === 0 ? 0 : ends[column - 1];
      // Two spaces between columns, and one for the space that the line begins with.
      const room = ends[column] - begin - (isLast ? 0 : 3);
      line = (line + rest[column].slice(0, room)).padEnd(ends[column]);
      rest[column] = rest[column].slice(room);
    }
    lines.push(line);
  }
  return lines;
}

/** "139 (556.00 Byte)": four bytes a parameter. */
function withBytes(params: number): string {
  const units = ["Byte", "KB", "MB", "GB", "TB"];
  let size = params * 4;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${params} (${size.toFixed(2)} ${units[unit]})`;
}

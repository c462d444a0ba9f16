// Rows of CSV files as elements, read one by one: by the names of their columns, or as inputs and a target.

import { ArgumentError, DataError, kindOf } from "../../engine/base/errors.ts";
import type { CsvOptions, CsvRow } from "../formats/csv.ts";
import type { DataSource } from "../sources/source.ts";
import { Generated } from "./sources.ts";

export interface CsvDatasetOptions extends CsvOptions {
  /** The column that is told from the others: elements are [x, y], x a Float32Array of the other columns in their order. */
  target?: string;
}

/** @param source as `csvRows` takes it; a string with a line break is the file's text itself */
export function csvStage(source: DataSource, options: CsvDatasetOptions): Generated {
  const what = "Dataset.fromCsv";
  if (typeof options !== "object" || options === null)
    throw new ArgumentError(
      `${what}: options must be an object, as in { target: ... }, got ${kindOf(options)}`,
    );
  const { target, ...reading } = options;
  if (target !== undefined && typeof target !== "string")
    throw new ArgumentError(`${what}: target must be the name of a column, got ${kindOf(target)}`);
  const isText = typeof source === "string" && source.includes("\n");
  const given = isText ? new TextEncoder().encode(source) : source;
  return new Generated(
    async function* () {
      // The parser is loaded by those who read files.
      const { csvRows } = await import("../formats/csv.ts");
      for await (const row of csvRows(given, reading)) yield target === undefined ? row : pairOf(row, target);
    },
    undefined,
    false,
    false,
    "fromCsv()",
  );
}

function pairOf(row: CsvRow, target: string): [x: Float32Array, y: number | string] {
  if (!Object.hasOwn(row, target)) {
    throw new DataError(`there is no column "${target}"; its columns are ${Object.keys(row).join(", ")}`);
  }
  const names = Object.keys(row).filter((name) => name !== target);
  const x = Float32Array.from(names, (name) => {
    const value = row[name];
    if (typeof value === "number") return value;
    throw new DataError(
      `column "${name}" holds texts, as "${value}"; leave it out with { select }, or map rows without target`,
    );
  });
  return [x, row[target]];
}

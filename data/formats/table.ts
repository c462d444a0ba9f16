// Columns of numbers or texts by name, as tables of rows hold them: what CSV and Parquet files become.

import { DataError, printable } from "../../engine/base/errors.ts";

/** What a column holds: numbers that become f32 or i32 tensors, 0 or 1 for false and true, or texts. */
export type ColumnType = "f32" | "i32" | "bool" | "string";

export type Column = Float32Array | Int32Array | Uint8Array | string[];

export interface Table {
  /** The names of the columns, in order. */
  readonly names: readonly string[];
  /** The values by column: a Float32Array, an Int32Array, a Uint8Array of 0 and 1, or texts. */
  readonly columns: Readonly<Record<string, Column>>;
  /** How many rows there are: the length of each column. */
  readonly length: number;
}

/** What becomes of an empty field, or one that says NA, in a column of numbers. */
export type Missing = "error" | "nan" | "skip" | number;

/** @throws DataError for names that stand twice, or would be no property of an object like the others */
export function checkNames(file: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (name === "__proto__")
      throw new DataError(`${printable(file)}: a column is named "__proto__"; rename it`);
    if (seen.has(name)) {
      throw new DataError(
        `${printable(file)}: two columns are named "${printable(name)}"; rename one, or pass { header: [...] } with names of your own`,
      );
    }
    seen.add(name);
  }
}

/** The columns that were asked for, by their places. @throws DataError for one that the file doesn't have */
export function placesOf(
  file: string,
  names: readonly string[],
  wanted: readonly string[] | undefined,
): number[] {
  return (wanted ?? names).map((name) => {
    const place = names.indexOf(name);
    if (place >= 0) return place;
    throw new DataError(
      `${printable(file)}: has no column "${printable(name)}"; its columns are ${names.map((one) => printable(one)).join(", ")}`,
    );
  });
}

/** Numbers in an array that grows. */
class GrowingNumbers {
  values = new Float64Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const more = new Float64Array(2 * this.length);
      more.set(this.values);
      this.values = more;
    }
    this.values[this.length++] = value;
  }
}

/** A column that is filled value by value. Its dtype is settled at the end where none was asked for. */
export class ColumnBuilder {
  readonly #numbers = new GrowingNumbers();
  readonly #texts: string[] = [];
  #isWhole = true;

  constructor(
    readonly name: string,
    readonly type: ColumnType | "number",
  ) {}

  push(value: number | string): void {
    if (typeof value === "string") this.#texts.push(value);
    else {
      this.#isWhole &&= (value | 0) === value && !Object.is(value, -0);
      this.#numbers.push(value);
    }
  }

  finish(): Column {
    if (this.type === "string") return this.#texts;
    const values = this.#numbers.values.subarray(0, this.#numbers.length);
    const type = this.type === "number" ? (this.#isWhole ? "i32" : "f32") : this.type;
    if (type === "bool") return Uint8Array.from(values);
    return type === "i32" ? Int32Array.from(values) : Float32Array.from(values);
  }
}

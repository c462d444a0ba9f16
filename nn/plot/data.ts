// Data of charts, checked before anything is drawn.

import { ArgumentError, ShapeError } from "../../engine/index.ts";
import { isList, kindOf } from "../../engine/internal.ts";

/** Numbers in a row: an array or a typed array. What is not finite is left out of the picture. */
export type Numbers = ArrayLike<number>;

/** @throws ArgumentError for what is no list of numbers */
export function numbersOf(what: string, name: string, values: unknown, length?: number): number[] {
  if (!isList(values)) {
    const { data, shape } = (values ?? {}) as { data?: unknown; shape?: unknown };
    const remedy =
      typeof data === "function" && Array.isArray(shape) ? "; read it first: await x.data()" : "";
    throw new ArgumentError(`${what}: ${name} must be an array of numbers, got ${kindOf(values)}${remedy}`);
  }
  const list = Array.from(values as ArrayLike<unknown>);
  list.forEach((value, i) => {
    if (typeof value !== "number")
      throw new ArgumentError(`${what}: ${name}[${i}] must be a number, got ${kindOf(value)}`);
  });
  if (length !== undefined && list.length !== length)
    throw new ShapeError(`${what}: ${name} has ${list.length} numbers; it must have ${length}`);
  return list as number[];
}

/** Rows of equal length. */
export function rowsOfNumbers(what: string, name: string, values: unknown): number[][] {
  const rows = listOf<unknown>(what, name, values).map((row, i) => numbersOf(what, `${name}[${i}]`, row));
  rows.forEach((row, i) => {
    if (row.length !== rows[0].length)
      throw new ShapeError(
        `${what}: ${name}[${i}] has ${row.length} numbers and ${name}[0] has ${rows[0].length}; all must have as many`,
      );
  });
  if (rows.length === 0 || rows[0].length === 0)
    throw new ShapeError(`${what}: ${name} is empty; it must have a number at least`);
  return rows;
}

export function listOf<T>(what: string, name: string, values: unknown): readonly T[] {
  if (Array.isArray(values)) return values as T[];
  throw new ArgumentError(`${what}: ${name} must be an array, got ${kindOf(values)}`);
}

/** @throws ArgumentError for what is no text */
export function textOf(what: string, name: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new ArgumentError(`${what}: ${name} must be a string, got ${kindOf(value)}`);
}

export function namesOf(what: string, name: string, values: unknown, length: number): string[] {
  const names = listOf<unknown>(what, name, values).map((value, i) => textOf(what, `${name}[${i}]`, value));
  if (names.length !== length)
    throw new ShapeError(`${what}: ${name} has ${names.length} names; it must have ${length}`);
  return names;
}

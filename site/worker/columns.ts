// What the net gets of the columns of a CSV file: numbers with mean 0 and deviation 1, categories as 0 and 1 each.

import type { Column } from "../setup/own-data.ts";
import { isMissing, isNumber, type Row } from "../setup/rows.ts";

/** Different texts of a column that become categories. */
export const mostCategories = 50;
/** Different numbers that are categories beside texts: floors as 1, 2, 3 and B1. */
const mostLevels = 10;

/** Names of columns that tell rows apart. */
const isNumbering = /^(?:id|index|row|no\.?|nr\.?|#|unnamed: \d+)$/i;

/** A column that the net does not get. */
export interface Unused {
  readonly why: string;
}

/** What the net gets of a column, by its place in the rows. */
export function columnOf(name: string, at: number, rows: readonly Row[]): Column | Unused {
  const present = rows.filter(({ cells }) => !isMissing(cells[at]));
  if (present.length === 0) return { why: "it is empty" };
  const numbers = present.filter(({ cells }) => isNumber(cells[at]));
  const kinds = [...new Set(present.map(({ cells }) => cells[at]))].sort();
  const gapsFor = (known: readonly Row[]) =>
    known.length === rows.length ? {} : { missing: rows.length - known.length };
  if (isNumbering.test(name) && kinds.length === rows.length) return { why: "it only numbers the rows" };
  if (numbers.length === present.length || areStrays(numbers, present, at)) {
    const values = Float64Array.from(numbers, ({ cells }) => Number(cells[at]));
    const strays = numbers.length === present.length ? {} : { strays: straysOf(at, present) };
    return { ...standardOf(name, values), ...gapsFor(numbers), ...strays };
  }
  if (kinds.length > mostCategories)
    return {
      why: `it has ${kinds.length} different texts, as “${kinds[0].slice(0, 40)}”, and ${mostCategories} are the most`,
    };
  const categories = present.length === rows.length ? kinds : ["", ...kinds];
  if (categories.length === 1) return { why: "it is the same in each row" };
  return { name, mean: 0, deviation: 1, categories, ...gapsFor(present) };
}

function straysOf(at: number, present: readonly Row[]) {
  const strays = present.filter(({ cells }) => !isNumber(cells[at]));
  const { cells, line } = strays.reduce((a, b) => (b.line < a.line ? b : a));
  return { count: strays.length, example: cells[at], line };
}

/** Whether texts among numbers are none of the column's own: there are few, or many different numbers. */
const areStrays = (numbers: readonly Row[], present: readonly Row[], at: number): boolean =>
  numbers.length > present.length / 2 &&
  (present.length - numbers.length < present.length / 20 ||
    new Set(numbers.map(({ cells }) => Number(cells[at]))).size > mostLevels);

/** Their mean, and their deviation, or 1 where they are all the same. */
export function standardOf(name: string, values: ArrayLike<number>): Column {
  const { length } = values;
  let [sum, squares] = [0, 0];
  for (let i = 0; i < length; i++) sum += values[i];
  const mean = sum / length;
  for (let i = 0; i < length; i++) squares += (values[i] - mean) ** 2;
  return { name, mean, deviation: Math.sqrt(squares / length) || 1 };
}

// What the net gets of the columns of a CSV file: numbers with mean 0 and deviation 1, categories as 0 and 1 each.

import type { Column } from "../setup/own-data.ts";
import { isMissing, isNumber } from "../setup/rows.ts";

/** Different texts of a column that become categories. */
export const mostCategories = 50;

/** A column that the net does not get. */
export interface Unused {
  readonly why: string;
}

/**
 * @param cells one a sample
 * @throws Error, which begins with the number of the cell that is to blame, where a column of numbers has one that is none
 */
export function columnOf(name: string, cells: readonly string[]): Column | Unused {
  const present = cells.filter((cell) => !isMissing(cell));
  if (present.length === 0) return { why: "it is empty" };
  const gaps = cells.length - present.length;
  const missing = gaps === 0 ? {} : { missing: gaps };
  const numbers = present.filter(isNumber);
  if (numbers.length === present.length)
    return { ...standardOf(name, Float64Array.from(numbers, Number)), ...missing };
  const kinds = [...new Set(present)].sort();
  if (isMistaken(numbers.length, present.length, kinds.length))
    throw new StrayCell(cells.findIndex((cell) => !isMissing(cell) && !isNumber(cell)));
  if (kinds.length > mostCategories)
    return { why: `it has ${kinds.length} different texts, and ${mostCategories} are the most` };
  const categories = gaps === 0 ? kinds : ["", ...kinds];
  if (categories.length === 1) return { why: "it is the same in each row" };
  return { name, mean: 0, deviation: 1, categories, ...missing };
}

/** Text in a column of numbers. */
export class StrayCell extends Error {
  /** @param at its place among the cells */
  constructor(readonly at: number) {
    super(`cell ${at} is no number`);
  }
}

/** Whether few texts among many numbers are mistakes; floors as 1, 2 and B1 are categories. */
const isMistaken = (numbers: number, present: number, kinds: number): boolean =>
  numbers > present / 2 && (kinds > 20 || kinds > present / 3 || present - numbers < present / 20);

/** Their mean, and their deviation, or 1 where they are all the same. */
export function standardOf(name: string, values: ArrayLike<number>): Column {
  const { length } = values;
  let [sum, squares] = [0, 0];
  for (let i = 0; i < length; i++) sum += values[i];
  const mean = sum / length;
  for (let i = 0; i < length; i++) squares += (values[i] - mean) ** 2;
  return { name, mean, deviation: Math.sqrt(squares / length) || 1 };
}

// Checks of numbers that users give, and how errors show what they gave instead. Knows nothing of tensors.

import { ArgumentError, kindOf } from "../engine/index.ts";

/** What was given, for messages: numbers as they are, of others what they are, as in `the string "3"`. */
export const showGiven = (value: unknown): string =>
  typeof value === "number" ? String(value) : kindOf(value);

/** @throws ArgumentError unless `value` is a whole number of at least 1 */
export function atLeastOne(who: string, what: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new ArgumentError(`${who}: ${what} must be a whole number of at least 1, got ${showGiven(value)}`);
}

/** @throws ArgumentError unless `value` is a whole number of at least 0 */
export function wholeNumber(who: string, what: string, value: number): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw new ArgumentError(`${who}: ${what} must be a whole number of at least 0, got ${showGiven(value)}`);
}

/** @throws ArgumentError unless `value` is a finite number above 0 */
export function aboveZero(who: string, what: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new ArgumentError(`${who}: ${what} must be a finite number above 0, got ${showGiven(value)}`);
}

/** @throws ArgumentError unless `value` is a finite number of at least 0 */
export function atLeastZero(who: string, what: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new ArgumentError(`${who}: ${what} must be a finite number of at least 0, got ${showGiven(value)}`);
}

// Checks of numbers that users give, and how errors show what they gave instead: for options of layers, optimizers and
// callbacks.

import { ArgumentError, checkOptions, kindOf } from "./errors.ts";

/** @internal What was given, for messages: numbers as they are, of others what they are, as in `the string "3"`. */
export const showGiven = (value: unknown): string =>
  typeof value === "number" ? String(value) : kindOf(value);

/** @internal The same where a list of numbers belongs, or one: its elements are shown. */
export const showGivenList = (value: unknown): string =>
  Array.isArray(value) ? `[${value.map(showGiven).join(", ")}]` : showGiven(value);

/** @internal @throws ArgumentError unless `value` is a number, which may be infinite */
export function aNumber(who: string, what: string, value: unknown): number {
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  throw refused(who, what, "a number", value);
}

/**
 * @internal An optional number behind an op's tensors that may come by position or as an option of that name:
 * `leakyRelu(x, 0.1)` and `leakyRelu(x, { negativeSlope: 0.1 })`.
 *
 * @throws ArgumentError for other options, and for what is no finite number
 */
export function numberOrOption(who: string, name: string, given: unknown, fallback: number): number {
  const isOptions = typeof given === "object" && given !== null;
  if (isOptions) checkOptions<object>(who, given, { [name]: true });
  const found = isOptions ? (given as Record<string, unknown>)[name] : given;
  const value = found === undefined ? fallback : found;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw refused(who, name, "a finite number", value);
}

/** @internal @throws ArgumentError unless `value` is a whole number of at least 1 */
export function atLeastOne(who: string, what: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw refused(who, what, "a whole number of at least 1", value);
}

/** @internal @throws ArgumentError unless `value` is a whole number of at least 0 */
export function wholeNumber(who: string, what: string, value: number): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw refused(who, what, "a whole number of at least 0", value);
}

/** @internal @throws ArgumentError unless `value` is a finite number above 0 */
export function aboveZero(who: string, what: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw refused(who, what, "a finite number above 0", value);
}

/** @internal @throws ArgumentError unless `value` is a finite number of at least 0 */
export function atLeastZero(who: string, what: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw refused(who, what, "a finite number of at least 0", value);
}

/** @internal @throws ArgumentError unless `value` is a number from 0 up to 1, exclusive */
export function belowOne(who: string, what: string, value: number): number {
  if (Number.isFinite(value) && value >= 0 && value < 1) return value;
  throw refused(who, what, "from 0 up to 1 (exclusive)", value);
}

/** One number for every spatial axis, or one each. */
export type PerAxis = number | readonly number[];

/** @internal @throws ArgumentError unless `value` is a whole number of at least `least`, or `rank` of them */
export function perAxis(op: string, what: string, value: PerAxis, rank: number, least = 1): number[] {
  const list = typeof value === "number" ? new Array<number>(rank).fill(value) : Array.from(value ?? []);
  if (list.length !== rank || list.some((n) => !Number.isInteger(n) || n < least)) {
    throw new ArgumentError(
      `${op}: ${what} is ${showGivenList(value)}; it must be a whole number of at least ${least}, or ${rank} of them, one a spatial axis`,
    );
  }
  return list;
}

const refused = (who: string, what: string, wanted: string, value: unknown) =>
  new ArgumentError(`${who}: ${what} must be ${wanted}, got ${showGiven(value)}`);

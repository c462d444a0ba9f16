// Values read back, as text on one line.

import { numberText } from "../kernel/text.ts";
import type { NestedArray } from "../tensor/tensor.ts";

/** Elements shown of a small value, and of the beginning of a larger one. */
const whole = 12;
const beginning = 4;

/** `[[0.3, 0.4], [0.25, 0.35]]`, or of a larger value `0.1, 0.2, ... 64 values from -1.5 to 2, mean 0.1`. */
export function valueText(value: NestedArray, digits = 6): string {
  const show = (one: NestedArray): string =>
    Array.isArray(one) ? `[${one.map(show).join(", ")}]` : elementText(one, digits);
  const flat = flatten(value);
  if (flat.length <= whole) return show(value);
  const first = flat.slice(0, beginning).map((one) => elementText(one, digits));
  return `${first.join(", ")}, ... ${flat.length} values ${rangeText(flat.map(Number), digits)}`;
}

/** All elements, row-major. */
export function flatten(value: NestedArray): (number | boolean)[] {
  return Array.isArray(value) ? value.flatMap(flatten) : [value];
}

const elementText = (value: number | boolean, digits: number) =>
  typeof value === "number" ? numberText(value, digits) : String(value);

function rangeText(values: readonly number[], digits: number): string {
  const finite = values.filter(Number.isFinite);
  const odd = values.length - finite.length;
  const few = Math.min(digits, 4);
  const total = finite.reduce((sum, value) => sum + value, 0);
  const low = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const range =
    finite.length === 0
      ? ""
      : `from ${numberText(low, few)} to ${numberText(high, few)}, mean ${numberText(total / finite.length, few)}`;
  return odd === 0 ? range : `${range}${range === "" ? "" : ", "}${odd} NaN or infinite`;
}

// Checks of hyperparameters that all optimizers share. Knows nothing of tensors.

import { ArgumentError } from "../engine/index.ts";

/** @throws ArgumentError unless `value` is a finite number of at least 0 */
export function atLeastZero(name: string, what: string, value: number): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
    throw new ArgumentError(`${name}: ${what} must be a finite number of at least 0, got ${value}`);
  }
  return value;
}

/** @throws ArgumentError unless `value` is a finite number above 0 */
export function aboveZero(name: string, what: string, value: number): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) {
    throw new ArgumentError(`${name}: ${what} must be a finite number above 0, got ${value}`);
  }
  return value;
}

/** @throws ArgumentError unless `value` is a number from 0 up to 1, exclusive */
export function belowOne(name: string, what: string, value: number): number {
  if (typeof value !== "number" || !(value >= 0 && value < 1)) {
    throw new ArgumentError(`${name}: ${what} must be from 0 up to 1 (exclusive), got ${value}`);
  }
  return value;
}

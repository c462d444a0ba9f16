// What the conformance page holds, as data: a row an op, measured on one adapter, and the file they travel in.

/**
 * "pass"; "none: why" where there is nothing to check (no gradient); "limit: what" for a stated limit (limits.ts);
 * "FAIL: what".
 */
export type Cell = string;

export interface Row {
  readonly op: string;
  /** Its samples against the float64 reference. */
  readonly forward: Cell;
  /** Its rule against differences in float64, and the adapter's gradients against the reference's. */
  readonly gradient: Cell;
  /** The same for the derivative of the rule. */
  readonly second: Cell;
  /** The worst error found, in `unit`. */
  readonly error: number;
  readonly unit: "ULP" | "relative" | "exact" | "1 + |y|";
  /** What the op promises, in words; "" where it promises nothing of its own. */
  readonly bound: string;
  readonly accuracy: Cell;
  /** NaN, infinities, signed zeros, subnormal numbers. */
  readonly special: Cell;
  /** Every axis of its samples in turn at odd lengths, one, and none. */
  readonly shapes: Cell;
}

/** One adapter's measurements, as they lie in docs/conformance/NAME.json. */
export interface Measured {
  readonly name: string;
  readonly adapter: string;
  readonly driver: string;
  readonly rows: readonly Row[];
}

export const cellNames = ["forward", "gradient", "second", "accuracy", "special", "shapes"] as const;
export type CellName = (typeof cellNames)[number];

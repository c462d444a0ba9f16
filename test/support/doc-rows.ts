// Rows of the pages for people from other libraries: run with what they take for given, and compared.

import { expect } from "vitest";

export type Names = Readonly<Record<string, unknown>>;

/** What the last of the statements gives. */
export function runRow(code: string, names: Names): Promise<unknown> {
  const statements = code.split(/; (?![^{]*\})/);
  const last = statements.pop();
  // In a block, so that a row may call something of its own by a name that is given.
  const body = `{ ${statements.map((statement) => `${statement};`).join(" ")} return (${last}); }`;
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  return new AsyncFunction(...Object.keys(names), body)(...Object.values(names)) as Promise<unknown>;
}

/** Rows and columns of sines. */
export const waves = (rows: number, columns: number, phase: number) =>
  Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) => Math.sin(1 + 1.7 * i + 0.9 * j + phase)),
  );
/** As many sines as the shape has places. */
export const flat = (shape: readonly number[]) =>
  Float32Array.from({ length: shape.reduce((p, q) => p * q, 1) }, (_, i) => Math.sin(0.7 * i));

/** Numbers in f32 as they are, with the same shapes and lengths around them. */
export function expectClose(got: unknown, wanted: unknown): void {
  if (typeof wanted === "number") {
    expect(typeof got).toBe("number");
    expect(Math.abs((got as number) - wanted)).toBeLessThanOrEqual(2e-5 * Math.max(1, Math.abs(wanted)));
  } else if (typeof wanted === "object" && wanted !== null) {
    expect(Object.keys(got as object)).toEqual(Object.keys(wanted));
    for (const [key, part] of Object.entries(wanted)) expectClose((got as Names)[key], part);
  } else {
    expect(got).toEqual(wanted);
  }
}

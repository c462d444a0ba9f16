// Small pieces of text that stepping, explain and diagrams share: specs, attributes, numbers, tables.

import { showShape } from "../base/shape.ts";
import type { Spec } from "./kernel.ts";

/** `f32 [2, 3]` */
export const specText = ({ dtype, shape }: Spec): string => `${dtype} ${showShape(shape)}`;

/** An op's attributes as `axes: [0], keepDims: true`; "" where it has none. Flags that are off go unsaid. */
export function attrsText(attrs: unknown): string {
  if (attrs === null || typeof attrs !== "object") return attrs === undefined ? "" : String(attrs);
  return Object.entries(attrs)
    .filter(([, value]) => value !== undefined && value !== false && typeof value !== "function")
    .map(([key, value]) => `${key}: ${attributeText(value)}`)
    .join(", ");
}

const longest = 8;

function attributeText(value: unknown): string {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const all = Array.from(value as ArrayLike<unknown>);
    const shown = all.slice(0, longest).map(attributeText);
    return `[${shown.join(", ")}${all.length > longest ? `, ... ${all.length}` : ""}]`;
  }
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value !== "object") return String(value);
  const own = (value as { toString(): string }).toString;
  return own === Object.prototype.toString ? `{ ${attrsText(value)} }` : String(value);
}

/** A number in at most `digits` significant digits, without trailing zeros; exponents for the very large and small. */
export function numberText(value: number, digits = 6): string {
  if (!Number.isFinite(value) || value === 0) return Object.is(value, -0) ? "-0" : String(value);
  const size = Math.abs(value);
  const plain = size >= 1e-4 && size < 10 ** Math.max(digits, 6);
  return plain ? String(Number(value.toPrecision(digits))) : value.toExponential(Math.min(digits, 4) - 1);
}

/** Rows as lines with columns aligned; trailing spaces go. */
export function columns(rows: readonly (readonly string[])[], gap = "  "): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((text, k) => {
      widths[k] = Math.max(widths[k] ?? 0, text.length);
    });
  }
  return rows.map((row) =>
    row
      .map((text, k) => text.padEnd(widths[k]))
      .join(gap)
      .trimEnd(),
  );
}

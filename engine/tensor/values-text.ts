// The values of a tensor as text, nested in brackets by axis, as NumPy shows arrays.

import type { DType } from "../base/dtype.ts";
import { type Shape, sizeOf } from "../base/shape.ts";

/**
 * What follows a tensor's title: on the same line, or, for several axes, on lines of its own, so that rows stand one under
 * another, and columns too.
 *
 * @param values row-major
 * @param edge elements shown at either end of an axis that is longer than both; default: all
 */
export function valuesText(
  values: ArrayLike<number>,
  shape: Shape,
  dtype: DType,
  edge = Number.POSITIVE_INFINITY,
): string {
  // Of the texts, and what they are filled up to.
  let longest = 0;
  let widest = 0;
  const show = (at: number): string => {
    const text = valueText(values[at], dtype).padStart(widest);
    longest = Math.max(longest, text.length);
    return text;
  };
  const axisText = (axis: number, first: number): string => {
    if (axis === shape.length) return show(first);
    const length = shape[axis];
    const stride = sizeOf(shape.slice(axis + 1));
    const parts: string[] = [];
    for (let i = 0; i < length; i++) {
      if (length > 2 * edge && i === edge) {
        parts.push("...");
        i = length - edge;
      }
      parts.push(axisText(axis + 1, first + i * stride));
    }
    const isInner = axis === shape.length - 1;
    return `[${parts.join(isInner ? ", " : `,\n${" ".repeat(axis + 1)}`)}]`;
  };
  if (shape.length < 2) return ` ${axisText(0, 0)}`;
  axisText(0, 0);
  widest = longest;
  return `\n${axisText(0, 0)}`;
}

function valueText(value: number, dtype: DType): string {
  if (dtype === "bool") return String(value !== 0);
  // More digits an f32 does not have.
  return dtype === "f32" && value !== 0 ? String(Number(value.toPrecision(7))) : wholeText(value);
}

const wholeText = (value: number) => (Object.is(value, -0) ? "-0" : String(value));

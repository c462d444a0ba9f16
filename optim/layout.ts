// How a vector holds one tensor a variable.

import { type Shape, sizeOf } from "../engine/index.ts";

export interface Layout {
  /** The shapes, by variable; undefined for one that has none. */
  readonly shapes: readonly (Shape | undefined)[];
  /** Where each begins, in elements: multiples of 4. */
  readonly offsets: readonly number[];
  readonly total: number;
}

/** A layout of tensors of these shapes. */
export function layoutOf(shapes: readonly (Shape | undefined)[]): Layout {
  let total = 0;
  const offsets = shapes.map((shape) => {
    const offset = total;
    if (shape !== undefined) total += Math.ceil(sizeOf(shape) / 4) * 4;
    return offset;
  });
  return { shapes, offsets, total: Math.max(total, 4) };
}

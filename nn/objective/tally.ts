// Tallies: how many samples, by weight, fall into each cell of a table. Confusion counts, curves and matrices are made of
// them: one sum by index, whatever the size of the table.

import {
  ArgumentError,
  add,
  argMax,
  cast,
  equal,
  expand,
  greater,
  mul,
  reshape,
  type Shape,
  ShapeError,
  scatterAdd,
  showShape,
  slice,
  type Tensor,
} from "../../engine/index.ts";
import { wholeNumber } from "../../engine/internal.ts";
import { equalShapes } from "../layers/spec.ts";

/** Weights (of the first axes of `cells`; undefined: 1 each) added up by cell, an i32; cells outside count nowhere. */
export function tally(cells: Tensor, size: number, weights: Tensor | undefined): Tensor {
  const flat = reshape(cells, [cells.size]);
  const amounts = weights === undefined ? cast(equal(flat, flat), "f32") : spread(weights, cells.shape);
  return scatterAdd(reshape(amounts, [cells.size]), flat, size);
}

/** Weights of the first axes of a shape, for each element of it. */
export function spread(weights: Tensor, shape: Shape): Tensor {
  const lead = weights.shape.slice(0, shape.length);
  const ones = new Array<number>(shape.length - lead.length).fill(1);
  return expand(reshape(weights, [...lead, ...ones]), shape);
}

/** Numbers as places: they are whole. */
export const toCells = (x: Tensor): Tensor => cast(x, "i32");

/**
 * Targets (1 where above 1/2, else 0) and outputs of the same shape; with a class, only those of the class, whose targets
 * may be labels too.
 */
export function binaryPair(
  name: string,
  targets: Tensor,
  outputs: Tensor,
  classId: number | undefined,
): [targets: Tensor, outputs: Tensor] {
  const last = outputs.shape[outputs.rank - 1];
  const isLabels = equalShapes(targets.shape, outputs.shape.slice(0, -1));
  if (classId === undefined && isLabels && last === 1) {
    return [yes(reshape(targets, outputs.shape)), outputs];
  }
  const fits = equalShapes(targets.shape, outputs.shape) || (classId !== undefined && isLabels);
  if (!fits) {
    throw new ShapeError(
      `metric "${name}": targets ${showShape(targets.shape)} and outputs ${showShape(outputs.shape)} must have the same shape; for integer labels give it the classId of the class that counts, or use f1Score or confusionMatrix`,
    );
  }
  if (classId === undefined) return [yes(targets), outputs];
  wholeNumber(`metric "${name}"`, "classId", classId);
  if (classId >= last) {
    throw new ArgumentError(
      `metric "${name}": classId ${classId} is out of range: the outputs have ${last} classes`,
    );
  }
  const begin = outputs.shape.map((_, axis) => (axis === outputs.rank - 1 ? classId : 0));
  const end = outputs.shape.map((length, axis) => (axis === outputs.rank - 1 ? classId + 1 : length));
  const column = (x: Tensor) => reshape(slice(x, begin, end), outputs.shape.slice(0, -1));
  const own = isLabels ? cast(equal(cast(targets, "i32"), classId), "f32") : yes(column(targets));
  return [own, column(outputs)];
}

const yes = (targets: Tensor): Tensor => cast(greater(targets, 0.5), "f32");

/** The class of each row: of labels themselves, of one number a row whether it is above the threshold, else the largest. */
export function classesOf(x: Tensor, isLabels: boolean, threshold = 0.5): Tensor {
  if (isLabels) return cast(x, "i32");
  if (x.shape[x.rank - 1] === 1) return cast(greater(reshape(x, x.shape.slice(0, -1)), threshold), "i32");
  return cast(argMax(x, -1), "i32");
}

/** Cells of a table of `columns`, by row and column. */
export const cellOf = (row: Tensor, column: Tensor, columns: number): Tensor =>
  add(mul(row, columns), column);

// Embedding lookup: rows of a table by whole numbers. It is a gather; the adjoint scatterAdd adds up what repeated
// numbers get, in order, so gradients repeat bit for bit.

import { ShapeError } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { gather } from "./indexing.ts";

/**
 * Rows of `table` [count, features] by `ids` (i32 or u32, any shape): ids.shape + [features]. A GPU cannot throw, so a
 * number out of range gives a row of zeros, and no gradient flows from it; under `debug({ numerics: true })` it is an
 * error.
 *
 * @throws ShapeError when the table has not 2 axes
 * @throws DTypeError unless the ids are i32 or u32
 */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  checkTensor("embedding", table);
  if (table.shape.length !== 2) {
    throw new ShapeError(`embedding: the table must be [count, features], got ${showShape(table.shape)}`);
  }
  return gather(table, ids, 0);
}

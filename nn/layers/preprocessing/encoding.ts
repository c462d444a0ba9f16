// Whole numbers as rows: one-hot, multi-hot, counts. What CategoryEncoding and Discretization share.

import { bincount, cast, minimum, oneHot, reshape, type Tensor } from "../../../engine/index.ts";
import type { SampleShape } from "../spec.ts";

export type Encoding = "oneHot" | "multiHot" | "count";

/** The shape of samples with their numbers encoded, each as one of so many. */
export function encodedShape(shape: SampleShape, count: number, mode: Encoding): SampleShape {
  if (shape.length === 0) return [count];
  // A row of one number is that number, as in Keras.
  if (mode === "oneHot" && shape.at(-1) !== 1) return [...shape, count];
  return [...shape.slice(0, -1), count];
}

/** `ids` [batch, ...], of which those out of range count for nothing; `weights` of their shape: what each counts for. */
export function encoded(ids: Tensor, count: number, mode: Encoding, weights?: Tensor): Tensor {
  const places = ids.dtype === "i32" || ids.dtype === "u32" ? ids : cast(ids, "i32");
  const shape = [ids.shape[0], ...encodedShape(ids.shape.slice(1), count, mode)] as number[];
  if (mode === "oneHot") return reshape(oneHot(places, count), shape);
  const rows = ids.shape.length === 1 ? reshape(places, [ids.shape[0], 1]) : places;
  if (weights !== undefined) {
    const amounts = weights.dtype === "f32" ? weights : cast(weights, "f32");
    return bincount(rows, count, { weights: reshape(amounts, rows.shape), axis: -1 });
  }
  const counts = bincount(rows, count, { axis: -1 });
  return cast(mode === "count" ? counts : minimum(counts, 1), "f32");
}

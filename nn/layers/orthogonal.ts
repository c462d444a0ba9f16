// Orthogonal matrices out of random ones, in float64 on the host.

import type { Shape } from "../../engine/index.ts";

/**
 * The Q of the factorization QR of a matrix with the diagonal of R positive, times a gain: of the columns of [rows, columns]
 * where there are at least as many rows, else of the rows.
 *
 * @param shape all axes but the last count as rows
 * @param drawn numbers of the normal distribution: the longer side counts up last
 */
export function orthogonalValues(shape: Shape, gain: number, drawn: Float32Array): Float32Array {
  const columns = shape[shape.length - 1];
  const rows = columns === 0 ? 0 : drawn.length / columns;
  const isTall = rows >= columns;
  const [long, short] = isTall ? [rows, columns] : [columns, rows];
  const vectors = Array.from({ length: short }, (_, i) =>
    Float64Array.from(drawn.subarray(i * long, (i + 1) * long)),
  );
  const values = new Float32Array(drawn.length);
  vectors.forEach((vector, i) => {
    // Twice: the second time takes away what rounding left of the first.
    for (let pass = 0; pass < 2; pass++) for (let j = 0; j < i; j++) takeAway(vector, vectors[j]);
    const length = Math.sqrt(dot(vector, vector));
    for (let k = 0; k < long; k++) {
      vector[k] /= length;
      values[isTall ? k * columns + i : i * columns + k] = vector[k] * gain;
    }
  });
  return values;
}

/** Takes from a vector what it has of the direction of another, of length 1. */
function takeAway(vector: Float64Array, direction: Float64Array): void {
  const share = dot(vector, direction);
  for (let k = 0; k < vector.length; k++) vector[k] -= share * direction[k];
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let k = 0; k < a.length; k++) total += a[k] * b[k];
  return total;
}

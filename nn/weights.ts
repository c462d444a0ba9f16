// Weights between host and device, as `getWeights` and `setWeights` move them. Knows variables, not models.

import { type Shape, ShapeError, showShape, type Variable } from "../engine/index.ts";
import { equalShapes } from "./layers/layer.ts";

/** A weight on the host. */
export interface WeightValue {
  readonly name: string;
  readonly shape: Shape;
  /** Row-major. */
  readonly values: Float32Array;
}

export function readWeights(weights: readonly Variable[]): Promise<WeightValue[]> {
  return Promise.all(
    weights.map(async (weight) => ({
      name: weight.name,
      shape: weight.shape,
      values: (await weight.data()) as Float32Array,
    })),
  );
}

/**
 * Replaces the weights by what {@link readWeights} gave, or by flat arrays.
 *
 * @param what how errors begin
 * @throws ShapeError when they do not fit; nothing is changed then
 */
export function writeWeights(
  what: string,
  weights: readonly Variable[],
  values: readonly (WeightValue | ArrayLike<number>)[],
): void {
  if (values.length !== weights.length) {
    throw new ShapeError(`${what} has ${weights.length} weights, got ${values.length}; pass one array each`);
  }
  const flat = values.map((value, i) => {
    const given =
      "values" in value && typeof value.values !== "function" ? (value as WeightValue) : undefined;
    const numbers = given?.values ?? (value as ArrayLike<number>);
    const { name, shape, size } = weights[i];
    if (numbers.length !== size || (given !== undefined && !equalShapes(given.shape, shape))) {
      throw new ShapeError(
        `${what}: weight ${i}, "${name}", has shape ${showShape(shape)} (${size} values), got ${given ? showShape(given.shape) : `${numbers.length} values`}`,
      );
    }
    return numbers;
  });
  weights.forEach((weight, i) => {
    weight.set(flat[i]);
  });
}

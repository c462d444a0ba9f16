// Weights between host and device, as `getWeights` and `setWeights` move them.

import {
  ArgumentError,
  type Shape,
  ShapeError,
  showShape,
  Tensor,
  type Variable,
} from "../../engine/index.ts";
import { isList, kindOf } from "../../engine/internal.ts";
import { equalShapes } from "../layers/spec.ts";

/** A weight on the host. */
export interface WeightValue {
  readonly name: string;
  readonly shape: Shape;
  /** Row-major. */
  readonly values: Float32Array;
}

/** A weight and its path in the model. */
export interface NamedWeight {
  readonly name: string;
  readonly variable: Variable;
}

export function readWeights(weights: readonly NamedWeight[]): Promise<WeightValue[]> {
  return Promise.all(
    weights.map(async ({ name, variable }) => ({
      name,
      shape: variable.shape,
      values: (await variable.data()) as Float32Array,
    })),
  );
}

/**
 * Replaces the weights by what {@link readWeights} gave, or by flat arrays: in their order, as Keras does. Names that the
 * model has, too, must come in its order; others say nothing, for layers without a name of their own are counted on.
 *
 * @param what how errors begin
 * @throws ShapeError, ArgumentError when they do not fit; nothing is changed then
 */
export function writeWeights(
  what: string,
  weights: readonly NamedWeight[],
  values: readonly (WeightValue | ArrayLike<number>)[],
): void {
  if (!Array.isArray(values)) {
    throw new ArgumentError(`${what}: takes an array with one entry a weight, got ${listKindOf(values)}`);
  }
  if (values.length !== weights.length) {
    throw new ShapeError(`${what} has ${weights.length} weights, got ${values.length}; pass one array each`);
  }
  const flat = values.map((value, i) => {
    const isGiven = typeof value === "object" && value !== null && "values" in value;
    const given = isGiven && typeof value.values !== "function" ? (value as WeightValue) : undefined;
    const numbers: unknown = given === undefined ? value : given.values;
    const { name, variable } = weights[i];
    const { shape, size } = variable;
    const start = `${what}: weight ${i}, "${name}", has shape ${showShape(shape)} (${size} values)`;
    if (!isNumbers(numbers)) {
      throw new ArgumentError(
        `${start}; its values must be a typed array or a flat array of numbers, got ${listKindOf(numbers)}${remedyOf(numbers)}`,
      );
    }
    if (numbers.length !== size || (given !== undefined && !equalShapes(given.shape, shape))) {
      throw new ShapeError(
        `${start}, got ${given ? `${showShape(given.shape)} with ${numbers.length}` : numbers.length} values`,
      );
    }
    return numbers;
  });
  checkOrder(what, weights, values);
  weights.forEach(({ variable }, i) => {
    variable.set(flat[i]);
  });
}

/** Refuses weights that stand in another order than the model's, which would be swapped in silence. */
function checkOrder(
  what: string,
  weights: readonly NamedWeight[],
  values: readonly (WeightValue | ArrayLike<number>)[],
): void {
  const given = values.map((value) => ("name" in value ? String(value.name) : undefined));
  const own = weights.map((weight) => weight.name);
  const wanted = own.filter((name) => given.includes(name));
  const found = given.filter((name) => name !== undefined && own.includes(name));
  const at = wanted.findIndex((name, i) => name !== found[i]);
  if (at < 0) return;
  throw new ArgumentError(
    `${what}: got the weights in another order: "${found[at]}" where the model has "${wanted[at]}"; its weights are ${own.join(", ")}. Put them in that order, or pass plain arrays to set them by place`,
  );
}

/** Whether all of it are numbers, so that nothing can go wrong half way. */
const isNumbers = (value: unknown): value is ArrayLike<number> =>
  isList(value) && (!Array.isArray(value) || value.every((number) => typeof number === "number"));

function listKindOf(value: unknown): string {
  if (Array.isArray(value))
    return Array.isArray(value[0]) ? "nested arrays" : "an array that holds other things";
  return value instanceof Tensor ? "a Tensor" : kindOf(value);
}

function remedyOf(value: unknown): string {
  if (value instanceof Tensor) return "; pass await tensor.data()";
  if (Array.isArray(value)) {
    if (Array.isArray(value[0])) return "; pass values.flat(Infinity)";
    return value.includes(null) ? "; JSON writes NaN and infinities as null" : "";
  }
  const isJson = typeof value === "object" && value !== null && "0" in value;
  return isJson ? "; JSON turns typed arrays into objects: save Array.from(values)" : "";
}

// Data that a layer learns from before training, as Normalization and Discretization do: read to the host, and what is
// said where that was not done.

import {
  ArgumentError,
  type NestedInput,
  type Shape,
  ShapeError,
  sizeOf,
  Tensor,
  type Variable,
} from "../../../engine/index.ts";
import { fromValues, isList, kindOf } from "../../../engine/internal.ts";
import type { Initializer } from "../initializers.ts";
import type { Layer } from "../layer.ts";
import { isSpec, type SampleSpec } from "../spec.ts";

/** Samples, the batch axis first: a tensor, nested arrays, or a typed array, which the layer's input shape cuts into rows. */
export type AdaptData = Tensor | NestedInput | ArrayLike<number>;

export interface HostData {
  readonly values: ArrayLike<number>;
  /** The batch first. */
  readonly shape: Shape;
}

export async function readData(layer: Layer, data: AdaptData): Promise<HostData> {
  const what = `${layer.describe()}: adapt`;
  const found = await valuesOf(layer, what, data);
  const size = sizeOf(found.shape);
  if (size === 0) throw new ArgumentError(`${what}: got no samples; pass at least one`);
  for (let i = 0; i < size; i++) {
    if (Number.isFinite(found.values[i])) continue;
    throw new ArgumentError(
      `${what}: value ${i} is ${found.values[i]}; all must be finite numbers: leave such samples out`,
    );
  }
  return found;
}

async function valuesOf(layer: Layer, what: string, data: AdaptData): Promise<HostData> {
  if (data instanceof Tensor) {
    if (data.rank === 0) throw new ShapeError(`${what}: the data must have a batch axis, got a scalar`);
    return { values: await data.data(), shape: data.shape };
  }
  if (!isList(data)) throw new ArgumentError(`${what}: takes a Tensor or arrays, got ${kindOf(data)}`);
  if (Array.isArray(data)) return fromValues(what, data as NestedInput, undefined);
  const row = rowOf(layer);
  if (row === undefined || row.includes(null)) {
    throw new ArgumentError(
      `${what}: a typed array says nothing of its rows; give the layer an inputShape, or pass a tensor`,
    );
  }
  const values = data as ArrayLike<number>;
  const size = sizeOf(row as Shape);
  if (values.length % size !== 0) {
    throw new ShapeError(`${what}: ${values.length} values are no whole number of rows of ${size}`);
  }
  return { values, shape: [values.length / size, ...(row as Shape)] };
}

/** The shape of a sample, where it is known. */
function rowOf(layer: Layer): readonly (number | null)[] | undefined {
  const { inputSpec } = layer;
  if (inputSpec !== undefined && isSpec(inputSpec)) return (inputSpec as SampleSpec).shape;
  return layer.declaredInputShape;
}

/** Weights that stand already: one number for all, or as many as the shape has. */
export const givenValues = (values: number | readonly number[]): Initializer => ({
  name: "given",
  draw: (shape) =>
    typeof values === "number" ? new Float32Array(sizeOf(shape)).fill(values) : Float32Array.from(values),
});

/** @throws ArgumentError unless numbers were given, adapted, or set as the layer's weights */
export function checkAdapted(
  layer: Layer,
  what: string,
  isKnown: boolean,
  weight: Variable | undefined,
  options: string,
): void {
  if (isKnown || (weight !== undefined && weight.version > 0)) return;
  throw new ArgumentError(
    `${layer.describe()}: has no ${what} yet; call await layer.adapt(data) first, or give ${options}`,
  );
}

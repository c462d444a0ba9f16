// Weights of classes, as programs that weigh them import it.

import type { Device, Shape } from "../../engine/index.ts";
import { ArgumentError } from "../../engine/index.ts";
import { isPlainObject } from "../../engine/internal.ts";
import type { SampleShape } from "../layers/spec.ts";
import { type ClassWeight, ClassWeights } from "../objective/class-weights.ts";
import type { Loss } from "../objective/losses.ts";

/** One for the one output; of several outputs, by their names. */
export type ClassWeightOption = ClassWeight | { readonly [output: string]: ClassWeight };

/** What samples count by their classes, for `fit`'s option `classWeight`. */
export interface ClassWeighting {
  readonly classWeight: ClassWeightOption;
  /** @internal The weights of each output's classes, undefined for none; the caller's to dispose. */
  readonly weightsOf: (
    what: string,
    names: readonly string[],
    losses: readonly Loss[],
    shapes: readonly SampleShape[],
    device: Device,
  ) => readonly (ClassWeights | undefined)[];
}

/**
 * Weighs samples by their classes: `fit(x, y, { classWeight: classWeights({ 0: 1, 1: 5 }) })`.
 *
 * @param given a weight for each class; of a model with several outputs, that for each by its name
 */
export function classWeights(given: ClassWeightOption): ClassWeighting {
  return {
    classWeight: given,
    weightsOf: (what, names, losses, shapes, device) =>
      classWeightsOf(what, given, names, losses, shapes, device),
  };
}

function classWeightsOf(
  what: string,
  given: ClassWeightOption,
  names: readonly string[],
  losses: readonly Loss[],
  shapes: readonly SampleShape[],
  device: Device,
): readonly (ClassWeights | undefined)[] {
  const make = (weight: ClassWeight, i: number) =>
    new ClassWeights(what, weight, losses[i], shapes[i] as Shape, device);
  if (names.length === 1) return [make(given as ClassWeight, 0)];
  const unknown = isPlainObject(given) ? Object.keys(given).find((key) => !names.includes(key)) : "";
  if (unknown !== undefined) {
    throw new ArgumentError(
      `${what}: classWeight of a model with the outputs ${names.join(", ")} must be an object by these names, each with the weights of its classes`,
    );
  }
  const byName = given as { readonly [output: string]: ClassWeight };
  return names.map((name, i) => (byName[name] === undefined ? undefined : make(byName[name], i)));
}

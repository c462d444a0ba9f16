// Weights of samples and of classes as fit takes them, checked before a step.

import type { Device, Shape } from "../../engine/index.ts";
import { ArgumentError } from "../../engine/index.ts";
import { isPlainObject } from "../../engine/internal.ts";
import type { SampleShape } from "../layers/spec.ts";
import { type ClassWeight, ClassWeights, checkSampleWeight } from "../objective/class-weights.ts";
import type { Loss } from "../objective/losses.ts";
import type { Feed } from "./feed.ts";

/** @throws ArgumentError for sample weights that are negative, NaN or infinite, and where all are 0 */
export function checkWeights(what: string, { givenWeights }: Feed): void {
  for (const values of givenWeights) checkSampleWeight(what, values);
}

/** One for the one output; of several outputs, by their names. */
export type ClassWeightOption = ClassWeight | { readonly [output: string]: ClassWeight };

/** The weights of each output's classes, undefined for none; the caller's to dispose. */
export function classWeightsOf(
  what: string,
  given: ClassWeightOption | undefined,
  names: readonly string[],
  losses: readonly Loss[],
  shapes: readonly SampleShape[],
  device: Device,
): readonly (ClassWeights | undefined)[] | undefined {
  if (given === undefined) return undefined;
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

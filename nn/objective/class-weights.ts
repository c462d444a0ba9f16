// Weights of classes: what is refused before a step is taken, and what samples count by them.

import {
  ArgumentError,
  argMax,
  cast,
  type Device,
  reshape,
  type Shape,
  showShape,
  type Tensor,
  variable,
} from "../../engine/index.ts";
import { gatherRows, kindOf, showGiven } from "../../engine/internal.ts";
import type { Loss } from "./loss.ts";

/** A weight for each class, by its number: an object, a list or a Map. */
export type ClassWeight = Readonly<Record<number, number>> | readonly number[] | ReadonlyMap<number, number>;

/** The weights of an output's classes, on the device. */
export class ClassWeights {
  readonly #loss: Loss;
  readonly #table: Tensor;

  /** @throws as {@link classWeightsOf} */
  constructor(what: string, given: ClassWeight, loss: Loss, outputShape: Shape, device: Device) {
    this.#loss = loss;
    const weights = classWeightsOf(what, given, loss, outputShape);
    this.#table = variable(weights, { trainable: false, device }).holdsAlways(weights);
  }

  /** Of a batch's samples. */
  of(targets: Tensor, outputs: Tensor): Tensor {
    const [table, { axis = -1 }] = [this.#table, this.#loss];
    if (targets.rank < outputs.rank) return gatherRows(table, cast(targets, "i32"));
    if (targets.shape[targets.rank - 1] > 1) return gatherRows(table, cast(argMax(targets, axis), "i32"));
    return gatherRows(table, cast(reshape(targets, targets.shape.slice(0, -1)), "i32"));
  }

  dispose(): void {
    this.#table.dispose();
  }
}

/**
 * The weights of all classes, in their order.
 *
 * @throws ArgumentError for a class without a weight, for one that there is not, for what is no weight, where all are 0, and
 *   where outputs have no classes
 */
function classWeightsOf(what: string, given: ClassWeight, loss: Loss, outputShape: Shape): Float32Array {
  const last = outputShape.at(loss.axis ?? -1) ?? 1;
  if (typeof given !== "object" || given === null) {
    throw new ArgumentError(
      `${what}: classWeight must be an object with a weight for each class, as { 0: 1, 1: 5 }, got ${kindOf(given)}`,
    );
  }
  if (last > 1 && (loss.logitsOf === "sigmoid" || loss.name.startsWith("binary"))) {
    throw new ArgumentError(
      `${what}: classWeight weighs samples by their one class, but outputs of shape ${showShape(outputShape)} under ${loss.name} have several labels each; use sampleWeight`,
    );
  }
  if (loss.targets === "sequences") {
    throw new ArgumentError(
      `${what}: classWeight weighs samples by their one class, and those of ${loss.name} have sequences of labels; use sampleWeight`,
    );
  }
  const classes = Math.max(2, last);
  const weights =
    given instanceof Map ? given : new Map(Object.entries(given).map(([c, w]) => [Number(c), w]));
  for (const [index, weight] of weights) {
    if (!(Number.isInteger(index) && index >= 0 && index < classes)) {
      throw new ArgumentError(
        `${what}: classWeight has a weight for class ${index}, but the classes are 0 to ${classes - 1}`,
      );
    }
    if (!(typeof weight === "number" && weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      throw new ArgumentError(
        `${what}: classWeight of class ${index} is ${showGiven(weight)}; weights must be finite numbers of at least 0`,
      );
    }
  }
  const list = Array.from({ length: classes }, (_, index) => {
    const weight = weights.get(index);
    if (weight !== undefined) return weight as number;
    throw new ArgumentError(
      `${what}: classWeight has no weight for class ${index}; give each of the ${classes} classes one, 1 for those that count as they are`,
    );
  });
  if (list.every((weight) => weight === 0)) {
    throw new ArgumentError(`${what}: classWeight is 0 for all classes, so nothing would be learned`);
  }
  return new Float32Array(list);
}

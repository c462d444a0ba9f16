// Losses, in Keras's names and formulas, and how they are found by name. A loss gives one value a sample (or several);
// what training descends is made of them by its reduction.

import { ArgumentError } from "../../engine/index.ts";
import { checkNotMaker, kindOf, lookup, spellingOf } from "../../engine/internal.ts";
import {
  binaryCrossentropy,
  binaryFocalCrossentropy,
  categoricalCrossentropy,
  categoricalFocalCrossentropy,
  klDivergence,
  poisson,
  sparseCategoricalCrossentropy,
} from "./crossentropies.ts";
import {
  cosineSimilarity,
  huber,
  logCosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
} from "./distances.ts";
import { dropForeignExtras, type Loss, type LossLike } from "./loss.ts";
import { categoricalHinge, dice, hinge, squaredHinge, tversky } from "./margins.ts";

export type {
  BinaryFocalOptions,
  CrossentropyOptions,
  FocalOptions,
  FromLogitsOption,
  SparseCrossentropyOptions,
} from "./crossentropies.ts";
export {
  binaryCrossentropy,
  binaryFocalCrossentropy,
  categoricalCrossentropy,
  categoricalFocalCrossentropy,
  klDivergence,
  poisson,
  sparseCategoricalCrossentropy,
} from "./crossentropies.ts";
export { type CtcOptions, ctc } from "./ctc.ts";
export type { CosineSimilarityOptions, HuberOptions } from "./distances.ts";
export {
  cosineSimilarity,
  huber,
  logCosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
} from "./distances.ts";
export type { Loss, LossLike, LossOptions, Reduction } from "./loss.ts";
export type { DiceOptions, TverskyOptions } from "./margins.ts";
export { categoricalHinge, dice, hinge, squaredHinge, tversky } from "./margins.ts";
export { type ReduceOptions, reduce } from "./reduction.ts";

const table: Readonly<Record<string, () => Loss>> = {
  meanSquaredError,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredLogarithmicError,
  huber,
  logCosh,
  binaryCrossentropy,
  binaryFocalCrossentropy,
  categoricalCrossentropy,
  categoricalFocalCrossentropy,
  sparseCategoricalCrossentropy,
  klDivergence,
  poisson,
  hinge,
  squaredHinge,
  categoricalHinge,
  cosineSimilarity,
  dice,
  tversky,
};
/** Keras's short forms, and the names of its classes where they differ. */
const aliases = {
  mse: "meanSquaredError",
  mae: "meanAbsoluteError",
  mape: "meanAbsolutePercentageError",
  msle: "meanSquaredLogarithmicError",
  bce: "binaryCrossentropy",
  kld: "klDivergence",
  kullbackLeiblerDivergence: "klDivergence",
};

/** The names that {@link get} knows. */
export const names: readonly string[] = [...Object.keys(table), ...Object.keys(aliases)];

/** @internal A loss by name ("mse", "huber", "sparse_categorical_crossentropy", ...), undefined for none. */
export function find(name: string): Loss | undefined {
  return spellingOf(name, names) === undefined ? undefined : lookup("loss", name, table, aliases)();
}

/** @internal @throws ArgumentError for one of our functions that make a loss */
export function checkNotLossMaker(value: unknown): void {
  checkNotMaker("losses", value, table);
}

/**
 * A loss by name; a Loss is given back as it is; a function (targets, outputs) => losses becomes one.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one
 */
export function get(loss: LossLike): Loss {
  if (typeof loss === "string") {
    // In the table, its kernels would be in every program's bundle.
    if (spellingOf(loss, ["ctc"]) !== undefined)
      throw new ArgumentError(`losses.get: "ctc" can't be had by name; pass losses.ctc()`);
    return lookup("loss", loss, table, aliases)();
  }
  if (typeof loss === "function") {
    checkNotLossMaker(loss);
    return { name: loss.name || "loss", targets: "any", call: loss };
  }
  if (typeof loss?.call === "function") return dropForeignExtras(loss);
  throw new ArgumentError(
    `losses.get: takes a name (${names.join(", ")}), a Loss or a function, got ${kindOf(loss)}`,
  );
}

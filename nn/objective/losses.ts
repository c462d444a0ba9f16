// Losses, in Keras's names and formulas, and how they are found by name. A loss gives one value a sample (or several);
// what training descends is made of them by its reduction.

import { NameTable, spellingsIn } from "../../engine/internal.ts";
import {
  binaryCrossentropy,
  categoricalCrossentropy,
  sparseCategoricalCrossentropy,
} from "./crossentropies.ts";
import { huber, meanAbsoluteError, meanSquaredError } from "./distances.ts";
import { dropForeignExtras, type Loss, type LossLike } from "./loss.ts";

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

/** @internal Those that beginners write are built in; the rest comes with `gradgpu/names`. */
export const table = new NameTable<() => Loss>(
  "loss",
  "losses.*()",
  {
    meanSquaredError,
    meanAbsoluteError,
    huber,
    binaryCrossentropy,
    categoricalCrossentropy,
    sparseCategoricalCrossentropy,
  },
  // Keras's short forms, and the names of its classes where they differ.
  {
    mse: "meanSquaredError",
    mae: "meanAbsoluteError",
    mape: "meanAbsolutePercentageError",
    msle: "meanSquaredLogarithmicError",
    bce: "binaryCrossentropy",
    kld: "klDivergence",
    kullbackLeiblerDivergence: "klDivergence",
  },
  "meanAbsolutePercentageError meanSquaredLogarithmicError logCosh cosineSimilarity binaryFocalCrossentropy " +
    "categoricalFocalCrossentropy klDivergence poisson hinge squaredHinge categoricalHinge dice tversky ctc",
);

/** The names that {@link get} knows: `gradgpu/names` adds some. */
export const names: readonly string[] = spellingsIn(table);

/**
 * A loss by name; a Loss is given back as it is; a function (targets, outputs) => losses becomes one.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one, and for one that only `gradgpu/names` knows
 */
export function get(loss: LossLike): Loss {
  if (typeof loss === "string") return table.get(loss)();
  if (typeof loss === "function") {
    table.checkNotMaker(loss);
    return { name: loss.name || "loss", targets: "any", call: loss };
  }
  if (typeof loss?.call === "function") return dropForeignExtras(loss);
  throw table.misfit(", a Loss or a function", loss);
}

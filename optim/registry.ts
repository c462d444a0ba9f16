// Optimizers by name, as `compile({ optimizer: "adam" })` takes them.

import { ArgumentError } from "../engine/index.ts";
import { kindOf, lookup } from "../engine/internal.ts";
import { Adadelta } from "./adadelta.ts";
import { Adagrad } from "./adagrad.ts";
import { Adam, AdamW } from "./adam.ts";
import { Nadam } from "./nadam.ts";
import { Optimizer } from "./optimizer.ts";
import { RMSprop } from "./rmsprop.ts";
import { SGD } from "./sgd.ts";

const makers: Readonly<Record<string, () => Optimizer>> = {
  sgd: () => new SGD(),
  rmsprop: () => new RMSprop(),
  adam: () => new Adam(),
  adamw: () => new AdamW(),
  nadam: () => new Nadam(),
  adagrad: () => new Adagrad(),
  adadelta: () => new Adadelta(),
};

/** The names that {@link get} knows. */
export const names: readonly string[] = Object.keys(makers);

/**
 * An optimizer by name, with its defaults; an optimizer is given back as it is.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one
 */
export function get(optimizer: string | Optimizer): Optimizer {
  if (optimizer instanceof Optimizer) return optimizer;
  if (typeof optimizer !== "string") {
    throw new ArgumentError(
      `optimizers.get: takes a name (${names.join(", ")}) or an Optimizer, got ${kindOf(optimizer)}`,
    );
  }
  return lookup("optimizer", optimizer, makers)();
}

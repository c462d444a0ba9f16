// Optimizers by name, as `compile({ optimizer: "adam" })` takes them.

import { NameTable, spellingsIn } from "../engine/internal.ts";
import { Adam, AdamW } from "./adam.ts";
import { Optimizer } from "./optimizer.ts";
import { RMSprop } from "./rmsprop.ts";
import { SGD } from "./sgd.ts";

/** @internal Those that beginners write are built in; the rest comes with `gradgpu/names`. */
export const table = new NameTable<() => Optimizer>(
  "optimizer",
  "new *()",
  {
    adam: () => new Adam(),
    adamw: () => new AdamW(),
    rmsprop: () => new RMSprop(),
    sgd: () => new SGD(),
  },
  {},
  "Adadelta Adafactor Adagrad Adamax Ftrl Lamb Lion Muon Nadam RAdam ScheduleFreeAdamW",
);

/** The names that {@link get} knows, in lower case; `gradgpu/names` adds some. */
export const names: readonly string[] = spellingsIn(table);

/**
 * An optimizer by name, with its defaults; an optimizer is given back as it is.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one, and for one that only `gradgpu/names` knows
 */
export function get(optimizer: string | Optimizer): Optimizer {
  if (optimizer instanceof Optimizer) return optimizer;
  if (typeof optimizer !== "string") throw table.misfit(" or an Optimizer", optimizer);
  return table.get(optimizer)();
}

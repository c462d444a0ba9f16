// Optimizers by name, as `compile({ optimizer: "adam" })` takes them.

import { ArgumentError } from "../engine/index.ts";
import { kindOf, lookup } from "../engine/internal.ts";
import * as all from "./all.ts";
import { Optimizer } from "./optimizer.ts";

/** By the lower-case names of their exports, which minifiers keep. */
const makers = /* @__PURE__ */ makersOf(all);

function makersOf(classes: Readonly<Record<string, new () => Optimizer>>) {
  const named = Object.entries(classes).map(([name, Own]) => [name.toLowerCase(), () => new Own()] as const);
  return Object.fromEntries(named) as Readonly<Record<string, () => Optimizer>>;
}

/** The names that {@link get} knows. */
export const names: readonly string[] = /* @__PURE__ */ Object.keys(makers);

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

// Who packed which variables. Optimizers over the same variables share one pack; a pack that lost a variable to a
// later one is found out before it is used. Knows nothing of update rules.

import type { Variable } from "../engine/index.ts";
import { packVariables, type VariablePack } from "../engine/internal.ts";

/** A pack and how many optimizers work on it. */
export interface SharedPack {
  readonly pack: VariablePack;
  users: number;
}

const packs = new WeakMap<Variable, SharedPack>();

/** The pack of exactly these variables, made if there is none. */
export function sharePack(variables: readonly Variable[]): SharedPack {
  const found = packs.get(variables[0]);
  if (found !== undefined && isCurrent(found) && sameList(found.pack.variables, variables)) {
    found.users++;
    return found;
  }
  const shared: SharedPack = { pack: packVariables(variables, "parameters"), users: 1 };
  for (const variable of variables) packs.set(variable, shared);
  return shared;
}

/** Whether all variables of the pack still live in it. */
export function isCurrent(shared: SharedPack): boolean {
  return shared.pack.variables.every((variable) => packs.get(variable) === shared);
}

/** Ends one optimizer's use. The variables stay where they are. */
export function releasePack(shared: SharedPack): void {
  if (--shared.users > 0) return;
  for (const variable of shared.pack.variables) {
    if (packs.get(variable) === shared) packs.delete(variable);
  }
  shared.pack.dispose();
}

export function sameList(a: readonly Variable[], b: readonly Variable[]): boolean {
  return a.length === b.length && a.every((variable, i) => variable === b[i]);
}

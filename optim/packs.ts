// Who packed which variables. Optimizers over the same variables share one pack. Of those over overlapping sets the one
// that was built last has its variables packed; the others find theirs wherever they are, and nothing moves again.

import { reshape, slice, type Tensor, type Variable } from "../engine/index.ts";
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

/** Whether the variables can be packed again without taking one from a pack that others work on. */
export function isFree(shared: SharedPack): boolean {
  return shared.pack.variables.every((variable) => {
    const holder = packs.get(variable);
    return holder === undefined || (holder === shared && shared.users === 1);
  });
}

/** The variables' values as one vector laid out like the pack: the packed variable itself where they live in it. */
export function readPack(shared: SharedPack): Tensor {
  return isCurrent(shared) ? shared.pack.values : shared.pack.gather(shared.pack.variables);
}

/** Replaces the variables' values by those of a vector laid out like the pack. */
export function assignPack(shared: SharedPack, values: Tensor): void {
  const { pack } = shared;
  if (isCurrent(shared)) pack.values.assign(values);
  else {
    pack.variables.forEach((variable, i) => {
      const [start, end] = pack.range(i);
      variable.assign(reshape(slice(values, start, end), variable.shape));
    });
  }
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

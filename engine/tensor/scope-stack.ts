// The scope that owns what is made now. Knows of it only that it can be disposed.

import { Ambient } from "../base/ambient.ts";

interface Owned {
  dispose(): void;
}

export interface Scope {
  readonly owned: Set<Owned>;
  readonly outer: Scope | undefined;
}

/** The innermost open scope. */
export const openScope = new Ambient<Scope | undefined>(undefined);

/** Hands what was made to the innermost scope. */
export function track<T extends Owned>(made: T): T {
  openScope.value?.owned.add(made);
  return made;
}

/** Whether the innermost scope owns it. */
export const isTracked = (made: Owned): boolean => openScope.value?.owned.has(made) ?? false;

/** Takes it out of every open scope. */
export function untrack(made: Owned): void {
  for (let scope = openScope.value; scope !== undefined; scope = scope.outer) scope.owned.delete(made);
}

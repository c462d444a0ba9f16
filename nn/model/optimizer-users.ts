// Which models train with an optimizer: it is freed with the last of them.

import type { Optimizer } from "../../optim/index.ts";

const users = new WeakMap<Optimizer, number>();

/** Notes another model that trains with the optimizer. */
export function beginUse(optimizer: Optimizer): void {
  users.set(optimizer, (users.get(optimizer) ?? 0) + 1);
}

/** Notes that a model does so no longer. Gives whether any model is left that does. */
export function endUse(optimizer: Optimizer): boolean {
  const left = (users.get(optimizer) ?? 1) - 1;
  users.set(optimizer, left);
  return left > 0;
}

// undone: runs a function, and gives all variables that it assigned the values back that they had.

import { checkFunction } from "../base/errors.ts";
import type { Tensor } from "./tensor.ts";
import { type Variable, variable, variableWatcher } from "./variable.ts";

/** @internal What `fn` gives; of weights, optimizers and random states nothing has changed, to the bit, on every device. */
export function undone<T>(fn: () => T): T {
  checkFunction("undone", fn, "changes variables, as in () => step()", "it is run at once");
  const before = new Map<Variable, Variable>();
  const outer = variableWatcher.value;
  const watcher = {
    read: (of: Variable) => outer?.read(of),
    assign: (of: Variable, value: Tensor) => {
      if (!before.has(of)) before.set(of, variable(of, { trainable: false }));
      return outer?.assign(of, value) ?? false;
    },
  };
  try {
    return variableWatcher.with(watcher, fn);
  } finally {
    // Parts of packs and the packs themselves: the first that was saved has the oldest value.
    for (const [of, value] of [...before].reverse()) {
      of.assign(value);
      value.dispose();
    }
  }
}

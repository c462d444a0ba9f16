// The named block of the program that is running, a layer's as a rule: recorded ops say that they belong to it.

import { Ambient } from "./ambient.ts";
import { checkFunction } from "./errors.ts";
import { checkedName } from "./names.ts";

const scopeName = new Ambient("");

/** Runs `fn` with `name` as the innermost scope: ops recorded in it say so, `outer/inner` where scopes nest. */
export function nameScope<T>(name: string, fn: () => T): T {
  checkFunction(
    "nameScope",
    fn,
    "computes something, as in () => relu(x)",
    "the name is for what is in it",
    "second",
  );
  checkedName("nameScope", name);
  const outer = scopeName.value;
  return scopeName.with(outer === "" ? name : `${outer}/${name}`, fn);
}

/** The scope now, "" outside of all. */
export const currentScope = (): string => scopeName.value;

// The named block of the program that is running, a layer's as a rule: what recorded ops say they belong to.
// A stack of names and nothing else.

import { checkFunction } from "./errors.ts";

let current = "";

/** Runs `fn` with `name` as the innermost scope: ops recorded in it say so, `outer/inner` where scopes nest. */
export function nameScope<T>(name: string, fn: () => T): T {
  checkFunction(
    "nameScope",
    fn,
    "computes something, as in () => relu(x)",
    "the name is for what is in it",
    "second",
  );
  const outer = current;
  current = outer === "" ? name : `${outer}/${name}`;
  try {
    return fn();
  } finally {
    current = outer;
  }
}

/** @internal The scope now, "" outside of all. */
export function currentScope(): string {
  return current;
}

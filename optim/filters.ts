// Which variables are meant: by parts of their paths, expressions, functions.

import { ArgumentError, type Variable } from "../engine/index.ts";
import { kindOf } from "../engine/internal.ts";

/**
 * Says which variables: text is whole steps of their paths, as "bias" or "encoder" is of "encoder/dense/bias"; a regular
 * expression is matched against the path; a function is told each variable; of a list, one must fit.
 */
export type VariableFilter = string | RegExp | ((variable: Variable) => boolean) | readonly VariableFilter[];

/** @throws ArgumentError unless it is one */
export function checkFilter(who: string, filter: unknown): void {
  if ((typeof filter === "string" && filter !== "") || filter instanceof RegExp) return;
  if (typeof filter === "function") return;
  if (Array.isArray(filter)) {
    for (const one of filter) checkFilter(who, one);
    return;
  }
  throw new ArgumentError(
    `${who}: a filter is a part of a path ("bias"), a regular expression, a function of a variable, or a list of them, got ${kindOf(filter)}`,
  );
}

export function fits(filter: VariableFilter, variable: Variable): boolean {
  if (typeof filter === "string") return `/${variable.name}/`.includes(`/${filter}/`);
  // A global one would go on from its last match.
  if (filter instanceof RegExp)
    return new RegExp(filter.source, filter.flags.replace(/[gy]/g, "")).test(variable.name);
  return typeof filter === "function" ? filter(variable) === true : filter.some((one) => fits(one, variable));
}

// What an optimizer's rule returns, and checks of what it declares and returns.

import { ArgumentError, Tensor } from "../engine/index.ts";
import { kindOf } from "../engine/internal.ts";

export interface UpdateResult<S extends string = string> {
  readonly value: Tensor;
  /** Those that change. */
  readonly slots?: Readonly<Partial<Record<S, Tensor>>>;
  readonly scalars?: Readonly<Partial<Record<string, Tensor>>>;
}

/** @throws ArgumentError unless `starts` gives finite numbers by name, or "value" where `mayBeValue` */
export function checkStarts(optimizer: string, what: string, starts: unknown, mayBeValue = false): void {
  const isTable = typeof starts === "object" && starts !== null;
  const isStart = (start: unknown) => Number.isFinite(start) || (mayBeValue && start === "value");
  const wrong = isTable ? Object.entries(starts).find(([, start]) => !isStart(start)) : undefined;
  if (isTable && wrong === undefined) return;
  const got = wrong === undefined ? kindOf(starts) : `${kindOf(wrong[1])} for "${wrong[0]}"`;
  throw new ArgumentError(
    `${optimizer}: ${what} must give each one that the rule remembers the finite number that it starts from, as in { momentum: 0 }, or be {} for a rule that remembers none; got ${got}`,
  );
}

/** @throws ArgumentError for a value that is no Tensor, and for slots and scalars that are not among those declared */
export function checkResult(
  optimizer: string,
  result: UpdateResult,
  declared: { readonly slots: object; readonly scalars: object },
): void {
  const value: unknown = result?.value;
  if (!(value instanceof Tensor)) {
    const given: unknown = result;
    const got = given instanceof Tensor ? "a Tensor" : given ? `${kindOf(value)} as value` : kindOf(given);
    throw new ArgumentError(
      `${optimizer}: update must return { value: the new values, a Tensor; slots: { ... } }, got ${got}`,
    );
  }
  for (const kind of ["slot", "scalar"] as const) {
    const known = declared[`${kind}s`];
    const given = Object.entries(result[`${kind}s`] ?? {}).filter(([, next]) => next !== undefined);
    const [unknown] = given.find(([name]) => !Object.hasOwn(known, name)) ?? [];
    if (unknown === undefined) continue;
    throw new ArgumentError(
      `${optimizer}: update returned a ${kind} "${unknown}" that ${kind}Starts does not declare; it declares ${Object.keys(known).join(", ") || "none"}`,
    );
  }
}

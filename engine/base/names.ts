// Looks things up by the names people write: camelCase, snake_case, any case.

import { ArgumentError, kindOf, printable, simplify, unknownName } from "./errors.ts";

/**
 * The entry of `table` called `name`, whatever its case and underscores ("mean_squared_error" finds
 * meanSquaredError).
 *
 * @param kind what the names stand for, as in "loss"
 * @param aliases further names, for names of the table
 * @throws ArgumentError for a name that is not there, with the nearest that is
 */
export function lookup<T>(
  kind: string,
  name: string,
  table: Readonly<Record<string, T>>,
  aliases: Readonly<Record<string, string>> = {},
): T {
  const found = spellingOf(name, [...Object.keys(table), ...Object.keys(aliases)]);
  if (found === undefined) throw unknownName(kind, name, [...Object.keys(table), ...Object.keys(aliases)]);
  return Object.hasOwn(table, found) ? table[found] : table[aliases[found]];
}

/** The one of `known` that `name` spells, whatever its case and underscores: how it is told back. Undefined for none. */
export function spellingOf(name: string, known: readonly string[]): string | undefined {
  if (known.includes(name)) return name;
  const wanted = simplify(name);
  return wanted === "" ? undefined : known.find((one) => simplify(one) === wanted);
}

/**
 * The one of `known` that a text option spells ("SAME" or "same").
 *
 * @param kind what it is, as in "Conv2D padding"
 * @throws ArgumentError for any other, with the nearest
 */
export function choiceOf<T extends string>(kind: string, name: unknown, known: readonly T[]): T {
  const found = typeof name === "string" ? spellingOf(name, known) : undefined;
  if (found === undefined) throw unknownName(kind, typeof name === "string" ? name : showName(name), known);
  return found as T;
}

const showName = (value: unknown) => (Array.isArray(value) ? `[${value}]` : String(value));

/**
 * Throws for one of our functions that make a thing, passed where the thing belongs: `losses.huber` for `losses.huber()`.
 *
 * @param owner the module of the `makers`
 */
export function checkNotMaker(
  owner: string,
  value: unknown,
  makers: Readonly<Record<string, unknown>>,
): void {
  const name = Object.keys(makers).find((key) => makers[key] === value);
  if (name === undefined) return;
  throw new ArgumentError(
    `${owner}.${name} is a function that makes one; call it, as in ${owner}.${name}(...)`,
  );
}

/**
 * @internal The name that a user gave something, checked: it goes into tables, files, messages and objects' keys.
 *
 * @param whose what is named, as in "Dense"
 * @throws ArgumentError unless it is a string of printable characters
 */
export function checkedName(whose: string, name: unknown): string {
  if (typeof name !== "string" || name === "")
    throw new ArgumentError(
      `${whose}: the name must be a string of at least one character, got ${kindOf(name)}`,
    );
  if (printable(name) !== name)
    throw new ArgumentError(
      `${whose}: the name "${printable(name)}" holds control characters, which a terminal would obey; leave them out`,
    );
  if (name === "__proto__")
    throw new ArgumentError(
      `${whose}: the name "__proto__" is no key that an object can have; choose another`,
    );
  return name;
}

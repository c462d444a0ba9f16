// Looks things up by the names people write: camelCase, snake_case, any case.

import { ArgumentError, kindOf, printable, unknownName } from "./errors.ts";

const simplify = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, "");

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
  const wanted = simplify(name);
  for (const key of Object.keys(table)) if (simplify(key) === wanted) return table[key];
  for (const key of Object.keys(aliases)) if (simplify(key) === wanted) return table[aliases[key]];
  throw unknownName(kind, name, [...Object.keys(table), ...Object.keys(aliases)]);
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

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
 * Things by the names that people write: some built in, and the rest of them once `gradgpu/names` is imported, so that what a
 * program does not name costs its bundle nothing.
 */
export class NameTable<T> {
  /** Those that {@link get} finds, in our spelling; grows. Without the aliases. */
  readonly names: string[] = [];
  /** The same, aliases among them. */
  readonly spellings: string[] = [];
  /** The names that `gradgpu/names` adds. */
  readonly rest: readonly string[];
  readonly #kind: string;
  readonly #asObject: string;
  /** No name is one that all objects have: what is looked up was found among the names first. */
  readonly #table: Record<string, T> = {};
  readonly #aliases: Readonly<Record<string, string>>;

  /**
   * @param kind what the names stand for, as in "loss"
   * @param asObject what is passed in a name's place, the name being the star: "losses.*()"
   * @param table what is built in
   * @param aliases further names, for names of the table and of the rest
   * @param rest the names that `gradgpu/names` adds, with blanks between
   */
  constructor(
    kind: string,
    asObject: string,
    table: Readonly<Record<string, T>>,
    aliases: Readonly<Record<string, string>>,
    rest: string,
  ) {
    this.#kind = kind;
    this.#asObject = asObject;
    this.#aliases = aliases;
    this.rest = rest.split(" ");
    this.add(table);
  }

  /** Adds what is found by name from now on. */
  add(table: Readonly<Record<string, T>>): void {
    for (const name of Object.keys(table)) if (!(name in this.#table)) this.names.push(name);
    Object.assign(this.#table, table);
    const known = [...this.names, ...Object.keys(this.#aliases).filter((alias) => this.#find(alias))];
    this.spellings.push(...known.filter((name) => !this.spellings.includes(name)));
  }

  /** How a name is told back, whatever its case and underscores; undefined for one that is not known. */
  spellingOf(name: string): string | undefined {
    return spellingOf(name, this.spellings);
  }

  /** @throws ArgumentError for a name that is not known: with the nearest that is, or with how it is had */
  get(name: string): T {
    const found = this.#find(this.spellingOf(name));
    if (found === undefined) throw this.unknown(name);
    return found;
  }

  /** The entry's own name, where `name` is an alias. */
  nameOf(name: string): string {
    const found = this.spellingOf(name) ?? name;
    return this.#aliases[found] ?? found;
  }

  /** The error for a name that is not known. */
  unknown(name: string, kind = this.#kind, known: readonly string[] = this.spellings): ArgumentError {
    const all = [...new Set([...known, ...Object.keys(this.#aliases), ...this.rest])];
    const meant = spellingOf(name, all);
    if (meant === undefined) return unknownName(kind, name, all);
    const object = this.#asObject.replace("*", this.#aliases[meant] ?? meant);
    return new ArgumentError(
      `the ${kind} "${name}" is not built in; write import "gradgpu/names" at the top of the program, which knows all names, or pass ${object}`,
    );
  }

  /** The error for what is neither a name nor what `others` says. */
  misfit(others: string, value: unknown): ArgumentError {
    return new ArgumentError(
      `${this.#owner}.get: takes a name (${this.spellings.join(", ")})${others}, got ${kindOf(value)}`,
    );
  }

  /** Throws for one of our functions that make a thing, passed where the thing belongs: `losses.huber` for `losses.huber()`. */
  checkNotMaker(value: (...args: never[]) => unknown): void {
    const { name, length } = value;
    // Of the rest the names alone are known; what makes one can be called without arguments.
    const isOfRest = length === 0 && this.rest.includes(name);
    const found = isOfRest ? name : this.names.find((key) => Object.is(this.#table[key], value));
    if (found === undefined) return;
    throw new ArgumentError(
      `${this.#owner}.${found} is a function that makes one; call it, as in ${this.#owner}.${found}(...)`,
    );
  }

  /** The module that has them. */
  get #owner(): string {
    return `${this.#kind}${this.#kind.endsWith("s") ? "es" : "s"}`;
  }

  #find(name = ""): T | undefined {
    return this.#table[this.#aliases[name] ?? name];
  }
}

/** For constants that bundlers can drop, which they can't where a property is read. */
export const spellingsIn = (table: NameTable<unknown>): readonly string[] => table.spellings;
export const namesIn = (table: NameTable<unknown>): readonly string[] => table.names;

/**
 * The name that a user gave something, checked: it goes into tables, files, messages and objects' keys.
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

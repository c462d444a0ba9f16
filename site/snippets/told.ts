// How a program failed, in words of the reader's own text: the line that is to blame, and names instead of addresses.

import type { Library } from "./program.ts";

/** A message in which the library's modules are called as programs import them. */
export function withNames(message: string, library: Library): string {
  let text = message;
  for (const [name, place] of Object.entries(library))
    text = text.replace(/does not provide an export named/, "has no export named").replaceAll(place, name);
  return text;
}

/** The line, from 1, on which a stack trace or a message says that a program failed. */
export function lineOf(text: string, code: string): number | undefined {
  const [, line] = /\bprogram\.ts:(\d+)/.exec(text) ?? [];
  if (line !== undefined) return Number(line);
  // What is imported and does not exist is told without a place.
  const [, missing] = /export named '([^']+)'/.exec(text) ?? [];
  if (missing === undefined) return undefined;
  const at = code.search(new RegExp(`(?<![\\w$])${missing.replace(/\$/g, "\\$")}(?![\\w$])`));
  return at < 0 ? undefined : code.slice(0, at).split("\n").length;
}

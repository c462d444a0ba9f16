// A program of the docs as a module that a page can run: its types are taken away, each line stays where it stood, and its
// imports lead to the site's library.

import { type Node, parse } from "acorn";
import { transform } from "sucrase";

/** What stack traces call a program: places in it are told by line. */
export const programName = "program.ts";

/** Where each module of the library lies, by the name that programs import it by. */
export type Library = Readonly<Record<string, string>>;

/** A program that can't run, and the line that is to blame, from 1. */
export class ProgramError extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.name = "SyntaxError";
    this.line = line;
  }
}

/**
 * Types are taken away without being checked.
 *
 * @param code A program in TypeScript
 * @returns the module's text, with as many lines before each statement as `code` has
 * @throws {ProgramError} where it is no program, or imports what the library does not have
 */
export function scriptOf(code: string, library: Library): string {
  const script = withoutTypes(code);
  const imported = importsOf(script);
  let linked = script;
  for (const { name, start, end, line } of imported.toSorted((a, b) => b.start - a.start)) {
    const place = Object.hasOwn(library, name) ? library[name] : undefined;
    if (place === undefined)
      throw new ProgramError(
        `There is no module "${name}" here. Programs on this page can import ${Object.keys(library).join(", ")}.`,
        line,
      );
    linked = linked.slice(0, start) + JSON.stringify(place) + linked.slice(end);
  }
  return `${linked}\n//# sourceURL=${programName}\n`;
}

function withoutTypes(code: string): string {
  try {
    return transform(code, { transforms: ["typescript"], disableESTransforms: true }).code;
  } catch (error) {
    const [, line] = /\((\d+):\d+\)$/.exec((error as Error).message) ?? [];
    throw new ProgramError(told((error as Error).message), Number(line ?? 1));
  }
}

interface Imported {
  readonly name: string;
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

/** Of each module that the script imports or hands on: its name, and where that stands. */
function importsOf(script: string): Imported[] {
  const found: Imported[] = [];
  walk(parsed(script), (node) => {
    const { source } = node as { source?: Node & { value?: unknown; loc: { start: { line: number } } } };
    if (!/^(?:Import|Export)/.test(node.type) || typeof source?.value !== "string") return;
    found.push({ name: source.value, line: source.loc.start.line, start: source.start, end: source.end });
  });
  return found;
}

function parsed(script: string): Node {
  try {
    return parse(script, { ecmaVersion: "latest", sourceType: "module", locations: true });
  } catch (error) {
    const { loc, message } = error as Error & { loc?: { line: number } };
    throw new ProgramError(told(message), loc?.line ?? 1);
  }
}

function walk(value: unknown, see: (node: Node) => void): void {
  if (Array.isArray(value)) for (const each of value) walk(each, see);
  else if (typeof (value as Node | null)?.type === "string") {
    see(value as Node);
    for (const each of Object.values(value as object)) if (typeof each === "object") walk(each, see);
  }
}

/** What a parser says, without its own name for the program and its place there. */
const told = (message: string): string =>
  message.replace(/^Error transforming \S+: /, "").replace(/ \(\d+:\d+\)$/, "");

// Which room a source file lies in, and on which floor, as docs/architecture.md draws them.

import fs from "node:fs";
import path from "node:path";

export const root = path.resolve(import.meta.dirname, "../..");

export interface Import {
  readonly file: string;
  readonly target: string;
}

/** Floors of rooms (folders, or single files), the lowest first, by the table of docs/architecture.md. */
export function floorsOf(page: string): ReadonlyMap<string, number> {
  const floors = new Map<string, number>();
  for (const [, floor, rooms] of page.matchAll(/^\| (\d+) \| ([^|]+) \|/gm)) {
    for (const [, room] of rooms.matchAll(/`([^`]+)`/g)) floors.set(room.replace(/\/$/, ""), Number(floor));
  }
  return floors;
}

/** The room of a file: the innermost folder that has a floor, or the file itself where it has one. */
export function roomOf(file: string, floors: ReadonlyMap<string, number>): string | undefined {
  for (let place = file; place !== "."; place = path.posix.dirname(place))
    if (floors.has(place)) return place;
  return undefined;
}

/** The TypeScript files below a folder of the repository. */
export function filesOf(folder: string): string[] {
  const directory = path.join(root, folder);
  if (!fs.existsSync(directory)) return [];
  return fs
    .readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith(".d.ts"))
    .map((file) => path.posix.join(folder, file.split(path.sep).join("/")));
}

/** A file's text without comments (a URL's slashes may go too: nothing here minds). */
export const codeOf = (file: string): string =>
  fs
    .readFileSync(path.join(root, file), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "$1");

/** All that a file imports, types and `import()` included; relative ones by their path in the repository. */
export function importsOf(file: string): Import[] {
  const pattern =
    /^(?:import|export)\b[^"';=()]*?\bfrom\s*["']([^"']+)["']|^import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  return [...codeOf(file).matchAll(pattern)].map(([, statement, bare, call]) => {
    const name = statement ?? bare ?? call;
    const target = name.startsWith(".") ? path.posix.join(path.posix.dirname(file), name) : name;
    return { file, target };
  });
}

/** Circles among files by their imports (Tarjan): each as the files that stand in it. */
export function circlesOf(files: readonly string[]): string[][] {
  const known = new Set(files);
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const { target } of importsOf(file)) {
      if (!known.has(target)) continue;
      if (!index.has(target)) visit(target);
      if (stack.includes(target)) low.set(file, Math.min(low.get(file)!, low.get(target)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) found.push(circle.sort());
  };
  for (const file of files) if (!index.has(file)) visit(file);
  return found;
}

// Imports point one way: shaders <- engine <- optim, data <- nn <- bench, examples, test. And only the WebGPU
// backend knows GPU types, and the library nothing of Node.

import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

/** What each part may import from, besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  engine: ["shaders"],
  optim: ["engine"],
  data: ["engine"],
  nn: ["engine", "optim", "data"],
  bench: ["engine", "optim", "data", "nn", "scripts"],
  examples: ["engine", "optim", "data", "nn", "scripts"],
};

interface Import {
  readonly file: string;
  readonly target: string;
}

const files = (part: string): string[] => {
  const directory = path.join(root, part);
  if (!fs.existsSync(directory)) return [];
  return fs
    .readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => path.posix.join(part, file.split(path.sep).join("/")));
};

const read = (file: string) => fs.readFileSync(path.join(root, file), "utf8");
/** The text without comments (a URL's slashes may go too: nothing here minds). */
const code = (file: string) =>
  read(file)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "$1");

function importsOf(file: string): Import[] {
  const pattern =
    /^(?:import|export)\b[^"';=()]*?\bfrom\s*["']([^"']+)["']|^import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  return [...code(file).matchAll(pattern)].map(([, statement, bare, call]) => {
    const name = statement ?? bare ?? call;
    const target = name.startsWith(".") ? path.posix.join(path.posix.dirname(file), name) : name;
    return { file, target };
  });
}

const show = ({ file, target }: Import) => `${file} imports ${target}`;

describe("imports", () => {
  it.each(Object.entries(mayImport))("%s reaches only what stands below it", (part, allowed) => {
    const wrong = files(part)
      .flatMap(importsOf)
      .filter(({ target }) => fs.existsSync(path.join(root, target.split("/")[0])))
      .filter(({ target }) => ![part, ...allowed].includes(target.split("/")[0]));
    expect(wrong.map(show)).toEqual([]);
  });

  it("optim and nn see the engine's public face only", () => {
    // Errors are part of it; a module that only throws needs no more.
    const face = ["engine/index.ts", "engine/base/errors.ts"];
    const wrong = ["optim", "nn", "data", "examples"]
      .flatMap(files)
      .flatMap(importsOf)
      .filter(({ target }) => target.startsWith("engine/") && !face.includes(target));
    expect(wrong.map(show)).toEqual([]);
  });

  it("relative imports name files that exist", () => {
    const wrong = Object.keys(mayImport)
      .flatMap(files)
      .flatMap(importsOf)
      .filter(({ target }) => /^(shaders|engine|optim|data|nn|bench|examples)\//.test(target))
      .filter(({ target }) => !fs.existsSync(path.join(root, target)));
    expect(wrong.map(show)).toEqual([]);
  });

  it("only engine/backend/webgpu mentions GPU types", () => {
    const mentions = ["engine", "optim", "nn", "data"]
      .flatMap(files)
      .filter((file) => !file.startsWith("engine/backend/webgpu/"))
      .filter((file) => /\bGPU[A-Z]\w+\b|\bnavigator\.gpu\b/.test(code(file)));
    expect(mentions).toEqual([]);
  });

  it("engine, optim and nn import no package, but for Dawn where an adapter is opened", () => {
    const wrong = ["engine", "optim", "nn"]
      .flatMap(files)
      .flatMap(importsOf)
      .filter(({ target }) => !fs.existsSync(path.join(root, target)))
      .filter(({ file, target }) => !(target === "webgpu" && file.startsWith("engine/backend/webgpu/")));
    expect(wrong.map(show)).toEqual([]);
  });
});

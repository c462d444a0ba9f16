// npm run build: what the exports map names. One module a source file, so that bundlers take what a program uses;
// shaders become text inside modules, calls at import are marked pure, and tsc writes the declarations.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { removeAbandoned } from "./abandoned.mjs";
import { inOrder } from "./build/order.mjs";
import { markPure } from "./build/pure.mjs";
import { minifyWgsl } from "./build/wgsl.mjs";
import { entries } from "./entries.mjs";
import { root } from "./setup.mjs";

/** Written in a folder of its own and put in its place when it is whole: builds at the same time don't meet. */
const out = path.join(root, "out", `dist-${process.pid}`);
const placed = path.join(root, "dist");
const started = Date.now();
// A build that was killed leaves its folder, and so does the process of this number before.
removeAbandoned(path.join(root, "out"), /^dist-(\d+)(?:-before)?$/);
process.on("exit", () => fs.rmSync(out, { recursive: true, force: true }));

try {
  fs.mkdirSync(out, { recursive: true });
} catch (error) {
  fail(`${root} must be a folder that this user may write to (${error.message})`);
}
const missing = Object.values(entries).filter((file) => !fs.existsSync(path.join(root, file)));
if (missing.length > 0) fail(`the exports map needs ${missing.join(", ")}`);

const inputs = await reachable();
const { sideEffects, ...manifest } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
// What bundles for pages take in the place of what only Node has.
const standIns = Object.values(manifest.browser).map((file) => file.replace(/^\.\/dist\/(.*)\.js$/, "$1.ts"));
const sources = [...Object.keys(inputs), ...standIns];
const scripts = sources.filter((file) => file.endsWith(".ts"));
const compiled = await build({
  absWorkingDir: root,
  entryPoints: scripts,
  outbase: root,
  outdir: out,
  format: "esm",
  target: "es2022",
  write: false,
  logLevel: "warning",
}).catch(() => process.exit(1));

const effects = [];
for (const { path: file, text } of compiled.outputFiles) {
  const name = path.relative(out, file).split(path.sep).join("/");
  // What the tests ask of each op is of no use to those who have no tests of it.
  const emptied = name.startsWith("engine/ops/") ? ["samples"] : [];
  const marked = markPure(text, { rewrite: shippedName, emptied });
  // What package.json lists is imported for what it does.
  if (!sideEffects.includes(`./dist/${name}`))
    effects.push(...marked.effects.map((line) => `${name}:${line}: ${text.split("\n")[line - 1]}`));
  write(name, marked.code);
}
if (effects.length > 0)
  fail(`no bundler can drop what these do at import; declare it instead:\n  ${effects.join("\n  ")}`);
for (const file of sources.filter((name) => name.endsWith(".wgsl"))) {
  const text = minifyWgsl(fs.readFileSync(path.join(root, file), "utf8"));
  write(`${file}.js`, `export default ${inBackticks(text)};\n`);
}
for (const [name, file] of Object.entries(entries)) {
  const order = inOrder(inputs, file).map((source) => `import "${shippedName(`./${source}`)}";\n`);
  write(`${name}.js`, `${order.join("")}export * from "${shippedName(`./${file}`)}";\n`);
}

tsc("-p", "tsconfig.build.json", "--outDir", path.join(out, "types"));
pruneDeclarations();

const { exports, imports = {}, bin = {} } = manifest;
const unkept = [exports, imports, bin]
  .flatMap(filesIn)
  .filter((file) => file.startsWith("./") && !file.includes("*") && !fs.existsSync(writtenAt(file)));
if (unkept.length > 0) fail(`package.json names files that were not written: ${unkept.join(", ")}`);

// As a user's compiler sees them, which checks the declarations of libraries too unless told otherwise: one that
// names what was stripped as internal does not compile there.
const declared = Object.values(exports)
  .flatMap((entry) => entry.types ?? [])
  .map(writtenAt);
tsc("--noEmit", "--ignoreConfig", "--strict", "--module", "nodenext", "--target", "es2022", ...declared);

putInPlace();
process.stdout.write(
  `${scripts.length} modules, ${sources.length - scripts.length} shaders, built in ${((Date.now() - started) / 1000).toFixed(1)} s\n`,
);

/** The source files that the entries need, with what each imports. */
async function reachable() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir: out,
    bundle: true,
    splitting: true,
    format: "esm",
    // Looked up where the program runs.
    packages: "external",
    loader: { ".wgsl": "text" },
    treeShaking: false,
    write: false,
    metafile: true,
    logLevel: "warning",
  }).catch(() => process.exit(1));
  return metafile.inputs;
}

/** Where a file that package.json names lies before the whole is put in its place. */
function writtenAt(file) {
  return file.startsWith("./dist/") ? path.join(out, file.slice("./dist/".length)) : path.join(root, file);
}

/** Changes the folders; whoever else builds may be doing the same. */
function putInPlace() {
  const before = `${out}-before`;
  const removeBefore = () => fs.rmSync(before, { recursive: true, force: true });
  for (let tries = 0; ; tries++) {
    try {
      fs.renameSync(placed, before);
    } catch (error) {
      // None, or another build has just taken it away.
      if (error.code !== "ENOENT") throw error;
    }
    try {
      fs.renameSync(out, placed);
      // Not until now: for whoever reads the folder, as npm pack does, it should be away no longer than it must.
      return removeBefore();
    } catch (error) {
      // Another build has put its own there meanwhile.
      if (tries === 10 || !["ENOTEMPTY", "EEXIST", "EPERM"].includes(error.code)) throw error;
      removeBefore();
    }
  }
}

/** Removes the declarations that no entry's lead to: nobody can name what they declare. */
function pruneDeclarations() {
  const types = path.join(out, "types");
  const needed = new Set();
  const take = (file) => {
    if (needed.has(file)) return;
    needed.add(file);
    for (const [, name] of fs.readFileSync(file, "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+)\.ts"/g))
      take(path.resolve(path.dirname(file), `${name}.d.ts`));
  };
  for (const file of Object.values(entries)) take(path.join(types, file.replace(/\.ts$/, ".d.ts")));
  for (const name of fs.readdirSync(types, { recursive: true })) {
    const file = path.join(types, name);
    if (file.endsWith(".d.ts") && !needed.has(file)) fs.rmSync(file);
  }
}

/** How a module that is imported is called in the package. */
function shippedName(source) {
  return source.startsWith(".") ? source.replace(/\.ts$/, ".js").replace(/\.wgsl$/, ".wgsl.js") : source;
}

function write(name, text) {
  const file = path.join(out, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

function inBackticks(text) {
  return `\`${text.replace(/[\\`]|\$\{/g, "\\$&")}\``;
}

/** The file names in a field of package.json, however deep under conditions. */
function filesIn(value) {
  if (typeof value === "string") return [value];
  return Object.values(value).flatMap(filesIn);
}

function fail(message) {
  process.stderr.write(`build: ${message}\n`);
  process.exit(1);
}

/** Runs the compiler, and ends the build where it finds errors. */
function tsc(...args) {
  const compiler = path.join(root, "node_modules", "typescript", "bin", "tsc");
  const { status } = spawnSync(process.execPath, [compiler, ...args], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

// npm run build: what the exports map names. Four entry points share one copy of the engine (esbuild's
// splitting), shaders become text inside the code, and tsc writes the declarations.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { entries } from "./entries.mjs";
import { root } from "./setup.mjs";

const out = path.join(root, "dist");
const started = Date.now();

const missing = Object.values(entries).filter((file) => !fs.existsSync(path.join(root, file)));
if (missing.length > 0) {
  process.stderr.write(`build: the exports map needs ${missing.join(", ")}\n`);
  process.exit(1);
}

fs.rmSync(out, { recursive: true, force: true });
const result = await build({
  absWorkingDir: root,
  entryPoints: entries,
  outdir: out,
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  // Loaded on demand, in Node only; a browser never asks for them.
  external: ["webgpu", "node:*"],
  loader: { ".wgsl": "text" },
  sourcemap: true,
  metafile: true,
  logLevel: "warning",
}).catch(() => process.exit(1));

tsc("-p", "tsconfig.build.json");

const { exports } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
const promised = Object.values(exports).flatMap((entry) =>
  typeof entry === "string" ? [entry] : Object.values(entry),
);
const unkept = promised.filter((file) => !file.includes("*") && !fs.existsSync(path.join(root, file)));
if (unkept.length > 0) {
  process.stderr.write(`build: the exports map names files that were not written: ${unkept.join(", ")}\n`);
  process.exit(1);
}

// As a user's compiler sees them, which checks the declarations of libraries too unless told otherwise: one that
// names what was stripped as internal does not compile there.
const declared = Object.values(exports).map((entry) => entry.types);
tsc("--noEmit", "--ignoreConfig", "--strict", "--module", "nodenext", "--target", "es2022", ...declared);

for (const [file, { bytes }] of Object.entries(result.metafile.outputs)) {
  if (!file.endsWith(".map"))
    process.stdout.write(`${file.padEnd(36)}${(bytes / 1024).toFixed(1).padStart(9)} KiB\n`);
}
process.stdout.write(`built in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);

/** Runs the compiler, and ends the build where it finds errors. */
function tsc(...args) {
  const compiler = path.join(root, "node_modules", "typescript", "bin", "tsc");
  const { status } = spawnSync(process.execPath, [compiler, ...args], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

// Runs a TypeScript program of this repository: node scripts/run.mjs [--setup] FILE.ts [arguments].
// Bundles it with esbuild (shaders as text, packages left alone) into node_modules/.cache and starts it in
// a child Node whose environment selects the WebGPU adapter: drivers read it before any JavaScript runs.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { adapterEnv, cacheDir, root, setup } from "./setup.mjs";

const STALE_MS = 24 * 3600 * 1000;

/** Bundles `entry` into the cache and returns the file. Its name holds a digest, so runs can go on side by side. */
export async function bundle(entry) {
  const { build } = await import("esbuild");
  const stem = path.relative(root, entry).replace(/[^\w]+/g, "-");
  const result = await build({
    entryPoints: [entry],
    outfile: path.join(cacheDir, `${stem}.mjs`),
    absWorkingDir: root,
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    loader: { ".wgsl": "text" },
    keepNames: true,
    sourcemap: "linked",
    logLevel: "error",
  });
  const code = result.outputFiles.find(({ path: file }) => file.endsWith(".mjs"));
  const map = result.outputFiles.find(({ path: file }) => file.endsWith(".map"));
  const name = `${stem}-${createHash("sha256").update(code.contents).digest("hex").slice(0, 12)}.mjs`;
  const file = path.join(cacheDir, name);
  fs.mkdirSync(cacheDir, { recursive: true });
  writeOnce(`${file}.map`, map.text);
  writeOnce(file, code.text.replace(/\/\/# sourceMappingURL=.*\s*$/, `//# sourceMappingURL=${name}.map\n`));
  removeStale(stem, name);
  return file;
}

function writeOnce(file, text) {
  const temporary = `${file}.${process.pid}`;
  fs.writeFileSync(temporary, text);
  fs.renameSync(temporary, file);
}

function removeStale(stem, keep) {
  for (const name of fs.readdirSync(cacheDir)) {
    if (!name.startsWith(`${stem}-`) || name.startsWith(keep)) continue;
    const file = path.join(cacheDir, name);
    try {
      if (Date.now() - fs.statSync(file).mtimeMs > STALE_MS) fs.unlinkSync(file);
    } catch {
      // another run was quicker
    }
  }
}

/**
 * Copies a child's standard error to ours, less the two lines in which Dawn warns, on every start on
 * lavapipe, that the driver's dynamic buffer limits (which gradgpu never uses) are too high to be true.
 */
export function forwardStderr(stream) {
  const noise = /^Warning: maxDynamic(?:Uniform|Storage)BuffersPerPipelineLayout artificially reduced/;
  const prefix = "Warning: maxDynamic";
  let line = "";
  stream.on("data", (chunk) => {
    line += chunk;
    let out = "";
    for (let end = line.indexOf("\n"); end >= 0; end = line.indexOf("\n")) {
      const whole = line.slice(0, end + 1);
      if (!noise.test(whole)) out += whole;
      line = line.slice(end + 1);
    }
    // An unfinished line is passed on at once unless it may become one of the two.
    const undecided = line.startsWith(prefix) || prefix.startsWith(line);
    if (line !== "" && !undecided) {
      out += line;
      line = "";
    }
    if (out !== "") process.stderr.write(out);
  });
  stream.on("end", () => {
    if (line !== "" && !noise.test(line)) process.stderr.write(line);
  });
  stream.setEncoding("utf8");
}

/** Runs `node file ...args` with our terminal, passes signals on, and ends as the child ends. */
export function runNode(file, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--enable-source-maps", file, ...args], {
      env: { ...process.env, ...env },
      stdio: ["inherit", "inherit", "pipe"],
    });
    forwardStderr(child.stderr);
    const forward = (signal) => {
      // On a terminal Ctrl-C reaches the whole process group by itself; twice would be once too often.
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      child.kill(signal);
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.on(signal, forward);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      for (const name of signals) process.off(name, forward);
      resolve({ code, signal });
    });
  });
}

const isMain = process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
if (isMain) {
  const args = process.argv.slice(2);
  const wantsSetup = args[0] === "--setup";
  if (wantsSetup) args.shift();
  const entry = args.shift();
  if (!entry) {
    process.stderr.write("usage: node scripts/run.mjs [--setup] FILE.ts [arguments]\n");
    process.exit(2);
  }
  if (!fs.existsSync(entry)) {
    process.stderr.write(`run: there is no file ${entry}\n`);
    process.exit(2);
  }
  if (wantsSetup && !(await setup()).ok) process.exit(1);
  let file;
  try {
    file = await bundle(path.resolve(entry));
  } catch (error) {
    // esbuild has printed its own messages; anything else is news
    if (!error.errors) process.stderr.write(`run: ${error.message}\n`);
    process.exit(1);
  }
  const { code, signal } = await runNode(file, args, adapterEnv());
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = code ?? 1;
}

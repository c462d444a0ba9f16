// Runs a TypeScript program of this repository on this machine's adapter: node scripts/run.mjs [--setup] FILE.ts
// [arguments].

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { builtinModules } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { entries } from "./entries.mjs";
import { adapterEnv, cacheDir, root, setup } from "./setup.mjs";

// It bundles the program with esbuild (shaders as text, "gradgpu" and its like from here, other packages left alone)
// into node_modules/.cache and starts it in a child Node whose environment selects the WebGPU adapter: drivers read it
// before any JavaScript runs.

const STALE_MS = 24 * 3600 * 1000;
/** Signals that follow each other within this time are one. */
const ONE_SIGNAL_MS = 500;
/** Between two looks whether npm's shell is still there. */
const PARENT_LOOK_MS = 100;
/** What a child has, after a second signal, to end by itself. */
const GRACE_MS = 2000;

const stemOf = (entry) => path.relative(root, entry).replace(/[^\w]+/g, "-");

/**
 * `bundle`, once for each entry of a run of all tests, which starts some programs a dozen times: GRADGPU_BUNDLE_RUN names
 * the run, in which no source changes.
 */
async function bundleOnce(entry) {
  const run = process.env.GRADGPU_BUNDLE_RUN;
  if (!run) return bundle(entry);
  const note = path.join(cacheDir, `${stemOf(entry)}-${run}.bundled`);
  if (fs.existsSync(note)) return fs.readFileSync(note, "utf8");
  const file = await bundle(entry);
  writeOnce(note, file);
  return file;
}

/** Bundles `entry` into the cache and returns the file. Its name holds a digest, so runs can go on side by side. */
export async function bundle(entry) {
  const { build } = await import("esbuild");
  const stem = stemOf(entry);
  const result = await build({
    entryPoints: [entry],
    outfile: path.join(cacheDir, `${stem}.mjs`),
    absWorkingDir: root,
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    plugins: [packagesOutside],
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

/** Our own package's names, and the sources behind them. */
const ownNames = new Map(
  Object.entries(entries).map(([name, file]) => [
    name === "index" ? "gradgpu" : `gradgpu/${name}`,
    path.join(root, file),
  ]),
);

/**
 * Leaves packages alone, but our own. Those that a program outside of this folder imports are looked for beside it, since
 * the bundle lies here.
 */
const packagesOutside = {
  name: "packages-outside",
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ path: name, importer, resolveDir, kind, pluginData }) => {
      const own = ownNames.get(name);
      if (own !== undefined) return { path: own };
      if (kind === "entry-point" || pluginData === packagesOutside || path.isAbsolute(name)) return undefined;
      if (builtinModules.includes(name) || name.startsWith("node:")) return { path: name, external: true };
      if (isInside(importer)) return { path: name, external: true };
      const found = await resolve(name, { kind, resolveDir, pluginData: packagesOutside });
      if (found.errors.length === 0) return { path: pathToFileURL(found.path).href, external: true };
      return { errors: [{ text: `there is no package "${name}" for ${resolveDir}; npm install it there` }] };
    });
  },
};

const isInside = (file) => !path.relative(root, file).startsWith("..");

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
 * Drops from text that comes in pieces the two lines in which Dawn warns, on every start on lavapipe, that the
 * driver's dynamic buffer limits (which gradgpu never uses) are too high to be true. A progress bar leaves the cursor
 * behind its text, so they may begin in the middle of a line.
 */
export function noiseFilter() {
  const start = "Warning: maxDynamic";
  const noise =
    /Warning: maxDynamic(?:Uniform|Storage)BuffersPerPipelineLayout artificially reduced[^\n]*(?:\n|$)/g;
  let held = "";
  /** Where in the text something begins that may become one of the two. */
  const undecidedFrom = (text) => {
    const begun = text.indexOf(start, text.lastIndexOf("\n") + 1);
    if (begun >= 0) return begun;
    for (let length = Math.min(start.length - 1, text.length); length > 0; length--) {
      if (text.endsWith(start.slice(0, length))) return text.length - length;
    }
    return text.length;
  };
  return {
    /** What may be shown now. */
    push(chunk) {
      const text = held + chunk;
      const end = undecidedFrom(text);
      held = text.slice(end);
      return text.slice(0, end).replace(noise, "");
    },
    /** What was held back to the end. */
    rest: () => held.replace(noise, ""),
  };
}

/** Copies a child's standard error to ours, less Dawn's noise. */
export function forwardStderr(stream) {
  const filter = noiseFilter();
  const write = (text) => text !== "" && process.stderr.write(text);
  stream.setEncoding("utf8");
  stream.on("data", (chunk) => write(filter.push(chunk)));
  stream.on("end", () => write(filter.rest()));
}

/**
 * Tells a child, whose standard error is a pipe to us, whether ours is a terminal and how wide; "" where it is none, as
 * we may have been told ourselves.
 */
export const terminalEnv = ({ isTTY, columns }) => ({
  GRADGPU_STDERR_COLUMNS: isTTY ? String(columns || 80) : "",
});

/** Whether a terminal's Ctrl-C reaches our process group, whatever our streams are. */
function isForeground() {
  try {
    // Behind the name, which may hold anything: state, parent, group, session, terminal, the terminal's group.
    const fields = fs.readFileSync("/proc/self/stat", "utf8").split(") ").at(-1).split(" ");
    return fields[4] !== "0" && fields[2] === fields[5];
  } catch {
    return [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  }
}

/** Runs `node file ...args` with our terminal, passes signals on, and ends as the child ends. */
export function runNode(file, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--enable-source-maps", file, ...args], {
      env: { ...process.env, ...env, ...terminalEnv(process.stderr) },
      stdio: ["inherit", "inherit", "pipe"],
    });
    forwardStderr(child.stderr);
    let firstSignal;
    const forward = (signal) => {
      if (firstSignal === undefined) {
        firstSignal = Date.now();
        // On a terminal Ctrl-C reaches the whole process group by itself; twice would be once too often.
        if (signal !== "SIGINT" || !isForeground()) child.kill(signal);
        return;
      }
      // npm passes on a Ctrl-C that reached us by the terminal already: what comes at once is the same one.
      if (Date.now() - firstSignal <= ONE_SIGNAL_MS) return;
      // Who asks twice wants it ended, even where a loop in the child notices no signal.
      child.kill(signal);
      setTimeout(() => child.kill("SIGKILL"), GRACE_MS).unref();
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.on(signal, forward);
    // npm starts us by a shell, and passes a SIGTERM to that alone: it is gone then, and nobody tells us.
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      forward("SIGTERM");
    }, PARENT_LOOK_MS).unref();
    if (process.env.npm_lifecycle_event === undefined) clearInterval(watch);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearInterval(watch);
      for (const name of signals) process.off(name, forward);
      resolve({ code, signal });
    });
  });
}

const isMain = process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
if (isMain) {
  // A reader of our output that goes away (`2>&1 | head`) must not end a run that still has files to write.
  process.stderr.on("error", () => {});
  const args = process.argv.slice(2);
  const wantsSetup = args[0] === "--setup";
  if (wantsSetup) args.shift();
  const entry = args.shift();
  if (!entry || entry === "--help" || entry === "-h") {
    const output = entry ? process.stdout : process.stderr;
    output.write("usage: node scripts/run.mjs [--setup] FILE.ts [arguments]\n");
    process.exit(entry ? 0 : 2);
  }
  if (!fs.existsSync(entry)) {
    process.stderr.write(`run: there is no file ${entry}\n`);
    process.exit(2);
  }
  if (wantsSetup && !(await setup()).ok) process.exit(1);
  let file;
  try {
    file = await bundleOnce(path.resolve(entry));
  } catch (error) {
    // esbuild has printed its own messages; anything else is news
    if (!error.errors) process.stderr.write(`run: ${error.message}\n`);
    process.exit(1);
  }
  const { code, signal } = await runNode(file, args, adapterEnv());
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = code ?? 1;
}

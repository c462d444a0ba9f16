// Which WebGPU adapters this machine offers Node, best first, each with the environment that selects it.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const PROBE_LIMIT_MS = 60_000;

const readJson = (file) => {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
};

/** The drivers that the user chose, if any. */
export const userDrivers = () => process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES;

const listJson = (directory) => {
  try {
    return fs
      .readdirSync(directory)
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => path.join(directory, name));
  } catch {
    return [];
  }
};

/** Every Vulkan driver manifest the loader would find, in its order. */
export function vulkanDrivers() {
  if (process.platform !== "linux") return [];
  return ["/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"].flatMap(listJson);
}

const lavapipeDriver = () => vulkanDrivers().find((file) => /^(lvp|lavapipe)/.test(path.basename(file)));

/** The Chromium (or Chrome) that tests use: its binary and, on Linux, the SwiftShader driver it ships. */
export function chromium() {
  const candidates = [
    process.env.GRADGPU_CHROMIUM,
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome-stable",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ];
  return candidates.find((file) => file && fs.existsSync(file));
}

function swiftshaderDriver() {
  if (process.platform !== "linux") return undefined;
  const browser = chromium();
  const directories = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];
  if (browser) directories.unshift(path.dirname(fs.realpathSync(browser)));
  return directories
    .map((directory) => path.join(directory, "vk_swiftshader_icd.json"))
    .find((file) => fs.existsSync(file));
}

/** What software drivers complain about when it is missing, as on a bare machine or in CI. */
function runtimeEnv() {
  if (process.platform !== "linux" || process.env.XDG_RUNTIME_DIR) return {};
  const directory = path.join(os.tmpdir(), `gradgpu-runtime-${process.getuid()}`);
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch {
    return {};
  }
  return { XDG_RUNTIME_DIR: directory };
}

const PROBE = `
import { writeSync } from "node:fs";
const { create } = await import(process.argv[1]);
const gpu = create([]);
const adapter = await gpu.requestAdapter();
if (!adapter) { writeSync(1, "null"); process.exit(0); }
const info = {};
for (const key of ["vendor", "architecture", "device", "description", "backendType", "adapterType",
  "isFallbackAdapter", "subgroupMinSize", "subgroupMaxSize"]) info[key] = adapter.info[key];
const limits = {};
for (const key in adapter.limits) limits[key] = adapter.limits[key];
const device = await adapter.requestDevice();
device.destroy();
writeSync(1, JSON.stringify({ info, limits, features: [...adapter.features].sort() }));
process.exit(0);
`;

const fileStamp = (file) => {
  try {
    const { mtimeMs, size } = fs.statSync(file);
    return `${file}:${mtimeMs}:${size}`;
  } catch {
    return `${file}:none`;
  }
};

const isSoftware = ({ info }) =>
  info.isFallbackAdapter === true ||
  /swiftshader|llvmpipe|lavapipe/i.test(`${info.architecture} ${info.device}`);

/**
 * @param {{ dawn: string, cache?: string }} where `dawn`: the main file of the package webgpu; `cache`: a folder for
 *   answers, without which every call probes anew
 */
export function probing({ dawn, cache }) {
  /** Everything a probe's answer depends on: runtime, Dawn, drivers and the environment that picks one. */
  function probeKey(env) {
    const version = readJson(path.join(path.dirname(dawn), "package.json"))?.version;
    const drivers = [...vulkanDrivers(), swiftshaderDriver()].filter(Boolean).map(fileStamp);
    const chosen = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES", "DISPLAY"].map(
      (name) => env[name] ?? process.env[name] ?? "",
    );
    return createHash("sha256")
      .update(JSON.stringify([process.version, process.arch, version, drivers, chosen, os.hostname()]))
      .digest("hex")
      .slice(0, 16);
  }

  /**
   * Asks Dawn for an adapter in a child process, under a time limit: a broken driver can hang or crash and
   * takes only that child along. Positive answers are cached. Returns undefined when there is none.
   */
  function probe(env = {}) {
    if (!fs.existsSync(dawn)) return undefined;
    const cacheFile = cache && path.join(cache, `adapter-${probeKey(env)}.json`);
    const cached = cacheFile && readJson(cacheFile);
    if (cached) return cached;
    const child = spawnSync(
      process.execPath,
      ["--input-type=module", "--eval", PROBE, pathToFileURL(dawn).href],
      {
        env: { ...process.env, ...runtimeEnv(), ...env },
        stdio: ["ignore", "pipe", "ignore"],
        timeout: PROBE_LIMIT_MS,
        killSignal: "SIGKILL",
        encoding: "utf8",
        windowsHide: true,
      },
    );
    let answer;
    try {
      answer = JSON.parse(child.stdout) ?? undefined;
    } catch {
      answer = undefined;
    }
    if (answer && cacheFile) {
      fs.mkdirSync(cache, { recursive: true });
      const temporary = `${cacheFile}.${process.pid}`;
      fs.writeFileSync(temporary, JSON.stringify(answer));
      fs.renameSync(temporary, cacheFile);
    }
    return answer;
  }

  /**
   * The adapters this machine offers, best first, each with the environment that selects it. What the user
   * chose with VK_DRIVER_FILES always wins; then a hardware driver; then the software ones.
   *
   * @returns {{ name: "system" | "lavapipe" | "swiftshader", env: Record<string, string>, probe: object }[]}
   */
  function adapters() {
    const base = runtimeEnv();
    const chosen = userDrivers();
    if (chosen) {
      const answer = probe();
      return answer ? [{ name: "system", env: { ...base, VK_DRIVER_FILES: chosen }, probe: answer }] : [];
    }
    const found = [];
    const software = [
      ["lavapipe", lavapipeDriver()],
      ["swiftshader", swiftshaderDriver()],
    ];
    // Mesa installs its hardware drivers' manifests along with lavapipe's, so only Dawn's own choice tells
    // whether there is hardware.
    const system = probe();
    if (system && (!isSoftware(system) || process.platform !== "linux")) {
      found.push({ name: "system", env: base, probe: system });
    }
    for (const [name, file] of software) {
      if (!file) continue;
      const env = { ...base, VK_DRIVER_FILES: file };
      const answer = probe(env);
      if (answer) found.push({ name, env, probe: answer });
    }
    if (found.length === 0 && system) found.push({ name: "system", env: base, probe: system });
    return found;
  }

  /** The environment for a program that should run on the best adapter; empty of drivers when there is none. */
  function adapterEnv() {
    const best = adapters()[0];
    return best ? { ...best.env, GRADGPU_ADAPTER: best.name } : { ...runtimeEnv(), GRADGPU_ADAPTER: "none" };
  }

  return { probe, probeKey, adapters, adapterEnv };
}

// npm run doctor: what this machine offers gradgpu and, for each thing missing, the exact command that fixes
// it. Installs nothing and works before anything is installed. Exit code 0 when WebGPU can be used, else 1.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  adapters,
  chromium,
  chromiumRemedy,
  dataProblems,
  dataRemedy,
  fashionDirectory,
  lavapipeRemedy,
  mnistDirectory,
  packagesInstalled,
  probe,
  root,
  vulkanDrivers,
} from "./setup.mjs";

const WIDTH = 38;
const remedies = [];

const print = (line = "") => process.stdout.write(`${line}\n`);
const section = (title) => print(`\n${title}`);
const row = (label, value) => print(`  ${label.padEnd(WIDTH)}${value}`);

/** Notes something missing, with the lines to type. */
function fix(what, ...lines) {
  remedies.push([what, lines.flat()]);
}

const bytes = (n) => {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  let size = n;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${n} (${Number.isInteger(size) ? size : size.toFixed(2)} ${units[unit]})`;
};

const relative = (file) => {
  const inside = path.relative(root, file);
  return inside.startsWith("..") ? file : inside;
};

const version = (name) => {
  try {
    return JSON.parse(fs.readFileSync(path.join(root, "node_modules", name, "package.json"), "utf8")).version;
  } catch {
    return undefined;
  }
};

function osName() {
  try {
    const text = fs.readFileSync("/etc/os-release", "utf8");
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? os.type();
  } catch {
    return `${os.type()} ${os.release()}`;
  }
}

function describeMachine() {
  section("Machine");
  const [major] = process.versions.node.split(".").map(Number);
  row("Node", `${process.version}${major < 20 ? "  (too old)" : ""}`);
  if (major < 20) fix("Node 20 or newer", "install Node 20 or newer with the way you installed this one");
  row("system", `${osName()}, ${process.platform} ${process.arch}`);
  const [cpu] = os.cpus();
  row("processor", `${os.cpus().length} x ${cpu?.model.trim() ?? "unknown"}`);
  row("memory", bytes(os.totalmem()).replace(/^.*\((.*)\)$/, "$1"));
}

function describePackages() {
  section("Packages");
  let complete = false;
  try {
    complete = packagesInstalled();
  } catch {
    // no lock file, or node_modules cannot be written: treated as missing
  }
  row("node_modules", complete ? "as package-lock.json asks" : "missing or out of date");
  if (!complete) fix("the npm packages", "npm ci");
  for (const name of ["webgpu", "esbuild", "typescript", "vitest"])
    row(name, version(name) ?? "not installed");
  if (complete && !version("webgpu")) {
    fix(
      "the package webgpu (Dawn)",
      "npm ci --include=optional",
      "(it has builds for Linux, macOS and Windows, x64 and arm64)",
    );
  }
}

function describeDrivers(found) {
  section("Vulkan drivers (manifests)");
  if (process.platform !== "linux") {
    row("not used", "Dawn uses Metal on macOS and Direct3D 12 on Windows");
    return;
  }
  const chosen = process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES;
  if (chosen) row("VK_DRIVER_FILES is set, and wins", chosen);
  const files = [...vulkanDrivers()];
  for (const { env } of found) {
    if (env.VK_DRIVER_FILES && !files.includes(env.VK_DRIVER_FILES)) files.push(env.VK_DRIVER_FILES);
  }
  if (files.length === 0) row("none", "");
  for (const file of files) {
    const users = found.filter(({ env }) => env.VK_DRIVER_FILES === file).map(({ name }) => name);
    row(path.basename(file), `${path.dirname(file)}${users.length > 0 ? `  <- ${users.join(", ")}` : ""}`);
  }
}

function describeAdapter({ name, env, probe: { info, limits, features } }, isBest) {
  section(`Adapter "${name}"${isBest ? "  (the one that is used)" : ""}`);
  row("device", info.device || "not said");
  row("vendor, architecture", [info.vendor, info.architecture].filter(Boolean).join(", ") || "not said");
  row("driver", info.description || "not said");
  row(
    "backend",
    info.backendType ?? { linux: "Vulkan", darwin: "Metal", win32: "Direct3D 12" }[process.platform],
  );
  row("kind", info.isFallbackAdapter ? "software" : "hardware");
  if (env.VK_DRIVER_FILES) row("chosen by VK_DRIVER_FILES", env.VK_DRIVER_FILES);
  const subgroups = [info.subgroupMinSize, info.subgroupMaxSize];
  const one = subgroups[0] === subgroups[1];
  row("subgroup size", subgroups[0] === undefined ? "not said" : one ? subgroups[0] : subgroups.join(" to "));
  for (const limit of ["maxBufferSize", "maxStorageBufferBindingSize", "maxComputeWorkgroupStorageSize"]) {
    row(limit, bytes(limits[limit]));
  }
  for (const limit of [
    "maxComputeInvocationsPerWorkgroup",
    "maxComputeWorkgroupsPerDimension",
    "maxStorageBuffersPerShaderStage",
    "minStorageBufferOffsetAlignment",
  ]) {
    row(limit, limits[limit]);
  }
  for (const feature of ["shader-f16", "subgroups", "timestamp-query"]) {
    row(feature, features.includes(feature) ? "yes" : "no");
  }
  const matrices = features.filter((feature) => feature.includes("subgroup-matrix"));
  row("subgroup matrices", matrices.length > 0 ? "yes" : "no");
}

function describeTests() {
  section("Browser and data");
  const browser = chromium();
  if (browser) {
    const asked = spawnSync(browser, ["--version"], {
      encoding: "utf8",
      timeout: 20_000,
      stdio: ["ignore", "pipe", "ignore"],
    });
    row("Chromium", `${browser}  ${asked.stdout?.trim() || "(does not answer)"}`);
  } else {
    row("Chromium", "not found (only the browser and SwiftShader tests need it)");
    fix("Chromium, for some of the tests", chromiumRemedy());
  }
  const problems = dataProblems();
  row("MNIST, 70,000 images", problems.length === 0 ? relative(mnistDirectory) : "incomplete");
  for (const problem of problems) print(`    ${relative(problem)}`);
  if (problems.length > 0 && packagesInstalled()) fix("the MNIST data", dataRemedy);
  const fashion = fs.existsSync(path.join(fashionDirectory, "train-images-idx3-ubyte.gz"));
  row("Fashion-MNIST (optional)", fashion ? fashionDirectory : "not found (Debian: dataset-fashion-mnist)");
}

print("gradgpu doctor");
describeMachine();
describePackages();
const found = version("webgpu") ? adapters() : [];
describeDrivers(found);
found.forEach((adapter, i) => {
  describeAdapter(adapter, i === 0);
});
if (found.length === 0) {
  section("Adapter");
  const unknown = version("webgpu") === undefined;
  row("none", unknown ? "cannot be told before the packages are installed" : "Dawn finds no WebGPU adapter");
  if (unknown && process.platform === "linux" && vulkanDrivers().length === 0) {
    fix("a Vulkan driver (`npm start` installs one where it may)", lavapipeRemedy());
  }
  if (!unknown) {
    const chosen = process.env.VK_DRIVER_FILES;
    if (chosen && !probe())
      fix("a driver that works", "unset VK_DRIVER_FILES", `(it names ${chosen}, which Dawn refuses)`);
    else fix("a WebGPU adapter (`npm start` installs one where it may)", lavapipeRemedy());
  }
} else if (found[0].name === "swiftshader") {
  fix("lavapipe, several times faster than SwiftShader", lavapipeRemedy());
}
describeTests();

section(remedies.length === 0 ? "Nothing is missing." : "Missing, and how to get it");
for (const [what, lines] of remedies) {
  print(`  ${what}:`);
  for (const line of lines) print(`      ${line}`);
}
const usable = found.length > 0 && version("webgpu") !== undefined;
print(
  usable
    ? `\nTraining runs on WebGPU: ${found[0].probe.info.device || found[0].name}.`
    : "\nTraining would run on the CPU reference, which is much slower.",
);
process.exitCode = usable ? 0 : 1;

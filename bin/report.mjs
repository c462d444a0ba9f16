// What the doctor prints of a machine: its system, its drivers, its WebGPU adapters, and how to get what is missing.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { probing, vulkanDrivers } from "./adapters.mjs";
import { lavapipeRemedy } from "./apt.mjs";

const WIDTH = 38;
const remedies = [];

export const print = (line = "") => process.stdout.write(`${line}\n`);
export const section = (title) => print(`\n${title}`);
export const row = (label, value) => print(`  ${label.padEnd(WIDTH)}${value}`);

/** Notes something missing, with the lines to type. */
export function fix(what, ...lines) {
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

function osName() {
  try {
    const text = fs.readFileSync("/etc/os-release", "utf8");
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? os.type();
  } catch {
    return `${os.type()} ${os.release()}`;
  }
}

export function describeMachine() {
  section("Machine");
  const [major] = process.versions.node.split(".").map(Number);
  row("Node", `${process.version}${major < 20 ? "  (too old)" : ""}`);
  if (major < 20) fix("Node 20 or newer", "install Node 20 or newer with the way you installed this one");
  row("system", `${osName()}, ${process.platform} ${process.arch}`);
  const [cpu] = os.cpus();
  row("processor", `${os.cpus().length} x ${cpu?.model.trim() ?? "unknown"}`);
  row("memory", bytes(os.totalmem()).replace(/^.*\((.*)\)$/, "$1"));
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

/**
 * The drivers and the adapters that Dawn makes of them.
 *
 * @param {string | undefined} dawn The main file of the package webgpu, if it is installed
 * @param {string} [cache] See {@link probing}
 * @returns {object[]} the adapters, best first
 */
export function describeAdapters(dawn, cache) {
  const { adapters, probe } = probing({ dawn, cache });
  const found = dawn ? adapters() : [];
  describeDrivers(found);
  found.forEach((adapter, i) => {
    describeAdapter(adapter, i === 0);
  });
  if (found[0]?.name === "swiftshader")
    fix("lavapipe, several times faster than SwiftShader", lavapipeRemedy());
  if (found.length > 0) return found;
  section("Adapter");
  row("none", dawn ? "Dawn finds no WebGPU adapter" : "cannot be told before webgpu is installed");
  const chosen = process.env.VK_DRIVER_FILES;
  if (dawn && chosen && !probe())
    fix("a driver that works", "unset VK_DRIVER_FILES", `(it names ${chosen}, which Dawn refuses)`);
  else if (dawn) fix("a WebGPU adapter", lavapipeRemedy());
  else if (process.platform === "linux" && vulkanDrivers().length === 0)
    fix("a Vulkan driver", lavapipeRemedy());
  return found;
}

/** Lists what to do, says what training would run on, and sets the exit code: 0 where WebGPU can be used. */
export function conclude(found) {
  section(remedies.length === 0 ? "Nothing is missing." : "Missing, and how to get it");
  for (const [what, lines] of remedies) {
    print(`  ${what}:`);
    for (const line of lines) print(`      ${line}`);
  }
  print(
    found.length > 0
      ? `\nTraining runs on WebGPU: ${found[0].probe.info.device || found[0].name}.`
      : "\nTraining would run on the CPU reference, which is much slower.",
  );
  process.exitCode = found.length > 0 ? 0 : 1;
}

// npm run doctor: what this machine offers gradgpu's repository and, for each thing missing, the exact command that fixes
// it. Installs nothing and works before anything is installed. Exit code 0 when WebGPU can be used, else 1.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { conclude, describeAdapters, describeMachine, fix, print, row, section } from "../bin/report.mjs";
import {
  cacheDir,
  chromium,
  chromiumRemedy,
  dataProblems,
  dataRemedy,
  fashionDirectory,
  fashionInstalled,
  mnistDirectory,
  packagesInstalled,
  root,
} from "./setup.mjs";

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
      "npm ci --include=dev",
      "(it has builds for Linux, macOS and Windows, x64 and arm64)",
    );
  }
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
  row(
    "Fashion-MNIST (optional)",
    fashionInstalled() ? fashionDirectory : "not found (Debian: dataset-fashion-mnist)",
  );
}

print("gradgpu doctor");
describeMachine();
describePackages();
const dawn = path.join(root, "node_modules", "webgpu", "index.js");
const found = describeAdapters(fs.existsSync(dawn) ? dawn : undefined, cacheDir);
describeTests();
conclude(found);

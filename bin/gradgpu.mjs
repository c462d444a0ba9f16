#!/usr/bin/env node
// npx gradgpu: `doctor` says what this machine offers a project that uses gradgpu and, for each thing missing, the exact
// command that fixes it (it installs nothing; exit code 0 when WebGPU can be used, else 1); `log` makes a page of logs.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { log, usage as logUsage } from "./log/command.mjs";
import { conclude, describeAdapters, describeMachine, fix, print, row, section } from "./report.mjs";

const require = createRequire(import.meta.url);

/** The main file of a package as gradgpu itself finds it. */
function find(name) {
  try {
    return require.resolve(name);
  } catch {
    return undefined;
  }
}

const versionBeside = (file) =>
  JSON.parse(fs.readFileSync(path.join(path.dirname(file), "package.json"), "utf8")).version;

/** Why a module can't be loaded, tried in a process of its own; undefined where it can. */
function loadingError(file) {
  const program = `import(process.argv[1]).then(() => process.exit(0), (error) => {
    process.stderr.write(error.message);
    process.exit(1);
  })`;
  const args = ["--input-type=module", "--eval", program, pathToFileURL(file).href];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 });
  return status === 0 ? undefined : stderr.trim() || `it ended the process (${status})`;
}

function describePackages() {
  section("Packages");
  const own = fileURLToPath(new URL("../package.json", import.meta.url));
  row("gradgpu", `${versionBeside(own)}  ${path.dirname(own)}`);
  const dawn = find("webgpu");
  const error = dawn && loadingError(dawn);
  row("webgpu (Dawn, for Node)", dawn ? `${versionBeside(dawn)}  ${path.dirname(dawn)}` : "not installed");
  if (!dawn) fix("the package webgpu (Dawn)", "npm install webgpu", "(pages in browsers do without)");
  if (error) {
    row("webgpu can't be loaded", error.split("\n")[0]);
    fix(
      "a package webgpu that can be loaded",
      "npm install webgpu",
      `(the one there fails: ${error.split("\n")[0]})`,
    );
  }
  return error ? undefined : dawn;
}

const usage = `gradgpu doctor    what this machine offers gradgpu, and how to get what is missing
${logUsage}`;
const [command, ...args] = process.argv.slice(2);
if (command === "doctor") {
  print("gradgpu doctor");
  describeMachine();
  const found = describeAdapters(describePackages());
  conclude(found);
  const [best] = found;
  if (best?.env.VK_DRIVER_FILES && !process.env.VK_DRIVER_FILES)
    print(
      `The driver is chosen before a program starts: VK_DRIVER_FILES=${best.env.VK_DRIVER_FILES} node PROGRAM`,
    );
} else if (command === "log") {
  process.exitCode = await log(args);
} else {
  const isHelp = command === undefined || command === "--help" || command === "-h";
  (isHelp ? process.stdout : process.stderr).write(
    isHelp ? usage : `gradgpu: there is no command "${command}"\n${usage}`,
  );
  process.exitCode = isHelp ? 0 : 1;
}

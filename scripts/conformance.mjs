// npm run conformance [-- adapter ...]: measures every op on each adapter of this machine, in processes of their own,
// into docs/conformance/ADAPTER.json, and writes docs/conformance.md from all such files.

import fs from "node:fs";
import path from "node:path";
import { bundle, runNode } from "./run.mjs";
import { root, setup } from "./setup.mjs";

const only = process.argv.slice(2);
if (only.some((word) => word.startsWith("-"))) {
  process.stderr.write(
    "usage: npm run conformance [-- adapter ...], as in lavapipe swiftshader; all where none is named\n",
  );
  process.exit(only.includes("--help") ? 0 : 2);
}
const ready = await setup({ tests: true });
if (!ready.ok) process.exit(1);
const adapters = ready.adapters.filter(({ name }) => only.length === 0 || only.includes(name));
if (adapters.length === 0) {
  const names = ready.adapters.map(({ name }) => name).join(", ") || "none";
  process.stderr.write(`conformance: nothing to measure on; this machine has: ${names}\n`);
  process.exit(1);
}

const directory = path.join(root, "docs", "conformance");
const program = await bundle(path.join(root, "test", "conformance", "main.ts"));

/** A hardware adapter is called by what it is; software ones by their names. */
function fileOf({ name, probe: { info } }) {
  if (name !== "system") return name;
  const words = `${info.vendor} ${info.device || info.architecture || info.description}`.toLowerCase();
  return words.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || name;
}

let failed = false;
for (const adapter of adapters) {
  const name = fileOf(adapter);
  process.stdout.write(`conformance: measuring on ${name}\n`);
  const file = path.join(directory, `${name}.json`);
  const { code } = await runNode(program, ["measure", name, file], adapter.env);
  if (code !== 0) failed = true;
}
const files = fs
  .readdirSync(directory)
  .filter((file) => file.endsWith(".json"))
  .sort()
  .map((file) => path.join(directory, file));
const { code } = await runNode(program, ["page", path.join(root, "docs", "conformance.md"), ...files], {});
process.exitCode = failed || code !== 0 ? 1 : 0;

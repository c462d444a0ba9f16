// npm run runtimes: the README's XOR example from the packed package in Node, Bun and Deno. Bun and Deno come from npm, into
// a temporary folder; what can't be installed or started is said. Not part of the tests.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { transformSync } from "esbuild";
import { packedPackage } from "./build/pack.mjs";
import { adapterEnv, root } from "./setup.mjs";

const readme = fs.readFileSync(path.join(root, "README.md"), "utf8");
const example = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].find(([, code]) =>
  code.includes("Sequential"),
)[1];

const { folder, remove } = await packedPackage(["webgpu"]);
try {
  fs.writeFileSync(path.join(folder, "xor.ts"), example);
  fs.writeFileSync(
    path.join(folder, "device.ts"),
    'import { init } from "gradgpu"; console.log((await init()).kind);\n',
  );
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const tools = path.join(folder, "tools");
  fs.mkdirSync(tools);
  fs.writeFileSync(path.join(tools, "package.json"), "{}\n");
  for (const name of ["bun", "deno"]) {
    const { status, stderr } = spawnSync(npm, ["install", "--no-audit", "--no-fund", name], {
      cwd: tools,
      encoding: "utf8",
      shell: process.platform === "win32",
    });
    if (status !== 0)
      process.stdout.write(`${name}: npm could not install it: ${stderr.trim().split("\n")[0]}\n`);
  }
  const bin = (name) => path.join(tools, "node_modules", ".bin", name);
  run("node", asJavaScript("xor.ts"), asJavaScript("device.ts"), process.execPath, []);
  run("bun", "xor.ts", "device.ts", bin("bun"), ["run"]);
  run("deno", "xor.ts", "device.ts", bin("deno"), [
    "run",
    "--allow-all",
    "--no-check",
    "--node-modules-dir=manual",
  ]);
} finally {
  remove();
}

/** Node 20 strips no types: the same program as JavaScript. */
function asJavaScript(file) {
  const out = file.replace(/ts$/, "mjs");
  const { code } = transformSync(fs.readFileSync(path.join(folder, file), "utf8"), {
    loader: "ts",
    format: "esm",
  });
  fs.writeFileSync(path.join(folder, out), code);
  return out;
}

function run(name, example, device, command, args) {
  if (!fs.existsSync(command)) return;
  const start = (file) =>
    spawnSync(command, [...args, file], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, ...adapterEnv() },
      timeout: 240_000,
    });
  const { stdout: kind } = start(device);
  const { status, stdout, stderr } = start(example);
  const ending = status === 0 ? stdout.trimEnd() : `failed (${status}): ${stderr.trim()}`;
  const { stdout: version } = spawnSync(command, ["--version"], { encoding: "utf8" });
  process.stdout.write(
    `== ${name} ${version.trim().split("\n")[0]}, on ${kind.trim() || "no device"}\n${ending}\n`,
  );
  if (status !== 0) process.exitCode = 1;
}

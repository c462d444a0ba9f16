// The package as npm would publish it, installed in a folder of its own: what a project that depends on it sees.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { root } from "../setup.mjs";

/**
 * Builds and packs the package, and lays it into a new project.
 *
 * @param {string[]} others Packages of this repository that the project has too
 * @param {string} [at] An empty folder for the project, outside of the repository; one is made if none is given
 * @returns {Promise<{ folder: string, packed: number, unpacked: number, files: string[], remove(): void }>} sizes in
 *   bytes; `folder` is the project's
 */
export async function packedPackage(others = [], at) {
  run(process.execPath, [path.join(root, "scripts", "build.mjs")], root);
  // Outside the repository, so that nothing is found by walking up from it.
  const folder = fs.realpathSync(at ?? fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-consumer-")));
  const npm = process.platform === "win32" ? ["cmd.exe", "/d", "/c", "npm"] : ["npm"];
  const [{ filename, size, unpackedSize, files }] = JSON.parse(
    run(npm[0], [...npm.slice(1), "pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
  );
  const modules = path.join(folder, "node_modules");
  fs.mkdirSync(path.join(modules, "gradgpu"), { recursive: true });
  run(
    "tar",
    ["-xzf", path.join("..", "..", filename), "--strip-components=1"],
    path.join(modules, "gradgpu"),
  );
  fs.rmSync(path.join(folder, filename));
  fs.writeFileSync(path.join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  for (const name of others)
    fs.symlinkSync(path.join(root, "node_modules", name), path.join(modules, name), "junction");
  return {
    folder,
    packed: size,
    unpacked: unpackedSize,
    files: files.map((file) => file.path),
    remove: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0)
    throw new Error(`${path.basename(command)} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}

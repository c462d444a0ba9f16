// The .wgsl files as they lie in shaders/.

import fs from "node:fs";
import path from "node:path";

export interface ShaderFile {
  readonly name: string;
  readonly source: string;
}

const directory = path.resolve(import.meta.dirname, "../../shaders");

export function shaderFiles(): ShaderFile[] {
  return fs
    .readdirSync(directory)
    .filter((name) => name.endsWith(".wgsl"))
    .map((name) => ({ name, source: fs.readFileSync(path.join(directory, name), "utf8") }));
}

/** The text to compile: a file that says "Needs other.wgsl in front", or "behind", gets it there. */
export function withPreamble({ source }: ShaderFile): string {
  const header = (/^(?:(?:\/\/.*)?\n)+/.exec(source)?.[0] ?? "").replace(/\n+\/\/ ?/g, " ");
  const needed = (where: string) =>
    [...header.matchAll(new RegExp(`Needs ([\\w-]+\\.wgsl) ${where}`, "g"))].map(([, name]) =>
      fs.readFileSync(path.join(directory, name), "utf8"),
    );
  return [...needed("in front"), source, ...needed("behind")].join("\n");
}

// Rules for the shader files that need no adapter: each says what it does, binds as the engine expects, and is
// used.

import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { shaderFiles } from "../support/shader-files.ts";

describe("every shader file", () => {
  it.each(shaderFiles().map((file) => [file.name, file] as const))("%s", (_, { source }) => {
    const header = /^((?:\/\/.*\n)+)/.exec(source)?.[1] ?? "";
    expect(header.length, "a header comment that says what the kernel does").toBeGreaterThan(60);
    const lines = source.split("\n");
    lines.forEach((line, i) => {
      expect(line.length, `line ${i + 1} fits 130 columns`).toBeLessThanOrEqual(130);
      expect(line, `line ${i + 1}`).not.toMatch(/\t| $/);
    });
    const bindings = [...source.matchAll(/@binding\((\d+)\)\s*var<(\w+)/g)];
    expect(
      bindings.filter(([, , space]) => space === "storage").length,
      "storage bindings",
    ).toBeLessThanOrEqual(8);
    // Binding 0 is the size buffer, storage starts at 1.
    for (const [, number, space] of bindings) expect(space === "uniform").toBe(number === "0");
  });

  it("is imported by the engine", () => {
    const engine = path.resolve(import.meta.dirname, "../../engine");
    const sources = fs
      .readdirSync(engine, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => fs.readFileSync(path.join(engine, file), "utf8"))
      .join("\n");
    const unused = shaderFiles().filter(({ name }) => !sources.includes(`shaders/${name}"`));
    expect(unused.map(({ name }) => name)).toEqual([]);
  });
});

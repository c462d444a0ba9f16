// Rules for the shader files that need no adapter: each says what it does, binds as the engine expects, and is
// used.

import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { shaderFiles } from "../support/shader-files.ts";

/** Declarations without a value inside loops; what is assigned as a whole before it is read, lefts are, is left out. */
function valuelessInLoops(source: string): string[] {
  const found: string[] = [];
  const loops: boolean[] = [];
  for (const line of source.split("\n").map((each) => each.replace(/\/\/.*/, "").trim())) {
    if (/^var \w+: [^=]*;$/.test(line) && loops.includes(true) && !/^var lefts\b/.test(line))
      found.push(line);
    for (const brace of line.replace(/[^{}]/g, "")) {
      if (brace === "{") loops.push(/^(\} )?(for|while|loop)\b/.test(line));
      else loops.pop();
    }
  }
  return found;
}

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

  it.each(shaderFiles().map((file) => [file.name, file] as const))(
    "%s gives variables in loops a value, which Dawn on lavapipe makes 0 in the first round only",
    (_, { source }) => {
      expect(valuelessInLoops(source)).toEqual([]);
    },
  );

  it("may have variables without a value outside of loops, and those of functions that loops call", () => {
    const body =
      "  var a: u32;\n  for (var i = 0u; i < 4u; i++) {\n    if (b) {\n      var c: f32;\n    }\n  }\n";
    expect(valuelessInLoops(`fn main() {\n${body}  var d: u32;\n}`)).toEqual(["var c: f32;"]);
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

// Programs of the docs as readers edit them: what becomes of types, lines, imports, and of what is no program.

import { describe, expect, it } from "vitest";
import { highlighted } from "../../site/snippets/highlight.ts";
import { bounded } from "../../site/snippets/printed.ts";
import { ProgramError, scriptOf } from "../../site/snippets/program.ts";
import { line } from "../../site/snippets/shown.ts";
import { lineOf, withNames } from "../../site/snippets/told.ts";
import { cpuMs } from "../support/cpu-time.ts";

const library = { gradgpu: "http://here/library/index-1.js", "gradgpu/nn": "http://here/library/nn-2.js" };
const failed = (code: string): ProgramError => {
  try {
    scriptOf(code, library);
  } catch (error) {
    expect(error).toBeInstanceOf(ProgramError);
    return error as ProgramError;
  }
  throw new Error("it was taken for a program");
};

describe("a program as a module", () => {
  it("has no types, and each statement in its line", async () => {
    const code = [
      "interface Point {",
      "  readonly x: number;",
      "}",
      "type Pair<T> = readonly [T, T];",
      "const at = <T,>(pair: Pair<T>, i: 0 | 1): T => pair[i]!;",
      "enum Side { Left, Right }",
      "class Box<T> {",
      "  constructor(private readonly value: T) {}",
      "  get(): T { return this.value as T; }",
      "}",
      "const p = { x: 3 } satisfies Point;",
      "export const value = new Box(at([p.x, 4], Side.Right)).get();",
    ].join("\n");
    const script = scriptOf(code, library);
    const { value } = await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(script)}`);
    expect(value).toBe(4);
    expect(script.split("\n")[11]).toMatch(/^export const value = /);
    expect(
      lineOf(`TypeError: x\n    at add (http://here/library/index-1.js:1:9)\n    at program.ts:12:3`, code),
    ).toBe(12);
    expect(script).toContain("//# sourceURL=program.ts");
  });

  it("imports the library by its places, however that is written, and nothing that is a type alone", () => {
    const code = [
      "import { add, type Tensor } from 'gradgpu';",
      'import * as nn from "gradgpu/nn"; export { mul } from "gradgpu";',
      'const later = await import("gradgpu"), text = \'import "gradgpu"\';',
      "export const x: Tensor = add(nn, later, text);",
    ].join("\n");
    const [first, second, third] = scriptOf(code, library).split("\n");
    expect(first).toMatch(/^import \{ add,?\s*\} from "http:\/\/here\/library\/index-1\.js";$/);
    expect(second).toContain(
      'from "http://here/library/nn-2.js"; export { mul } from "http://here/library/index-1.js"',
    );
    expect(third).toContain('import("http://here/library/index-1.js"), text = \'import "gradgpu"\'');
  });

  it.each([
    ["const a = 1;\n\nconst a = 2;", 3, /already been declared/],
    ["let a = 1;\nlet b: number = ;", 2, /Unexpected token/],
    ["let a = [1,\n2;", 2, /./],
    [
      'let a = 1;\nimport fs from "node:fs";\nfs.a();',
      2,
      /no module "node:fs" here.*gradgpu, gradgpu\/nn\.$/,
    ],
    ['let a = 1;\nimport x from "toString";\nx();', 2, /no module "toString"/],
  ])("%j is refused with its line", (code, line, message) => {
    const error = failed(code);
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/sucrase|\(\d+:\d+\)/);
    expect(error.line).toBe(line);
  });

  it("is told by the reader's names and lines where it imports what there is not", () => {
    const said = "The requested module 'http://here/library/nn-2.js' does not provide an export named 'Dens'";
    expect(withNames(said, library)).toBe("The requested module 'gradgpu/nn' has no export named 'Dens'");
    expect(lineOf(said, 'let Denser = 1;\nimport { Dens } from "gradgpu/nn";')).toBe(2);
    expect(lineOf("Error: none", "let a;")).toBeUndefined();
  });
});

describe("a program in colours", () => {
  it.each([
    [
      "typescript",
      'const x: Tensor = add(1, "a"); // sum\n\nif (x) {}\n',
      ["const", "Tensor", "1", '"a"', "// sum", "if"],
    ],
    ["python", 'import keras\nx = "a"  # text\n', ["import", '"a"', "# text"]],
  ] as const)("of %s is all of its text", (language, code, coloured) => {
    const pieces = highlighted(code, language);
    expect(pieces.map(({ text }) => text).join("")).toBe(code);
    const own = pieces.filter(({ classes }) => classes !== "").map(({ text }) => text);
    expect(own).toEqual(expect.arrayContaining([...coloured]));
  });
});

describe("what a program prints", () => {
  it("is given on until it is too much, which is said once", () => {
    const printed: string[] = [];
    const print = bounded((text) => printed.push(text), 12);
    for (const text of ["four", "", "five5", "more", "more"]) print(text);
    expect(printed).toEqual(["four", "", "five5", "… the rest is left out"]);
    printed.length = 0;
    bounded((text) => printed.push(text), 12)("x".repeat(30));
    expect(printed).toEqual(["x".repeat(11), "… the rest is left out"]);
  });

  it("is written as far as it is read", () => {
    const large = new Float32Array(1e8);
    const begun = cpuMs();
    expect(line([large])).toMatch(/^Float32Array\(100000000\) \[\n[\s\S]*\.\.\. 99999900 more items\n\]$/);
    // All of it would take minutes.
    expect(cpuMs() - begun).toBeLessThan(5000);
    expect(line([new Map([["a", 1]]), new Set([1, 2]), { a: [undefined] }])).toBe(
      "Map(1) { 'a' => 1 } Set(2) { 1, 2 } { a: [ undefined ] }",
    );
  });
});

// What the build does to a module and to a shader.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { specialize } from "../../engine/kernel/specialize.ts";
import { removeAbandoned } from "../../scripts/abandoned.mjs";
import { markPure } from "../../scripts/build/pure.mjs";
import { minifyWgsl } from "../../scripts/build/wgsl.mjs";

const options = { rewrite: (source: string) => source.replace(/\.ts$/, ".js"), emptied: ["samples"] };
const mark = (code: string) => markPure(code, options).code.replaceAll("/* @__PURE__ */", "PURE");

describe("a module that is built", () => {
  it("has its calls at import marked, and no others", () => {
    expect(mark("const a = f(g(1), () => h(2));")).toBe("const a = PURE f(PURE g(1), () => h(2));");
    expect(mark("export const a = new Map([[1, 2]]), b = 3;")).toBe(
      "export const a = PURE new Map([[1, 2]]), b = 3;",
    );
    expect(mark("function f() { return g(); }")).toBe("function f() { return g(); }");
  });

  it("has what else looks like an effect in a call that is marked", () => {
    expect(mark("const a = { ...b, c: 1 };")).toBe("const a = PURE (() => ({ ...b, c: 1 }))();");
    expect(mark("const a = f(b.c);")).toBe("const a = PURE (() => (f(b.c)))();");
    expect(mark("class A { static b = f(1); c = g(2); }")).toBe(
      "class A { static b = PURE f(1); c = g(2); }",
    );
    expect(mark("const a = 2 ** 24;")).toBe("const a = 2 ** 24;");
  });

  it("computes the same as before", async () => {
    const program = `const base = { p: 1 };
const all = { ...base, q: [1, 2].map((x) => x + base.p) };
const text = \`\${all.q.length}\`;
class A { static made = new Map([["k", all.q]]); }
export { all, text, A };`;
    const run = (code: string) =>
      import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`);
    const [before, after] = [await run(program), await run(markPure(program, options).code)];
    expect(after.all).toEqual({ p: 1, q: [2, 3] });
    expect({ ...after.all, text: after.text, made: after.A.made }).toEqual({
      ...before.all,
      text: before.text,
      made: before.A.made,
    });
  });

  it("says which statements no bundler can drop", () => {
    expect(markPure("const a = 1;\nregister(a);\nfor (;;) break;", options).effects).toEqual([2, 3]);
    expect(markPure("class A { static { f(); } }", options).effects).toEqual([1]);
    expect(markPure("const a = f();\nfunction g() {}\nexport { a };", options).effects).toEqual([]);
  });

  it("imports files by the names that they have in the package, without comments and samples", () => {
    expect(mark('import { a } from "./a.ts";\nexport * from "./b.ts";')).toBe(
      'import { a } from "./a.js";\nexport * from "./b.js";',
    );
    expect(mark('const f = () => import("./c.ts");')).toBe('const f = () => import("./c.js");');
    expect(mark("const a = {\n  // Why.\n  b: 1,\n  samples: [f(1)],\n};")).toBe(
      "const a = {\n  b: 1,\n  samples: [],\n};",
    );
    expect(mark("const f = (n) => import(/* webpackIgnore: true */ n);")).toContain("webpackIgnore");
  });
});

describe("a shader that is built", () => {
  it("keeps names and a line for each declaration, and loses comments and blanks", () => {
    expect(
      minifyWgsl(
        "// Head.\nconst N = 4u; // four\n\nfn f(x: f32, /* a /* nested */ one */ y: u32) -> f32 {\n    return x - -x;\n}\n",
      ),
    ).toBe("const N=4u;\nfn f(x:f32,y:u32)->f32{return x- -x;\n}\n");
  });

  it("keeps blanks between operators that would be another one", () => {
    expect(minifyWgsl("const a: array<f32, 2> = array<f32, 2>();\nconst b = 1 > 2;\n")).toBe(
      "const a:array<f32,2> =array<f32,2>();\nconst b=1>2;\n",
    );
  });

  it("can be specialised", () => {
    const source = minifyWgsl(
      "const N: u32 = 4u;\nalias E = f32;\n@group(0) @binding(1) var<storage, read> in0: array<E>;\nfn f(x: f32) -> f32 {\n  return x;\n}\n",
    );
    const hooks = {
      consts: { N: "8u" },
      aliases: { E: "vec4f" },
      bindings: [{ binding: 1, access: "read_write" as const, name: "in0", type: "array<u32>" }],
      functions: { f: "fn f(x: f32) -> f32 { return 2 * x; }" },
    };
    expect(specialize({ name: "s", source }, hooks)).toBe(
      "const N = 8u;\nalias E = vec4f;\n@group(0) @binding(1) var<storage, read_write> in0: array<u32>;\nfn f(x: f32) -> f32 { return 2 * x; }\n",
    );
  });
});

describe("folders of processes", () => {
  it("are removed where the process has ended, and no others", () => {
    const { pid } = spawnSync(process.execPath, ["--version"]);
    const parent = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-abandoned-"));
    try {
      for (const name of [`dist-${pid}`, `dist-${pid}-before`, `dist-${process.ppid}`, "dist-1", "site"]) {
        fs.mkdirSync(path.join(parent, name));
        fs.writeFileSync(path.join(parent, name, "file"), "");
      }
      removeAbandoned(parent, /^dist-(\d+)(?:-before)?$/);
      expect(fs.readdirSync(parent).sort()).toEqual(["dist-1", `dist-${process.ppid}`, "site"].sort());
      removeAbandoned(path.join(parent, "none"), /^dist-(\d+)$/);
    } finally {
      fs.rmSync(parent, { recursive: true, force: true });
    }
  });
});

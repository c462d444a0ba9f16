// The test projects: `unit` needs no GPU; every GPU test runs once on each adapter this machine has, in a
// process of its own, because a driver is chosen by environment before Dawn loads.

import fs from "node:fs";
import path from "node:path";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { entries } from "./scripts/entries.mjs";
import { adapters, chromium } from "./scripts/setup.mjs";
import { leftOutOnOthers } from "./test/support/sampled.ts";

/** Shaders are imported as their text, as esbuild's text loader does in the build. */
const wgsl = {
  name: "wgsl-as-text",
  enforce: "pre" as const,
  load(id: string) {
    const file = id.split("?")[0];
    if (!file.endsWith(".wgsl")) return null;
    return { code: `export default ${JSON.stringify(fs.readFileSync(file, "utf8"))};`, map: null };
  },
};

const found = adapters();

/** Of every project: what several files need is made once a run. */
const globalSetup = ["test/support/run-folder.ts"];

/**
 * What is long goes first, so that no worker is left with it at the end while the other has nothing to do; before it, what
 * wants a fresh process: a driver keeps memory maps of each shader, and of maps a process may have only so many.
 */
const longest = [
  "test/gpu/memory-ceiling",
  "test/browser/worker",
  "test/browser/loaders",
  "test/package/bundlers",
  "test/unit/lessons-sampled",
  "test/unit/examples",
  "test/unit/lessons",
  "test/unit/gpu-report",
  "test/unit/killed",
];

/** All projects are one queue, in this order: those behind the last line of it are its adapters. */
const projectOrder = ["browser", "package", "unit"];

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const project = ({ project: { name } }: TestSpecification) =>
      projectOrder.includes(name)
        ? projectOrder.indexOf(name)
        : projectOrder.length + found.findIndex((adapter) => adapter.name === name);
    const rank = ({ moduleId }: TestSpecification) => {
      const at = longest.findIndex((name) => moduleId.endsWith(`${name}.test.ts`));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => project(a) - project(b) || rank(a) - rank(b));
  }
}

/**
 * Opening a device and compiling shaders costs seconds, so the files of an adapter share two processes
 * (one for each core of a small machine), each with one device. Module state is shared by the files too.
 */
const gpuProjects: TestProjectConfiguration[] = found.map(({ name, env }, i) => ({
  extends: true,
  test: {
    name,
    globalSetup,
    include: ["test/gpu/**/*.test.ts"],
    exclude: i === 0 ? [] : [...leftOutOnOthers],
    env: { ...env, GRADGPU_TEST_ADAPTER: name, GRADGPU_TEST_IS_FIRST: i === 0 ? "1" : "" },
    pool: "forks",
    isolate: false,
    maxWorkers: 2,
  },
}));

const browserProject: TestProjectConfiguration[] = chromium()
  ? [
      {
        extends: true,
        test: {
          name: "browser",
          globalSetup,
          include: ["test/browser/**/*.test.ts"],
          env: { ...found[0]?.env, GRADGPU_CHROMIUM: chromium() as string },
          pool: "forks",
          maxWorkers: 2,
        },
      },
    ]
  : [];

/** The packed package in a project of its own, whatever adapters there are. */
const packageProject: TestProjectConfiguration = {
  extends: true,
  test: {
    name: "package",
    globalSetup,
    include: ["test/package/**/*.test.ts"],
    env: { ...found[0]?.env, ...(chromium() ? { GRADGPU_CHROMIUM: chromium() as string } : {}) },
    pool: "forks",
    maxWorkers: 2,
  },
};

/** Examples import the package by its name; here that is its sources, as for scripts/run.mjs. */
const ownNames = Object.entries(entries).map(([name, file]) => ({
  find: new RegExp(`^gradgpu${name === "index" ? "" : `/${name}`}$`),
  replacement: path.join(import.meta.dirname, file),
}));

export default defineConfig({
  plugins: [wgsl],
  resolve: { alias: ownNames },
  oxc: { target: "es2022" },
  test: {
    maxWorkers: 2,
    // Against hangs only: a loaded machine may take five times as long as usual.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    teardownTimeout: 20_000,
    // vitest has a sequencer of its own for shuffled files.
    ...(process.argv.some((arg) => arg.startsWith("--sequence.shuffle"))
      ? {}
      : { sequence: { sequencer: LongFirst } }),
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          globalSetup,
          include: ["test/unit/**/*.test.ts"],
          pool: "forks",
          // Importing the engine anew for each file took as long as the tests do. So files share modules, and must
          // leave their state (the current device, spies, what they put into globals) as they found it.
          isolate: false,
          maxWorkers: 2,
        },
      },
      ...gpuProjects,
      ...browserProject,
      packageProject,
    ],
  },
});

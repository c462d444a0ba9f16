// The test projects: `unit` needs no GPU; every GPU test runs once on each adapter this machine has, in a
// process of its own, because a driver is chosen by environment before Dawn loads.

import fs from "node:fs";
import path from "node:path";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { entries } from "./scripts/entries.mjs";
import { adapters, chromium } from "./scripts/setup.mjs";
import { gpuFiles, isWideLavapipe, narrowLavapipe } from "./test/support/narrow-lavapipe.ts";
import { type AdapterRole, leftOutOnOthers } from "./test/support/sampled.ts";

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

/** The adapters as tests have them: lavapipe, which compiles longest, at two widths (test/support/narrow-lavapipe.ts). */
const gpuRuns = found.flatMap((adapter, i) => {
  const { name, env } = adapter;
  const exclude = i === 0 ? [] : leftOutOnOthers;
  const role: AdapterRole = i > 0 ? "other" : found.length > 1 ? "first" : "only";
  const run = { name: name as string, env, role, include: gpuFiles("wide"), exclude };
  const narrowed = isWideLavapipe(adapter) ? gpuFiles("narrow") : [];
  if (narrowed.length === 0) return [{ ...run, include: ["test/gpu/**/*.test.ts"] }];
  // Mesa makes the last folder of a path only.
  fs.mkdirSync(narrowLavapipe.MESA_SHADER_CACHE_DIR, { recursive: true });
  return [run, { ...run, name: `${name}-128`, env: { ...env, ...narrowLavapipe }, include: narrowed }];
});

/** Of every project: what several files need is made once a run. */
const globalSetup = ["test/support/run-folder.ts"];

/**
 * What is long goes first, so that no worker is left with it at the end while the other has nothing to do; before it, what
 * wants a fresh process: a driver keeps memory maps of each shader, and of maps a process may have only so many. Of the browser's
 * files the first finds out about kernels what the others then know, and packs the package; beside it go those that need neither.
 */
const longest = [
  "test/gpu/memory-ceiling",
  "test/browser/train",
  "test/browser/stepper",
  "test/browser/bench-report",
  "test/browser/plot",
  "test/browser/log-page",
  "test/browser/saving",
  "test/browser/event-files",
  "test/browser/loaders",
  "test/browser/site-training",
  "test/browser/site-pages",
  "test/package/bundlers",
  "test/unit/process-exit",
  "test/unit/examples",
  "test/unit/killed",
  "test/unit/keeping-docs",
  "test/unit/lessons-sampled",
  "test/unit/gpu-report",
  "test/unit/bench-run",
  "test/unit/lessons",
  "test/unit/ops-gradient",
  "test/unit/layer-samples",
];

/** The unit tests, then all other projects as one queue, in this order: those behind the last line of it are its adapters. */
const projectOrder = ["unit", "browser", "package"];

/**
 * On two cores: many unit tests wait for programs that they start, so that three at a time keep both cores busy; what computes
 * on a device in software has them busy by itself.
 */
const workers = {
  unit: { maxWorkers: 3, sequence: { groupOrder: 0 } },
  others: { maxWorkers: 2, sequence: { groupOrder: 1 } },
};

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const project = ({ project: { name } }: TestSpecification) =>
      projectOrder.includes(name)
        ? projectOrder.indexOf(name)
        : projectOrder.length + gpuRuns.findIndex((run) => run.name === name);
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
const gpuProjects: TestProjectConfiguration[] = gpuRuns.map(({ name, env, role, include, exclude }) => ({
  extends: true,
  test: {
    name,
    globalSetup,
    include,
    exclude: [...exclude],
    env: { ...env, GRADGPU_TEST_ADAPTER: role },
    pool: "forks",
    isolate: false,
    ...workers.others,
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
          ...workers.others,
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
    ...workers.others,
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
          ...workers.unit,
        },
      },
      ...gpuProjects,
      ...browserProject,
      packageProject,
    ],
  },
});

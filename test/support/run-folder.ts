// Folders for what a run of tests makes once (once.ts); gone when the run is through.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { removeAbandoned } from "../../scripts/abandoned.mjs";
import { cacheDir } from "../../scripts/setup.mjs";

export default function setup(project: TestProject): () => void {
  const name = `run-${process.pid}`;
  const outside = fs.realpathSync(os.tmpdir());
  const folders = {
    inside: path.join(cacheDir, name),
    // Nothing in it is found by walking up from there.
    outside: path.join(outside, `gradgpu-${name}`),
  };
  // Of runs that were killed.
  removeAbandoned(cacheDir, /^run-(\d+)$/);
  removeAbandoned(outside, /^gradgpu-run-(\d+)$/);
  const remove = () => {
    for (const folder of Object.values(folders)) fs.rmSync(folder, { recursive: true, force: true });
  };
  const empty = () => {
    remove();
    for (const folder of Object.values(folders)) fs.mkdirSync(folder, { recursive: true });
  };
  // Each project of a run does this: all of them before the first test.
  empty();
  // Sources have changed where a watch runs tests again.
  project.onTestsRerun(empty);
  project.provide("runFolders", folders);
  return remove;
}

declare module "vitest" {
  export interface ProvidedContext {
    /** In the repository, where packages are found, and outside of it. */
    runFolders: { readonly inside: string; readonly outside: string };
  }
}

// A folder for what a run of tests makes once (once.ts), outside of the repository so that nothing in it is found by walking
// up from there; gone when the run is through.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";

export default function setup(project: TestProject): () => void {
  const folder = path.join(fs.realpathSync(os.tmpdir()), `gradgpu-run-${process.pid}`);
  const remove = () => fs.rmSync(folder, { recursive: true, force: true });
  // Several projects of a run have it: all are set up before the first test.
  remove();
  fs.mkdirSync(folder);
  project.provide("runFolder", folder);
  return remove;
}

declare module "vitest" {
  export interface ProvidedContext {
    runFolder: string;
  }
}

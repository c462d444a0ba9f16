// The folder in which the first test of the site builds it, for the others of a run; gone when they are through.

import fs from "node:fs";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { root } from "../../scripts/setup.mjs";

export default function setup(project: TestProject): () => void {
  const folder = path.join(root, "node_modules/.cache/gradgpu", `site-${process.pid}`);
  const remove = () => fs.rmSync(folder, { recursive: true, force: true });
  remove();
  project.provide("siteFolder", folder);
  return remove;
}

declare module "vitest" {
  export interface ProvidedContext {
    siteFolder: string;
  }
}

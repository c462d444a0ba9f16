// Bundles programs of the bench that run in processes of their own.

import path from "node:path";
import { pathToFileURL } from "node:url";

/** Bundles a file of the repository as `npm run` bundles ours, and gives the result's name. */
export async function bundleProgram(file: string): Promise<string> {
  const root = process.cwd();
  const runner = pathToFileURL(path.join(root, "scripts", "run.mjs")).href;
  const { bundle } = (await import(runner)) as { bundle(entry: string): Promise<string> };
  return bundle(path.join(root, file));
}

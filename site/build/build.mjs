// Builds the whole site: pages by Vite, samples of images, docs.

import fs from "node:fs";
import path from "node:path";
import { build } from "vite";
import { writeSamples } from "./samples.mjs";
import { siteFolder, viteConfig } from "./vite.mjs";

/**
 * @param {string} out The folder that it goes into; what lies there is replaced
 * @returns {Promise<{ files: number, bytes: number, seconds: number }>}
 */
export async function buildSite(out) {
  const started = Date.now();
  await build(viteConfig(out));
  fs.copyFileSync(path.join(siteFolder, "style", "icon.svg"), path.join(out, "icon.svg"));
  writeSamples(path.join(out, "samples"));
  const files = fs
    .readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const bytes = files.reduce((sum, file) => sum + fs.statSync(file).size, 0);
  return { files: files.length, bytes, seconds: (Date.now() - started) / 1000 };
}

// Builds the site: pages by Vite, samples of images, docs and the API, and what it needs to open offline; or docs and API alone.

import fs from "node:fs";
import path from "node:path";
import { build as bundle } from "esbuild";
import { build } from "vite";
import { writeApi } from "./api.mjs";
import { write, writeDocs } from "./docs.mjs";
import { writeLessons } from "./lessons.mjs";
import { dropDeadLinks } from "./links.mjs";
import { hashNames, writeOffline } from "./offline.mjs";
import { writeSamples } from "./samples.mjs";
import { writeLibrary } from "./snippets.mjs";
import { siteFolder, viteConfig } from "./vite.mjs";

/**
 * @param {string} out The folder that it goes into; what lies there is replaced
 * @param {{ only?: "docs" }} [options] `docs`: the docs and the API reference, which need no home page, playground or lessons
 * @returns {Promise<{ files: number, bytes: number, seconds: number, snippets: { all: number, running: number } }>}
 */
export async function buildSite(out, { only } = {}) {
  const isWhole = only === undefined;
  const started = Date.now();
  const made = await moduleOf(siteFolder, "snippets", "at-build.ts");
  await build(viteConfig(out, made, isWhole));
  fs.copyFileSync(path.join(siteFolder, "style", "icon.svg"), path.join(out, "icon.svg"));
  if (isWhole) {
    writeSamples(path.join(out, "samples"));
    const { lessons } = await moduleOf(siteFolder, "setup", "lessons.ts");
    writeLessons(out, lessons);
  }
  const library = await writeLibrary(out);
  const { entries, snippets } = writeDocs(out, library, made);
  const found = [...entries, ...writeApi(out, entries)];
  write(out, "search.json", JSON.stringify(found.map(({ code: _, ...entry }) => entry)));
  hashNames(out);
  if (!isWhole) dropDeadLinks(out);
  writeOffline(out);
  const files = fs
    .readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const bytes = files.reduce((sum, file) => sum + fs.statSync(file).size, 0);
  return { files: files.length, bytes, seconds: (Date.now() - started) / 1000, snippets };
}

/** What a module of TypeScript exports. */
async function moduleOf(...file) {
  const { outputFiles } = await bundle({
    entryPoints: [path.join(...file)],
    bundle: true,
    format: "esm",
    write: false,
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}

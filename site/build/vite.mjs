// How Vite builds the site's pages: from the packages' own entries, with shaders as text, and paths that work in any folder.

import fs from "node:fs";
import path from "node:path";
import { markPure } from "../../scripts/build/pure.mjs";
import { minifyWgsl } from "../../scripts/build/wgsl.mjs";
import { entries } from "../../scripts/entries.mjs";
import { root } from "../../scripts/setup.mjs";
import { benchPicture } from "./bench-picture.mjs";
import { head, header } from "./frame.mjs";
import { coloured } from "./html.mjs";

export const siteFolder = path.join(root, "site");
const library = ["engine", "optim", "nn", "data"].map((name) => path.join(root, name) + path.sep);

const wgsl = {
  name: "wgsl-as-text",
  enforce: "pre",
  load(id) {
    const file = id.split("?")[0];
    if (!file.endsWith(".wgsl")) return null;
    return {
      code: `export default ${JSON.stringify(minifyWgsl(fs.readFileSync(file, "utf8")))};`,
      map: null,
    };
  },
};

/** As the package is built: what a page does not use, its bundle does not hold. */
const pure = {
  name: "pure-modules",
  enforce: "post",
  transform(code, id) {
    if (!id.endsWith(".ts") || !library.some((folder) => id.startsWith(folder))) return null;
    const emptied = id.startsWith(path.join(root, "engine", "ops")) ? ["samples"] : [];
    return { code: markPure(code, { rewrite: (source) => source, emptied }).code, map: null };
  },
};

/** @param {typeof import("../snippets/at-build.ts").highlighted} highlighted */
const frame = (highlighted) => ({
  name: "frame-of-pages",
  transformIndexHtml: {
    order: "pre",
    handler: (html) =>
      html
        .replace(
          /(<pre[^>]*><code>)([^<]*)/g,
          (_, before, code) => before + coloured(highlighted(code, "typescript")),
        )
        .replace("<!--head-->", head("./"))
        .replace("<!--bench-->", benchPicture)
        .replace(/<!--header (\w+)-->/, (_, current) => header("./", current)),
  },
});

/**
 * @param {string} outDir
 * @param {typeof import("../snippets/at-build.ts")} made
 * @param {boolean} isWhole False: what pages of text load, and no page
 */
export const viteConfig = (outDir, { highlighted }, isWhole) => ({
  root: siteFolder,
  configFile: false,
  base: "./",
  publicDir: false,
  logLevel: "warn",
  plugins: [wgsl, pure, frame(highlighted)],
  resolve: {
    alias: Object.entries(entries).map(([name, file]) => ({
      find: new RegExp(`^gradgpu${name === "index" ? "" : `/${name}`}$`),
      replacement: path.join(root, file),
    })),
  },
  oxc: { target: "es2022", jsx: { runtime: "automatic", importSource: "preact" } },
  worker: {
    format: "es",
    plugins: () => [wgsl, pure],
    rollupOptions: { checks: { pluginTimings: false } },
  },
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2022",
    // One stylesheet for all pages.
    cssCodeSplit: false,
    chunkSizeWarningLimit: 2000,
    modulePreload: { polyfill: false },
    rollupOptions: {
      checks: { pluginTimings: false },
      input: {
        ...(isWhole && {
          index: path.join(siteFolder, "index.html"),
          playground: path.join(siteFolder, "playground.html"),
        }),
        docs: path.join(siteFolder, "page", "docs.ts"),
      },
      output: {
        // Pages that Vite does not make name these two.
        entryFileNames: ({ name }) => (name === "docs" ? "assets/docs.js" : "assets/[name]-[hash].js"),
        assetFileNames: ({ names }) =>
          names.some((name) => name.endsWith(".css")) ? "assets/site.css" : "assets/[name]-[hash][extname]",
      },
    },
  },
});

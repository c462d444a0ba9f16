// What the site needs to open without a network: names of scripts and styles that hold their hash, and the service worker.

import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { siteFolder } from "./vite.mjs";

const hashOf = (content) => createHash("sha256").update(content).digest("hex").slice(0, 16);

/** @param {string} out */
const filesOf = (out) =>
  fs
    .readdirSync(out, { recursive: true, encoding: "utf8" })
    .filter((name) => fs.statSync(path.join(out, name)).isFile())
    .map((name) => name.split(path.sep).join("/"))
    .sort();

/**
 * Pages name `docs.js` and `site.css` before their content is known; afterwards their names hold it.
 *
 * @param {string} out
 */
export function hashNames(out) {
  for (const name of filesOf(out).filter((file) => /^assets\/.*\.js$/.test(file)))
    if (fs.readFileSync(path.join(out, name), "utf8").includes("/docs.js"))
      throw new Error(
        `site: ${name} imports docs.js, whose name is about to change; move what they share into a file of its own`,
      );
  const renamed = ["docs.js", "site.css"].map((name) => {
    const file = path.join(out, "assets", name);
    const { name: stem, ext } = path.parse(name);
    const hashed = `${stem}-${hashOf(fs.readFileSync(file)).slice(0, 8)}${ext}`;
    fs.renameSync(file, path.join(out, "assets", hashed));
    return /** @type {const} */ ([`assets/${name}"`, `assets/${hashed}"`]);
  });
  for (const name of filesOf(out).filter((file) => file.endsWith(".html"))) {
    const file = path.join(out, name);
    let text = fs.readFileSync(file, "utf8");
    for (const [from, to] of renamed) text = text.replaceAll(from, to);
    fs.writeFileSync(file, text);
  }
}

/**
 * Writes `offline.js`. Another build has another number, and with it a store of its own.
 *
 * @param {string} out
 */
export function writeOffline(out) {
  const files = filesOf(out).filter((name) => name !== "offline.js");
  const build = hashOf(
    files.map((name) => `${name} ${hashOf(fs.readFileSync(path.join(out, name)))}`).join("\n"),
  );
  const worker = fs.readFileSync(path.join(siteFolder, "offline", "worker.js"), "utf8");
  fs.writeFileSync(
    path.join(out, "offline.js"),
    `const build = ${JSON.stringify(build)};\nconst files = ${JSON.stringify(files)};\n${worker}`,
  );
}

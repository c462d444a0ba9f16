// npm run site: builds the site into out/site; npm run docs: docs and API reference alone, into out/docs. With --serve, serves it
// on localhost. Options: --out FOLDER, --port N.

import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { buildSite } from "../site/build/build.mjs";
import { serveFolder } from "../site/build/serve.mjs";
import { root } from "./setup.mjs";

const usage =
  "usage: npm run site [-- --serve] [--port 8080] [--out out/site]\n       npm run docs [-- --serve] [--port 8080] [--out out/docs]\n";
let options;
try {
  ({ values: options } = parseArgs({
    options: {
      serve: { type: "boolean", default: false },
      port: { type: "string", default: "8080" },
      out: { type: "string" },
      docs: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  }));
} catch (error) {
  process.stderr.write(`site: ${error.message}\n${usage}`);
  process.exit(2);
}
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}

const out = path.resolve(options.out ?? path.join(root, "out", options.docs ? "docs" : "site"));
const { files, bytes, seconds, snippets } = await buildSite(out, options.docs ? { only: "docs" } : {});
process.stdout.write(
  `${snippets.running} of ${snippets.all} programs of the docs run on the page\n${files} files, ${(bytes / 1e6).toFixed(1)} MB, built in ${seconds.toFixed(1)} s: ${path.relative(process.cwd(), out)}${path.sep}\n${options.docs ? `begin with ${path.join(path.relative(process.cwd(), out), "api", "index.html")}; search and Run buttons need --serve\n` : ""}`,
);
if (options.serve) {
  const port = Number(options.port);
  try {
    const { url } = await serveFolder(fs.realpathSync(out), port);
    process.stdout.write(`${url} (Ctrl-C ends it)\n`);
  } catch (error) {
    process.stderr.write(
      `site: port ${port} can't be used (${error.message}); choose another one by --port\n`,
    );
    process.exit(1);
  }
}

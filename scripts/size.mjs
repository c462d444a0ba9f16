// npm run size: how large the programs of size-limits.mjs become when they are bundled from the packed package, and what
// the package itself weighs. `-- --parts NAME` lists the modules in a bundle, largest first.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { packedPackage } from "./build/pack.mjs";
import { limits, tarball } from "./size-limits.mjs";

const gzipped = (contents) => gzipSync(contents, { level: 9 }).length;

/**
 * The sizes of one program in bytes.
 *
 * @returns {Promise<{ whole: number, atFirst: number, parts: Record<string, { bytesInOutput: number }> }>} `whole`: all
 *   in one file; `atFirst`: what a page loads before it asks for more, with code splitting
 */
export async function sizesOf(program, folder) {
  const options = {
    stdin: { contents: program, resolveDir: folder },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    metafile: true,
    logLevel: "warning",
    outdir: path.join(folder, "out"),
    absWorkingDir: folder,
  };
  const [one, split] = await Promise.all([build(options), build({ ...options, splitting: true })]);
  const { outputs } = split.metafile;
  const nameOf = ({ path: file }) => path.relative(folder, file).split(path.sep).join("/");
  const first = new Set();
  const take = (name) => {
    if (first.has(name)) return;
    first.add(name);
    for (const { path: file, kind } of outputs[name].imports)
      if (kind === "import-statement" && file in outputs) take(file);
  };
  take(Object.keys(outputs).find((name) => outputs[name].entryPoint !== undefined && /stdin/.test(name)));
  const early = split.outputFiles.filter((file) => first.has(nameOf(file)));
  return {
    whole: gzipped(one.outputFiles[0].contents),
    atFirst: early.reduce((total, { contents }) => total + gzipped(contents), 0),
    parts: Object.values(one.metafile.outputs)[0].inputs,
  };
}

const isMain = process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
if (isMain) await main();

async function main() {
  const wanted = process.argv[process.argv.indexOf("--parts") + 1];
  const { folder, packed, unpacked, remove } = await packedPackage();
  try {
    const kb = (bytes) => (bytes / 1000).toFixed(1).padStart(7);
    // Rounded, what is a few bytes over looks as if it were not.
    const against = (bytes, most) => {
      const over = bytes - Math.round(most * 1000);
      if (over > 0) process.exitCode = 1;
      return `${kb(bytes)} KB of at most ${most}${over > 0 ? `, over by ${over} bytes` : ""}`;
    };
    for (const { name, most, mostAtFirst, program } of limits) {
      const { whole, atFirst, parts } = await sizesOf(program, folder);
      const split = mostAtFirst ? `; at first ${against(atFirst, mostAtFirst)}` : "";
      process.stdout.write(`${name.padEnd(32)}${against(whole, most)}${split}\n`);
      if (name !== wanted) continue;
      const rows = Object.entries(parts).sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput);
      for (const [file, { bytesInOutput }] of rows)
        process.stdout.write(
          `${String(bytesInOutput).padStart(8)}  ${file.replace(/^.*gradgpu\/dist\//, "")}\n`,
        );
    }
    process.stdout.write(
      `${"the tarball".padEnd(32)}${against(packed, tarball.packed)}; unpacked ${against(unpacked, tarball.unpacked)}\n`,
    );
  } finally {
    remove();
  }
}

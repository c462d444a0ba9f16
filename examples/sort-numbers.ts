// A small transformer that learns to sort digits: node scripts/run.mjs --setup examples/sort-numbers.ts
// Options: --epochs 6, --quick (few digits, a short training), --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import { dispose, type InitOptions, init } from "gradgpu";
import { Add, Dense, Embedding, input, LayerNormalization, Model, MultiHeadAttention } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string" },
    quick: { type: "boolean", default: false },
    device: { type: "string", default: "auto" },
  },
});
const [length, count, width, blocks] = options.quick ? [3, 512, 16, 1] : [8, 8192, 64, 2];
const epochs = Number(options.epochs ?? (options.quick ? 10 : 6));

await init({ device: options.device as InitOptions["device"], seed: 1 });

/** Numbers that look drawn by chance, and are the same each time. */
let word = 1;
function digit(): number {
  word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
  return Math.floor((10 * word) / 2 ** 32);
}
const some = (rows: number) => {
  const digits = Array.from({ length: rows }, () => Array.from({ length }, digit));
  // Attention itself does not know where a digit stands: the number of its place goes in beside it.
  const places = digits.map((row) => row.map((_, place) => place));
  return { digits, places, sorted: digits.map((row) => [...row].sort((a, b) => a - b)) };
};

const digits = input([length], { name: "digits", dtype: "i32" });
const places = input([length], { name: "places", dtype: "i32" });
let x = new Add().call([new Embedding(10, width).call(digits), new Embedding(length, width).call(places)]);
for (let i = 0; i < blocks; i++) {
  const attended: typeof digits = new MultiHeadAttention(4, width / 4).call(new LayerNormalization().call(x));
  x = new Add().call([x, attended]);
  const wide = new Dense(4 * width, { activation: "relu" }).call(new LayerNormalization().call(x));
  x = new Add().call([x, new Dense(width).call(wide)]);
}
// At each place: which digit stands there once they are sorted.
const model = new Model({ digits, places }, new Dense(10, { activation: "softmax" }).call(x));
model.compile({
  optimizer: new Adam({ learningRate: options.quick ? 1e-2 : 2e-3 }),
  loss: "sparseCategoricalCrossentropy",
  metrics: ["accuracy"],
});

const train = some(count);
await model.fit({ digits: train.digits, places: train.places }, train.sorted, { batchSize: 64, epochs });

const test = some(500);
const shares = await model.predict({ digits: test.digits, places: test.places });
const written = ((await shares.array()) as number[][][]).map((row) =>
  row.map((digit) => digit.indexOf(Math.max(...digit))),
);
const right = written.filter((row, i) => String(row) === String(test.sorted[i])).length;
for (let i = 0; i < 3; i++) console.log(`${test.digits[i].join(" ")} -> ${written[i].join(" ")}`);
console.log(`${((100 * right) / written.length).toFixed(1)} % of 500 rows that it never saw are sorted`);
dispose();

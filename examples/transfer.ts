// Transfer: what a network has learnt on the digits 0 to 4 is frozen, and a new head learns 5 to 9 from few images.
// node scripts/run.mjs --setup examples/transfer.ts; options: --epochs 10, --limit 2000 (images), --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import { dispose, type InitOptions, init } from "gradgpu";
import { mnist } from "gradgpu/data";
import { AveragePooling2D, Conv2D, Dense, Flatten, Input, MaxPooling2D, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "10" },
    limit: { type: "string", default: "2000" },
    device: { type: "string", default: "auto" },
  },
});
const epochs = Number(options.epochs);
const limit = Number(options.limit);
const pixels = 28 * 28;

await init({ device: options.device as InitOptions["device"], seed: 1 });
const { train, test } = await mnist.load();

/** The first images that show one of five digits, from `first` on, and which of the five. */
function digitsFrom(first: number, { images, labels }: typeof train, most: number) {
  const chosen = [...labels.keys()].filter((i) => labels[i] >= first && labels[i] < first + 5).slice(0, most);
  const x = new Uint8Array(chosen.length * pixels);
  chosen.forEach((i, row) => {
    x.set(images.subarray(i * pixels, (i + 1) * pixels), row * pixels);
  });
  return [x, chosen.map((i) => labels[i] - first)] as const;
}

const settings = (learningRate: number) => ({
  optimizer: new Adam({ learningRate }),
  loss: "sparseCategoricalCrossentropy",
  metrics: ["accuracy"],
});
const base = new Sequential([
  new Input([28, 28, 1], { byteScale: 1 / 255 }),
  new AveragePooling2D(2),
  new Conv2D(8, 3, { activation: "relu" }),
  new MaxPooling2D(2),
  new Flatten(),
  new Dense(32, { activation: "relu" }),
]);
const first = new Sequential([base, new Dense(5, { activation: "softmax" })]).compile(settings(3e-3));
await first.fit(...digitsFrom(0, train, limit), { batchSize: 32, epochs, verbose: 0 });
const [, known] = await first.evaluate(...digitsFrom(0, test, 500));
console.log(`0 to 4: right on ${(100 * known).toFixed(1)} % of new images`);

// Freezing counts from the next compile on.
base.trainable = false;
const second = new Sequential([base, new Dense(5, { activation: "softmax" })]).compile(settings(1e-2));
const trained = second.trainableWeights.reduce((sum, { size }) => sum + size, 0);
console.log(`of ${second.countParams()} parameters ${trained} are trained`);
const few = digitsFrom(5, train, 100);
const [newX, newY] = digitsFrom(5, test, 500);
const before = await base.getWeights();
const { history } = await second.fit(...few, { batchSize: 20, epochs: 30, verbose: 0 });
console.log(`loss ${history.loss[0].toFixed(4)} -> ${history.loss[29].toFixed(4)}`);
const after = await base.getWeights();
const isSame = before.every(({ values }, i) => String(values) === String(after[i].values));
console.log(`the frozen weights are ${isSame ? "as before" : "changed"}`);
const [, frozen] = await second.evaluate(newX, newY);
console.log(`5 to 9, from ${few[1].length} images: right on ${(100 * frozen).toFixed(1)} % of new images`);

// Fine-tuning: all of it, in small steps.
base.trainable = true;
second.compile(settings(3e-4));
await second.fit(...few, { batchSize: 20, epochs: 10, verbose: 0 });
const [, tuned] = await second.evaluate(newX, newY);
console.log(`fine-tuned: right on ${(100 * tuned).toFixed(1)} %`);
dispose();

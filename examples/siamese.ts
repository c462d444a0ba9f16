// A siamese network: one encoder, shared by two inputs, tells whether two images show the same digit.
// node scripts/run.mjs --setup examples/siamese.ts; options: --epochs 8, --limit 2000 (images), --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import { abs, dispose, type InitOptions, init, sub, type Tensor } from "gradgpu";
import { mnist } from "gradgpu/data";
import { AveragePooling2D, Dense, Flatten, input, Lambda, Model, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "8" },
    limit: { type: "string", default: "2000" },
    device: { type: "string", default: "auto" },
  },
});
const epochs = Number(options.epochs);
const limit = Number(options.limit);
const pixels = 28 * 28;

await init({ device: options.device as InitOptions["device"], seed: 1 });
const { train, test } = await mnist.load();

/** Each image with the next that shows the same digit (1), and with the next that shows another (0). */
function pairs({ images, labels }: typeof train, count: number) {
  const left = new Uint8Array(2 * count * pixels);
  const right = new Uint8Array(2 * count * pixels);
  const isSame: number[] = [];
  const image = (i: number) => images.subarray(i * pixels, (i + 1) * pixels);
  for (let i = 0; i < count; i++) {
    for (const same of [1, 0]) {
      let other = i + 1;
      while ((labels[other] === labels[i]) !== (same === 1)) other++;
      left.set(image(i), isSame.length * pixels);
      right.set(image(other), isSame.length * pixels);
      isSame.push(same);
    }
  }
  return [[left, right], isSame] as const;
}

// What it has learnt at one input it knows at the other: there is one set of weights.
const encoder = new Sequential(
  [new AveragePooling2D(2), new Flatten(), new Dense(64, { activation: "relu" }), new Dense(16)],
  { name: "encoder" },
);
const image = { byteScale: 1 / 255 };
const [left, right] = [
  input([28, 28, 1], { ...image, name: "left" }),
  input([28, 28, 1], { ...image, name: "right" }),
];
const difference = new Lambda(([a, b]: readonly [Tensor, Tensor]) => abs(sub(a, b)), { outputShape: [16] });
const between = difference.call([encoder.call(left), encoder.call(right)]);
const model = new Model([left, right], new Dense(1, { activation: "sigmoid" }).call(between));
model.compile({
  optimizer: new Adam({ learningRate: 2e-3 }),
  loss: "binaryCrossentropy",
  metrics: ["accuracy"],
});
model.summary();

const { history } = await model.fit(...pairs(train, limit), { batchSize: 64, epochs, verbose: 0 });
console.log(`loss ${history.loss[0].toFixed(4)} -> ${history.loss[epochs - 1].toFixed(4)}`);
const count = Math.min(limit, 1000);
const [, accuracy] = await model.evaluate(...pairs(test, count), { batchSize: 64 });
console.log(`right on ${(100 * accuracy).toFixed(1)} % of ${2 * count} pairs of images that it never saw`);
dispose();

// An autoencoder squeezes digits through 16 numbers; its encoder is then used alone.
// node scripts/run.mjs --setup examples/autoencoder.ts; options: --epochs 10, --limit 2000 (images), --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import { dispose, type InitOptions, init } from "gradgpu";
import { mnist } from "gradgpu/data";
import { Dense, Input, Model, Sequential } from "gradgpu/nn";
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
const side = 14;

await init({ device: options.device as InitOptions["device"], seed: 1 });
const { train, test } = await mnist.load();

/** Images of half the size, each number the mean of four pixels, from 0 to 1. */
function halved({ images }: typeof train, count: number): Float32Array {
  return Float32Array.from({ length: count * side * side }, (_, i) => {
    const [image, row, column] = [Math.floor(i / side ** 2), Math.floor((i % side ** 2) / side), i % side];
    const at = (image * 2 * side + 2 * row) * 2 * side + 2 * column;
    const sum = images[at] + images[at + 1] + images[at + 2 * side] + images[at + 2 * side + 1];
    return sum / (4 * 255);
  });
}

const model = new Sequential([
  new Input([side * side]),
  new Dense(64, { activation: "relu" }),
  new Dense(16, { name: "code" }),
  new Dense(64, { activation: "relu" }),
  new Dense(side * side, { activation: "sigmoid", name: "image" }),
]);
model.compile({ optimizer: new Adam({ learningRate: 3e-3 }), loss: "binaryCrossentropy", metrics: ["mse"] });

// What goes in is what should come out.
const x = halved(train, limit);
const { history } = await model.fit(x, x, { batchSize: 50, epochs, verbose: 0 });
console.log(`loss ${history.loss[0].toFixed(4)} -> ${history.loss[epochs - 1].toFixed(4)}`);
const testX = halved(test, 100);
const { mse } = await model.evaluate(testX, testX, { returnDict: true });
console.log(`a pixel of a new image is off by ${Math.sqrt(mse).toFixed(3)}`);

// The encoder: from the same inputs to what one layer gives, with the same weights.
const encoder = new Model(model.inputs, model.outputOf("code"));
const [known, asked] = [await encoder.predict(x), await encoder.predict(testX)];
const codes = (await known.array()) as number[][];
const distance = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
let right = 0;
for (const [i, code] of ((await asked.array()) as number[][]).entries()) {
  const far = codes.map((other) => distance(code, other));
  const nearest = far.indexOf(Math.min(...far));
  if (train.labels[nearest] === test.labels[i]) right++;
}
console.log(
  `${codes[0].length} numbers an image: the nearest shows the same digit for ${right} % of new images`,
);
dispose();

// A convolutional network that reads 99 % of MNIST's test images: node scripts/run.mjs --setup examples/mnist-cnn.ts
// Options: --epochs 5, --quick (few images), --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import { dispose, type InitOptions, init, tensor } from "gradgpu";
import { mnist } from "gradgpu/data";
import { Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string" },
    quick: { type: "boolean", default: false },
    device: { type: "string", default: "auto" },
  },
});
const epochs = Number(options.epochs ?? (options.quick ? 1 : 5));
const limit = options.quick ? 40 : 60_000;

await init({ device: options.device as InitOptions["device"], seed: 1 });

// Images are bytes, [count, rows, columns, channels]; the model makes them 0 to 1 as they come in.
const { train, test } = await mnist.load();
const count = Math.min(limit, train.labels.length);
const x = tensor(train.images.subarray(0, count * 28 * 28), [count, 28, 28, 1]);
const y = tensor(train.labels.subarray(0, count));
const testCount = Math.min(limit, test.labels.length);
const testX = tensor(test.images.subarray(0, testCount * 28 * 28), [testCount, 28, 28, 1]);
const testY = tensor(test.labels.subarray(0, testCount));

const model = new Sequential([
  new Input([28, 28, 1], { byteScale: 1 / 255 }),
  new Conv2D(32, 3, { activation: "relu" }),
  new MaxPooling2D(2),
  new Conv2D(64, 3, { activation: "relu" }),
  new MaxPooling2D(2),
  new Flatten(),
  new Dropout(0.5),
  new Dense(10, { activation: "softmax" }),
]);
model.compile({
  optimizer: new Adam({ learningRate: 2e-3 }),
  loss: "sparseCategoricalCrossentropy",
  metrics: ["accuracy"],
});
model.summary();

await model.fit(x, y, { batchSize: 64, epochs, validationData: [testX, testY] });

const [, accuracy] = await model.evaluate(testX, testY, { batchSize: 64 });
console.log(`right on ${(100 * accuracy).toFixed(2)} % of ${testCount} images that it never saw`);

// The first ten of them: what the network says, and what they are.
const outputs = (await model.predict(test.images.subarray(0, 10 * 28 * 28))).array();
const digits = ((await outputs) as number[][]).map((row) => row.indexOf(Math.max(...row)));
console.log(`it says ${digits.join(" ")}`);
console.log(`they are ${test.labels.subarray(0, 10).join(" ")}`);
dispose();

// A deep network on MNIST with a log for TensorBoard: node scripts/run.mjs --setup examples/tensorboard.ts
// Options: --epochs 20, --limit 60000 images, --logdir logs/deep-net, --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import { dispose, type InitOptions, init, oneHot, tensor } from "gradgpu";
import { mnist } from "gradgpu/data";
import { BatchNormalization, Dense, Dropout, Input, Sequential, TensorBoard } from "gradgpu/nn";
import { Nadam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "20" },
    limit: { type: "string", default: "60000" },
    logdir: { type: "string", default: "logs/deep-net" },
    device: { type: "string", default: "auto" },
  },
});
const epochs = Number(options.epochs);

await init({ device: options.device as InitOptions["device"], seed: 1 });

const { train, test } = await mnist.load();
const count = Math.min(Number(options.limit), train.shape[0]);
const held = Math.min(count, test.shape[0]);
const x = train.images.subarray(0, count * 784);
const y = oneHot(tensor(train.labels.subarray(0, count), { dtype: "i32" }), 10);
const validation = [
  test.images.subarray(0, held * 784),
  oneHot(tensor(test.labels.subarray(0, held), { dtype: "i32" }), 10),
] as const;

const model = new Sequential([
  new Input([784], { byteScale: 1 / 255 }),
  new Dense(64, { activation: "relu" }),
  new BatchNormalization(),
  new Dense(64, { activation: "relu" }),
  new BatchNormalization(),
  new Dense(64, { activation: "relu" }),
  new BatchNormalization(),
  new Dropout(0.2),
  new Dense(10, { activation: "softmax" }),
]);
model.compile({ optimizer: new Nadam(), loss: "categoricalCrossentropy", metrics: ["accuracy"] });

const tensorboard = new TensorBoard(options.logdir, {
  histogramFreq: 1,
  writeGradients: true,
  writeActivations: true,
  samples: [
    validation[0].subarray(0, 784 * 100),
    oneHot(tensor(test.labels.subarray(0, 100), { dtype: "i32" }), 10),
  ],
  hparams: { optimizer: "nadam", batchSize: 128, dropout: 0.2, batchNormalization: true },
});
const { history } = await model.fit(x, y, {
  batchSize: 128,
  epochs,
  validationData: validation,
  verbose: 2,
  callbacks: [tensorboard],
});
console.log(`validation accuracy ${(100 * history.valAccuracy[epochs - 1]).toFixed(1)} %`);
dispose();

// A data pipeline and a deep network on MNIST, as a course has it for tf.data: node scripts/run.mjs --setup examples/pipeline.ts
// Options: --epochs 20, --limit 60000 (training images used), --device auto | webgpu | cpu.

// The course's program does not run as it is printed. What is mended here:
// - `datasets.mninst` is `mnist`, and `LEARING_RATE` is used as `LEARNING_RATE`: one name now.
// - The brackets after `Input(` and `Flatten(` are closed.
// - fit was given `val_dataset`, which was never made: `test_dataset` was.
// - The last hidden layer has 8 units for 10 classes. That is no mistake, but a bottleneck to watch.

import { parseArgs } from "node:util";
import { dispose, type InitOptions, init, toCategorical } from "gradgpu";
import { Dataset, mnist, NdArray } from "gradgpu/data";
import { Dense, Flatten, Input, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "20" },
    limit: { type: "string", default: "60000" },
    device: { type: "string", default: "auto" },
  },
});
await init({ device: options.device as InitOptions["device"], seed: 1 });

// Hyper-parameters.
const LEARNING_RATE = 0.001;
const N_EPOCHS = Number(options.epochs);
const N_BATCHS = 100;

// Loading, as bytes: [60000, 28, 28] and [10000, 28, 28].
const { train, test } = await mnist.load();
const N_TRAIN = Math.min(Number(options.limit), train.labels.length);
const N_TEST = Math.min(Number(options.limit), test.labels.length);
const IMAGE_SIZE = 28;
const N_CLASS = 10;

// Preparing, under other names: 0 to 1 instead of bytes, a row of ten for each label.
const scaled = ({ images }: { images: Uint8Array }, count: number) =>
  new NdArray(
    Float32Array.from(images.subarray(0, count * IMAGE_SIZE ** 2), (pixel) => pixel / 255),
    [count, IMAGE_SIZE, IMAGE_SIZE],
  );
const X_train = scaled(train, N_TRAIN);
const X_test = scaled(test, N_TEST);
const y_train = toCategorical(train.labels.subarray(0, N_TRAIN), N_CLASS);
const y_test = toCategorical(test.labels.subarray(0, N_TEST), N_CLASS);

// The data sets. Both lie on the device: nothing is uploaded while training.
const train_dataset = Dataset.fromTensorSlices([X_train, y_train])
  .shuffle(N_TRAIN)
  .batch(N_BATCHS, { dropRemainder: true })
  .repeat();
const test_dataset = Dataset.fromTensorSlices([X_test, y_test]).batch(N_BATCHS);

const steps_per_epoch = Math.floor(N_TRAIN / N_BATCHS);
const validation_steps = Math.ceil(N_TEST / N_BATCHS);

// The model.
function create_model(): Sequential {
  const model = new Sequential();
  model.add(new Input([IMAGE_SIZE, IMAGE_SIZE]));
  model.add(new Flatten());
  // Hidden layers.
  model.add(new Dense(512, { activation: "relu" }));
  model.add(new Dense(512, { activation: "relu" }));
  model.add(new Dense(256, { activation: "relu" }));
  model.add(new Dense(256, { activation: "relu" }));
  model.add(new Dense(128, { activation: "relu" }));
  model.add(new Dense(128, { activation: "relu" }));
  model.add(new Dense(8, { activation: "relu" }));
  // Output layer.
  model.add(new Dense(N_CLASS, { activation: "softmax" }));
  model.compile({
    optimizer: new Adam({ learningRate: LEARNING_RATE }),
    loss: "categoricalCrossentropy",
    metrics: ["accuracy"],
  });
  return model;
}

const model = create_model();
console.log(
  `${model.countParams()} parameters, ${steps_per_epoch} steps an epoch, ${validation_steps} to validate`,
);

const { history } = await model.fit(train_dataset, {
  epochs: N_EPOCHS,
  stepsPerEpoch: steps_per_epoch,
  validationData: test_dataset,
  validationSteps: validation_steps,
});

const best = Math.min(...(history.valLoss ?? []));
console.log(`the validation loss is least after epoch ${(history.valLoss ?? []).indexOf(best) + 1}`);
dispose();

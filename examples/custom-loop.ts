// A training loop of one's own, in place of fit: node scripts/run.mjs --setup examples/custom-loop.ts
// Options: --epochs 5, --limit 60000 (training images used), --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import {
  argMax,
  cast,
  dispose,
  equal,
  type InitOptions,
  init,
  jit,
  mean,
  mul,
  sparseSoftmaxCrossEntropy,
  sum,
  type Tensor,
  tensor,
} from "gradgpu";
import { mnist } from "gradgpu/data";
import { Dense, Input, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "5" },
    limit: { type: "string", default: "60000" },
    device: { type: "string", default: "auto" },
  },
});
const epochs = Number(options.epochs);
const limit = Number(options.limit);
const batchSize = 100;
const pixels = 28 * 28;

await init({ device: options.device as InitOptions["device"], seed: 1 });
const { train, test } = await mnist.load();

const model = new Sequential([
  new Input([pixels]),
  new Dense(64, { activation: "relu" }),
  new Dense(10), // logits: the loss below takes what comes before a softmax
]);
const optimizer = new Adam({ learningRate: 2e-3 });
optimizer.build(model.trainableWeights);

const inputs = (bytes: Tensor) => mul(cast(bytes, "f32"), 1 / 255);

/** One step: forward, backward, update. jit traces it at the first call and replays a few kernels from then on. */
const trainStep = jit((images, labels) =>
  optimizer.minimize(
    () => mean(sparseSoftmaxCrossEntropy(model.call(inputs(images), { training: true }), labels)),
    model.trainableWeights,
  ),
);
/** How many images of a batch the network gets right. */
const countRight = jit((images, labels) =>
  sum(cast(equal(argMax(model.call(inputs(images)), -1), labels), "f32")),
);

type Split = typeof train;

/** The images and labels at some positions of a data set, as tensors. */
function batchOf({ images, labels }: Split, positions: readonly number[]): [Tensor, Tensor] {
  const bytes = new Uint8Array(positions.length * pixels);
  positions.forEach((position, i) => {
    bytes.set(images.subarray(position * pixels, (position + 1) * pixels), i * pixels);
  });
  const classes = Int32Array.from(positions, (position) => labels[position]);
  return [tensor(bytes, [positions.length, pixels]), tensor(classes)];
}

/** Numbers from 0 to count - 1, in batches; the rest that fills no batch is left out. */
function batches(count: number, isShuffled: boolean): number[][] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; isShuffled && i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  const whole = Math.floor(count / batchSize);
  return Array.from({ length: whole }, (_, i) => order.slice(i * batchSize, (i + 1) * batchSize));
}

for (let epoch = 1; epoch <= epochs; epoch++) {
  const started = performance.now();
  let lossSum = 0;
  const steps = batches(Math.min(limit, train.labels.length), true);
  for (const [i, positions] of steps.entries()) {
    const [images, labels] = batchOf(train, positions);
    const loss = trainStep(images, labels);
    // Reading waits for the device, so the loss is looked at every tenth step only.
    if (i % 10 === 0) lossSum += 10 * (await loss.item());
    images.dispose();
    labels.dispose();
  }

  let right = 0;
  const tests = batches(Math.min(limit, test.labels.length), false);
  for (const positions of tests) {
    const [images, labels] = batchOf(test, positions);
    right += await countRight(images, labels).item();
    images.dispose();
    labels.dispose();
  }
  const seconds = (performance.now() - started) / 1000;
  const loss = lossSum / (10 * Math.ceil(steps.length / 10));
  const accuracy = (100 * right) / (tests.length * batchSize);
  console.log(
    `epoch ${epoch}/${epochs}: loss ${loss.toFixed(4)}, test accuracy ${accuracy.toFixed(2)} %, ${seconds.toFixed(1)} s`,
  );
}
dispose();

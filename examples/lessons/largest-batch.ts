// The largest batch that a memory budget allows, found by halving; and what it is worth.

import { device, memory } from "gradgpu";
import { Dense, Input, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

const build = () =>
  new Sequential([
    new Input([784], { byteScale: 1 / 255 }),
    new Dense(256, { activation: "relu" }),
    new Dense(256, { activation: "relu" }),
    new Dense(10, { activation: "softmax" }),
  ]).compile({
    optimizer: new Adam(),
    loss: "sparseCategoricalCrossentropy",
    metrics: ["accuracy"],
  });

export async function largestBatch({ size, watch, keep, tick }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  /** What the device holds for a training step of so many samples: weights, their gradients, all values on the way. */
  async function bytesOf(batchSize: number): Promise<number> {
    await device().sync();
    const before = memory().bytes;
    const model = build();
    await model.trainOnBatch(x.subarray(0, batchSize * 784), y.subarray(0, batchSize));
    const after = memory().bytes;
    model.dispose();
    return after - before;
  }

  // Between a size that fits and one that does not, the middle one tells.
  const budget = size.budget * 2 ** 20;
  let [fits, exceeds] = [1, size.rows + 1];
  const tried: number[][] = [];
  while (exceeds - fits > 16) {
    const middle = Math.floor((fits + exceeds) / 2);
    const bytes = await bytesOf(middle);
    tried.push([middle, bytes]);
    if (bytes <= budget) fits = middle;
    else exceeds = middle;
    await tick(tried.length, 8);
  }
  keep("tried", tried);
  keep("largest", fits);

  // As many epochs with the largest batch and with smaller ones.
  for (const [name, batchSize] of [
    ["the largest", fits],
    ["128", 128],
    ["32", 32],
  ] as const) {
    await build().fit(x, y, {
      batchSize,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name),
    });
  }
}

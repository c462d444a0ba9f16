// All samples at once, one at a time, and batches in between: time, noise and memory.

import { device, memory } from "gradgpu";
import { type Callback, Dense, Input, Sequential, StepLosses } from "gradgpu/nn";
import { SGD } from "gradgpu/optim";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

/** Batch sizes: all rows, one, and two in between. */
export const batchSizes = (rows: number) => [rows, 128, 32, 1];

export async function compareBatchSizes({ size, watch, keep }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  for (const batchSize of batchSizes(size.rows)) {
    const name = `batch ${batchSize}`;
    await device().sync();
    const before = memory().bytes;
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      new Dense(100, { activation: "relu" }),
      new Dense(10, { activation: "softmax" }),
    ]);
    const optimizer = new SGD({ learningRate: batchSize === 1 ? 0.01 : 0.1 });
    model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    // Kernels are compiled before the clock runs.
    await model.fit(x.subarray(0, batchSize * 784), y.subarray(0, batchSize), { batchSize, verbose: 0 });
    let most = 0;
    const weigh: Callback = { onBoundary: () => void (most = Math.max(most, memory().bytes)) };
    const { steps, epochSeconds } = await model.fit(x, y, {
      batchSize,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name, new StepLosses(), weigh),
    });
    keep(`${name}: bytes`, most - before);
    keep(`${name}: seconds`, epochSeconds);
    keep(`${name}: losses`, steps.loss);
    model.dispose();
  }
}

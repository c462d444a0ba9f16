// A set on the disk, read batch by batch while it is trained on: no more of it than a few batches is in memory.

import { open, rm, writeFile } from "node:fs/promises";
import { memory } from "gradgpu";
import { Dataset, NdArray } from "gradgpu/data";
import { type Callback, Dense, Input, initializers, Sequential } from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export async function largerThanMemory({ size, folder, watch, keep }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);
  // Digits and labels, one after the other, as a file of any length may have them.
  const file = `${folder}/digits.bin`;
  const rows = Buffer.alloc(size.rows * 785);
  for (let i = 0; i < size.rows; i++) {
    rows.set(x.subarray(i * 784, (i + 1) * 784), i * 785);
    rows[i * 785 + 784] = y[i];
  }
  await writeFile(file, rows);
  keep("bytes of the set", rows.length);

  const batchSize = 100;
  async function* batches() {
    const handle = await open(file);
    const part = Buffer.alloc(batchSize * 785);
    for (let at = 0; at < size.rows; at += batchSize) {
      await handle.read(part, 0, part.length, at * 785);
      const images = new Uint8Array(batchSize * 784);
      const labels = new Uint8Array(batchSize);
      for (let i = 0; i < batchSize; i++) {
        images.set(part.subarray(i * 785, i * 785 + 784), i * 784);
        labels[i] = part[i * 785 + 784];
      }
      yield [new NdArray(images, [batchSize, 784]), labels] as const;
    }
    await handle.close();
  }
  const streamed = Dataset.fromGenerator(batches, { batched: true, length: size.rows / batchSize });

  const build = () =>
    new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      new Dense(64, { activation: "relu", kernelInitializer: initializers.heNormal() }),
      new Dense(10, { activation: "softmax" }),
    ]).compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  const [fromDisk, fromMemory] = [build(), build()];
  fromMemory.setWeights((await fromDisk.getWeights()).map(({ values }) => values));

  // What the device holds while it trains, beyond what it held before.
  let before = memory().bytes;
  let most = 0;
  const weigh: Callback = { onBoundary: () => void (most = Math.max(most, memory().bytes - before)) };

  await fromDisk.fit(streamed, { epochs: size.epochs, ...watch("from disk", weigh) });
  keep("from disk: bytes", most);
  await rm(file);

  [before, most] = [memory().bytes, 0];
  await fromMemory.fit(x, y, {
    batchSize,
    epochs: size.epochs,
    shuffle: false,
    ...watch("from memory", weigh),
  });
  keep("from memory: bytes", most);
  const [, accuracy] = await fromDisk.evaluate(testX, testY);
  keep("accuracy", accuracy);
}

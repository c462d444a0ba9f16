// Epochs, batches and iterations; parameters and hyper-parameters.

import { BatchNormalization, Dense, Input, Sequential } from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export const cases = [
  { rows: 2000, batchSize: 200, epochs: 2 },
  { rows: 2000, batchSize: 2000, epochs: 2 },
  { rows: 2000, batchSize: 300, epochs: 1 },
  { rows: 100, batchSize: 1, epochs: 2 },
];

export async function counting({ watch, keep }: Course) {
  for (const [i, { rows, batchSize, epochs }] of cases.entries()) {
    const { x, y } = await digits(rows, 0);
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      new Dense(16, { activation: "relu" }),
      new BatchNormalization(),
      new Dense(10, { activation: "softmax" }),
    ]);
    model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
    const { params } = await model.fit(x, y, { batchSize, epochs, ...watch(`case ${i + 1}`) });

    keep(`case ${i + 1}: steps`, params.steps);
    keep(`case ${i + 1}: updates`, (await model.optimizer?.iterations?.item()) ?? 0);
    keep("parameters", model.countParams());
    keep(
      "trained",
      model.trainableWeights.reduce((sum, { size }) => sum + size, 0),
    );
  }
}

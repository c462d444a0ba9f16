// The overfitting network with dropout, beside the other cures.

import { BatchNormalization, Dense, Dropout, Input, type Layer, regularizers, Sequential } from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

const relu = (units: number) => new Dense(units, { activation: "relu" });
const penalized = (units: number) =>
  new Dense(units, { activation: "relu", kernelRegularizer: regularizers.l2(0.001) });

export const cures: Record<string, () => Layer[]> = {
  none: () => [relu(512), relu(512)],
  "a layer less": () => [relu(512)],
  L2: () => [penalized(512), penalized(512)],
  dropout: () => [relu(512), new Dropout(0.5), relu(512), new Dropout(0.5)],
  "batch norm": () => [
    relu(512),
    new BatchNormalization({ momentum: 0.9 }),
    relu(512),
    new BatchNormalization({ momentum: 0.9 }),
  ],
};

export async function dropoutAmongCures({ size, watch }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  for (const [name, hidden] of Object.entries(cures)) {
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      ...hidden(),
      new Dense(10, { activation: "softmax" }),
    ]);
    model.compile({
      optimizer: "adam",
      loss: "sparseCategoricalCrossentropy",
      metrics: ["accuracy", "sparseCategoricalCrossentropy"],
    });
    await model.fit(x, y, {
      batchSize: 128,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name),
    });
  }
}

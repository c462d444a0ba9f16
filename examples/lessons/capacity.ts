// The overfitting network with one hidden layer less, and with fewer units.

import { Dense, Input, Sequential } from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export const nets = {
  "512-512": [512, 512],
  "512": [512],
  "64": [64],
};

export async function capacity({ size, watch, keep }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  for (const [name, hidden] of Object.entries(nets)) {
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      ...hidden.map((units) => new Dense(units, { activation: "relu" })),
      new Dense(10, { activation: "softmax" }),
    ]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    keep(`${name}: parameters`, model.countParams());
    await model.fit(x, y, {
      batchSize: 128,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name),
    });
  }
}

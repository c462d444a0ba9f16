// A network that is too small, one that is about right and one that is too big, on the same few digits.

import { Dense, Input, Sequential } from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export const nets = { tiny: [2], right: [32], big: [512, 512] };

export async function underfitting({ size, watch }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  for (const [name, hidden] of Object.entries(nets)) {
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      ...hidden.map((units) => new Dense(units, { activation: "relu" })),
      new Dense(10, { activation: "softmax" }),
    ]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    await model.fit(x, y, {
      batchSize: 64,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name),
    });
  }
}

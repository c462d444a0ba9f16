// A big network learns a few thousand digits by heart: its training loss goes on falling when the validation loss rises.

import { Dense, Input, Sequential } from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export async function overfitting({ size, watch }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  const model = new Sequential([
    new Input([784], { byteScale: 1 / 255 }),
    new Dense(512, { activation: "relu" }),
    new Dense(512, { activation: "relu" }),
    new Dense(10, { activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });

  await model.fit(x, y, {
    batchSize: 128,
    epochs: size.epochs,
    validationData: [testX, testY],
    ...watch("784-512-512-10"),
  });
}

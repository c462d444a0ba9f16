// Stop when the validation loss has not improved for a while, and go back to the best weights.

import { Dense, EarlyStopping, Input, Sequential } from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export async function earlyStopping({ size, watch, keep }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, 2 * size.tests);
  // A third set has the last word: the second one chooses the epoch.
  const half = size.tests;
  const validation = [testX.subarray(0, half * 784), testY.subarray(0, half)] as const;
  const test = [testX.subarray(half * 784), testY.subarray(half)] as const;

  for (const stops of [false, true]) {
    const name = stops ? "stopped early" : "to the end";
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      new Dense(512, { activation: "relu" }),
      new Dense(512, { activation: "relu" }),
      new Dense(10, { activation: "softmax" }),
    ]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    const stop = new EarlyStopping({ monitor: "valLoss", patience: 3, restoreBestWeights: true });
    await model.fit(x, y, {
      batchSize: 128,
      epochs: size.epochs,
      validationData: validation,
      ...watch(name, ...(stops ? [stop] : [])),
    });
    const [loss, accuracy] = await model.evaluate(...test);
    keep(`${name}: test loss`, loss);
    keep(`${name}: test accuracy`, accuracy);
  }
}

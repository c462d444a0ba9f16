// The same network at rates from too small to too large; and a small rate in a double well.

import { add, mul, square, sub, sum, type Tensor } from "gradgpu";
import { Dense, Input, Sequential } from "gradgpu/nn";
import { SGD } from "gradgpu/optim";
import { digits } from "./frame/data.ts";
import { descend } from "./frame/descend.ts";
import type { Course } from "./frame/lesson.ts";

export const rates = [0.0001, 0.01, 0.1, 1, 10];
export const wellRates = [0.001, 0.01, 0.1, 0.2];

export async function learningRates({ size, watch, keep }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  for (const rate of rates) {
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      new Dense(128, { activation: "relu" }),
      new Dense(10, { activation: "softmax" }),
    ]);
    const optimizer = new SGD({ learningRate: rate });
    model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    await model.fit(x, y, {
      batchSize: 32,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(`rate ${rate}`),
    });
  }

  // From x = 2 down (x² - 1)² + 0.3 x: the nearer minimum, at 0.96, is not the least one.
  const well = (x: Tensor) => sum(add(square(sub(square(x), 1)), mul(x, 0.3)));
  for (const rate of wellRates) {
    keep(`well, rate ${rate}`, (await descend(well, [2], new SGD({ learningRate: rate }), 100)).flat());
  }
}

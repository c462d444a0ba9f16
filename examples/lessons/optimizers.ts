// Eight optimizers on clothes, at their defaults and at three rates.

import { Dense, Input, Sequential } from "gradgpu/nn";
import { Adadelta, Adagrad, Adam, Nadam, type Optimizer, RMSprop, SGD } from "gradgpu/optim";
import { clothes } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

/** Each made with a rate, and its default one. */
export const optimizers: Record<string, { rate: number; make: (learningRate: number) => Optimizer }> = {
  SGD: { rate: 0.01, make: (learningRate) => new SGD({ learningRate }) },
  Momentum: { rate: 0.01, make: (learningRate) => new SGD({ learningRate, momentum: 0.9 }) },
  Nesterov: { rate: 0.01, make: (learningRate) => new SGD({ learningRate, momentum: 0.9, nesterov: true }) },
  Adagrad: { rate: 0.001, make: (learningRate) => new Adagrad({ learningRate }) },
  Adadelta: { rate: 0.001, make: (learningRate) => new Adadelta({ learningRate }) },
  RMSprop: { rate: 0.001, make: (learningRate) => new RMSprop({ learningRate }) },
  Adam: { rate: 0.001, make: (learningRate) => new Adam({ learningRate }) },
  Nadam: { rate: 0.001, make: (learningRate) => new Nadam({ learningRate }) },
};
export const factors = [1, 10, 0.1];

export async function compareOptimizers({ size, watch }: Course) {
  const { x, y, testX, testY } = await clothes(size.rows, size.tests);

  for (const [name, { rate, make }] of Object.entries(optimizers)) {
    for (const factor of factors) {
      const model = new Sequential([
        new Input([784], { byteScale: 1 / 255 }),
        new Dense(100, { activation: "relu" }),
        new Dense(10, { activation: "softmax" }),
      ]);
      const optimizer = make(rate * factor);
      model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
      await model.fit(x, y, {
        batchSize: 32,
        epochs: size.epochs,
        validationData: [testX, testY],
        ...watch(`${name} × ${factor}`),
      });
    }
  }
}

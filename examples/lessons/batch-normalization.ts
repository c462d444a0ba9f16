// The overfitting network with and without batch normalization, at larger and larger rates.

import { Activation, BatchNormalization, Dense, Input, Sequential } from "gradgpu/nn";
import { Adam, SGD } from "gradgpu/optim";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export const factors = [1, 10, 30, 100];
export const optimizers = {
  SGD: (factor: number) => new SGD({ learningRate: 0.05 * factor }),
  Adam: (factor: number) => new Adam({ learningRate: 0.001 * factor }),
};

export async function batchNormalization({ size, watch }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  for (const [name, optimizer] of Object.entries(optimizers)) {
    for (const factor of factors) {
      for (const isNormalized of [false, true]) {
        const hidden = () =>
          isNormalized
            ? [new Dense(512), new BatchNormalization(), new Activation("relu")]
            : [new Dense(512), new Activation("relu")];
        const model = new Sequential([
          new Input([784], { byteScale: 1 / 255 }),
          ...hidden(),
          ...hidden(),
          new Dense(10, { activation: "softmax" }),
        ]);
        model.compile({
          optimizer: optimizer(factor),
          loss: "sparseCategoricalCrossentropy",
          metrics: ["accuracy"],
        });
        await model.fit(x, y, {
          batchSize: 128,
          epochs: size.epochs,
          validationData: [testX, testY],
          ...watch(`${name} × ${factor}${isNormalized ? ", batch norm" : ""}`),
        });
      }
    }
  }
}

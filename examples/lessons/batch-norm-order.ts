// Batch normalization before the activation and after it, and from a bad start.

import {
  Activation,
  BatchNormalization,
  Dense,
  Input,
  initializers,
  type Layer,
  Sequential,
} from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

const norm = () => new BatchNormalization({ momentum: 0.9 });
export const orders: Record<string, (init: string | initializers.Initializer) => Layer[]> = {
  none: (kernelInitializer) => [new Dense(64, { kernelInitializer, activation: "tanh" })],
  // Note 003: Dense, batch normalization, tanh.
  before: (kernelInitializer) => [new Dense(64, { kernelInitializer }), norm(), new Activation("tanh")],
  // Note 001: Dense with its activation, batch normalization.
  after: (kernelInitializer) => [new Dense(64, { kernelInitializer, activation: "tanh" }), norm()],
};
export const starts = {
  Glorot: () => "glorotUniform",
  "normal(1)": () => initializers.randomNormal({ stddev: 1 }),
  "normal(0.001)": () => initializers.randomNormal({ stddev: 0.001 }),
};

export async function batchNormOrder({ size, watch }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  for (const [order, block] of Object.entries(orders)) {
    for (const [start, init] of Object.entries(starts)) {
      const model = new Sequential([
        new Input([784], { byteScale: 1 / 255 }),
        ...block(init()),
        ...block(init()),
        ...block(init()),
        new Dense(10, { activation: "softmax" }),
      ]);
      model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
      await model.fit(x, y, {
        batchSize: 64,
        epochs: size.epochs,
        validationData: [testX, testY],
        ...watch(`${order}, ${start}`),
      });
    }
  }
}

// Ten hidden layers: how large the gradients of each are, and whether the network learns.

import {
  Activation,
  BatchNormalization,
  Dense,
  Input,
  initializers,
  type Layer,
  losses,
  Sequential,
} from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import { gradientSizes, gradientSizesOverSteps } from "./frame/gradients.ts";
import type { Course } from "./frame/lesson.ts";

const { glorotNormal, heNormal, randomNormal } = initializers;
const dense = (kernelInitializer: initializers.Initializer, activation?: string) =>
  new Dense(64, { kernelInitializer, activation });

/** The layers that are repeated ten times. */
export const blocks: Record<string, () => Layer[]> = {
  "sigmoid, Glorot": () => [dense(glorotNormal(), "sigmoid")],
  "sigmoid, normal(1)": () => [dense(randomNormal({ stddev: 1 }), "sigmoid")],
  "tanh, Glorot": () => [dense(glorotNormal(), "tanh")],
  "ReLU, He": () => [dense(heNormal(), "relu")],
  "sigmoid behind batch norm": () => [
    dense(glorotNormal()),
    new BatchNormalization({ momentum: 0.9 }),
    new Activation("sigmoid"),
  ],
  "ReLU behind batch norm": () => [
    dense(heNormal()),
    new BatchNormalization({ momentum: 0.9 }),
    new Activation("relu"),
  ],
};

export async function vanishing({ size, watch, keep }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);
  const some = [x.subarray(0, 256 * 784), y.subarray(0, 256)] as const;

  for (const [name, block] of Object.entries(blocks)) {
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      ...Array.from({ length: 10 }, block).flat(),
      new Dense(10), // logits: the softmax is part of the loss
    ]);
    model.compile({
      optimizer: "adam",
      loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }),
      metrics: ["sparseCategoricalAccuracy"],
    });
    keep(`${name}: gradients`, await gradientSizes(model, ...some));

    // Over the steps of two of them.
    const { callback, rows, steps } = gradientSizesOverSteps(model, ...some, size.every);
    const isFollowed = name === "sigmoid, Glorot" || name === "sigmoid behind batch norm";
    await model.fit(x, y, {
      batchSize: 128,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name, ...(isFollowed ? [callback] : [])),
    });
    keep(`${name}: gradients over steps`, rows);
    keep(`${name}: steps`, steps);
  }
}

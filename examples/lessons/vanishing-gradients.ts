// Ten hidden layers: how large the gradients of each are, and whether the network learns.

import {
  Activation,
  BatchNormalization,
  Dense,
  Diagnostics,
  Input,
  initializers,
  type Layer,
  Sequential,
} from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import { gradientSizes, sizesOf } from "./frame/gradients.ts";
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
      new Dense(10, { activation: "softmax" }),
    ]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    keep(`${name}: gradients`, await gradientSizes(model, ...some));

    // Of two of them, Diagnostics looks into a training step every so often.
    const isFollowed = name === "sigmoid, Glorot" || name === "sigmoid behind batch norm";
    const diagnostics = new Diagnostics({ every: size.every, print: () => {} });
    await model.fit(x, y, {
      batchSize: 128,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name, ...(isFollowed ? [diagnostics] : [])),
    });
    keep(
      `${name}: gradients over steps`,
      diagnostics.reports.map((report) => sizesOf(report)),
    );
    const perEpoch = Math.ceil(size.rows / 128);
    keep(
      `${name}: steps`,
      diagnostics.reports.map(({ epoch, step }) => epoch * perEpoch + step),
    );
    keep(`${name}: warnings`, [
      ...new Set(diagnostics.reports.flatMap(({ warnings }) => warnings.map(({ text }) => text))),
    ]);
  }
}

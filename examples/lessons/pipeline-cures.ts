// Note 003's three empty code blocks, filled: its big network with dropout, with batch normalization, with a falling rate.

import {
  Activation,
  BatchNormalization,
  Dense,
  Dropout,
  Flatten,
  Input,
  type Layer,
  Sequential,
} from "gradgpu/nn";
import { Adam, schedules } from "gradgpu/optim";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

const LEARNING_RATE = 0.001;
const relu = (units: number) => [new Dense(units, { activation: "relu" })];

export const cures: Record<string, { layer: (units: number) => Layer[]; isHalved?: true }> = {
  none: { layer: relu },
  dropout: { layer: (units) => [...relu(units), ...(units > 8 ? [new Dropout(0.2)] : [])] },
  "batch norm": {
    layer: (units) => [new Dense(units), new BatchNormalization({ momentum: 0.9 }), new Activation("relu")],
  },
  "falling rate": { layer: relu, isHalved: true },
};

export async function pipelineCures({ size, watch, keep }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  const build = (layer: (units: number) => Layer[]) =>
    new Sequential([
      new Input([28, 28], { byteScale: 1 / 255 }),
      new Flatten(),
      ...[512, 512, 256, 256, 128, 128, 8].flatMap(layer),
      new Dense(10, { activation: "softmax" }),
    ]);

  const halved = schedules.stepDecay({
    every: size.every,
    factor: 0.5,
    initialLearningRate: LEARNING_RATE,
  });
  for (const [name, { layer, isHalved }] of Object.entries(cures)) {
    const model = build(layer);
    const optimizer = new Adam({ learningRate: isHalved ? halved : LEARNING_RATE });
    model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    await model.fit(x, y, {
      batchSize: 100,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name),
    });
  }

  // How many of the last hidden layer's 8 units give anything before training, in ten networks.
  const alive: number[] = [];
  for (let i = 0; i < 10; i++) {
    const outputs = await new Sequential(build(relu).layers.slice(0, -1)).predict(x.subarray(0, 200 * 784));
    const values = await outputs.data();
    alive.push(
      Array.from({ length: 8 }, (_, k) => values.some((value, j) => j % 8 === k && value > 0)).filter(Boolean)
        .length,
    );
  }
  keep("units alive", alive);
}

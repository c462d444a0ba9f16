// Units that give 0 for every image, by learning rate: with ReLU, and with a slope below 0.

import { max } from "gradgpu";
import { Dense, diagnose, Input, LeakyReLU, Model, ReLU, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export const rates = [0.001, 0.01, 0.03, 0.1];

export async function dyingRelu({ size, watch, keep }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  /** The share of both layers' units whose output is 0 for all training images. */
  async function deadUnits(model: Sequential): Promise<number> {
    let dead = 0;
    for (const layer of ["first", "second"]) {
      const outputs = await new Model(model.inputs, model.outputOf(layer)).predict(x, { batchSize: 500 });
      const largest = await max(outputs, 0).data();
      dead += largest.filter((value) => value === 0).length / largest.length / 2;
    }
    return dead;
  }

  for (const rate of rates) {
    for (const kind of ["ReLU", "Leaky ReLU"]) {
      const unit = (name: string) =>
        kind === "ReLU" ? new ReLU({ name }) : new LeakyReLU({ name, negativeSlope: 0.01 });
      const model = new Sequential([
        new Input([784], { byteScale: 1 / 255 }),
        new Dense(128),
        unit("first"),
        new Dense(128),
        unit("second"),
        new Dense(10, { activation: "softmax" }),
      ]);
      const optimizer = new Adam({ learningRate: rate });
      model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
      const name = `${kind}, rate ${rate}`;
      await model.fit(x, y, {
        batchSize: 128,
        epochs: size.epochs,
        validationData: [testX, testY],
        ...watch(name),
      });
      keep(`${name}: dead`, await deadUnits(model));

      const { warnings } = await diagnose(model, x.subarray(0, 500 * 784), y.subarray(0, 500));
      keep(
        `${name}: warnings`,
        warnings.map(({ text }) => text),
      );

      // Can dead units come back? As many epochs more, with a small rate.
      if (kind === "ReLU" && rate === rates[rates.length - 1]) {
        optimizer.learningRate = 0.001;
        await model.fit(x, y, { batchSize: 128, epochs: size.epochs, ...watch(`${name}, then 0.001`) });
        keep(`${name}, then 0.001: dead`, await deadUnits(model));
      }
    }
  }
}

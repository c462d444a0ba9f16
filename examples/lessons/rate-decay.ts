// A rate that stays, and rates that fall: halved every 5 epochs, by ten every 20, or when the validation loss stops falling.

import { type Callback, Dense, Input, ReduceLROnPlateau, Sequential } from "gradgpu/nn";
import { SGD, schedules } from "gradgpu/optim";
import { clothes } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

const first = 0.3;
const { stepDecay } = schedules;

export const plans = {
  constant: () => ({ learningRate: first }),
  "half every 5": () => ({ learningRate: stepDecay({ every: 5, factor: 0.5, initialLearningRate: first }) }),
  "tenth every 20": () => ({
    learningRate: stepDecay({ every: 20, factor: 0.1, initialLearningRate: first }),
  }),
  plateau: () => ({
    learningRate: first,
    callback: new ReduceLROnPlateau({ monitor: "valLoss", factor: 0.5, patience: 1 }),
  }),
};

export async function rateDecay({ size, watch, keep }: Course) {
  const { x, y, testX, testY } = await clothes(size.rows, size.tests);

  for (const [name, plan] of Object.entries(plans)) {
    const { learningRate, callback } = { callback: undefined, ...plan() };
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      new Dense(100, { activation: "relu" }),
      new Dense(10, { activation: "softmax" }),
    ]);
    const optimizer = new SGD({ learningRate });
    model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });

    const rates: number[] = [];
    const notice: Callback = {
      async onEpochEnd() {
        rates.push(await optimizer.currentLearningRate());
      },
    };
    await model.fit(x, y, {
      batchSize: 32,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name, notice, ...(callback ? [callback] : [])),
    });
    keep(`${name}: rates`, rates);
  }
}

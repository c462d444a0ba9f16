// Dropout as an ensemble: predictions with dropout at work, averaged, beside the one without it; and trained longer.

import { argMax, mean, stack, type Tensor, tensor } from "gradgpu";
import { Dense, Dropout, Input, Sequential } from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export async function dropoutEnsemble({ size, watch, keep, tick }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  const build = (rate: number) => {
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      new Dense(256, { activation: "relu" }),
      new Dropout(rate, { name: "dropout" }),
      new Dense(10, { activation: "softmax" }),
    ]);
    return model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  };
  const train = (model: Sequential, name: string) =>
    model.fit(x, y, { batchSize: 64, epochs: size.epochs, validationData: [testX, testY], ...watch(name) });

  await train(build(0), "without");
  const model = build(0.5);
  await train(model, "with dropout");

  // Each call with `training: true` is another thinned network.
  const images = tensor(testX, [testY.length, 784]);
  const right = async (outputs: Tensor) => {
    const classes = await argMax(outputs, -1).data();
    return testY.filter((label, i) => label === classes[i]).length / testY.length;
  };
  const thinned = Array.from({ length: 30 }, () => model.call(images, { training: true }));
  keep("thinned networks", await Promise.all(thinned.map(right)));
  const counts = [1, 2, 5, 10, 30];
  const averaged: number[] = [];
  for (const count of counts) {
    averaged.push(await right(mean(stack(thinned.slice(0, count)), 0)));
    await tick(count, 30);
  }
  keep("networks averaged", counts);
  keep("averaged", averaged);
  keep("all units", await right(model.call(images)));

  // Three masks of one layer, for 8 units of a row of ones.
  const layer = new Dropout(0.5);
  const masks: number[][] = [];
  for (let i = 0; i < 3; i++)
    masks.push([...(await layer.call(tensor([Array(16).fill(1)]), { training: true }).data())]);
  keep("masks", masks);
  keep("inference", [...(await layer.call(tensor([Array(16).fill(1)])).data())]);
}

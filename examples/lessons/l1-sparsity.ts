// Which of 40 inputs matter? L1 sets the weights of the others to 0, L2 makes all of them small.

import { Dense, Input, regularizers, Sequential } from "gradgpu/nn";
import { Adam, schedules } from "gradgpu/optim";
import type { Course } from "./frame/lesson.ts";
import { uniforms } from "./frame/points.ts";

export async function l1Sparsity({ seed, size, watch, keep }: Course) {
  // 40 inputs, of which 4 make the target; the rest is noise.
  const next = uniforms(seed);
  const x = Array.from({ length: size.rows + 200 }, () => Array.from({ length: 40 }, () => 2 * next() - 1));
  const y = x.map((row) => 3 * row[0] - 2 * row[1] + row[2] - row[3] + 0.5 * (next() - 0.5));

  const held = size.rows;
  const train = [x.slice(0, held), y.slice(0, held)] as const;
  const test = [x.slice(held), y.slice(held)] as const;

  const penalties = {
    none: undefined,
    L1: regularizers.l1(0.05),
    L2: regularizers.l2(0.05),
  };
  for (const [name, kernelRegularizer] of Object.entries(penalties)) {
    const model = new Sequential([new Input([40]), new Dense(1, { kernelRegularizer })]);
    // The rate falls, so that weights come to rest.
    const learningRate = schedules.stepDecay({ every: 10, factor: 0.7, initialLearningRate: 0.05 });
    model.compile({ optimizer: new Adam({ learningRate }), loss: "mse", metrics: ["mse"] });
    await model.fit(...train, { batchSize: 20, epochs: size.epochs, ...watch(name) });

    const [, error] = await model.evaluate(...test);
    keep(`${name}: error`, error);

    const [kernel] = await model.getWeights();
    keep(`${name}: weights`, [...kernel.values]);
  }
}

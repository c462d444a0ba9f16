// Paths of optimizers down a bowl, a ravine and a double well.

import { add, mul, slice, square, sub, sum, type Tensor } from "gradgpu";
import { Adagrad, Adam, Nadam, type Optimizer, RMSprop, SGD } from "gradgpu/optim";
import { descend } from "./frame/descend.ts";
import type { Course } from "./frame/lesson.ts";

const x = (w: Tensor) => sum(slice(w, [0], [1]));
const y = (w: Tensor) => sum(slice(w, [1], [2]));

/** Each with where its paths begin. */
const surfaces: Record<string, { f: (w: Tensor) => Tensor; start: number[] }> = {
  bowl: { f: (w) => mul(add(square(x(w)), square(y(w))), 0.5), start: [-3, 2] },
  ravine: { f: (w) => mul(add(square(x(w)), mul(square(y(w)), 20)), 0.5), start: [-3, 1] },
  "double well": {
    f: (w) => add(add(square(sub(square(x(w)), 1)), mul(x(w), 0.3)), square(y(w))),
    start: [1.8, 1.2],
  },
};

export const optimizers: Record<string, () => Optimizer> = {
  SGD: () => new SGD({ learningRate: 0.05 }),
  Momentum: () => new SGD({ learningRate: 0.05, momentum: 0.9 }),
  Nesterov: () => new SGD({ learningRate: 0.05, momentum: 0.9, nesterov: true }),
  Adagrad: () => new Adagrad({ learningRate: 0.5 }),
  RMSprop: () => new RMSprop({ learningRate: 0.1 }),
  Adam: () => new Adam({ learningRate: 0.2 }),
  Nadam: () => new Nadam({ learningRate: 0.2 }),
};

export async function optimizerPaths({ size, keep, tick }: Course) {
  let done = 0;
  for (const [surface, { f, start }] of Object.entries(surfaces)) {
    for (const [name, make] of Object.entries(optimizers)) {
      keep(`${surface}, ${name}`, await descend(f, start, make(), size.steps));
      await tick(++done, 21);
    }
  }
}

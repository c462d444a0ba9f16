// Momentum past a local minimum, and along a ravine.

import { add, mul, slice, square, sub, sum, type Tensor } from "gradgpu";
import { SGD } from "gradgpu/optim";
import { descend } from "./frame/descend.ts";
import type { Course } from "./frame/lesson.ts";

/** (x² - 1)² + 0.3 x has a minimum at 0.96 and a lower one at -1.04. */
const well = (x: Tensor) => sum(add(square(sub(square(x), 1)), mul(x, 0.3)));
/** (x² + 25 y²) / 2, a ravine along x. */
const ravine = (w: Tensor) =>
  mul(add(sum(square(slice(w, [0], [1]))), mul(sum(square(slice(w, [1], [2]))), 25)), 0.5);

export const momenta = [0, 0.5, 0.9, 0.95];
/** From the gentle slope near the minimum to the steep one far out. */
export const starts = [1.2, 1.5, 1.7, 2, 2.2];

export async function momentum({ size, keep, tick }: Course) {
  for (const [i, momentum] of momenta.entries()) {
    for (const start of starts) {
      const optimizer = new SGD({ learningRate: 0.01, momentum });
      const path = await descend(well, [start], optimizer, size.steps);
      keep(`well from ${start}, momentum ${momentum}`, path.flat());
    }
    const optimizer = new SGD({ learningRate: 0.02, momentum });
    keep(`ravine, momentum ${momentum}`, await descend(ravine, [-8, 1], optimizer, size.steps));
    await tick(i + 1, momenta.length);
  }
  // A rate at which plain descent leaps from side to side.
  keep("ravine, large rate", await descend(ravine, [-8, 1], new SGD({ learningRate: 0.075 }), size.steps));
}

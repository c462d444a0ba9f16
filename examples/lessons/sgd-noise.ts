// Noise in the gradient: it leaves a local minimum, but does not settle; a falling rate makes it settle.

import { add, jit, mul, RandomGenerator, square, sub, sum, variable } from "gradgpu";
import { SGD, schedules } from "gradgpu/optim";
import type { Course } from "./frame/lesson.ts";

export const ways = ["all samples", "one sample", "one sample, falling rate"];

export async function sgdNoise({ seed, size, keep, tick }: Course) {
  // 200 walks at once, all from the local minimum of (x² - 1)² + 0.3 x. A single sample's slope is off by a random number.
  const walks = 200;
  for (const [index, way] of ways.entries()) {
    const x = variable(Array(walks).fill(0.96));
    const noise = new RandomGenerator({ seed });
    const learningRate =
      way === "one sample, falling rate"
        ? schedules.inverseTimeDecay({ initialLearningRate: 0.03, decaySteps: size.steps / 20, decayRate: 1 })
        : 0.03;
    const optimizer = new SGD({ learningRate }).build([x]);
    const step = jit(() =>
      optimizer.minimize(() => {
        const well = add(square(sub(square(x), 1)), mul(x, 0.3));
        if (way === "all samples") return sum(well);
        return sum(add(well, mul(x, noise.normal([walks], { stddev: 5 }))));
      }, [x]),
    );

    const path: number[][] = [];
    const every = size.steps / 100;
    for (let i = 0; i < 100; i++) {
      step.run({ steps: every }).dispose();
      path.push([...(await x.data())]);
      await tick(index * 100 + i + 1, 300);
    }
    keep(
      way,
      path.map((row) => row.filter((value) => value < 0).length / walks),
    );
    keep(
      `${way}: one walk`,
      path.map(([first]) => first),
    );
    const lower = path[path.length - 1].filter((value) => value < 0);
    keep(
      `${way}: deviation`,
      Math.sqrt(lower.reduce((sum, value) => sum + (value + 1.04) ** 2, 0) / Math.max(lower.length, 1)),
    );
    step.dispose();
  }
}

// How far Adagrad, RMSprop and SGD still step after thousands of steps; and rates by parameter.

import { jit, mul, sum, tensor, variable } from "gradgpu";
import { Adagrad, type Optimizer, RMSprop, SGD } from "gradgpu/optim";
import type { Course } from "./frame/lesson.ts";

// Note 002's signatures: sums from 0.
export const optimizers: Record<string, () => Optimizer> = {
  Adagrad: () => new Adagrad({ learningRate: 0.01, epsilon: 1e-6, initialAccumulatorValue: 0 }),
  RMSprop: () => new RMSprop({ learningRate: 0.01, rho: 0.9, epsilon: 1e-6 }),
  SGD: () => new SGD({ learningRate: 0.01 }),
};

export async function adagradStalls({ size, keep, tick }: Course) {
  // Two parameters on a slope that goes on for ever: one is steep, one is flat.
  const slopes = tensor([1, 0.01]);
  for (const [index, [name, make]] of Object.entries(optimizers).entries()) {
    const w = variable([0, 0]);
    const optimizer = make().build([w]);
    const step = jit(() => optimizer.minimize(() => sum(mul(w, slopes)), [w]));

    const steps: number[] = [];
    const sizes: number[][] = [];
    let [done, before] = [0, [0, 0]];
    for (let next = 1; next <= size.steps; next = Math.ceil(next * 1.3)) {
      // Up to the step before it, and then that one alone.
      if (next - 1 > done) step.run({ steps: next - 1 - done }).dispose();
      before = [...(await w.data())];
      step.run({ steps: 1 }).dispose();
      const now = [...(await w.data())];
      done = next;
      steps.push(next);
      sizes.push(now.map((value, i) => Math.abs(value - before[i])));
      await tick(next, size.steps);
    }
    keep(`${name}: step`, steps);
    keep(
      `${name}: size`,
      sizes.map(([steep]) => steep),
    );
    keep(
      `${name}: size, flat`,
      sizes.map(([, flat]) => flat),
    );
    keep(`${name}: way`, Math.abs((await w.data())[0]));
    await tick(index + 1, 3);
    step.dispose();
  }

  // A parameter whose gradient comes at every step, and one whose comes at every tenth.
  const w = variable([0, 0]);
  const adagrad = optimizers.Adagrad().build([w]);
  for (let i = 1; i <= 200; i++) {
    const gradients = tensor([1, i % 10 === 0 ? 1 : 0]);
    const before = await w.data();
    adagrad.minimize(() => sum(mul(w, gradients)), [w]).dispose();
    const now = await w.data();
    if (i === 200) keep("rates by parameter", [before[0] - now[0], before[1] - now[1]]);
  }
}

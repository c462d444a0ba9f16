// Walks down a function with an optimizer, and notes where it is after each step.

import { type Tensor, tidy, variable } from "gradgpu";
import type { Optimizer } from "gradgpu/optim";

/** Points of the walk, the start first. The function takes a vector of one number or two, and gives a scalar. */
export async function descend(
  f: (w: Tensor) => Tensor,
  start: readonly number[],
  optimizer: Optimizer,
  steps: number,
): Promise<number[][]> {
  const w = variable([...start]);
  const path = [[...start]];
  for (let i = 0; i < steps; i++) {
    tidy(() => optimizer.minimize(() => f(w), [w]).dispose());
    path.push([...(await w.data())]);
  }
  w.dispose();
  return path;
}

/** (x² - 1)² + 0.3 x: a minimum at 0.96 that is not the least one, which lies at -1.04. */
export const doubleWell = (x: number) => (x * x - 1) ** 2 + 0.3 * x;

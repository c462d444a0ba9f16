// Five steps of an optimizer on two small variables, and the same by a rule for one weight in plain float64.

import { expect } from "vitest";
import { tensor, variable } from "../../engine/index.ts";
import type { Optimizer } from "../../optim/index.ts";

/** Five gradients of two variables, of 3 and 1 elements. */
export const gradients = [
  [0.5, -0.25, 1e-3, 2],
  [0.4, 0.3, -1e-3, -1],
  [-0.7, 0.1, 0, 0.5],
  [0.2, -0.9, 2e-3, 0.25],
  [0.1, 0.6, 1e-3, -3],
];
export const start = [0.5, -0.3, 0.2, 1];

/** The values after each of the five steps, as the optimizer makes them. */
export async function run(optimizer: Optimizer): Promise<number[][]> {
  const a = variable(start.slice(0, 3), { name: "a" });
  const b = variable([start.slice(3)], { name: "b" });
  optimizer.build([a, b]);
  const path: number[][] = [];
  for (const g of gradients) {
    optimizer.apply([tensor(g.slice(0, 3)), tensor([g.slice(3)])]);
    path.push([...(await a.dataFloat64()), ...(await b.dataFloat64())]);
  }
  return path;
}

/** The same by a rule for one weight: (weight, gradient, memory, step from 1) -> new weight. */
export function expected<M>(
  memory: () => M,
  rule: (w: number, g: number, memory: M, t: number) => number,
): number[][] {
  const memories = start.map(memory);
  let weights = [...start];
  return gradients.map((g, k) => {
    weights = weights.map((w, i) => rule(w, g[i], memories[i], k + 1));
    return weights;
  });
}

export function expectPath(got: number[][], want: number[][]): void {
  got.forEach((row, k) => {
    row.forEach((value, i) => {
      // The reference computes in float64 from constants rounded to f32.
      expect(Math.abs(value - want[k][i]), `step ${k + 1}, weight ${i}`).toBeLessThan(
        2e-7 * (1 + Math.abs(want[k][i])),
      );
    });
  });
}

// The losses of numbers, each beside its formula in float64, for the tests on the reference and on adapters.

import { losses } from "../../nn/index.ts";

export interface RegressionLoss {
  readonly name: string;
  readonly loss: losses.Loss;
  /** Of one error, output - target. */
  readonly value: (error: number) => number;
  /** d value / d error. */
  readonly slope: (error: number) => number;
}

const huber = (delta: number): RegressionLoss => ({
  name: `huber, delta ${delta}`,
  loss: losses.huber({ delta }),
  value: (e) => (Math.abs(e) <= delta ? e ** 2 / 2 : delta * (Math.abs(e) - delta / 2)),
  slope: (e) => (Math.abs(e) <= delta ? e : delta * Math.sign(e)),
});

export const regressionLosses: readonly RegressionLoss[] = [
  {
    name: "meanSquaredError",
    loss: losses.meanSquaredError(),
    value: (e) => e ** 2,
    slope: (e) => 2 * e,
  },
  { name: "meanAbsoluteError", loss: losses.meanAbsoluteError(), value: Math.abs, slope: Math.sign },
  huber(1),
  huber(0.25),
  huber(8),
];

/** Errors on both sides of each kink, and at it: 0, and ±delta. Exact in f32. */
export const errors = [0, 0.125, -0.125, 0.25, -0.25, 0.5, 1, -1, 1.5, -3, 8, -8, 20, 0, -40];

// Activations, losses and norms at infinities, NaN, zeros, equal and huge numbers, each with its limit, written down
// from mathematics: from no formula that the kernels or their reference share.

import {
  batchNorm,
  full,
  groupNorm,
  instanceNorm,
  layerNorm,
  logSumExp,
  mean,
  norm,
  reshape,
  rmsNorm,
  standardDeviation,
  type Tensor,
  variance,
} from "../../engine/index.ts";
import { losses } from "../../nn/index.ts";

const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;
const huge = Math.fround(3e38);
const ln2 = Math.LN2;

/** Points of an activation that takes each number by itself. */
export const points = [inf, -inf, nan, 0, huge, -huge];
type Limits = readonly (number | undefined)[];

/** By activation: its limits at {@link points}; undefined where it is a matter of a default slope. */
export const pointwiseLimits: Readonly<Record<string, Limits>> = {
  linear: [inf, -inf, nan, 0, huge, -huge],
  relu: [inf, 0, nan, 0, huge, 0],
  leakyRelu: [inf, -inf, nan, 0, huge, undefined],
  elu: [inf, -1, nan, 0, huge, -1],
  selu: [inf, -1.7580993408473766, nan, 0, 1.0507009873554805 * huge, -1.7580993408473766],
  celu: [inf, -1, nan, 0, huge, -1],
  gelu: [inf, 0, nan, 0, huge, 0],
  silu: [inf, 0, nan, 0, huge, 0],
  mish: [inf, 0, nan, 0, huge, 0],
  softplus: [inf, 0, nan, ln2, huge, 0],
  softsign: [1, -1, nan, 0, 1, -1],
  sigmoid: [1, 0, nan, 0.5, 1, 0],
  logSigmoid: [0, -inf, nan, -ln2, 0, -huge],
  hardSigmoid: [1, 0, nan, 0.5, 1, 0],
  hardSwish: [inf, 0, nan, 0, huge, 0],
  hardTanh: [1, -1, nan, 0, 1, -1],
  tanh: [1, -1, nan, 0, 1, -1],
  exponential: [inf, 0, nan, 1, inf, 0],
  // A step says what is above 0, and NaN is not.
  step: [1, 0, 0, 0, 1, 0],
};

interface RowLimit {
  readonly x: readonly number[];
  readonly limit: readonly number[];
}

/** Those of rows. A row with NaN, with infinity or of -infinity alone has no softmax. */
export const rowLimits: Readonly<Record<string, readonly RowLimit[]>> = {
  softmax: [
    { x: [-inf, 0, 0], limit: [0, 0.5, 0.5] },
    { x: [huge, -huge], limit: [1, 0] },
    { x: [0, 0, 0, 0], limit: [0.25, 0.25, 0.25, 0.25] },
    { x: [huge, huge], limit: [0.5, 0.5] },
    { x: [nan, 0], limit: [nan, nan] },
    { x: [inf, 0], limit: [nan, nan] },
    { x: [-inf, -inf], limit: [nan, nan] },
  ],
  logSoftmax: [
    { x: [-inf, 0, 0], limit: [-inf, -ln2, -ln2] },
    // -6e38 is beyond f32.
    { x: [huge, -huge], limit: [0, -inf] },
    { x: [0, 0, 0, 0], limit: [-2 * ln2, -2 * ln2, -2 * ln2, -2 * ln2] },
    { x: [huge, huge], limit: [-ln2, -ln2] },
    { x: [nan, 0], limit: [nan, nan] },
    { x: [inf, 0], limit: [nan, nan] },
    { x: [-inf, -inf], limit: [nan, nan] },
  ],
};

export interface LossLimit {
  readonly loss: losses.Loss;
  readonly targets: readonly number[];
  /** One sample's. */
  readonly outputs: readonly number[];
  /** Of the sample's outputs, where it is not one row. */
  readonly shape?: readonly number[];
  readonly limit: number;
  /** By outputs, where it is worth saying. */
  readonly gradient?: readonly number[];
}

const { meanSquaredError, meanAbsoluteError, huber } = losses;
const logits = { fromLogits: true };
/** -ln 1e-7: probabilities are kept that far from 0. */
const clipped = 7 * Math.LN10;

/** One label in two steps of two classes, of which 0 is the blank. */
const ctcRow = (outputs: number[], limit: number, gradient?: number[]): LossLimit => ({
  loss: losses.ctc(),
  targets: [1],
  outputs,
  shape: [2, 2],
  limit,
  gradient,
});

const regression = (loss: losses.Loss, rows: readonly (readonly [number[], number[], number, number[]?])[]) =>
  rows.map(([targets, outputs, limit, gradient]): LossLimit => ({ loss, targets, outputs, limit, gradient }));

const ofLogits: readonly (readonly [
  logits: number[],
  targets: number[],
  limit: number,
  gradient?: number[],
])[] = [
  [[-inf, 0, 0], [0, 1, 0], ln2, [0, -0.5, 0.5]],
  [[-inf, 0, 0], [0, 0.5, 0.5], ln2, [0, 0, 0]],
  [[-inf, 0], [1, 0], inf],
  [[huge, -huge], [1, 0], 0, [0, 0]],
  [[-huge, huge], [1, 0], inf],
  [[0, 0, 0, 0], [0, 0, 1, 0], 2 * ln2, [0.25, 0.25, -0.75, 0.25]],
  [[huge, huge], [1, 0], ln2, [-0.5, 0.5]],
  [[nan, 0], [0, 1], nan],
  [[inf, 0], [1, 0], nan],
];

/** By loss. */
export const lossLimits: Readonly<Record<string, readonly LossLimit[]>> = {
  ctc: [
    // Three of the four paths say the label: at the first step, at the second, at both.
    ctcRow([0, 0, 0, 0], 2 * ln2 - Math.log(3), [1 / 6, -1 / 6, 1 / 6, -1 / 6]),
    ctcRow([huge, -huge, -huge, huge], 0, [0, 0, 0, 0]),
    ctcRow([0, -inf, 0, -inf], inf),
    ctcRow([0, -inf, 0, 0], ln2, [0, 0, 0.5, -0.5]),
    ctcRow([nan, 0, 0, 0], nan),
  ],
  meanSquaredError: regression(meanSquaredError(), [
    [[0, 0], [0, 0], 0, [0, 0]],
    [[3, 3], [inf, 3], inf],
    [[1e18, 0], [-1e18, 0], 2e36],
    [[huge, 0], [-huge, 0], inf],
    [[1, 1], [nan, 1], nan],
    [[inf], [inf], nan],
  ]),
  meanAbsoluteError: regression(meanAbsoluteError(), [
    [[2, 2], [2, 2], 0, [0, 0]],
    [[0, 0], [-inf, 0], inf],
    [[1e38, 0], [-1e38, 0], 1e38, [-0.5, 0]],
    [[huge], [-huge], inf],
    [[0], [nan], nan],
  ]),
  huber: regression(huber(), [
    [[2, 2], [2, 2], 0, [0, 0]],
    [[0, 0], [inf, 0], inf],
    // Far away it is |e| - 1/2.
    [[0, 0], [1e38, 0], 5e37, [0.5, 0]],
    [[0], [nan], nan],
  ]),
  meanAbsolutePercentageError: regression(losses.meanAbsolutePercentageError(), [
    [[2, 4], [2, 4], 0, [0, 0]],
    [[1, 1], [inf, 1], inf],
    // Targets are kept above 1e-7.
    [[0], [1], 1e9],
    [[1], [nan], nan],
  ]),
  meanSquaredLogarithmicError: regression(losses.meanSquaredLogarithmicError(), [
    [[3, 3], [3, 3], 0, [0, 0]],
    // What is below 0 is 0 to it.
    [[0], [-5], 0, [0]],
    [[0], [Math.E - 1], 1],
    [[0], [inf], inf],
    [[0], [nan], nan],
  ]),
  logCosh: regression(losses.logCosh(), [
    [[0, 0], [inf, 0], inf],
    [[0, 0], [-inf, 0], inf],
    // Far away it is |e| - ln 2.
    [[0], [1e38], 1e38, [1]],
    [[huge], [0], huge, [-1]],
    [[0], [nan], nan],
  ]),
  cosineSimilarity: regression(losses.cosineSimilarity(), [
    [[1, 0], [2, 0], -1, [0, 0]],
    [[1, 0], [0, 4], 0, [-0.25, 0]],
    [[1, 0], [-2, 0], 1, [0, 0]],
    [[0, 0], [1, 1], 0, [0, 0]],
    [[1, 1], [0, 0], 0],
    [[1, 1], [nan, 0], nan],
  ]),
  poisson: regression(losses.poisson(), [
    [[0], [3], 3, [1]],
    [[2], [1], 1, [-1]],
    [[0], [0], 0],
    [[1], [0], clipped],
    [[1], [nan], nan],
  ]),
  hinge: regression(losses.hinge(), [
    [[1], [2], 0, [0]],
    [[1], [-2], 3, [-1]],
    [[0], [1], 2, [1]],
    [[-1], [-inf], 0],
    [[1], [-inf], inf],
    [[1], [nan], nan],
  ]),
  squaredHinge: regression(losses.squaredHinge(), [
    [[1], [2], 0, [0]],
    [[1], [-2], 9, [-6]],
    [[0], [1], 4, [4]],
    [[1], [-inf], inf],
    [[1], [nan], nan],
  ]),
  categoricalHinge: regression(losses.categoricalHinge(), [
    [[0, 1], [0.5, 2], 0, [0, 0]],
    [[0, 1, 0], [1, 0, -3], 2, [1, -1, 0]],
    [[0, 1], [inf, 0], inf],
    [[0, 1], [nan, 0], nan],
  ]),
  dice: regression(losses.dice(), [
    [[1, 1], [0, 0], 1],
    [[1, 0], [0.5, 0.5], 0.5],
    [[1, 0], [nan, 0], nan],
  ]),
  tversky: regression(losses.tversky(), [
    [[1, 1], [0, 0], 1],
    [[1, 0], [0.5, 0.5], 0.5],
    [[1, 0], [nan, 0], nan],
  ]),
  klDivergence: regression(losses.klDivergence(), [
    [[0.5, 0.5], [0.5, 0.5], 0, [-1, -1]],
    [[0.5, 0.5], [0.25, 0.75], Math.log(4 / 3) / 2],
    [[1], [0], clipped],
    [[1], [nan], nan],
  ]),
  binaryFocalCrossentropy: [
    ...regression(losses.binaryFocalCrossentropy(), [
      [[1], [0.5], ln2 / 4],
      [[1], [0], clipped],
      [[1], [nan], nan],
    ]),
    ...regression(losses.binaryFocalCrossentropy(logits), [
      [[1], [0], ln2 / 4],
      [[1], [inf], 0, [0]],
      [[1], [huge], 0, [0]],
      [[0], [huge], huge],
      [[0], [100], 100, [1]],
      [[1], [-inf], inf],
      [[1], [nan], nan],
    ]),
  ],
  categoricalFocalCrossentropy: [
    ...regression(losses.categoricalFocalCrossentropy(), [
      [[0, 1], [0.5, 0.5], ln2 / 16],
      [[0, 1], [1, 0], clipped / 4],
      [[1, 0], [nan, 1], nan],
    ]),
    ...regression(losses.categoricalFocalCrossentropy(logits), [
      [[0, 1], [0, 0], ln2 / 16],
      [[1, 0], [huge, -huge], 0, [0, 0]],
      [[0, 1, 0], [-inf, 0, 0], ln2 / 16],
      [[1, 0], [nan, 0], nan],
    ]),
  ],
  binaryCrossentropy: [
    ...regression(losses.binaryCrossentropy(), [
      [[1], [0], clipped],
      [[0.5], [0.5], ln2],
      [[1], [nan], nan],
    ]),
    ...regression(losses.binaryCrossentropy(logits), [
      [[1], [inf], 0, [0]],
      [[0], [-inf], 0, [0]],
      [[0], [inf], inf],
      [[1], [-inf], inf],
      [[0.5], [inf], inf],
      [[0.25], [-inf], inf],
      [[1], [huge], 0, [0]],
      [[0], [huge], huge, [1]],
      [[1], [0], ln2, [-0.5]],
      [[1], [nan], nan],
      [[0], [nan], nan],
    ]),
  ],
  categoricalCrossentropy: [
    ...regression(losses.categoricalCrossentropy(), [
      [[0, 1], [1, 0], clipped],
      [[0, 0, 1, 0], [0.25, 0.25, 0.25, 0.25], 2 * ln2],
      [[1, 0], [nan, 1], nan],
    ]),
    ...regression(losses.categoricalCrossentropy(logits), [
      ...ofLogits.map(([x, t, limit, gradient]): [number[], number[], number, number[]?] => [
        t,
        x,
        limit,
        gradient,
      ]),
      // A tenth of 6e38, which is beyond f32.
      [[0.9, 0.1], [huge, -huge], 6e37],
    ]),
  ],
  sparseCategoricalCrossentropy: [
    ...regression(losses.sparseCategoricalCrossentropy(), [
      [[2], [0.25, 0.25, 0.25, 0.25], 2 * ln2],
      [[0], [nan, 1], nan],
    ]),
    ...regression(
      losses.sparseCategoricalCrossentropy(logits),
      ofLogits
        .filter(([, t]) => t.includes(1))
        .map(([x, t, limit, gradient]): [number[], number[], number, number[]?] => [
          [t.indexOf(1)],
          x,
          limit,
          gradient,
        ]),
    ),
  ],
};

export interface NormLimit {
  readonly of: (x: Tensor) => Tensor;
  readonly x: readonly number[];
  /** One number a result; all the same where one is given. */
  readonly limit: readonly number[];
  /** Of the sum of the results, where it is worth saying: all the same. */
  readonly gradient?: number;
}

const rows = (
  of: (x: Tensor) => Tensor,
  list: readonly (readonly [number[], number[], number?])[],
): NormLimit[] => list.map(([x, limit, gradient]) => ({ of, x, limit, gradient }));

/** What normalizes a row: equal numbers have no spread, and of huge ones only their proportion counts. */
const centered = (of: (x: Tensor) => Tensor) =>
  rows(of, [
    [new Array(7).fill(Math.fround(123456.7)), new Array(7).fill(0)],
    [new Array(8).fill(0), new Array(8).fill(0)],
    [new Array(100).fill(Math.fround(0.1)), new Array(100).fill(0)],
    [
      [1e20, -1e20],
      [1, -1],
    ],
    [
      [1e30, -1e30, 1e30, -1e30],
      [1, -1, 1, -1],
    ],
    [
      [inf, 0, 0],
      [nan, nan, nan],
    ],
    [
      [nan, 0, 0],
      [nan, nan, nan],
    ],
  ]);

/** By norm. */
export const normLimits: Readonly<Record<string, readonly NormLimit[]>> = {
  norm: rows(
    (x) => norm(x),
    [
      [[3e30, 4e30], [5e30]],
      [[3e-30, 4e-30], [5e-30]],
      [[3e-30, 4e-30, 0, 0], [5e-30]],
      [[1e38, 1e38, 1e38, 1e38], [2e38], 0.5],
      [[1e-25, 1e-25, 1e-25, 1e-25], [2e-25], 0.5],
      [[0, 0], [0], 0],
      [[-inf, 1], [inf]],
      [[nan, 1], [nan]],
      [[nan, inf], [nan]],
    ],
  ),
  standardDeviation: rows(
    (x) => standardDeviation(x),
    [
      ...[0.1, 0.3, 0.7, 123456.7, 1e8, 1e-20, 3e35, -0.1].flatMap((value) =>
        [2, 3, 7, 49, 100].map((count): [number[], number[], number] => [
          new Array(count).fill(Math.fround(value)),
          [0],
          0,
        ]),
      ),
      [[3e25, -3e25], [3e25]],
      [[1e-25, -1e-25], [1e-25]],
      [[inf, 0], [nan]],
      [[nan, 0], [nan]],
    ],
  ),
  variance: rows(
    (x) => variance(x),
    [
      [new Array(3).fill(Math.fround(0.1)), [0], 0],
      [new Array(49).fill(1e8), [0], 0],
      [[1e8, 100000008], [16]],
      [[inf, 0], [nan]],
    ],
  ),
  mean: rows(
    (x) => mean(x),
    [
      [new Array(7).fill(1e8), [1e8]],
      [[inf, 1], [inf]],
      [[inf, -inf], [nan]],
    ],
  ),
  logSumExp: rows(
    (x) => logSumExp(x),
    [
      [[-inf, -inf], [-inf], 0],
      [[inf, 0], [inf]],
      [[huge, huge], [huge], 0.5],
      [[0, 0, 0, 0], [2 * ln2], 0.25],
      [[-inf, 0], [0]],
    ],
  ),
  layerNorm: centered((x) => layerNorm(x)),
  groupNorm: centered((x) => groupNorm(reshape(x, [1, -1, 1]), 1)),
  instanceNorm: centered((x) => instanceNorm(reshape(x, [1, -1, 1]))),
  rmsNorm: rows(
    (x) => rmsNorm(x),
    [
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
      [
        [1e20, -1e20],
        [1, -1],
      ],
      [new Array(7).fill(1e30), new Array(7).fill(1)],
      [
        [nan, 0],
        [nan, nan],
      ],
    ],
  ),
  batchNorm: rows(
    (x) => {
      const [one, zero] = [1, 0].map((value) => full([1], value, { device: x.device }));
      return batchNorm(reshape(x, [-1, 1]), one, zero)[0];
    },
    [
      [new Array(7).fill(Math.fround(123456.7)), new Array(7).fill(0)],
      [new Array(100).fill(Math.fround(0.1)), new Array(100).fill(0)],
      [
        [1e18, -1e18],
        [1, -1],
      ],
      [
        [nan, 0, 0],
        [nan, nan, nan],
      ],
    ],
  ),
};

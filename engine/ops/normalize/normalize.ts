// Normalization with given statistics, pointwise.

import { atLeastZero, numberOrOption } from "../../base/number-checks.ts";
import { wgslFloat } from "../../kernel/kernel.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, mul, sub } from "../elementwise/arithmetic.ts";
import { elementwiseOp } from "../elementwise/elementwise.ts";
import { rsqrt } from "../elementwise/exponential.ts";

/**
 * (x - mean) / √(variance + epsilon) · gamma + beta, pointwise with broadcasting: batch normalization with given
 * statistics, as in inference.
 */
export const normalize: OpFunction<
  [
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    gamma: TensorLike,
    beta: TensorLike,
    epsilon?: number | { epsilon?: number },
  ],
  Tensor
> = defineOp({
  ...elementwiseOp<{ epsilon: number }>({
    name: "normalize",
    arity: 5,
    wgsl: ({ epsilon }) => `(a - b) * (1.0f / sqrt(c + ${wgslFloat(epsilon)})) * d + e`,
    reference: ([x, mean, variance, gamma, beta], { epsilon }) =>
      ((x - mean) / Math.sqrt(variance + Math.fround(epsilon))) * gamma + beta,
    saves: { inputs: [0, 1, 2, 3] },
    vjp: ({ grad, input, needs, attrs: { epsilon } }) => {
      const scale = rsqrt(add(input(2), epsilon));
      const centered = sub(input(0), input(1));
      const dx = mul(grad(), mul(scale, input(3)));
      return [
        dx,
        needs(1) ? mul(dx, -1) : null,
        needs(2) ? mul(mul(dx, centered), mul(mul(scale, scale), -0.5)) : null,
        needs(3) ? mul(grad(), mul(centered, scale)) : null,
        grad(),
      ];
    },
    samples: [
      {
        inputs: [
          { shape: [5, 8] },
          { shape: [8] },
          { shape: [8], low: 0.5, high: 2 },
          { shape: [8] },
          { shape: [8] },
        ],
        attrs: { epsilon: 1e-3 },
      },
    ],
  }),
  call: (
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    gamma: TensorLike,
    beta: TensorLike,
    epsilon: number | { epsilon?: number } = 1e-3,
  ) => ({
    inputs: [x, mean, variance, gamma, beta],
    attrs: {
      epsilon: atLeastZero("normalize", "epsilon", numberOrOption("normalize", "epsilon", epsilon, 1e-3)),
    },
  }),
});

// Batch normalization: each feature, the last axis, by its statistics over all other axes.

import { ShapeError } from "../../base/errors.ts";
import { atLeastZero, numberOrOption } from "../../base/number-checks.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import { input, output, type Spec } from "../../kernel/kernel.ts";
import type { Family } from "../../kernel/variants.ts";
import { defineMultiOp } from "../../tensor/define.ts";
import type { OpFunction, TensorLike } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, div, mul, sub } from "../elementwise/arithmetic.ts";
import { rsqrt } from "../elementwise/exponential.ts";
import { columnwiseSite } from "../pointwise/epilogues.ts";
import { vjpByComposition } from "../reduce/composition.ts";
import { moments } from "../reduce/moments.ts";
import { batchAxes, featuresOf } from "../reduce/moments-kernels.ts";
import { sum } from "../reduce/reduce.ts";
import {
  batchNormShader,
  batchNormSources,
  gradientShader,
  oneKernel,
  severalGradientKernels,
  severalKernels,
  variantOf,
  variantsOf,
} from "./batch-norm-kernels.ts";
import { normalize } from "./normalize.ts";

interface NormAttrs {
  readonly epsilon: number;
}

function checkFeatures(
  op: string,
  x: Spec,
  others: readonly (readonly [name: string, spec: Spec])[],
): number {
  const features = featuresOf(op, x);
  for (const [name, spec] of others) {
    if (spec.shape.length !== 1 || spec.shape[0] !== features || spec.dtype !== "f32") {
      throw new ShapeError(
        `${op}: ${name} is ${spec.dtype} ${showShape(spec.shape)}; x ${showShape(x.shape)} needs f32 [${features}], one value a feature`,
      );
    }
  }
  return features;
}

const batchNormFamily: Family = {
  name: "batchNorm",
  sources: batchNormSources,
  checks: () => {
    const [x, features] = [{ shape: [71, 12] }, { shape: [12] }];
    const statistics = [features, { ...features, low: 0.5, high: 2 }];
    const attrs = { epsilon: 1e-3 };
    return [
      { op: batchNorm.op, inputs: [x, features, features], attrs },
      { op: batchNormGradient.op, inputs: [x, x, features, ...statistics], attrs },
    ];
  },
};

/**
 * Batch normalization with the batch's own statistics (training): x [batch..., features], gamma and beta
 * [features]. Gives [y, mean, variance]; variance is the biased one. Source: Ioffe and Szegedy 2015, algorithm 1;
 * the gradient flows through mean and variance. On a GPU the variance must be a number that f32 has, which those of
 * features that spread over 1e19 and more are not: their y is 0 or NaN.
 */
export const batchNorm: OpFunction<
  [x: TensorLike, gamma: TensorLike, beta: TensorLike, epsilon?: number | { epsilon?: number }],
  Tensor[]
> = defineMultiOp({
  family: batchNormFamily,
  name: "batchNorm",
  saves: { inputs: [0, 1], outputs: [1, 2] },
  samples: [
    { inputs: [{ shape: [9, 7] }, { shape: [7] }, { shape: [7] }], attrs: { epsilon: 1e-3 } },
    { inputs: [{ shape: [2, 6, 4] }, { shape: [4] }, { shape: [4] }], attrs: { epsilon: 1e-3 } },
    { inputs: [{ shape: [70, 36] }, { shape: [36] }, { shape: [36] }], attrs: { epsilon: 1e-3 } },
    { inputs: [{ shape: [71, 12] }, { shape: [12] }, { shape: [12] }], attrs: { epsilon: 1e-3 } },
    { inputs: [{ shape: [1, 8] }, { shape: [8] }, { shape: [8] }], attrs: { epsilon: 1e-3 } },
  ],
  call: (
    x: TensorLike,
    gamma: TensorLike,
    beta: TensorLike,
    epsilon: number | { epsilon?: number } = 1e-3,
  ) => ({
    inputs: [x, gamma, beta],
    attrs: {
      epsilon: atLeastZero("batchNorm", "epsilon", numberOrOption("batchNorm", "epsilon", epsilon, 1e-3)),
    },
  }),
  infer: ([x, gamma, beta]) => {
    const features = checkFeatures("batchNorm", x, [
      ["gamma", gamma],
      ["beta", beta],
    ]);
    const statistic: Spec = { shape: [features], dtype: "f32" };
    return [{ shape: x.shape, dtype: "f32" }, statistic, statistic];
  },
  kernels: ({ inputs, outputs, attrs: { epsilon }, profile }) => {
    const x = inputs[0];
    const variant = variantOf(batchNormShader, x, profile);
    if (variant !== "several-kernels") {
      const operands = [input(0), input(1), input(2), output(0), output(1), output(2)];
      return oneKernel(batchNormShader, x, epsilon, operands, variant === "shared-columns", profile);
    }
    return severalKernels(inputs, outputs, epsilon, profile);
  },
  variants: ({ inputs: [x], profile }) => variantsOf(batchNormShader, x, profile),
  reference: ([x, gamma, beta], { epsilon }: NormAttrs, [y, mean, variance]) => {
    moments.op.reference!([x], {}, [mean, variance]);
    normalize.op.reference!([x, mean, variance, gamma, beta], { epsilon }, [y]);
  },
  epilogue: ({ inputs: [x], profile }) =>
    variantOf(batchNormShader, x, profile) === "several-kernels" ? undefined : columnwiseSite(3, ["x"]),
  vjp: ({ grad, hasGrad, input, output, needs, inputSpecs: [xSpec], attrs: { epsilon } }) => {
    const rows = sizeOf(xSpec.shape) / xSpec.shape[xSpec.shape.length - 1];
    const [x, mean] = [input(0), output(1)];
    const [ofX, dGamma, dBeta] = batchNormGradient(grad(0), x, input(1), mean, output(2), epsilon);
    let dx: Tensor | null = null;
    if (needs(0)) {
      dx = ofX;
      if (hasGrad(1)) dx = add(dx, div(grad(1), rows));
      if (hasGrad(2)) dx = add(dx, mul(sub(x, mean), div(mul(grad(2), 2), rows)));
    }
    return [dx, dGamma, dBeta];
  },
});

/** The gradient of batch normalization written in other ops: how it is differentiated in turn. */
function composedGradient(
  [dy, x, gamma, mean, variance]: readonly Tensor[],
  { epsilon }: NormAttrs,
): Tensor[] {
  const rows = sizeOf(x.shape) / x.shape[x.shape.length - 1];
  const scale = rsqrt(add(variance, epsilon));
  const normalized = mul(sub(x, mean), scale);
  const dBeta = sum(dy, batchAxes(x));
  const dGamma = sum(mul(dy, normalized), batchAxes(x));
  const mixed = div(add(dBeta, mul(normalized, dGamma)), rows);
  return [mul(sub(dy, mixed), mul(gamma, scale)), dGamma, dBeta];
}

/**
 * Gradients [x, gamma, beta] of {@link batchNorm}'s y, given dy and the statistics it found:
 * dβ = Σ dy, dγ = Σ dy · x̂, dx = γ / √(variance + ε) · (dy - (dβ + x̂ dγ) / rows), x̂ the normalized x.
 */
export const batchNormGradient = defineMultiOp({
  family: batchNormFamily,
  name: "batchNormGradient",
  traits: { sums: true },
  saves: { inputs: [0, 1, 2, 3, 4] },
  samples: [
    {
      inputs: [
        { shape: [9, 7] },
        { shape: [9, 7] },
        { shape: [7] },
        { shape: [7] },
        { shape: [7], low: 0.5, high: 2 },
      ],
      attrs: { epsilon: 1e-3 },
    },
    {
      inputs: [
        { shape: [11, 8] },
        { shape: [11, 8] },
        { shape: [8] },
        { shape: [8] },
        { shape: [8], low: 0.5, high: 2 },
      ],
      attrs: { epsilon: 1e-3 },
    },
    {
      inputs: [
        { shape: [71, 12] },
        { shape: [71, 12] },
        { shape: [12] },
        { shape: [12] },
        { shape: [12], low: 0.5, high: 2 },
      ],
      attrs: { epsilon: 1e-3 },
    },
  ],
  call: (
    dy: TensorLike,
    x: TensorLike,
    gamma: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    epsilon: number,
  ) => ({
    inputs: [dy, x, gamma, mean, variance],
    attrs: { epsilon },
  }),
  infer: ([, x, gamma, mean, variance]) => {
    const features = checkFeatures("batchNormGradient", x, [
      ["gamma", gamma],
      ["mean", mean],
      ["variance", variance],
    ]);
    const ofFeatures: Spec = { shape: [features], dtype: "f32" };
    return [{ shape: x.shape, dtype: "f32" }, ofFeatures, ofFeatures];
  },
  kernels: ({ inputs, attrs: { epsilon }, profile }) => {
    const x = inputs[1];
    const variant = variantOf(gradientShader, x, profile);
    if (variant !== "several-kernels") {
      const operands = [...inputs.map((_, k) => input(k)), output(0), output(1), output(2)];
      return oneKernel(gradientShader, x, epsilon, operands, variant === "shared-columns", profile);
    }
    return severalGradientKernels(inputs, epsilon, profile);
  },
  variants: ({ inputs: [, x], profile }) => variantsOf(gradientShader, x, profile),
  reference: ([dy, x, gamma, mean, variance], { epsilon }: NormAttrs, [dx, dGamma, dBeta]) => {
    const columns = gamma.data.length;
    const rows = x.data.length / columns;
    for (let column = 0; column < columns; column++) {
      const scale = 1 / Math.sqrt(variance.data[column] + Math.fround(epsilon));
      let [total, weighted] = [0, 0];
      for (let i = column; i < x.data.length; i += columns) {
        total += dy.data[i];
        weighted += dy.data[i] * (x.data[i] - mean.data[column]) * scale;
      }
      for (let i = column; i < x.data.length; i += columns) {
        const normalized = (x.data[i] - mean.data[column]) * scale;
        dx.data[i] = gamma.data[column] * scale * (dy.data[i] - (total + normalized * weighted) / rows);
      }
      dGamma.data[column] = weighted;
      dBeta.data[column] = total;
    }
  },
  epilogue: ({ inputs, profile }) =>
    variantOf(gradientShader, inputs[1], profile) === "several-kernels"
      ? undefined
      : columnwiseSite(5, ["dy", "x"]),
  vjp: vjpByComposition(composedGradient),
});

// Mean and variance of features, the last axis, over all other axes.

import { sizeOf } from "../../base/shape.ts";
import { output, type Spec } from "../../kernel/kernel.ts";
import { defineMultiOp } from "../../tensor/define.ts";
import type { TensorLike } from "../../tensor/op.ts";
import { add, div, mul, sub } from "../elementwise/arithmetic.ts";
import { featuresOf, momentsKernels } from "./moments-kernels.ts";

/**
 * Mean and (biased, 1/n) variance of each feature over the batch, in one pass: x [batch..., features] gives two
 * tensors [features].
 */
export const moments = defineMultiOp({
  name: "moments",
  saves: { inputs: [0], outputs: [0] },
  samples: [{ inputs: [{ shape: [9, 7] }] }, { inputs: [{ shape: [4, 5, 8], low: 4, high: 6 }] }],
  call: (x: TensorLike) => ({ inputs: [x], attrs: {} }),
  infer: ([x]) => {
    const spec: Spec = { shape: [featuresOf("moments", x)], dtype: "f32" };
    return [spec, spec];
  },
  kernels: ({ inputs: [x], profile }) => momentsKernels(x, profile, output(0), output(1)),
  reference: ([x], _, [mean, variance]) => {
    const columns = x.shape[x.shape.length - 1];
    const rows = sizeOf(x.shape) / columns;
    for (let column = 0; column < columns; column++) {
      let total = 0;
      for (let row = 0; row < rows; row++) total += x.data[row * columns + column];
      const m = total / rows;
      let squares = 0;
      for (let row = 0; row < rows; row++) squares += (x.data[row * columns + column] - m) ** 2;
      mean.data[column] = m;
      variance.data[column] = squares / rows;
    }
  },
  vjp: ({ grad, hasGrad, input, output, inputSpecs: [x] }) => {
    const rows = sizeOf(x.shape) / x.shape[x.shape.length - 1];
    const ofMean = div(grad(0), rows);
    if (!hasGrad(1)) return [add(ofMean, mul(input(0), 0))];
    const ofVariance = mul(sub(input(0), output(0)), div(mul(grad(1), 2), rows));
    return [hasGrad(0) ? add(ofVariance, ofMean) : ofVariance];
  },
});

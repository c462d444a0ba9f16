// The kernel cases: one layer's ops, forward and backward, on the sizes of the nets N1 to N4 and on sizes large
// enough to show what the kernel itself can do.

import {
  add,
  batchNorm,
  dropout,
  matmul,
  relu,
  sigmoid,
  sparseSoftmaxCrossEntropy,
  tanh,
  tensor,
  tidy,
} from "../../engine/index.ts";
import type { BenchCase } from "../bench-case.ts";
import { labels } from "../values.ts";
import { type KernelCase, kernelCases } from "./kernel-case.ts";

const f32 = 4;

/** [rows, inputs, units] of x · weight + bias. */
const denseSizes = [
  [128, 784, 64],
  [128, 64, 64],
  [100, 784, 512],
  [100, 512, 512],
  [128, 10000, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
] as const;

const dense: KernelCase[] = denseSizes.map(([rows, inputs, units]) => ({
  name: `dense/${rows}x${inputs}x${units}`,
  shapes: [[rows, inputs], [inputs, units], [units]],
  run: ([x, weight, bias]) => tidy(() => add(matmul(x, weight), bias)),
  forward: { flops: 2 * rows * inputs * units },
  backward: { flops: 4 * rows * inputs * units },
  ...(rows * inputs * units > 5e8
    ? { skip: { cpu: "seconds to minutes in plain loops, and dense/512x512x512 tells the rate" } }
    : {}),
}));

/** [rows, features]. */
const wideSizes = [
  [128, 64],
  [128, 512],
  [1024, 1024],
] as const;

const activations = { relu, sigmoid, tanh };

const activation: KernelCase[] = Object.entries(activations).flatMap(([name, op]) =>
  wideSizes.map(([rows, features]) => ({
    name: `activation/${name}/${rows}x${features}`,
    shapes: [[rows, features]],
    run: ([x]) => op(x),
    forward: { bytes: 2 * f32 * rows * features },
    backward: { bytes: 3 * f32 * rows * features },
  })),
);

const batchNormalization: KernelCase[] = wideSizes.map(([rows, features]) => ({
  name: `batch-norm/${rows}x${features}`,
  shapes: [[rows, features], [features], [features]],
  run: ([x, gamma, beta]) => tidy(() => batchNorm(x, gamma, beta)[0]),
  forward: { bytes: 2 * f32 * rows * features },
  backward: { bytes: 3 * f32 * rows * features },
}));

const dropoutCases: KernelCase[] = wideSizes.map(([rows, features]) => ({
  name: `dropout/${rows}x${features}`,
  shapes: [[rows, features]],
  others: (device) => [tensor(device.random.state(), { device })],
  run: ([x], [state]) => dropout(x, 0.5, state),
  forward: { bytes: 2 * f32 * rows * features },
  backward: { bytes: 2 * f32 * rows * features },
}));

/** [rows, classes]. */
const lossSizes = [
  [128, 10],
  [128, 46],
  [4096, 1000],
] as const;

const crossEntropy: KernelCase[] = lossSizes.map(([rows, classes]) => ({
  name: `softmax-cross-entropy/${rows}x${classes}`,
  shapes: [[rows, classes]],
  others: (device) => [tensor(labels(rows, classes), { device })],
  run: ([logits], [wanted]) => sparseSoftmaxCrossEntropy(logits, wanted),
  forward: { bytes: f32 * rows * classes },
  backward: { bytes: 2 * f32 * rows * classes },
}));

export const kernelBench: BenchCase[] = [
  ...dense,
  ...activation,
  ...batchNormalization,
  ...dropoutCases,
  ...crossEntropy,
].flatMap(kernelCases);

// Batch normalization's formula by hand, beside the layer; in training, and when it predicts.

import { add, div, mean, mul, sqrt, square, sub, tensor } from "gradgpu";
import { BatchNormalization } from "gradgpu/nn";
import type { Course } from "./frame/lesson.ts";

export async function batchNormFormula({ keep }: Course) {
  const x = tensor([
    [1, 50],
    [2, 20],
    [3, 80],
    [6, 10],
  ]);
  const layer = new BatchNormalization(); // momentum 0.99, ε 0.001, γ = 1, β = 0
  const trained = layer.call(x, { training: true });

  // The formula: (x - μ) / √(σ² + ε) · γ + β, with the mean and variance of the batch.
  const [gamma, beta] = [tensor([1, 1]), tensor([0, 0])];
  const mu = mean(x, 0);
  const variance = mean(square(sub(x, mu)), 0);
  const byHand = add(mul(div(sub(x, mu), sqrt(add(variance, 0.001))), gamma), beta);

  keep("layer", (await trained.array()) as number[][]);
  keep("by hand", (await byHand.array()) as number[][]);
  keep("means", [...(await mean(trained, 0).data())]);
  keep("variances", [...(await mean(square(trained), 0).data())]);

  // When it predicts it uses moving averages: 0.99 of the old one, 0.01 of the batch's.
  const [, , movingMean, movingVariance] = layer.weights;
  keep("μ", [...(await mu.data())]);
  keep("σ²", [...(await variance.data())]);
  keep("moving mean", [...(await movingMean.data())]);
  keep("moving variance", [...(await movingVariance.data())]);
  keep("predicts", (await layer.call(x).array()) as number[][]);
}

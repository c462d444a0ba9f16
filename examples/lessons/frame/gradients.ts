// Sizes of gradients by layer: at a moment, and over the steps of a training.

import { mean, norm, sparseSoftmaxCrossEntropy, tensor, tidy, variableGrads } from "gradgpu";
import type { Callback, Sequential } from "gradgpu/nn";

/** Root mean squares of the gradients of all kernels (or biases), from the first layer to the last, of a model of logits. */
export async function gradientSizes(
  model: Sequential,
  x: Uint8Array,
  y: Uint8Array,
  which: "kernel" | "bias" = "kernel",
): Promise<number[]> {
  const weights = model.trainableWeights.filter(({ name }) => name.endsWith(which));
  const sizes = tidy(() => {
    const [inputs, labels] = [tensor(x, [y.length, 784]), tensor(y, { dtype: "i32" })];
    const { grads } = variableGrads(
      () => mean(sparseSoftmaxCrossEntropy(model.call(inputs, { training: true }), labels)),
      weights,
    );
    return grads.map((grad) => norm(grad));
  });
  const norms = await Promise.all(sizes.map((size) => size.item()));
  for (const size of sizes) size.dispose();
  return norms.map((value, i) => value / Math.sqrt(weights[i].size));
}

/** Measures them before each `every`th step: one row a measurement. */
export function gradientSizesOverSteps(
  model: Sequential,
  x: Uint8Array,
  y: Uint8Array,
  every: number,
): { callback: Callback; rows: number[][]; steps: number[] } {
  const rows: number[][] = [];
  const steps: number[] = [];
  let before = 0;
  const callback: Callback = {
    everySteps: every,
    async onStepsEnd(count, _logs, _model, { params }) {
      steps.push(before + count);
      rows.push(await gradientSizes(model, x, y));
      if (count === params.steps) before += count;
    },
  };
  return { callback, rows, steps };
}

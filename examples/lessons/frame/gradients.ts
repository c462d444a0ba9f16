// Sizes of gradients by layer, as diagnose and Diagnostics find them: at a moment, and over the steps of a training.

import { diagnose, type Sequential } from "gradgpu/nn";

type Found = Awaited<ReturnType<typeof diagnose>>;

/** Root mean squares of the gradients of all kernels (or biases), from the first layer to the last. */
export const sizesOf = ({ layers }: Found, which: "kernel" | "bias" = "kernel"): number[] =>
  layers
    .flatMap(({ weights }) => weights.filter(({ path }) => path === which))
    .map(
      ({ gradientNorm = Number.NaN, shape }) => gradientNorm / Math.sqrt(shape.reduce((a, b) => a * b, 1)),
    );

/** Before training, of a compiled model. */
export async function gradientSizes(
  model: Sequential,
  x: Uint8Array,
  y: Uint8Array,
  which: "kernel" | "bias" = "kernel",
): Promise<number[]> {
  return sizesOf(await diagnose(model, x, y, { histograms: false }), which);
}

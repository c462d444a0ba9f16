// mixedPrecision: traced steps keep what lies between loss and inputs in 16 bits, and the loss is scaled.

import { keepingHalves } from "../engine/internal.ts";
import { type LossScaleOptions, scaled } from "./loss-scale.ts";
import type { Optimizer } from "./optimizer.ts";

/**
 * Has an optimizer's traced steps keep activations and their gradients in float16, 2 bytes an element, and gives the optimizer
 * back. It gets the loss scaling of `withLossScaling` with it, so `lossScaleState` tells of overflows. Arithmetic stays in float32:
 * kernels unpack as they load and round to the nearest float16 as they store. Weights, their gradients, the optimizer's slots,
 * what is computed of inputs alone, sums, statistics, the loss and all that is read or returned stay float32, and so do
 * `evaluate` and `predict`. Values beyond 65,504 become that; gradients become infinite, and the step is skipped.
 *
 *     model.compile({ optimizer: mixedPrecision(new Adam()), loss: "sparseCategoricalCrossentropy" });
 *
 * In a loop of your own call `optimizer.build(variables)` first; the step must be traced, by `jit`, and call
 * `optimizer.minimize` or `computeGradients`. Steps that are not
 * traced, as those under `debug()`, keep all in float32, with the loss scaled.
 *
 * @throws ArgumentError for options out of their range, and for an optimizer that scales losses or knows its variables already
 */
export function mixedPrecision<O extends Optimizer>(optimizer: O, options: LossScaleOptions = {}): O {
  return scaled("mixedPrecision", optimizer, options, { halves: true }, (scale, compute) =>
    keepingHalves(scale.device, scale, compute),
  );
}

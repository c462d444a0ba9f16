// Sets what is almost zero to zero. Knows nothing of what it is used for.

import { abs, less, type Tensor, where } from "../engine/index.ts";

/** Far below anything that moves a weight in f32, far above the subnormal numbers (1.2e-38) even times 1e-7. */
export const tiny = 1e-30;

/**
 * Moments of a unit that gets no gradient decay for ever and end as subnormal numbers, which some processors (and
 * so every software adapter) compute with many times more slowly: 2.5 times the time of a step. Zero is as good.
 */
export function flush(x: Tensor): Tensor {
  return where(less(abs(x), tiny), 0, x);
}

/** {@link flush} for values of at least 0. */
export function flushPositive(x: Tensor): Tensor {
  return where(less(x, tiny), 0, x);
}

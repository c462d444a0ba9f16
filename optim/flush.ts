// Sets |x| < 1e-30 to 0: subnormal moments make a step 2.5 times slower on software adapters.

import { abs, div, equal, less, type Tensor, where } from "../engine/index.ts";
import type { HyperValue } from "./hyper.ts";

/** Far below anything that moves a weight in f32, far above the subnormal numbers (1.2e-38) even times 1e-7. */
export const tiny = 1e-30;
/** The same for mean squares, whose roots divide: those of gradients down to 1e-16 are above it. */
const tinySquare = 1e-36;

/**
 * Moments of a unit that gets no gradient decay for ever and end as subnormal numbers, which some processors (and
 * so every software adapter) compute with many times more slowly: 2.5 times the time of a step. Zero is as good.
 */
export function flush(x: Tensor): Tensor {
  return where(less(abs(x), tiny), 0, x);
}

/** {@link flush} for means of squares, which are at least 0. */
export function flushSquare(x: Tensor): Tensor {
  return where(less(x, tinySquare), 0, x);
}

/**
 * a / root, the root of a mean square with `epsilon` added. Without an ε that f32 can tell from 0, a mean square that is
 * 0 or was flushed takes no step: the direction of gradients below 1e-18 is not known any more.
 */
export function overRoot(a: Tensor, root: Tensor, epsilon: HyperValue): Tensor {
  const quotient = div(a, root);
  return typeof epsilon === "number" && epsilon >= 2 ** -126 ? quotient : where(equal(root, 0), 0, quotient);
}

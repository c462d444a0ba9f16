// Gradient clipping, by value, by each variable's norm or by the norm over all, on packed gradients.

import {
  ArgumentError,
  clip,
  div,
  lessEqual,
  maximum,
  minimum,
  mul,
  neg,
  sqrt,
  type Tensor,
  where,
} from "../engine/index.ts";
import { aboveZero, kindOf, rootOfSquares } from "../engine/internal.ts";
import { ByVariable } from "./by-variable.ts";
import type { Hyper, HyperValue } from "./hyper.ts";

/** A way of clipping gradients, made by {@link clipValue}, {@link clipNorm} or {@link globalClipNorm}. */
export interface Clipping {
  readonly kind: "clipValue" | "clipNorm" | "globalClipNorm";
  readonly limit: Hyper;
  /** @internal What it needs for sums by variable, if it needs any. */
  readonly byVariable: typeof ByVariable | undefined;
  /** @internal The packed gradients clipped. */
  readonly clip: (gradient: Tensor, limit: HyperValue, byVariable: ByVariable | undefined) => Tensor;
}

/**
 * Holds every gradient element between -limit and limit.
 *
 * @param limit above 0, or a schedule
 */
export function clipValue(limit: Hyper): Clipping {
  return { kind: "clipValue", limit: checked("clipValue", limit), byVariable: undefined, clip: heldBetween };
}

/**
 * Scales the gradient of each variable whose Euclidean norm is larger to this norm.
 *
 * @param limit above 0, or a schedule
 */
export function clipNorm(limit: Hyper): Clipping {
  return {
    kind: "clipNorm",
    limit: checked("clipNorm", limit),
    byVariable: ByVariable,
    clip(gradient, held, byVariable) {
      const { roots, spread } = byVariable as ByVariable;
      const unit = unitOf(held);
      return scaledTwice(gradient, spread(scaleRoot(roots(gradient, unit ** 2), held, unit)));
    },
  };
}

/**
 * Scales all gradients together, so that their norm as one vector is at most this.
 *
 * @param limit above 0, or a schedule
 */
export function globalClipNorm(limit: Hyper): Clipping {
  return {
    kind: "globalClipNorm",
    limit: checked("globalClipNorm", limit),
    byVariable: undefined,
    clip(gradient, held) {
      const unit = unitOf(held);
      return scaledTwice(gradient, scaleRoot(rootOfSquares(gradient, undefined, unit ** 2), held, unit));
    },
  };
}

function checked(kind: Clipping["kind"], limit: Hyper): Hyper {
  if (typeof limit === "function") return limit;
  if (typeof limit === "number") return aboveZero(kind, "the limit", limit);
  throw new ArgumentError(
    `${kind}: the limit must be a number above 0 or a schedule, as in clipping: ${kind}(1), got ${kindOf(limit)}`,
  );
}

/** Every element between -limit and limit. */
export const heldBetween = (gradient: Tensor, limit: HyperValue): Tensor =>
  typeof limit === "number" ? clip(gradient, -limit, limit) : minimum(maximum(gradient, neg(limit)), limit);

/** A unit in which norms beyond f32 are numbers too; a limit that is almost none leaves no room for it. */
export const unitOf = (limit: HyperValue): number =>
  typeof limit !== "number" || limit > 2 ** -60 ? 2 ** 20 : 1;

/**
 * The root of what gradients of a norm are to be multiplied by, `limit / norm`: 1 where they are within the limit. Multiplied
 * twice by a root, huge gradients come down to tiny limits by way of numbers that f32 has.
 */
export function scaleRoot(norm: Tensor, limit: HyperValue, unit: number): Tensor {
  if (typeof limit !== "number") {
    const inUnit = mul(limit, 1 / unit);
    return where(lessEqual(norm, inUnit), 1, div(sqrt(inUnit), sqrt(norm)));
  }
  return where(lessEqual(norm, limit / unit), 1, div(Math.sqrt(limit / unit), sqrt(norm)));
}

export const scaledTwice = (gradient: Tensor, root: Tensor): Tensor => mul(mul(gradient, root), root);

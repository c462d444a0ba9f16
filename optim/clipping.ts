// Gradient clipping, by value, by each variable's norm or by the norm over all, on packed gradients.

import {
  ArgumentError,
  clip,
  div,
  less,
  lessEqual,
  mul,
  sqrt,
  square,
  sum,
  type Tensor,
  where,
} from "../engine/index.ts";
import { aboveZero, largestMagnitude, squaresScale } from "../engine/internal.ts";
import type { Segments } from "./segments.ts";

/** At most one of them, as in Keras. */
export interface ClippingOptions {
  /** Every gradient element is held between -clipValue and clipValue. */
  clipValue?: number;
  /** A variable's gradient whose Euclidean norm is larger is scaled to this norm. */
  clipNorm?: number;
  /** All gradients are scaled together, so that their norm as one vector is at most this. */
  globalClipNorm?: number;
}

export type ClippingKind = keyof ClippingOptions;

/** The kind of clipping asked for, checked; undefined for none. */
export function clippingOf(
  name: string,
  options: ClippingOptions,
): { readonly kind: ClippingKind; readonly limit: number } | undefined {
  const kinds = (["clipValue", "clipNorm", "globalClipNorm"] as const).filter(
    (kind) => options[kind] !== undefined,
  );
  if (kinds.length > 1) {
    throw new ArgumentError(
      `${name}: ${kinds.join(" and ")} are both given; gradients are clipped in one way`,
    );
  }
  if (kinds.length === 0) return undefined;
  return { kind: kinds[0], limit: aboveZero(name, kinds[0], options[kinds[0]] as number) };
}

/**
 * The packed gradients clipped; where a norm is above the limit, its gradients are scaled as `g · limit / ‖g‖`. However
 * large or small gradients are, their squares are numbers of f32: norms are of gradients times a power of two.
 */
export function clipped(
  gradient: Tensor,
  { kind, limit }: { readonly kind: ClippingKind; readonly limit: number },
  segments: Segments | undefined,
): Tensor {
  if (kind === "clipValue") return clip(gradient, -limit, limit);
  if (kind === "globalClipNorm") {
    const { factor } = squaresScale(largestMagnitude(gradient));
    const scaled = mul(gradient, factor);
    return limited(gradient, scaled, scaleOf(sqrt(sum(square(scaled))), mul(factor, limit), limit));
  }
  const { spread, largest, sums } = segments as Segments;
  const { factor } = squaresScale(largest(gradient));
  const scaled = mul(gradient, spread(factor));
  const scales = scaleOf(sqrt(sums(square(scaled))), mul(factor, limit), limit);
  return limited(gradient, scaled, spread(scales));
}

/** What scaled gradients of a norm are to be multiplied by; -1 where they are to stay as they were. */
const scaleOf = (norm: Tensor, scaledLimit: Tensor, limit: number) =>
  where(lessEqual(norm, scaledLimit), -1, div(limit, norm));

const limited = (gradient: Tensor, scaled: Tensor, scale: Tensor) =>
  where(less(scale, 0), gradient, mul(scaled, scale));

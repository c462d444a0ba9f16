// Gradient clipping, by value, by each variable's norm or by the norm over all, on packed gradients.

import { ArgumentError, clip, div, lessEqual, mul, sqrt, type Tensor, where } from "../engine/index.ts";
import { aboveZero, rootOfSquares } from "../engine/internal.ts";
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
 * The packed gradients clipped; where a norm is above the limit, its gradients are scaled as `g · limit / ‖g‖`, right for
 * gradients of any size.
 */
export function clipped(
  gradient: Tensor,
  { kind, limit }: { readonly kind: ClippingKind; readonly limit: number },
  segments: Segments | undefined,
): Tensor {
  if (kind === "clipValue") return clip(gradient, -limit, limit);
  // Norms in a unit in which those beyond f32 are numbers too; a limit that is almost none leaves no room for it.
  const unit = limit > 2 ** -60 ? 2 ** 20 : 1;
  const share =
    kind === "clipNorm"
      ? (segments as Segments).spread(
          shareOf((segments as Segments).roots(gradient, unit ** 2), limit / unit),
        )
      : shareOf(rootOfSquares(gradient, undefined, unit ** 2), limit / unit);
  return mul(mul(gradient, share), share);
}

/**
 * The root of what gradients of a norm are to be multiplied by: 1 where they are within the limit. Multiplied twice by a
 * root, huge gradients come down to tiny limits by way of numbers that f32 has.
 */
const shareOf = (norm: Tensor, limit: number) =>
  where(lessEqual(norm, limit), 1, div(Math.sqrt(limit), sqrt(norm)));

// Gradient clipping, by value, by each variable's norm or by the norm over all, on packed gradients. Knows nothing of
// update rules.

import { ArgumentError, clip, div, maximum, mul, sqrt, square, sum, type Tensor } from "../engine/index.ts";
import { aboveZero } from "../engine/internal.ts";
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

/** The packed gradients clipped; norms are scaled as `g · limit / max(‖g‖, limit)`. */
export function clipped(
  gradient: Tensor,
  { kind, limit }: { readonly kind: ClippingKind; readonly limit: number },
  segments: Segments | undefined,
): Tensor {
  if (kind === "clipValue") return clip(gradient, -limit, limit);
  const squares = square(gradient);
  if (kind === "globalClipNorm") return mul(gradient, scaleOf(sum(squares), limit));
  return mul(gradient, (segments as Segments).spread(scaleOf((segments as Segments).sums(squares), limit)));
}

const scaleOf = (sumOfSquares: Tensor, limit: number) => div(limit, maximum(sqrt(sumOfSquares), limit));

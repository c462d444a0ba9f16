// How far a result lies from what it should be: the measures that checks, tests and the conformance page share.

/** The largest finite f32. */
export const maxF32 = (2 - 2 ** -23) * 2 ** 127;
/** The smallest normal f32; adapters may flush what is smaller to zero. */
export const minNormalF32 = 2 ** -126;

/**
 * |got - want| / (1 + |want|): relative for large values, absolute for small ones. NaN equals NaN only, and an
 * infinity what rounds to it in f32; anything else beside them is infinitely far.
 */
export function relativeError(got: number, want: number): number {
  if (got === want || (Number.isNaN(got) && Number.isNaN(want))) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(want))
    return Math.fround(got) === Math.fround(want) ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(got - want) / (1 + Math.abs(want));
}

/**
 * Distance in units in the last place of f32 at `want`, a float64 value. Where `want` is subnormal, a result that
 * was flushed to zero counts as exact; an overflow counts as exact where rounding overflows too.
 */
export function ulpError(got: number, want: number): number {
  if (got === want || (Number.isNaN(got) && Number.isNaN(want))) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(want)) {
    // The first value past the largest finite one stands for infinity: 1 ULP apart, not infinitely far.
    if (got === Math.fround(want)) return 0;
    const [a, b] = [clampToF32(got), clampToF32(want)];
    return Number.isNaN(a - b) ? Number.POSITIVE_INFINITY : Math.max(1, Math.abs(a - b) / ulpOf(maxF32));
  }
  if (Math.abs(want) < minNormalF32 && got === 0) return 0;
  return Math.abs(got - want) / ulpOf(want);
}

/** The distance between neighbouring f32 values at `x`. */
export function ulpOf(x: number): number {
  const magnitude = Math.abs(x);
  if (!(magnitude >= minNormalF32)) return 2 ** -149;
  let exponent = Math.floor(Math.log2(magnitude));
  // log2 may round up to the next whole number.
  if (2 ** exponent > magnitude) exponent--;
  return 2 ** (Math.min(exponent, 127) - 23);
}

function clampToF32(x: number): number {
  if (x > maxF32) return 2 ** 128;
  return x < -maxF32 ? -(2 ** 128) : x;
}

export interface Worst {
  /** Position in row-major order, -1 where every error is 0. */
  readonly at: number;
  readonly error: number;
}

/** The element that is farthest off by a measure. */
export function worstOf(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  measure: (got: number, want: number) => number = relativeError,
): Worst {
  let at = -1;
  let error = 0;
  for (let i = 0; i < want.length; i++) {
    const found = measure(got[i], want[i]);
    if (found > error) {
      error = found;
      at = i;
    }
  }
  return { at, error };
}

/** Row-major position as an index into a shape. */
export function indexAt(position: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = position % shape[axis];
    position = Math.floor(position / shape[axis]);
  }
  return index;
}

/** Uniform numbers in [0, 1) that depend on `seed` only (mulberry32): checks repeat exactly. */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Up to `limit` positions spread over `size` elements, always the same ones. */
export function chosen(size: number, limit: number): number[] {
  if (size <= limit) return Array.from({ length: size }, (_, i) => i);
  return Array.from({ length: limit }, (_, i) => Math.floor(((i + 0.5) * size) / limit));
}

// Comparing device results with the float64 reference, at stated tolerances.

import type { Tensor } from "../../engine/index.ts";

/**
 * How far a float32 result may lie from the reference: |got - want| <= tolerance * (1 + |want|). Integers and
 * booleans must be equal. NaN matches NaN only, an infinity itself only.
 */
export async function expectClose(got: Tensor, want: Tensor, tolerance: number, what: string): Promise<void> {
  const shapes = `[${got.shape}] ${got.dtype} against [${want.shape}] ${want.dtype}`;
  if (`${got.shape}` !== `${want.shape}` || got.dtype !== want.dtype) throw new Error(`${what}: ${shapes}`);
  const [a, b] = await Promise.all([got.dataFloat64(), want.dataFloat64()]);
  expectCloseArrays(a, b, got.dtype === "f32" ? tolerance : 0, what);
}

export function expectCloseArrays(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  if (got.length !== want.length) throw new Error(`${what}: ${got.length} values against ${want.length}`);
  let worst = 0;
  let at = -1;
  for (let i = 0; i < want.length; i++) {
    const error = errorOf(got[i], want[i]);
    if (error > worst) {
      worst = error;
      at = i;
    }
  }
  if (worst > tolerance) {
    throw new Error(
      `${what}: element ${at} of ${want.length} is ${got[at]}, the reference ${want[at]}; relative error ${worst.toExponential(2)}, allowed ${tolerance}`,
    );
  }
}

function errorOf(got: number, want: number): number {
  if (Object.is(got, want) || got === want) return 0;
  if (Number.isNaN(got) || Number.isNaN(want)) return Number.POSITIVE_INFINITY;
  if (!Number.isFinite(want))
    return Math.abs(want) > 3.4e38 && got === Math.fround(want) ? 0 : Number.POSITIVE_INFINITY;
  if (!Number.isFinite(got)) return Math.fround(want) === got ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(got - want) / (1 + Math.abs(want));
}

/**
 * Tolerances of float32 results, where the default 1e-6 is too tight, with the reason. They bound
 * |got - want| / (1 + |want|).
 */
export const forwardTolerance: Readonly<Record<string, number>> = {};

/** The same for first gradients, default 4e-6. */
export const gradientTolerance: Readonly<Record<string, number>> = {};

export const forwardDefault = 1e-6;
export const gradientDefault = 4e-6;

// Comparing device results with the float64 reference, at stated tolerances.

import { worstOf } from "../../engine/checks/compare.ts";
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
  const { at, error: worst } = worstOf(got, want);
  if (worst > tolerance) {
    throw new Error(
      `${what}: element ${at} of ${want.length} is ${got[at]}, the reference ${want[at]}; relative error ${worst.toExponential(2)}, allowed ${tolerance}`,
    );
  }
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

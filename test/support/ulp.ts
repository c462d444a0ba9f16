// How far an f32 lies from a float64 reference, in units in the last place, and inputs where functions go wrong.

import type { Accuracy } from "../../engine/kernel/kernel-op.ts";
import { uniforms } from "./op-cases.ts";

const smallestNormal = 2 ** -126;
const largest = 2 ** 128;

/**
 * |got - want| in ULP of the f32 that is nearest to `want`: at most 0.5 where it is rounded as well as can be.
 * Adapters may flush subnormal numbers: a 0 for one is no error. What rounds past the largest f32 counts as 2^128, as
 * infinity does. NaN matches NaN only.
 */
export function ulpError(got: number, want: number): number {
  if (Number.isNaN(got) || Number.isNaN(want)) {
    return Number.isNaN(got) && Number.isNaN(want) ? 0 : Number.POSITIVE_INFINITY;
  }
  if (got === want) return 0;
  if (Math.abs(want) < smallestNormal && got === 0) return 0;
  const [a, b] = [got, want].map((value) => Math.min(Math.max(value, -largest), largest));
  return Math.abs(a - b) / ulpOf(b);
}

/** The distance of neighbouring f32 around a value. */
function ulpOf(value: number): number {
  const size = Math.min(Math.max(Math.abs(Math.fround(value)), smallestNormal), largest / 2);
  return 2 ** (Math.floor(Math.log2(size)) - 23);
}

/**
 * By how much of what `accuracy` allows a result is off: at most 1 where it keeps the promise. `sensitivity` is |x y'|.
 */
export function errorShare(got: number, want: number, accuracy: Accuracy, sensitivity: number): number {
  const inUlp = ulpError(got, want);
  if (accuracy.relative === undefined || !Number.isFinite(inUlp))
    return inUlp / Math.max(accuracy.ulp ?? 0, 0.5);
  if (inUlp <= 0.5) return 0;
  const scale = Math.max(Math.abs(want), sensitivity);
  return (Math.abs(got - want) - smallestNormal) / (accuracy.relative * scale);
}

const bits = new DataView(new ArrayBuffer(4));

/** The f32 of these bits. */
export function fromBits(word: number): number {
  bits.setUint32(0, word >>> 0);
  return bits.getFloat32(0);
}

/** The f32 that lies `steps` places from a value, away from 0 for positive steps. */
function neighbour(value: number, steps: number): number {
  bits.setFloat32(0, value);
  return fromBits(bits.getUint32(0) + steps);
}

/** Where some function changes its form, loses digits or leaves the range. */
const landmarks: readonly number[] = [
  ...[
    0.25,
    0.4142135,
    0.5,
    0.625,
    Math.SQRT1_2,
    0.9,
    1,
    Math.SQRT2,
    2,
    2.4142135,
    3,
    6,
    9.19,
    10,
    18,
    87.33,
    88,
    88.72,
    89.41,
    104,
  ],
  ...Array.from({ length: 253 }, (_, i) => 2 ** (i - 126)),
  ...Array.from({ length: 128 }, (_, i) => (i + 1) * Math.LN2),
  ...Array.from({ length: 400 }, (_, i) => ((i + 1) * Math.PI) / 2),
  ...Array.from({ length: 400 }, (_, i) => ((i * 20 + 401) * Math.PI) / 2),
];

/**
 * `count` f32 of the interval, always the same ones: 0, landmarks and what surrounds them, every exponent, uniform ones. No
 * subnormal numbers, which adapters may take for 0.
 */
export function denseInputs(count: number, [low, high]: readonly [number, number], seed = 1): Float64Array {
  const next = uniforms(seed);
  const out = new Float64Array(count);
  const fits = (x: number) => x >= low && x <= high && (x === 0 || Math.abs(x) >= smallestNormal);
  let n = 0;
  const put = (x: number) => {
    const value = Math.fround(x);
    if (n < count && fits(value)) out[n++] = value;
  };
  for (const x of [0, low, high, Math.fround(3.4e38), -Math.fround(3.4e38)]) put(x);
  for (const landmark of landmarks) {
    for (const sign of [1, -1]) {
      for (const steps of [0, 1, -1, 2, -3]) put(sign * neighbour(landmark, steps));
    }
  }
  while (n < count) {
    const which = next();
    if (which < 0.25) put(fromBits(Math.floor(next() * 2 ** 32)));
    else if (which < 0.5) {
      // At every distance from a landmark, the common ones as often as the rest.
      const from = landmarks[Math.floor(next() * (next() < 0.5 ? 20 : landmarks.length))];
      put((next() < 0.5 ? -from : from) * (1 + (next() < 0.5 ? -1 : 1) * 2 ** (-1 - next() * 23)));
    } else if (which < 0.7) put((next() < 0.5 ? -1 : 1) * 2 ** (next() * 20 - 12));
    else if (which < 0.8) put(Math.max(low, -1) + next() * (Math.min(high, 1) - Math.max(low, -1)));
    else if (which < 0.95) put(Math.max(low, -100) + next() * (Math.min(high, 100) - Math.max(low, -100)));
    else put(Math.max(low, -1e4) + next() * (Math.min(high, 1e4) - Math.max(low, -1e4)));
  }
  return out;
}

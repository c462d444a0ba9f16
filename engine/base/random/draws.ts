// Random numbers drawn on the host: float64 by exactly specified arithmetic, rounded once to f32, so that initial
// weights have the same bits whatever the device and the JavaScript engine.

import { ArgumentError } from "../errors.ts";
import { hostMemory } from "../host-memory.ts";
import { inverseNormal } from "./normal.ts";
import { philoxInto, purpose } from "./philox.ts";
import type { RandomKey } from "./source.ts";

/**
 * `count` numbers drawn evenly from [low, high), as low + (high - low) * u with u of 52 random bits.
 *
 * @param key from `RandomSource`; with `stream`, it names the sequence: the same two give the same numbers
 * @throws ArgumentError unless low <= high, both finite, and count is a whole number of at least 0
 */
export function uniform(
  key: RandomKey,
  stream: number,
  count: number,
  low = 0,
  high = 1,
): Float32Array<ArrayBuffer> {
  if (!(Number.isFinite(high - low) && low <= high)) {
    throw new ArgumentError(`uniform: low ${low} and high ${high} must be finite, and low at most high`);
  }
  const bottom = Math.fround(low);
  const top = Math.fround(high);
  return draw("uniform", key, stream, count, (u) => {
    const value = Math.fround(low + (high - low) * u);
    // Rounding to f32 may land on the excluded end.
    return value < top ? value : Math.max(bottom, floatBelow(top));
  });
}

/**
 * `count` numbers from the normal distribution, by the inverse of its distribution function.
 *
 * @throws ArgumentError unless mean and stddev are finite and stddev at least 0
 */
export function normal(
  key: RandomKey,
  stream: number,
  count: number,
  mean = 0,
  stddev = 1,
): Float32Array<ArrayBuffer> {
  checkNormal("normal", mean, stddev);
  return draw("normal", key, stream, count, (u) => Math.fround(mean + stddev * inverseNormal(u)));
}

/**
 * `count` numbers from the normal distribution cut off at two `stddev` from the mean, as Keras's TruncatedNormal
 * and its VarianceScaling draw them. The result's own standard deviation is 0.8796 of `stddev`.
 *
 * @throws ArgumentError unless mean and stddev are finite and stddev at least 0
 */
export function truncatedNormal(
  key: RandomKey,
  stream: number,
  count: number,
  mean = 0,
  stddev = 1,
): Float32Array<ArrayBuffer> {
  checkNormal("truncatedNormal", mean, stddev);
  return draw("truncatedNormal", key, stream, count, (u) => {
    const x = inverseNormal(belowMinusTwo + u * (1 - 2 * belowMinusTwo));
    return Math.fround(mean + stddev * Math.min(2, Math.max(-2, x)));
  });
}

/** P(N(0, 1) < -2). */
const belowMinusTwo = 0.02275013194817921;

function checkNormal(what: string, mean: number, stddev: number): void {
  if (!Number.isFinite(mean) || !(stddev >= 0 && Number.isFinite(stddev))) {
    throw new ArgumentError(
      `${what}: mean ${mean} and stddev ${stddev} must be finite, and stddev at least 0`,
    );
  }
}

/**
 * Number i is `shape(u)` with u = (k + 1/2) * 2^-52, k of 52 bits from words 2i and 2i + 1 of the stream: exact in
 * float64, symmetric about 1/2 and never 0 or 1.
 */
function draw(
  what: string,
  key: RandomKey,
  stream: number,
  count: number,
  shape: (u: number) => number,
): Float32Array<ArrayBuffer> {
  if (!Number.isSafeInteger(count) || count < 0 || count >= 2 ** 33) {
    throw new ArgumentError(`${what}: the count must be a whole number from 0 to 2^33 - 1, got ${count}`);
  }
  const out = hostMemory(what, () => new Float32Array(count));
  const words = new Uint32Array(4);
  for (let i = 0; i < count; i += 2) {
    philoxInto(words, 0, i / 2, 0, stream, purpose.host, key[0], key[1]);
    out[i] = shape((words[0] * 2 ** 20 + (words[1] >>> 12) + 0.5) * 2 ** -52);
    if (i + 1 < count) out[i + 1] = shape((words[2] * 2 ** 20 + (words[3] >>> 12) + 0.5) * 2 ** -52);
  }
  return out;
}

/** The largest f32 below the f32 `value`. */
function floatBelow(value: number): number {
  if (value === 0) return -(2 ** -149);
  const bits = new Int32Array(new Float32Array([value]).buffer);
  bits[0] += value > 0 ? -1 : 1;
  return new Float32Array(bits.buffer)[0];
}

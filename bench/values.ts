// Numbers for benches: the same every time, cheap to make, of no other quality.

import { type Device, type Shape, sizeOf, type Tensor, tensor } from "../engine/index.ts";

/** f32 values spread evenly over [low, high), by a linear congruential generator. */
export function spread(count: number, low = -1, high = 1, seed = 1): Float32Array {
  const values = new Float32Array(count);
  let word = seed;
  for (let i = 0; i < count; i++) {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    values[i] = low + (high - low) * (word / 2 ** 32);
  }
  return values;
}

/** Whole numbers below `limit`. */
export function labels(count: number, limit: number, seed = 1): Int32Array {
  return Int32Array.from(spread(count, 0, limit, seed), Math.floor);
}

export function spreadTensor(
  device: Device,
  shape: Shape,
  low?: number,
  high?: number,
  seed?: number,
): Tensor {
  return tensor(spread(sizeOf(shape), low, high, seed), { shape, device });
}

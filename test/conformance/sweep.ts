// Inputs for measuring accuracy: values spread over a domain by their bits, so that every binade gets its share, and
// some evenly, and the numbers at which functions are hard.

import { minNormalF32, uniforms } from "../../engine/checks/compare.ts";

const bits = new DataView(new ArrayBuffer(4));

/** A float's bits turned so that they order as the floats do. */
function keyOf(value: number): number {
  bits.setFloat32(0, value);
  const word = bits.getUint32(0);
  return (word & 0x80000000 ? ~word : word | 0x80000000) >>> 0;
}

function floatOf(key: number): number {
  bits.setUint32(0, key & 0x80000000 ? key & 0x7fffffff : ~key);
  return bits.getFloat32(0);
}

const maxFinite = 3.4028234663852886e38;
const hard = [0.5, 1, 2, 3, 10, 85, 88, 0.1, 1e-3, 1e-6, Math.PI, Math.PI / 2, 1e4, 1e10, 0].map(Math.fround);

/** `count` f32 values of [low, high], none subnormal. */
export function sweep(
  [low, high]: readonly [number, number] = [-maxFinite, maxFinite],
  count: number,
  seed: number,
): Float64Array {
  const next = uniforms(seed);
  const [first, last] = [keyOf(Math.max(low, -maxFinite)), keyOf(Math.min(high, maxFinite))];
  const [near, far] = [Math.max(low, -20), Math.min(high, 20)];
  const neighbours = hard.flatMap((x) => [
    x,
    -x,
    ...[1, 2, 5].flatMap((k) => [shift(x, k), shift(x, -k), -shift(x, k)]),
  ]);
  const special = neighbours.filter((x) => x >= low && x <= high && Math.abs(x) <= maxFinite);
  const values = Float64Array.from({ length: count }, (_, i) => {
    if (i < special.length && i < count / 4) return special[(i + seed * 7) % special.length];
    if (i % 3 === 0 && near < far) return Math.fround(near + next() * (far - near));
    return floatOf(Math.floor(first + next() * (last - first + 1)));
  });
  return values.map((x) =>
    Math.abs(x) < minNormalF32 || x < low || x > high ? Math.max(Math.min(1, high), low) : x,
  );
}

const shift = (x: number, k: number): number => floatOf(keyOf(x) + k);

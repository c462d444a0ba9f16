// Philox4x32-10 in u32 arithmetic: a counter and a key in, four random words out.

// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), and its Random123
// library, whose known-answer vectors the tests hold. `shaders/philox.wgsl` computes the same words.

/**
 * What a block of words is for: the fourth word of the counter. The same stream number under the same key gives
 * unrelated words for each purpose, so host draws never repeat what the device draws.
 */
export const purpose = { device: 0, host: 1, permutation: 2, picks: 3 } as const;

/** Four words, by the order of Random123's arrays: `counter[0..3]`, `key[0..1]`. */
export function philox(counter: ArrayLike<number>, key: ArrayLike<number>): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(4);
  philoxInto(out, 0, counter[0], counter[1], counter[2], counter[3], key[0], key[1]);
  return out;
}

/**
 * Fills `out` with the words of blocks 0, 1, 2, ... : element i is word i % 4 of the block at counter
 * (i / 4, c1, c2, c3). A length that is no multiple of 4 uses a part of the last block.
 */
export function philoxFill(
  out: Uint32Array,
  c1: number,
  c2: number,
  c3: number,
  key0: number,
  key1: number,
  firstBlock = 0,
): void {
  const whole = out.length >>> 2;
  for (let i = 0; i < whole; i++) philoxInto(out, i * 4, firstBlock + i, c1, c2, c3, key0, key1);
  const rest = out.length & 3;
  if (rest === 0) return;
  const last = philox([firstBlock + whole, c1, c2, c3], [key0, key1]);
  out.set(last.subarray(0, rest), whole * 4);
}

/** One block into `out[at .. at + 3]`; allocates nothing. */
export function philoxInto(
  out: Uint32Array,
  at: number,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  key0: number,
  key1: number,
): void {
  // Signed 32-bit integers throughout (`| 0`), which JavaScript engines keep in registers; the bits are the same.
  let x0 = c0 | 0;
  let x1 = c1 | 0;
  let x2 = c2 | 0;
  let x3 = c3 | 0;
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd251, 0x1f53, x0);
    const high1 = multiplyHigh(0xcd9e, 0x8d57, x2);
    const low0 = Math.imul(0xd2511f53, x0);
    const low1 = Math.imul(0xcd9e8d57, x2);
    x0 = high1 ^ x1 ^ k0;
    x1 = low1;
    x2 = high0 ^ x3 ^ k1;
    x3 = low0;
    // The key moves by the golden ratio and by sqrt(3) - 1.
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[at] = x0;
  out[at + 1] = x1;
  out[at + 2] = x2;
  out[at + 3] = x3;
}

/** High word of (aHigh * 2^16 + aLow) * b, from products of 16-bit halves; every partial sum stays below 2^32. */
function multiplyHigh(aHigh: number, aLow: number, b: number): number {
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

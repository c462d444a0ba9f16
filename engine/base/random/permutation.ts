// Shuffles as a keyed bijection of [0, n): the place of element i is computed, not looked up, so that the host and
// every device get the same order from four words (`shaders/permutation.wgsl` computes the same).

import { ArgumentError } from "../errors.ts";
import { philox, purpose } from "./philox.ts";

// The bijection is a Feistel network over the smallest whole number of bits that holds n - 1 (but at least 6: over
// smaller domains even many rounds reach the orders unevenly), applied again until the result is below n (cycle
// walking: Black and Rogaway, "Ciphers with arbitrary finite domains", 2002). Before it, indices are rotated by a
// random amount: every element is then equally likely at every place, and both even and odd permutations occur, which
// a Feistel network over a power of two alone would not give.

/** Feistel rounds; the shader has as many. With 8 the orders of up to 6 elements already pass a chi-square test. */
const rounds = 12;

/**
 * The permutation of [0, n) that a random state stands for: element i of the result is where i goes.
 *
 * @param state `[key low, key high, counter, stream]`, as in the random ops: a new counter, a new order
 * @throws ArgumentError unless n is a whole number from 0 to 2^31 - 1
 */
export function permutation(state: ArrayLike<number>, n: number): Uint32Array<ArrayBuffer> {
  if (!Number.isSafeInteger(n) || n < 0 || n >= 2 ** 31) {
    throw new ArgumentError(`permutation: n must be a whole number from 0 to 2^31 - 1, got ${n}`);
  }
  const out = new Uint32Array(n);
  fillPermutation(out, state);
  return out;
}

/** As {@link permutation} with n = `out.length`, into memory that exists. */
export function fillPermutation(out: Uint32Array, state: ArrayLike<number>): void {
  const n = out.length;
  if (n === 0) return;
  const key = [state[0], state[1]];
  const keys = philox([0, state[2], state[3], purpose.permutation], key);
  const word = philox([1, state[2], state[3], purpose.permutation], key)[0];
  const rotation = highProduct(word, n);
  const { lowBits, lowMask, highMask } = halves(n);
  for (let i = 0; i < n; i++) {
    let x = i + rotation;
    if (x >= n) x -= n;
    do {
      let low = x & lowMask;
      let high = x >>> lowBits;
      for (let round = 0; round < rounds; round += 2) {
        high ^= mix(low ^ keys[round & 3], round) & highMask;
        low ^= mix(high ^ keys[(round + 1) & 3], round + 1) & lowMask;
      }
      x = ((high << lowBits) | low) >>> 0;
    } while (x >= n);
    out[i] = x;
  }
}

/** How an index below n is split in two halves; the low one has the odd bit. */
export function halves(n: number): { lowBits: number; lowMask: number; highMask: number } {
  const bits = Math.max(6, 32 - Math.clz32(Math.max(n, 1) - 1));
  const highBits = bits >>> 1;
  const lowBits = bits - highBits;
  return { lowBits, lowMask: 2 ** lowBits - 1, highMask: 2 ** highBits - 1 };
}

/** Round function: the finalizer of MurmurHash3 (Appleby, public domain), told apart by round. */
function mix(value: number, round: number): number {
  let h = (value + Math.imul(round, 0x9e3779b9)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** floor(word * n / 2^32): an index below n, even up to n / 2^32. */
export function highProduct(word: number, n: number): number {
  // n < 2^32, so both products fit 53 bits.
  const upper = (word >>> 16) * n;
  const lower = (word & 0xffff) * n;
  return Math.floor((upper + Math.floor(lower / 65536)) / 65536);
}

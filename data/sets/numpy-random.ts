// NumPy's old random numbers (Mersenne Twister, MT19937), by which Keras's data sets are shuffled.

const size = 624;
const middle = 397;

/** The words that a seed gives, one after the other. */
export class MersenneTwister {
  readonly #state = new Uint32Array(size);
  #next = size;

  constructor(seed: number) {
    this.#state[0] = seed;
    for (let i = 1; i < size; i++) {
      const last = this.#state[i - 1];
      this.#state[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i;
    }
  }

  word(): number {
    if (this.#next === size) this.#renew();
    let value = this.#state[this.#next++];
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    return (value ^ (value >>> 18)) >>> 0;
  }

  #renew(): void {
    const state = this.#state;
    for (let i = 0; i < size; i++) {
      const joined = (state[i] & 0x80000000) | (state[(i + 1) % size] & 0x7fffffff);
      state[i] = state[(i + middle) % size] ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}

/** The order into which `numpy.random.RandomState(seed).shuffle` puts the numbers from 0 to count - 1; twice: the next one. */
export function numpyShuffle(count: number, random: MersenneTwister): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let last = count - 1; last > 0; last--) {
    const place = upTo(last, random);
    [order[last], order[place]] = [order[place], order[last]];
  }
  return order;
}

/** A whole number from 0 to `most`: words of as many bits, drawn again where they are beyond it. */
function upTo(most: number, random: MersenneTwister): number {
  const mask = 2 ** (32 - Math.clz32(most)) - 1;
  for (;;) {
    const value = (random.word() & mask) >>> 0;
    if (value <= most) return value;
  }
}

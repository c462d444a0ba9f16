// RandomSource: the key that a seed stands for, and the numbered streams handed out under it. It draws nothing
// itself, so it needs to know neither Philox nor devices.

import { ArgumentError } from "../errors.ts";

/** The 64-bit Philox key of a seed, as its low and high word. */
export type RandomKey = readonly [low: number, high: number];

/**
 * Hands out streams: independent sequences under one key. Streams are numbered in the order they are asked for,
 * so a program that asks in the same order with the same seed draws the same on every device.
 */
export class RandomSource {
  readonly key: RandomKey;
  #streams = 0;

  /** @param seed whole, 0 to 2^53-1; its low 32 bits and its high 21 bits are the key's two words */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new ArgumentError(
        `RandomSource: the seed must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, got ${seed}`,
      );
    }
    this.key = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
  }

  /** The number of a stream that nobody else has, counted from 0 (modulo 2^32). */
  nextStream(): number {
    const stream = this.#streams;
    this.#streams = (stream + 1) % 2 ** 32;
    return stream;
  }

  /** @internal The number of the next stream. */
  get position(): number {
    return this.#streams;
  }

  set position(stream: number) {
    this.#streams = stream;
  }

  /** Starts numbering again at 0, as after opening the device: what follows repeats what came before. */
  resetStreams(): void {
    this.#streams = 0;
  }

  /**
   * The words of a random state, as the random ops take it in a u32 tensor of shape [4]:
   * `[key low, key high, counter, stream]`.
   */
  state(stream: number = this.nextStream(), counter = 0): Uint32Array<ArrayBuffer> {
    return Uint32Array.of(this.key[0], this.key[1], counter, stream);
  }
}

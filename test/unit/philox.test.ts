// Philox4x32-10 against Random123's published vectors and against the definition in big integers.

import { describe, expect, it } from "vitest";
import { ArgumentError } from "../../engine/base/errors.ts";
import { philox, philoxFill } from "../../engine/base/random/philox.ts";
import { RandomSource } from "../../engine/base/random/source.ts";

const hex = (words: Iterable<number>) =>
  [...words].map((word) => word.toString(16).padStart(8, "0")).join(" ");
const words = (text: string) => text.split(" ").map((word) => Number.parseInt(word, 16));

/** The paper's definition, with 64-bit products as they are. */
function definition(counter: number[], key: number[]): number[] {
  let c = counter.map(BigInt);
  let k = key.map(BigInt);
  const mask = 0xffffffffn;
  for (let round = 0; round < 10; round++) {
    const a = 0xd2511f53n * c[0];
    const b = 0xcd9e8d57n * c[2];
    c = [(b >> 32n) ^ c[1] ^ k[0], b & mask, (a >> 32n) ^ c[3] ^ k[1], a & mask];
    k = [(k[0] + 0x9e3779b9n) & mask, (k[1] + 0xbb67ae85n) & mask];
  }
  return c.map(Number);
}

describe("philox", () => {
  // Random123 1.14.0, tests/kat_vectors, lines "philox4x32 10": counter, key, result.
  it.each([
    ["00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    ["ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    ["243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"],
  ])("gives the published words of counter %s, key %s", (counter, key, want) => {
    expect(hex(philox(words(counter), words(key)))).toBe(want);
  });

  it("agrees with the definition in big integers", () => {
    // Words with all patterns of high and low halves, where carries between halves differ.
    const halves = [0, 1, 0x7fff, 0x8000, 0xffff];
    const patterns = halves.flatMap((high) => halves.map((low) => high * 65536 + low));
    for (let i = 0; i < 2000; i++) {
      const at = (k: number) => patterns[(i * 7 + k * 11 + ((i * k) >> 2)) % patterns.length];
      const counter = [at(0), at(1), at(2), i];
      const key = [at(3), at(4)];
      expect([...philox(counter, key)]).toEqual(definition(counter, key));
    }
  });

  it.each([0, 1, 3, 4, 5, 1001])("fills %i words block by block", (count) => {
    const out = new Uint32Array(count);
    philoxFill(out, 11, 12, 13, 14, 15, 0xfffffff0);
    for (let i = 0; i < count; i++) {
      const block = (0xfffffff0 + Math.floor(i / 4)) % 2 ** 32;
      expect(out[i]).toBe(philox([block, 11, 12, 13], [14, 15])[i % 4]);
    }
  });
});

describe("RandomSource", () => {
  it("splits the seed in two words and numbers streams from 0", () => {
    const source = new RandomSource(2 ** 53 - 1);
    expect(source.key).toEqual([0xffffffff, 0x1fffff]);
    expect([source.nextStream(), source.nextStream()]).toEqual([0, 1]);
    expect([...source.state()]).toEqual([0xffffffff, 0x1fffff, 0, 2]);
    expect([...source.state(9, 7)]).toEqual([0xffffffff, 0x1fffff, 7, 9]);
    expect(source.position).toBe(3);
    source.position = 2 ** 32 - 1;
    expect([source.nextStream(), source.nextStream()]).toEqual([2 ** 32 - 1, 0]);
    source.resetStreams();
    expect(source.nextStream()).toBe(0);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])("refuses the seed %d", (seed) => {
    expect(() => new RandomSource(seed)).toThrow(ArgumentError);
    expect(() => new RandomSource(seed)).toThrow(String(seed));
  });
});

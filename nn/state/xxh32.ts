// XXH32, a checksum by Yann Collet, over bytes that come in pieces.

const prime1 = 0x9e3779b1;
const prime2 = 0x85ebca77;
const prime3 = 0xc2b2ae3d;
const prime4 = 0x27d4eb2f;
const prime5 = 0x165667b1;

/** Pieces are gathered into blocks of it: whole stripes of 16 bytes, at aligned places. */
const blockBytes = 2 ** 16;

const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

export class Xxh32 {
  readonly #lanes = Int32Array.of(prime1 + prime2, prime2, 0, -prime1);
  readonly #block = new Uint8Array(blockBytes);
  readonly #words = new DataView(this.#block.buffer);
  #filled = 0;
  #total = 0;

  update(bytes: Uint8Array): this {
    this.#total += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + blockBytes - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === blockBytes) {
        this.#stripes(blockBytes);
        this.#filled = 0;
      }
    }
    return this;
  }

  /** Eight hexadecimal digits, of all bytes so far. To be called once. */
  digest(): string {
    const whole = this.#filled - (this.#filled % 16);
    this.#stripes(whole);
    const [a, b, c, d] = this.#lanes;
    let hash = this.#total >= 16 ? rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18) : prime5;
    hash = (hash + this.#total) | 0;
    let at = whole;
    for (; at + 4 <= this.#filled; at += 4) {
      hash = (hash + Math.imul(this.#words.getInt32(at, true), prime3)) | 0;
      hash = Math.imul(rotated(hash, 17), prime4);
    }
    for (; at < this.#filled; at++) {
      hash = (hash + Math.imul(this.#block[at], prime5)) | 0;
      hash = Math.imul(rotated(hash, 11), prime1);
    }
    hash = Math.imul(hash ^ (hash >>> 15), prime2);
    hash = Math.imul(hash ^ (hash >>> 13), prime3);
    return ((hash ^ (hash >>> 16)) >>> 0).toString(16).padStart(8, "0");
  }

  #stripes(bytes: number): void {
    const words = this.#words;
    let [a, b, c, d] = this.#lanes;
    for (let at = 0; at < bytes; at += 16) {
      a = Math.imul(rotated((a + Math.imul(words.getInt32(at, true), prime2)) | 0, 13), prime1);
      b = Math.imul(rotated((b + Math.imul(words.getInt32(at + 4, true), prime2)) | 0, 13), prime1);
      c = Math.imul(rotated((c + Math.imul(words.getInt32(at + 8, true), prime2)) | 0, 13), prime1);
      d = Math.imul(rotated((d + Math.imul(words.getInt32(at + 12, true), prime2)) | 0, 13), prime1);
    }
    this.#lanes.set([a, b, c, d]);
  }
}

// Checksum: tells whether elements are those that were given before, by all their values.

import { Tensor } from "../../engine/index.ts";
import { mapParts } from "./elements.ts";
import { isShaped } from "./nd-array.ts";

// Two 32-bit states over words of four bytes, each a multiplication and a rotation a word, as in MurmurHash3 (Appleby,
// public domain); against accidents, not against forgers.

export class Checksum {
  #a = 0x9e3779b9;
  #b = 0x85ebca6b;

  reset(): void {
    this.#a = 0x9e3779b9;
    this.#b = 0x85ebca6b;
  }

  get value(): string {
    return hex(this.#a) + hex(this.#b);
  }

  add(element: unknown): void {
    mapParts(element, (part, path) => {
      this.#text(path);
      this.#part(part);
      return part;
    });
  }

  #part(part: unknown): void {
    if (part instanceof Tensor) this.#text(`${part.dtype} ${part.shape}`);
    else if (isShaped(part)) {
      for (const length of part.shape) this.#word(length);
      this.#bytes(part.values);
    } else if (ArrayBuffer.isView(part)) this.#bytes(part);
    else if (typeof part === "number") this.#bytes(Float64Array.of(part));
    else if (Array.isArray(part)) for (const below of part) this.#part(below);
    else this.#text(String(part));
  }

  #text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#word(text.charCodeAt(i));
    this.#word(text.length);
  }

  #bytes({ buffer, byteOffset, byteLength }: ArrayBufferView): void {
    const whole = byteLength >>> 2;
    const words =
      byteOffset % 4 === 0
        ? new Uint32Array(buffer, byteOffset, whole)
        : new Uint32Array(buffer.slice(byteOffset, byteOffset + 4 * whole));
    let [a, b] = [this.#a, this.#b];
    for (let i = 0; i < words.length; i++) {
      const word = words[i];
      a = Math.imul(a ^ word, 0xcc9e2d51);
      a ^= a >>> 15;
      b = Math.imul((b << 13) | (b >>> 19), 5) + word + 0xe6546b64;
    }
    [this.#a, this.#b] = [a, b | 0];
    const rest = new Uint8Array(buffer, byteOffset + 4 * whole, byteLength - 4 * whole);
    for (const byte of rest) this.#word(byte);
    this.#word(byteLength);
  }

  #word(word: number): void {
    this.#a = Math.imul(this.#a ^ word, 0xcc9e2d51);
    this.#a ^= this.#a >>> 15;
    this.#b = (Math.imul((this.#b << 13) | (this.#b >>> 19), 5) + word + 0xe6546b64) | 0;
  }
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");

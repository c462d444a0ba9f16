// The size buffer that every kernel reads its run-time numbers from.

import type { SizeWord } from "./kernel.ts";

/** Inputs that a pointwise chain has room for in elementwise.wgsl's `Sizes`. */
export const mostChainInputs = 16;

/** The size buffer's bytes: words as u32, floats by their bits, padded to 16 bytes. */
export function encodeSizes(words: readonly SizeWord[]): Uint32Array<ArrayBuffer> {
  const bytes = new DataView(new ArrayBuffer(Math.max(16, Math.ceil(words.length / 4) * 16)));
  words.forEach((word, i) => {
    if (typeof word === "number") bytes.setUint32(i * 4, word, true);
    else bytes.setFloat32(i * 4, word.f32, true);
  });
  return new Uint32Array(bytes.buffer as ArrayBuffer);
}

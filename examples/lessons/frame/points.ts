// Points of a square, drawn from a seed: for lessons whose point is no image.

/** Numbers from 0 to 1, the same everywhere (mulberry32). */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Points {
  readonly x: number[][];
  readonly y: number[];
  readonly testX: number[][];
  readonly testY: number[];
}

/** Points from -2 to 2, 1 where they lie in a ring around the middle; a tenth of the training labels may be wrong. */
export function ring(rows: number, seed: number, noise = 0): Points {
  const next = uniforms(seed);
  const points = (count: number) =>
    Array.from({ length: count }, () => [4 * next() - 2, 4 * next() - 2] as number[]);
  const label = ([a, b]: number[]) => (Math.abs(Math.hypot(a, b) - 1.2) < 0.45 ? 1 : 0);
  const [x, testX] = [points(rows), points(500)];
  const y = x.map(label).map((value) => (next() < noise ? 1 - value : value));
  return { x, y, testX, testY: testX.map(label) };
}

// Puts the axes of values on the host in another order: some libraries want channels before places, ours come after.

type Values = Float32Array | Int32Array;

/** The values of a tensor of this shape, its axes in the given order: axis `i` of the result is `order[i]` of theirs. */
export function permuted<V extends Values>(values: V, shape: readonly number[], order: readonly number[]): V {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const result = new (values.constructor as new (length: number) => V)(values.length);
  let next = 0;
  const walk = (depth: number, from: number): void => {
    if (depth === order.length) {
      result[next++] = values[from];
      return;
    }
    const axis = order[depth];
    for (let i = 0; i < shape[axis]; i++) walk(depth + 1, from + i * strides[axis]);
  };
  walk(0, 0);
  return result;
}

export const permutedShape = (shape: readonly number[], order: readonly number[]) =>
  order.map((axis) => shape[axis]);

/** Of [batch, ...places, channels], and back from [batch, channels, ...places]. */
export const channelsFirst = (rank: number): number[] => [
  0,
  rank - 1,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 1),
];
export const channelsLast = (rank: number): number[] => [
  0,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 2),
  1,
];

/** Of [...places, inputs, outputs]: outputs first; a transposed kernel has the two the other way round, and so its own. */
export const kernelFirst = (rank: number): number[] => [
  rank - 1,
  rank - 2,
  ...Array.from({ length: rank - 2 }, (_, i) => i),
];

// Buckets of equal width over the values of tensors, counted on the device: what comes back is their counts alone.

import {
  bincount,
  cast,
  clip,
  concat,
  div,
  floor,
  full,
  greater,
  isFinite as isFiniteOp,
  max,
  min,
  mul,
  noGrad,
  reshape,
  sub,
  type Tensor,
  tidy,
  where,
} from "../../engine/index.ts";

const largest = 3.4028234663852886e38;

/** [bucket, 3]: left edge, right edge, count. */
export type Buckets = Float64Array;

/** Extremes and counts of a tensor's finite values; the last of `count + 1` counts is that of the others. */
export function countsOf(values: Tensor, count: number): { range: Tensor; counts: Tensor } {
  const flat = reshape(values, [values.size]);
  const x = flat.dtype === "f32" ? flat : cast(flat, "f32");
  const isCounted = isFiniteOp(x);
  const options = { device: values.device };
  const [low, high] = [
    min(where(isCounted, x, full([], largest, options))),
    max(where(isCounted, x, full([], -largest, options))),
  ];
  // Halves, so that no range overflows.
  const halves = (of: Tensor) => sub(mul(of, 0.5), mul(low, 0.5));
  const width = halves(high);
  const place = clip(floor(mul(div(halves(x), width), count)), 0, count - 1);
  const last = full([], count - 1, options);
  const index = where(isCounted, where(greater(width, 0), place, last), full([], count, options));
  return {
    range: concat([reshape(low, [1]), reshape(high, [1])]),
    counts: bincount(cast(index, "i32"), count + 1),
  };
}

/**
 * Buckets of each tensor's finite values, from the least to the largest, as TensorBoard's histograms are: where all values
 * are one, the last bucket has all of them. Tensors without values have buckets of 0. They are read back together.
 */
export async function bucketsOfTensors(tensors: readonly Tensor[], count: number): Promise<Buckets[]> {
  const filled = tensors.filter(({ size }) => size > 0);
  if (filled.length === 0) return tensors.map(() => new Float64Array(3 * count));
  const { ranges, counts } = noGrad(() =>
    tidy(() => {
      const found = filled.map((tensor) => countsOf(tensor, count));
      return {
        ranges: concat(found.map(({ range }) => range)),
        counts: concat(found.map(({ counts }) => counts)),
      };
    }),
  );
  try {
    const [edges, numbers] = await Promise.all([ranges.data(), counts.data()]);
    let next = 0;
    return tensors.map(({ size }) => {
      if (size === 0) return new Float64Array(3 * count);
      const at = next++;
      const own = Array.from(numbers.subarray(at * (count + 1), at * (count + 1) + count));
      return bucketsBetween(edges[2 * at], edges[2 * at + 1], own);
    });
  } finally {
    ranges.dispose();
    counts.dispose();
  }
}

/** The same of numbers on the host. */
export function bucketsOfNumbers(values: ArrayLike<number>, count: number): Buckets {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
  }
  const counts = new Array<number>(count).fill(0);
  const width = high / 2 - low / 2;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    const place = Math.floor(((values[i] / 2 - low / 2) / width) * count);
    counts[width > 0 ? Math.min(place, count - 1) : count - 1]++;
  }
  return bucketsBetween(low, high, counts);
}

export function bucketsBetween(low: number, high: number, counts: readonly number[]): Buckets {
  const { length } = counts;
  const made = new Float64Array(3 * length);
  // Without a finite value.
  if (!(low <= high)) return made;
  const edge = (i: number) => (i === length ? high : low + (high / length - low / length) * i);
  counts.forEach((number, i) => {
    made.set([edge(i), edge(i + 1), number], 3 * i);
  });
  return made;
}

// The bench's numbers: the same every time, evenly over their range; and axes put in another order for peers.

import { describe, expect, it } from "vitest";
import {
  channelsFirst,
  channelsLast,
  kernelFirst,
  permuted,
  permutedShape,
} from "../../bench/peers/layout.ts";
import { labels, spread } from "../../bench/values.ts";

describe("values", () => {
  it("lie evenly over [low, high), the same for a seed and others for another", () => {
    const values = spread(4000, 2, 6);
    expect(spread(4000, 2, 6)).toEqual(values);
    expect(spread(4000, 2, 6, 2)).not.toEqual(values);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...values)).toBeLessThanOrEqual(6);
    for (const quarter of [2, 3, 4, 5]) {
      const share = values.filter((value) => value >= quarter && value < quarter + 1).length / 4000;
      expect(share).toBeCloseTo(0.25, 1);
    }
    const symmetric = spread(4000);
    expect(symmetric.reduce((sum, value) => sum + value, 0) / 4000).toBeCloseTo(0, 1);
  });

  it("of labels are whole numbers below a limit, all of them", () => {
    expect(new Set(labels(1000, 5))).toEqual(new Set([0, 1, 2, 3, 4]));
    expect(labels(1000, 5, 2)).not.toEqual(labels(1000, 5, 3));
  });
});

describe("axes in another order", () => {
  const shape = [2, 3, 4];
  const values = Float32Array.from({ length: 24 }, (_, i) => i);
  const at = (i: number, j: number, k: number) => values[(i * 3 + j) * 4 + k];

  it("have each value at its place", () => {
    const got = permuted(values, shape, [2, 0, 1]);
    expect(permutedShape(shape, [2, 0, 1])).toEqual([4, 2, 3]);
    let n = 0;
    for (let k = 0; k < 4; k++)
      for (let i = 0; i < 2; i++) for (let j = 0; j < 3; j++) expect(got[n++]).toBe(at(i, j, k));
    expect(permuted(Int32Array.of(7, 8), [2], [0])).toEqual(Int32Array.of(7, 8));
  });

  it("put channels before places, and back", () => {
    expect(channelsFirst(4)).toEqual([0, 3, 1, 2]);
    expect(channelsLast(4)).toEqual([0, 2, 3, 1]);
    for (const rank of [2, 3, 4, 5])
      expect(permutedShape(channelsFirst(rank), channelsLast(rank))).toEqual(
        Array.from({ length: rank }, (_, i) => i),
      );
    // Kernels [height, width, inputs, outputs] have outputs first there, and inputs behind them.
    expect(permutedShape([3, 5, 8, 16], kernelFirst(4))).toEqual([16, 8, 3, 5]);
    const there = permuted(values, shape, channelsFirst(3));
    expect(permuted(there, permutedShape(shape, channelsFirst(3)), channelsLast(3))).toEqual(values);
  });
});

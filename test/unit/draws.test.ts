// Host draws: their distributions, and their bits, which must never change.

import { describe, expect, it } from "vitest";
import { ArgumentError } from "../../engine/base/errors.ts";
import { normal, truncatedNormal, uniform } from "../../engine/base/random/draws.ts";
import { exactLog, inverseNormal } from "../../engine/base/random/normal.ts";
import type { RandomKey } from "../../engine/base/random/source.ts";

const key: RandomKey = [42, 0];
const count = 100_000;

function moments(values: ArrayLike<number>) {
  let mean = 0;
  for (let i = 0; i < values.length; i++) mean += values[i] / values.length;
  let variance = 0;
  for (let i = 0; i < values.length; i++) variance += (values[i] - mean) ** 2 / values.length;
  return { mean, stddev: Math.sqrt(variance) };
}

/** Kolmogorov-Smirnov: sqrt(n) times the largest distance from the distribution; over 1.95 once in 1000. */
function distance(values: ArrayLike<number>, distribution: (x: number) => number): number {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  let worst = 0;
  for (let i = 0; i < n; i++) {
    const p = distribution(sorted[i]);
    worst = Math.max(worst, Math.abs(p - i / n), Math.abs(p - (i + 1) / n));
  }
  return worst * Math.sqrt(n);
}

/** P(N(0, 1) <= x) by its Taylor series about 0, good to 1e-12 for |x| < 6. */
function normalDistribution(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 1; k < 200; k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

const bits = (values: Float32Array) => [...new Uint32Array(values.buffer)].map((word) => word.toString(16));

describe("exactLog", () => {
  it("is the logarithm within an ulp or two", () => {
    for (const x of [
      1,
      2,
      0.5,
      Math.E,
      Math.SQRT1_2,
      Math.SQRT2,
      1e-300,
      1e300,
      2 ** -53,
      0.075,
      1 + 2 ** -52,
    ]) {
      expect(Math.abs(exactLog(x) - Math.log(x))).toBeLessThanOrEqual(4.5e-16 * Math.abs(Math.log(x)));
    }
    for (let i = 1; i < 2000; i++) {
      const x = i / 999.5;
      expect(Math.abs(exactLog(x) - Math.log(x))).toBeLessThanOrEqual(4.5e-16 * Math.abs(Math.log(x)));
    }
  });
});

describe("inverseNormal", () => {
  // Quantiles by mpmath 1.3 with 40 digits, at the doubles written here; one in each region of the algorithm.
  it.each([
    [0.5, 0],
    [0.975, 1.9599639845400538],
    [0.25, -0.6744897501960817],
    [0.075, -1.439531470938456],
    [0.001, -3.0902323061678136],
    [1e-10, -6.361340902404057],
    [1e-14, -7.650628092935269],
    [1e-300, -37.0470962993612],
    [2 ** -53, -8.209536151601387],
    [1 - 2 ** -53, 8.209536151601387],
  ])("of %d is %d", (probability, want) => {
    expect(Math.abs(inverseNormal(probability) - want)).toBeLessThanOrEqual(1e-15 * Math.abs(want));
  });

  it("undoes the distribution function", () => {
    for (let i = 1; i < 1000; i++)
      expect(normalDistribution(inverseNormal(i / 1000))).toBeCloseTo(i / 1000, 12);
  });
});

describe("uniform", () => {
  it("draws evenly from [low, high)", () => {
    const values = uniform(key, 0, count, -3, 5);
    expect(values.every((value) => value >= -3 && value < 5)).toBe(true);
    expect(moments(values).mean).toBeCloseTo(1, 1);
    expect(moments(values).stddev).toBeCloseTo(8 / Math.sqrt(12), 1);
    expect(distance(values, (x) => (x + 3) / 8)).toBeLessThan(1.95);
  });

  it("keeps to [low, high) where f32 is coarse", () => {
    const values = uniform(key, 0, 1000, 2 ** 24, 2 ** 24 + 4);
    expect(new Set(values)).toEqual(new Set([2 ** 24, 2 ** 24 + 2]));
    expect([...uniform(key, 0, 3, 7, 7)]).toEqual([7, 7, 7]);
    const below = uniform(key, 0, 1000, -(2 ** 24) - 4, -(2 ** 24));
    expect(new Set(below)).toEqual(new Set([-(2 ** 24) - 4, -(2 ** 24) - 2]));
    expect(uniform(key, 0, 1000, -1e-45, 0).every((value) => value < 0)).toBe(true);
  });

  it("refuses ends that are not finite or in the wrong order", () => {
    expect(() => uniform(key, 0, 1, 1, 0)).toThrow(ArgumentError);
    expect(() => uniform(key, 0, 1, Number.NaN, 0)).toThrow(ArgumentError);
    expect(() => uniform(key, 0, 1, 0, Number.POSITIVE_INFINITY)).toThrow(ArgumentError);
  });
});

describe("normal", () => {
  it("has its mean, standard deviation and distribution", () => {
    const values = normal(key, 1, count, 2, 3);
    const { mean, stddev } = moments(values);
    expect(Math.abs(mean - 2)).toBeLessThan((4 * 3) / Math.sqrt(count));
    expect(Math.abs(stddev - 3)).toBeLessThan((4 * 3) / Math.sqrt(2 * count));
    expect(distance(values, (x) => normalDistribution((x - 2) / 3))).toBeLessThan(1.95);
    expect([...normal(key, 1, 3, 5, 0)]).toEqual([5, 5, 5]);
  });

  it("refuses a negative deviation", () => {
    expect(() => normal(key, 0, 1, 0, -1)).toThrow(ArgumentError);
    expect(() => truncatedNormal(key, 0, 1, Number.NaN, 1)).toThrow(ArgumentError);
  });
});

describe("truncatedNormal", () => {
  it("is cut off at two deviations and has Keras's share of the deviation", () => {
    const values = truncatedNormal(key, 2, count, 1, 0.5);
    expect(values.every((value) => value >= 0 && value <= 2)).toBe(true);
    const { mean, stddev } = moments(values);
    expect(Math.abs(mean - 1)).toBeLessThan((4 * 0.44) / Math.sqrt(count));
    // Keras divides by 0.8796256610342398 to make up for the cut.
    expect(stddev / 0.5).toBeCloseTo(0.8796256610342398, 2);
    const below = normalDistribution(-2);
    expect(
      distance(values, (x) => (normalDistribution((x - 1) / 0.5) - below) / (1 - 2 * below)),
    ).toBeLessThan(1.95);
  });
});

describe("every draw", () => {
  it("has pinned bits: the same in every engine and version", () => {
    expect(bits(uniform(key, 3, 5, -1, 1))).toEqual([
      "3e032e4b",
      "3f499750",
      "bd51f8d3",
      "3f36e119",
      "3e80705e",
    ]);
    expect(bits(normal(key, 3, 5))).toEqual(["3e251fa6", "3f9f916c", "bd83abcb", "3f88ac6f", "3ea3b8e4"]);
    expect(bits(truncatedNormal(key, 3, 5))).toEqual([
      "3e1d8ca8",
      "3f93c119",
      "bd7b5838",
      "3f7f90dc",
      "3e9c0828",
    ]);
    // A sum over many draws, all parts of the algorithm among them.
    let sum = 0;
    for (const word of new Uint32Array(normal(key, 4, count).buffer)) sum = (Math.imul(sum, 31) + word) >>> 0;
    expect(sum.toString(16)).toBe("8c75513b");
  });

  it("begins the same however many are drawn, and differs by stream and key", () => {
    expect(normal(key, 5, 7)).toEqual(normal(key, 5, 100).slice(0, 7));
    expect(normal(key, 5, 0)).toHaveLength(0);
    expect(normal(key, 5, 8)).not.toEqual(normal(key, 6, 8));
    expect(normal(key, 5, 8)).not.toEqual(normal([42, 1], 5, 8));
  });

  it("refuses counts that are none", () => {
    expect(() => uniform(key, 0, -1)).toThrow(ArgumentError);
    expect(() => normal(key, 0, 1.5)).toThrow(ArgumentError);
    expect(() => normal(key, 0, 2 ** 33)).toThrow(ArgumentError);
  });
});

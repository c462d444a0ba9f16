// What the accuracy tests rest on: the ULP measure, the inputs, the float64 error function, and that every elementwise
// op states an accuracy.

import { describe, expect, it } from "vitest";
import { referenceErfc } from "../../engine/ops/elementwise/error-function.ts";
import { mathFunctions } from "../../engine/ops/elementwise/math-functions.ts";
import { allOps } from "../support/op-cases.ts";
import { denseInputs, errorShare, ulpError } from "../support/ulp.ts";

describe("ulpError", () => {
  it("counts units in the last place of the reference", () => {
    expect(ulpError(1, 1)).toBe(0);
    expect(ulpError(1 + 2 ** -23, 1)).toBe(1);
    expect(ulpError(Math.fround(0.1), 0.1)).toBeLessThanOrEqual(0.5);
    expect(ulpError(2 ** -100 * (1 + 3 * 2 ** -23), 2 ** -100)).toBe(3);
  });

  it("takes a flushed subnormal number for right, not another one", () => {
    expect(ulpError(0, 1e-40)).toBe(0);
    expect(ulpError(2e-40, 1e-40)).toBeGreaterThan(1000);
    expect(ulpError(0, 2 ** -126)).toBeGreaterThan(1000);
  });

  it("takes infinity for what lies past the largest f32", () => {
    expect(ulpError(Number.POSITIVE_INFINITY, 1e39)).toBe(0);
    expect(ulpError(Number.POSITIVE_INFINITY, 1e38)).toBeGreaterThan(1000);
    expect(ulpError(3.4028234663852886e38, 1e39)).toBe(1);
  });

  it("matches NaN with NaN only", () => {
    expect(ulpError(Number.NaN, Number.NaN)).toBe(0);
    expect(ulpError(Number.NaN, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(ulpError(1, Number.NaN)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("errorShare", () => {
  it("is 1 at the bound", () => {
    expect(errorShare(1 + 2 ** -21, 1, { ulp: 4 }, 0)).toBe(1);
    expect(errorShare(1 + 2 ** -23, 1, { ulp: 0 }, 0)).toBeGreaterThan(1);
    expect(errorShare(1e-3 + 2e-6, 1e-3, { relative: 1e-6 }, 2)).toBeCloseTo(1, 5);
    expect(errorShare(Number.NaN, 1, { relative: 1e-6 }, 2)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("denseInputs", () => {
  it("stays in the interval, has its ends, and no subnormal numbers", () => {
    const values = denseInputs(4096, [-2, 3]);
    expect(Math.min(...values)).toBe(-2);
    expect(Math.max(...values)).toBe(3);
    expect(values).toContain(0);
    for (const x of values) {
      expect(Math.fround(x)).toBe(x);
      expect(x === 0 || Math.abs(x) >= 2 ** -126).toBe(true);
    }
  });
});

describe("the float64 complementary error function", () => {
  // Abramowitz and Stegun, table 7.1, and higher precision arithmetic.
  it.each([
    [0, 1],
    [0.5, 0.4795001221869535],
    [1, 0.15729920705028513],
    [1.9999, 0.004679802092970609],
    [2, 0.004677734981047266],
    [3, 2.209049699858544e-5],
    [5, 1.537459794428035e-12],
    [9, 4.13703174651381e-37],
    [-1, 1.842700792949715],
    [-3, 1.999977909503],
  ])("erfc(%f)", (x, want) => {
    expect(Math.abs(referenceErfc(x) / want - 1)).toBeLessThan(3e-13);
  });
});

describe("math functions of the shaders", () => {
  it("come with what they call, and nothing else", () => {
    expect(Object.keys(mathFunctions("exp_4")).sort()).toEqual([
      "exp_4",
      "exp_biased_4",
      "exp_core_4",
      "limit_4",
      "power_of_two_4",
    ]);
  });

  it("are refused where no file has them", () => {
    expect(() => mathFunctions("exp_5")).toThrow("exp_5");
  });
});

describe("every elementwise op", () => {
  /** Pointwise for jit, but no functions of numbers alone: they move data, draw it, or take a layer's shapes. */
  const others = ["advance", "dropout", "dynamicSlice", "gather", "normalize"];
  const ops = allOps().filter(
    ({ pointwise, name }) => pointwise !== undefined && !others.includes(name) && !name.startsWith("random"),
  );
  it.each(ops.map((op) => [op.name, op] as const))("%s states an accuracy", (_, op) => {
    expect(op.accuracy?.ulp ?? op.accuracy?.relative).toBeTypeOf("number");
  });
});

// Reductions, running totals and sorting on the reference against plain JavaScript, on random shapes and axes; their
// corner cases; what they say about bad arguments.

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import * as g from "../../engine/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { referenceDevice } from "../support/devices.ts";
import { drawValues } from "../support/op-cases.ts";
import { alongAxis, orderOf, reduced, reductions, shapeAndAxes } from "../support/reduction-model.ts";

const infinity = Number.POSITIVE_INFINITY;

beforeAll(async () => {
  g.setDevice(await referenceDevice());
});

describe("reductions", () => {
  it.each(Object.entries(reductions))("%s", async (name, { call, of }) => {
    await fc.assert(
      fc.asyncProperty(shapeAndAxes, fc.nat(1000), async ({ shape, axes, keepDims }, seed) => {
        const data = drawValues({ shape }, seed);
        const want = reduced(shape, data, axes, keepDims, of);
        const got = call(g.tensor(data, { shape }), axes, keepDims);
        const what = `${name} [${shape}] over [${axes}]`;
        expect(got.shape, what).toEqual(want.shape);
        expectCloseArrays(await got.dataFloat64(), want.data, 1e-12, what);
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it("of nothing", async () => {
    const none = g.zeros([2, 0]);
    expect(await g.sum(none, 1).array()).toEqual([0, 0]);
    expect(await g.prod(none, 1).array()).toEqual([1, 1]);
    expect(await g.mean(none, 1).array()).toEqual([Number.NaN, Number.NaN]);
    expect(await g.variance(none, 1).array()).toEqual([Number.NaN, Number.NaN]);
    expect(await g.any(g.equal(none, 0), 1).array()).toEqual([false, false]);
    expect(await g.all(g.equal(none, 0), 1).array()).toEqual([true, true]);
    expect(await g.norm(none, 1).array()).toEqual([0, 0]);
    for (const op of [g.max, g.min, g.argMax] as const)
      expect(() => op(none, 1)).toThrow("no elements along ax");
    expect(() => g.norm(none, 1, { order: infinity })).toThrow("order Infinity needs one");
    expect(g.max(none, 0).shape).toEqual([0]);
    expect(await g.logSumExp(none, 1).array()).toEqual([-infinity, -infinity]);
  });

  it("say what is wrong with axes, dtypes and options", () => {
    const x = g.zeros([2, 3]);
    expect(() => g.sum(x, 2)).toThrow("sum: axis 2 is out of range for 2 axes; it must be from -2 to 1");
    expect(() => g.prod(x, [0, -2])).toThrow("prod: axes [0,-2] name an axis twice");
    expect(() => g.any(x)).toThrow(g.DTypeError);
    expect(() => g.any(x)).toThrow("compare first, as in notEqual(x, 0)");
    expect(() => g.variance(g.zeros([2], { dtype: "i32" }))).toThrow('use cast(x, "f32")');
    expect(() => g.variance(x, 0, { correction: Number.NaN })).toThrow(
      "the correction must be a finite number",
    );
    expect(() => g.norm(x, 0, { order: 3 })).toThrow("norm: the order must be 1, 2 or Infinity, got 3");
  });

  it("carry NaN and infinities", async () => {
    const x = g.tensor([
      [1, Number.NaN, 3],
      [-infinity, -infinity, -infinity],
      [infinity, 1, infinity],
    ]);
    expect(await g.max(x, 1).array()).toEqual([Number.NaN, -infinity, infinity]);
    expect(await g.argMin(x, 1).array()).toEqual([1, 0, 1]);
    expect(await g.logSumExp(x, 1).array()).toEqual([Number.NaN, -infinity, infinity]);
    const [gradient] = g.grad((v: g.Tensor) => g.sum(g.logSumExp(v, 1)))(x);
    expect((await gradient.array()) as number[][]).toEqual([
      [Number.NaN, Number.NaN, Number.NaN],
      [0, 0, 0],
      [0.5, 0, 0.5],
    ]);
  });

  it("variance keeps its digits far from 0, with either divisor", async () => {
    const far = g.tensor([1e6, 1e6 + 1, 1e6 + 2]);
    expect(await g.variance(far, 0, { correction: 1 }).array()).toBe(1);
    expect(await g.variance(g.tensor([1, 2, 3])).array()).toBeCloseTo(2 / 3, 7);
    expect(await g.variance(g.tensor([1, 2, 3]), 0, { correction: 1 }).array()).toBe(1);
    expect(await g.variance(g.tensor([5]), 0, { correction: 1 }).array()).toBeNaN();
  });

  it("have the gradients that their docs name where there is no derivative", async () => {
    const at = async (f: (x: g.Tensor) => g.Tensor, values: number[][]) =>
      g
        .grad((x: g.Tensor) => g.sum(f(x)))(g.tensor(values))[0]
        .array();
    expect(await at((x) => g.standardDeviation(x, 1), [[2, 2, 2]])).toEqual([[0, 0, 0]]);
    expect(
      await at(
        (x) => g.norm(x, 1),
        [
          [0, 0],
          [3, 4],
        ],
      ),
    ).toEqual([
      [0, 0],
      [Math.fround(0.6), Math.fround(0.8)],
    ]);
    expect(await at((x) => g.norm(x, 1, { order: 1 }), [[0, -2]])).toEqual([[0, -1]]);
    expect(await at((x) => g.norm(x, 1, { order: infinity }), [[-2, 2, 1]])).toEqual([[-0.5, 0.5, 0]]);
    expect(await at((x) => g.max(x, 1), [[3, 1, 3, 3]])).toEqual([[1 / 3, 0, 1 / 3, 1 / 3].map(Math.fround)]);
    expect(
      await at(
        (x) => g.prod(x, 1),
        [
          [0, 2, 3],
          [0, 0, 3],
        ],
      ),
    ).toEqual([
      [6, 0, 0],
      [0, 0, 0],
    ]);
    // cumprod of [0, 2, 3] is [0, 0, 0]; its sum's slope in the first element is 1 + 2 + 6.
    expect(await at((x) => g.cumprod(x, 1), [[0, 2, 3]])).toEqual([[9, 0, 0]]);
  });
});

describe("running totals", () => {
  const scans = {
    cumsum: { call: g.cumsum, start: 0, step: (a: number, b: number) => a + b },
    cumprod: { call: g.cumprod, start: 1, step: (a: number, b: number) => a * b },
  };
  it.each(Object.entries(scans))("%s", async (name, { call, start, step }) => {
    await fc.assert(
      fc.asyncProperty(
        shapeAndAxes,
        fc.boolean(),
        fc.boolean(),
        async ({ shape, axes: [axis] }, exclusive, reverse) => {
          const data = drawValues({ shape }, 5);
          const want = alongAxis(shape, data, axis < 0 ? axis + shape.length : axis, (line) => {
            const out = reverse ? [...line].reverse() : [...line];
            let total = start;
            const totals = out.map((value) => {
              const before = total;
              total = step(total, value);
              return exclusive ? before : total;
            });
            return reverse ? totals.reverse() : totals;
          });
          const got = call(g.tensor(data, { shape }), axis, { exclusive, reverse });
          expectCloseArrays(await got.dataFloat64(), want.data, 1e-12, `${name} [${shape}] ${axis}`);
        },
      ),
      { numRuns: 60, seed: 4 },
    );
  });

  it("linearRecurrence discounts rewards", async () => {
    const rewards = g.tensor([[1, 0, 2]]);
    const discount = g.full([1, 3], 0.5);
    expect(await g.linearRecurrence(discount, rewards, 1, { reverse: true }).array()).toEqual([[1.5, 1, 2]]);
    expect(await g.linearRecurrence(discount, rewards, -1).array()).toEqual([[1, 0.5, 2.25]]);
    expect(() => g.linearRecurrence(discount, g.zeros([3]), 0)).toThrow("they must be equal");
  });

  it("refuse bools and axes out of range", () => {
    expect(() => g.cumsum(g.zeros([2], { dtype: "bool" }), 0)).toThrow(g.DTypeError);
    expect(() => g.cumsum(g.zeros([2]), 1)).toThrow("cumsum: axis 1 is out of range");
  });
});

describe("sorting", () => {
  /** Many ties, both zeros, infinities and NaN. */
  const values = fc.constantFrom(-2, -1, -0, 0, 1, 2, 3, infinity, -infinity, Number.NaN);

  it("orders along any axis, stably, NaN last", async () => {
    await fc.assert(
      fc.asyncProperty(
        shapeAndAxes,
        fc.infiniteStream(values),
        fc.boolean(),
        async ({ shape, axes: [axis] }, stream, descending) => {
          const size = shape.reduce((a, b) => a * b, 1);
          const data = [...stream.take(size)];
          const along = axis < 0 ? axis + shape.length : axis;
          const x = g.tensor(data, { shape });
          const order = alongAxis(shape, data, along, (line) => orderOf(line, descending));
          const sorted = alongAxis(shape, data, along, (line) =>
            orderOf(line, descending).map((k) => line[k]),
          );
          expect([...(await g.argSort(x, { axis, descending }).data())]).toEqual(order.data);
          expect([...(await g.sort(x, { axis, descending }).dataFloat64())]).toEqual(sorted.data);
          const k = Math.ceil(shape[along] / 2);
          const best = alongAxis(shape, data, along, (line) => orderOf(line, descending).slice(0, k));
          const { indices, values: top } = g.topK(x, k, { axis, smallest: !descending });
          expect([...(await indices.data())]).toEqual(best.data);
          expect([...(await g.takeAlongAxis(x, indices, axis).dataFloat64())]).toEqual([
            ...(await top.dataFloat64()),
          ]);
        },
      ),
      { numRuns: 80, seed: 5 },
    );
  });

  it("sends gradients back to where values came from", async () => {
    const x = g.tensor([[3, 1, 2]]);
    const w = g.tensor([[10, 20, 30]]);
    const [sorted] = g.grad((v: g.Tensor) => g.sum(g.mul(g.sort(v), w)))(x);
    expect(await sorted.array()).toEqual([[30, 10, 20]]);
    const [best] = g.grad((v: g.Tensor) => g.sum(g.topK(v, 1).values))(x);
    expect(await best.array()).toEqual([[1, 0, 0]]);
    expect(() => g.grad((v: g.Tensor) => g.sum(g.cast(g.argSort(v), "f32")))(x)).toThrow(g.GradientError);
  });

  it("says what is wrong", () => {
    const x = g.zeros([2, 3]);
    expect(() => g.topK(x, 4)).toThrow(
      "topK: k is 4; axis 1 of [2, 3] has 3 elements, so it must be a whole number from 0 to 3",
    );
    expect(() => g.topK(x, 1.5)).toThrow(g.ArgumentError);
    expect(() => g.sort(g.zeros([2], { dtype: "bool" }))).toThrow(g.DTypeError);
    expect(() => g.sort(x, { axis: 2 })).toThrow("sort: axis 2 is out of range");
    expect(g.topK(x, 0).values.shape).toEqual([2, 0]);
    expect(g.sort(g.zeros([0, 3])).shape).toEqual([0, 3]);
  });
});

describe("arranging says what is wrong", () => {
  it("in sizes, widths, counts, offsets, indices", () => {
    const x = g.zeros([2, 5]);
    expect(() => g.split(x, 2, 1)).toThrow("axis 1 of [2, 5] has length 5, which 2 sections do not divide");
    expect(() => g.split(x, [2, 2], 1)).toThrow("they must be whole numbers of at least 0 that add up to 5");
    expect(() => g.split(x, 0)).toThrow("the number of sections must be a whole number of at least 1, got 0");
    expect(() =>
      g.pad(
        x,
        [
          [0, 0],
          [5, 0],
        ],
        { mode: "reflect" },
      ),
    ).toThrow("the axis gives at most 4");
    expect(() => g.pad(x, 3, { mode: "symmetric" })).toThrow(
      'pad: 3 elements beside axis 0 of [2, 5] in mode "symmetric"; the axis gives at most 2. Use mode "edge"',
    );
    expect(() => g.pad(x, [[1, 1]])).toThrow("or 2 pairs [before, after]");
    expect(() => g.pad(x, 1, { mode: "mirror" as "edge" })).toThrow('unknown pad mode "mirror"');
    expect(() => g.pad(g.zeros([2], { dtype: "u8" }), 1, { value: 256 })).toThrow("does not fit u8");
    expect(() => g.pad(g.zeros([0]), 1, { mode: "edge" })).toThrow(g.ShapeError);
    expect(() => g.tile(x, [1.5])).toThrow("counts must be whole numbers of at least 0, got 1.5");
    expect(() => g.repeat(x, -1, 0)).toThrow(g.ArgumentError);
    expect(() => g.roll(x, [1, 2], 0)).toThrow("there must be a whole number for each axis");
    expect(() => g.tril(g.zeros([3]))).toThrow("it must have at least 2 axes");
    expect(() => g.triu(x, 0.5)).toThrow("the offset must be a whole number");
    expect(() => g.diag(x, 6)).toThrow("the offset must be from -2 to 5");
    expect(() => g.flip(x, [1, -1])).toThrow("flip: axes [1,-1] name an axis twice");
    expect(() => g.slice(x, 0, 1, { steps: -1 })).toThrow("the end 1 lies behind the start 0");
    expect(() => g.takeAlongAxis(x, g.zeros([3, 1], { dtype: "i32" }), 1)).toThrow(
      "takeAlongAxis: x [2, 5] and indices [3, 1] must have as many axes and equal lengths but along axis 1",
    );
    expect(() => g.takeAlongAxis(x, x, 1)).toThrow(g.DTypeError);
  });

  it("rolls without axes as one row", async () => {
    expect(
      await g
        .roll(
          g.tensor([
            [1, 2],
            [3, 4],
          ]),
          1,
        )
        .array(),
    ).toEqual([
      [4, 1],
      [2, 3],
    ]);
    expect(
      await g
        .flip(
          g.tensor([
            [1, 2],
            [3, 4],
          ]),
        )
        .array(),
    ).toEqual([
      [4, 3],
      [2, 1],
    ]);
  });
});

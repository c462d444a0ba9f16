// Sorting, running totals and reductions on the adapter: lengths around blocks and runs, many rows, few long ones,
// special values, and the accuracy of long sums.

import { beforeAll, describe, expect, it } from "vitest";
import * as g from "../../engine/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { uniforms } from "../support/op-cases.ts";
import { alongAxis, orderOf } from "../support/reduction-model.ts";

const infinity = Number.POSITIVE_INFINITY;
let gpu: g.Device;
let cpu: g.Device;

beforeAll(async () => {
  gpu = await gpuDevice();
  cpu = await referenceDevice();
});

/** Numbers with ties and, one in eight, special ones. */
function special(size: number, seed: number): Float32Array {
  const next = uniforms(seed);
  const odd = [0, -0, infinity, -infinity, Number.NaN, 1e-30, -1e38];
  return Float32Array.from({ length: size }, () =>
    next() < 0.125 ? odd[Math.floor(next() * odd.length)] : Math.floor(next() * 40) / 4 - 5,
  );
}

describe("sort, argSort and topK", () => {
  async function check(
    shape: readonly number[],
    axis: number,
    descending: boolean,
    k: number,
  ): Promise<void> {
    const data = special(
      shape.reduce((a, b) => a * b, 1),
      k + shape[axis],
    );
    const x = g.tensor(data, { shape, device: gpu });
    const what = `[${shape}] along ${axis}`;
    const order = alongAxis(shape, data, axis, (line) => orderOf(line, descending));
    const sorted = alongAxis(shape, data, axis, (line) => orderOf(line, descending).map((i) => line[i]));
    const best = alongAxis(shape, data, axis, (line) => orderOf(line, descending).slice(0, k));
    const top = g.topK(x, k, { axis, smallest: !descending });
    const made = [g.argSort(x, { axis, descending }), g.sort(x, { axis, descending }), top.indices];
    const [indices, values, chosen] = await Promise.all(made.map((tensor) => tensor.data()));
    expect([...indices], what).toEqual(order.data);
    // Bit for bit but for NaN: zeros keep their signs.
    expect([...values], what).toEqual(sorted.data);
    expect([...chosen], what).toEqual(best.data);
    for (const tensor of [x, ...made, top.values]) tensor.dispose();
  }

  it.each([1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 129, 1000])("length %i", async (n) => {
    await check([n], 0, false, Math.min(n, 5));
    await check([3, n], 1, true, Math.ceil(n / 2));
    await check([2, n, 3], 1, n % 2 === 0, n);
  });

  it("many rows, and one long one", async () => {
    await check([1000, 10], 1, true, 3);
    await check([7, 500], 0, false, 2);
    await check([50_001], 0, true, 100);
  });

  it.each(["i32", "u32"] as const)("%s over its whole range", async (dtype) => {
    const values =
      dtype === "i32"
        ? Int32Array.of(5, -(2 ** 31), 2 ** 31 - 1, -1, 0, 5, -7)
        : Uint32Array.of(5, 2 ** 32 - 1, 2 ** 31, 0, 5, 7);
    for (const descending of [false, true]) {
      const got = await g.sort(g.tensor(values, { device: gpu }), { descending }).data();
      const want = [...values].sort((a, b) => (descending ? b - a : a - b));
      expect([...got]).toEqual(want);
    }
  });

  it("inside jit, with the gradient", async () => {
    const data = special(200, 3).map((v) => (Number.isFinite(v) ? v : 9));
    const run = (x: g.Tensor) => {
      const f = (v: g.Tensor) => g.sum(g.mul(g.topK(v, 4).values, g.sort(v, { axis: 0 }).shape[1]));
      return [g.sort(x), g.argSort(x, { descending: true }), g.grad(f)(x)[0]];
    };
    const x = g.tensor(data, { shape: [4, 50], device: gpu });
    const eager = run(x);
    const traced = g.jit(run)(x) as g.Tensor[];
    for (let i = 0; i < eager.length; i++) expect(await traced[i].data()).toEqual(await eager[i].data());
  });
});

describe("scatterAddAlongAxis of unique indices", () => {
  it("stores what adding would give", async () => {
    for (const [rows, picked] of [
      [65, 65],
      [129, 7],
    ]) {
      const order = Int32Array.from(
        { length: picked * 6 },
        (_, i) => (Math.floor(i / 3) * 17 + (i % 3)) % rows,
      );
      const shape = [2, picked, 3];
      const updates = g.tensor(special(picked * 6, 4), { shape, device: gpu });
      const indices = g.tensor(order, { shape, device: gpu });
      const [one, other] = [true, false].map((unique) =>
        g.scatterAddAlongAxis(updates, indices, rows, 1, { unique }),
      );
      expect(await g.abs(one).data()).toEqual(await g.abs(other).data());
    }
  });
});

describe("long sums keep below 1e-6 of the sum of |x|", () => {
  const n = 1_000_000;
  const sequences: Record<string, (i: number) => number> = {
    "0.1": () => 0.1,
    "a large one first": (i) => (i === 0 ? 1e7 : 0.7),
    ramp: (i) => i / n,
    alternating: (i) => (i % 2 ? -1 : 1) * (1 + i / n),
  };
  it.each(Object.entries(sequences))("%s", async (name, at) => {
    const values = Float32Array.from({ length: n }, (_, i) => at(i));
    const totals = new Float64Array(n);
    const sizes = new Float64Array(n);
    values.reduce((sum, v, i) => (totals[i] = sum + v), 0);
    values.reduce((sum, v, i) => (sizes[i] = sum + Math.abs(v)), 0);
    const bounded = (got: number, want: number, size: number, what: string) => {
      if (!(Math.abs(got - want) <= 1e-6 * size)) throw new Error(`${what}: ${got}, not ${want}`);
    };
    const x = g.tensor(values, { device: gpu });
    for (const shape of [
      [1, n],
      [n, 1],
      [n / 2, 2],
      [2, n / 2],
    ]) {
      const [got] = await g.sum(g.reshape(x, shape)).data();
      bounded(got, totals[n - 1], sizes[n - 1], `sum of ${name} as [${shape}]`);
    }
    const firsts = await g.sum(g.reshape(x, [100, n / 100]), 1).data();
    bounded(firsts[0], totals[n / 100 - 1], sizes[n / 100 - 1], `sum of the first row of ${name}`);
    const running = await g.cumsum(x, 0).data();
    running.forEach((got, i) => {
      bounded(got, totals[i], sizes[i], `cumsum of ${name} at ${i}`);
    });
  });
});

describe("running totals", () => {
  it.each([1, 7, 63, 64, 65, 511, 512, 513, 3000, 70_001])("of %i, in chunks or not", async (n) => {
    for (const shape of [[n], [3, n], [n, 5]].filter((s) => s.reduce((a, b) => a * b, 1) < 300_000)) {
      const axis = shape[0] === n ? 0 : 1;
      const next = uniforms(n);
      const data = Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() * 100 - 50);
      for (const options of [
        {},
        { reverse: true },
        { exclusive: true },
        { exclusive: true, reverse: true },
      ]) {
        const [got, want] = [gpu, cpu].map((device) =>
          g.cumsum(g.tensor(data, { shape, device }), axis, options),
        );
        const [a, b] = [await got.data(), await want.data()];
        // Comparing as one, for toEqual on typed arrays is slow.
        expect(a.findIndex((value, i) => value !== b[i])).toBe(-1);
      }
    }
  });

  it("go on past infinities and overflow as IEEE 754 does", async () => {
    const values = new Float32Array(40).fill(1);
    values[2] = infinity;
    const sums = await g.cumsum(g.tensor(values, { device: gpu }), 0).data();
    expect([...sums.subarray(0, 4)]).toEqual([1, 2, infinity, infinity]);
    expect(sums[39]).toBe(infinity);
    const [total] = await g.sum(g.tensor(new Float32Array(3000).fill(3e38), { device: gpu })).data();
    expect(total).toBe(infinity);
    values[3] = -infinity;
    expect(await g.sum(g.tensor(values, { device: gpu })).array()).toBeNaN();
  });

  it("products and recurrences do not overflow where no result does", async () => {
    const factors = Float32Array.from({ length: 3000 }, (_, i) => (i % 2 ? 1e-30 : 1e30));
    const products = await g.cumprod(g.tensor(factors, { device: gpu }), 0).data();
    for (const value of products)
      expect(value === Math.fround(1e30) || Math.abs(value - 1) < 1e-3).toBe(true);
    const a = g.full([70_000], 2, { device: gpu });
    const b = g.full([70_000], -1, { device: gpu });
    // h = 2 h - 1 stays at 1 once there.
    const start = g.concat([g.ones([1], { device: gpu }), g.slice(b, 1)]);
    expect(await g.all(g.equal(g.linearRecurrence(a, start, 0), 1)).array()).toBe(true);
  });
});

describe("extremes carry NaN", () => {
  it("over rows and columns, and argMax finds the first", async () => {
    const data = new Float32Array(65 * 8).fill(1);
    data[13] = Number.NaN;
    const x = g.tensor(data, { shape: [65, 8], device: gpu });
    const rows = await g.max(x, 1).data();
    expect([rows[0], rows[1], rows[2]]).toEqual([1, Number.NaN, 1]);
    const columns = await g.min(x, 0).data();
    expect([columns[4], columns[5]]).toEqual([1, Number.NaN]);
    expect(await g.argMax(x).array()).toBe(13);
    expect(await g.argMin(x).array()).toBe(13);
  });
});

describe("any and all", () => {
  it("fuse with the comparison before them", async () => {
    const x = g.tensor(
      Float32Array.from({ length: 63 * 8 }, (_, i) => i % 100),
      { shape: [63, 8], device: gpu },
    );
    const run = (v: g.Tensor) => [g.any(g.greater(v, 98), 1), g.all(g.less(v, 99), 0), g.any(g.less(v, 0))];
    const traced = g.jit(run)(x) as g.Tensor[];
    const eager = run(x);
    for (let i = 0; i < eager.length; i++) expect(await traced[i].data()).toEqual(await eager[i].data());
    expect([...(await eager[0].data())].filter(Boolean)).toHaveLength(5);
  });
});

// Distributions on this adapter: bits against the float64 reference, statistics, bounds, ranges; RandomGenerator, eager
// and traced.

import { beforeAll, describe, expect, it } from "vitest";
import * as g from "../../engine/index.ts";
import { expectClose } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

const sizes = [0, 1, 3, 63, 64, 65, 129, 100_003];
const words = [0x89abcdef, 0x1fffff, 5, 0xfffffffe];
const n = 100_003;

let gpu: g.Device;
let cpu: g.Device;

beforeAll(async () => {
  cpu = await referenceDevice();
  gpu = await gpuDevice();
});

const stateOn = (device: g.Device) => g.tensor(Uint32Array.from(words), { shape: [4], device });

describe("the same bits on this adapter and the reference", () => {
  const draws: Record<string, (state: g.Tensor, size: number) => g.Tensor> = {
    "randomBernoulli at 0.3": (state, size) => g.randomBernoulli(state, [size], { probability: 0.3 }),
    "randomBernoulli at 1": (state, size) => g.randomBernoulli(state, [size], { probability: 1 }),
    "randomInteger below 10": (state, size) => g.randomInteger(state, [size], { high: 10 }),
    "randomInteger over all": (state, size) =>
      g.randomInteger(state, [size], { low: -(2 ** 31), high: 2 ** 31 - 1 }),
    "randomUniform to 8": (state, size) => g.randomUniform(state, [size], { low: 0, high: 8 }),
  };
  it.each(Object.entries(draws))("%s", async (_, draw) => {
    for (const size of sizes) {
      const [got, want] = await Promise.all([gpu, cpu].map((device) => draw(stateOn(device), size).data()));
      expect(got).toHaveLength(size);
      expect(got.findIndex((value, i) => value !== want[i])).toBe(-1);
    }
  });
});

describe("agree with the reference to a tolerance", () => {
  const draws: Record<string, (state: g.Tensor, size: number) => g.Tensor> = {
    "uniform from -3 to 5": (state, size) => g.randomUniform(state, [size], { low: -3, high: 5 }),
    "normal of mean 2": (state, size) => g.randomNormal(state, [size], { mean: 2, stddev: 0.5 }),
    "truncated normal": (state, size) => g.randomTruncatedNormal(state, [size]),
    gumbel: (state, size) => g.randomGumbel(state, [size]),
  };
  it.each(Object.entries(draws))("%s", async (name, draw) => {
    for (const size of sizes) {
      const [got, want] = [gpu, cpu].map((device) => draw(stateOn(device), size));
      await expectClose(got, want, 3e-6, `${name} of ${size}`);
    }
  });

  it("categorical: as good as all draws", async () => {
    const logits = Float32Array.from({ length: 300 * 7 }, (_, i) => ((i * 37) % 11) / 3);
    const [got, want] = await Promise.all(
      [gpu, cpu].map((device) =>
        g
          .randomCategorical(stateOn(device), g.tensor(logits, { shape: [300, 7], device }), { count: 20 })
          .data(),
      ),
    );
    expect(got).toHaveLength(6000);
    expect(got.filter((value, i) => value !== want[i]).length).toBeLessThan(3);
  });
});

/** The largest distance between the distribution of values and a distribution function (Kolmogorov and Smirnov). */
function distance(values: ArrayLike<number>, below: (x: number) => number): number {
  const sorted = Float64Array.from(values).sort();
  let worst = 0;
  sorted.forEach((x, i) => {
    worst = Math.max(
      worst,
      Math.abs(below(x) - i / sorted.length),
      Math.abs((i + 1) / sorted.length - below(x)),
    );
  });
  return worst;
}

/** P(N(0, 1) < x), by Simpson's rule on the density. */
function normalBelow(x: number): number {
  const steps = 200;
  const h = x / steps;
  let total = 0;
  for (let i = 0; i <= steps; i++)
    total += (i === 0 || i === steps ? 1 : i % 2 ? 4 : 2) * Math.exp(-((i * h) ** 2) / 2);
  return 0.5 + (total * h) / 3 / Math.sqrt(2 * Math.PI);
}

describe("statistics", () => {
  // Distances above 1.95 / sqrt(n) come once in a thousand draws; these draws are always the same.
  const critical = 1.95 / Math.sqrt(n);
  const cut = normalBelow(-2);

  it.each<[string, (state: g.Tensor) => g.Tensor, (x: number) => number]>([
    ["uniform", (s) => g.randomUniform(s, [n], { low: -1, high: 3 }), (x) => (x + 1) / 4],
    ["normal", (s) => g.randomNormal(s, [n], { mean: 1, stddev: 2 }), (x) => normalBelow((x - 1) / 2)],
    ["truncated", (s) => g.randomTruncatedNormal(s, [n]), (x) => (normalBelow(x) - cut) / (1 - 2 * cut)],
    ["gumbel", (s) => g.randomGumbel(s, [n]), (x) => Math.exp(-Math.exp(-x))],
  ])("%s is distributed as it should be", async (_, draw, below) => {
    const values = await draw(stateOn(gpu)).data();
    expect(distance(values, below)).toBeLessThan(critical);
  });

  it("stay inside their bounds", async () => {
    const truncated = await g.randomTruncatedNormal(stateOn(gpu), [n]).data();
    expect(Math.max(...truncated.subarray(0, 50_000).map(Math.abs))).toBeLessThanOrEqual(2);
    let deviation = 0;
    for (const x of truncated) deviation += x * x;
    expect(Math.abs(Math.sqrt(deviation / n) - 0.8796)).toBeLessThan(0.006);
    const uniform = await g.randomUniform(stateOn(gpu), [n], { low: 1, high: 1 + 2 ** -22 }).data();
    expect(uniform.every((x) => x >= 1 && x < 1 + 2 ** -22)).toBe(true);
  });

  it("counts of Bernoulli, integers and categories", async () => {
    const coins = await g.randomBernoulli(stateOn(gpu), [n], { probability: 0.3 }).data();
    const heads = [...coins].reduce((a, b) => a + b, 0);
    expect(Math.abs(heads / n - 0.3)).toBeLessThan(4 * Math.sqrt(0.21 / n));
    const dice = await g.randomInteger(stateOn(gpu), [n], { low: 1, high: 7 }).data();
    const faces = [1, 2, 3, 4, 5, 6].map((face) => dice.filter((v) => v === face).length);
    expect(faces.reduce((a, b) => a + b)).toBe(n);
    // Chi-square of 5 degrees of freedom: above 20.5 once in a thousand.
    expect(faces.reduce((sum, count) => sum + (count - n / 6) ** 2 / (n / 6), 0)).toBeLessThan(20.5);
    const logits = g.tensor([Math.log(1), Math.log(2), Number.NEGATIVE_INFINITY, Math.log(5)], {
      device: gpu,
    });
    const drawn = await g.randomCategorical(stateOn(gpu), logits, { count: 40_000 }).data();
    const share = [0, 1, 2, 3].map((k) => drawn.filter((v) => v === k).length / 40_000);
    [1 / 8, 2 / 8, 0, 5 / 8].forEach((p, k) => {
      expect(Math.abs(share[k] - p)).toBeLessThanOrEqual(4 * Math.sqrt((p * (1 - p)) / 40_000));
    });
  });
});

describe("RandomGenerator", () => {
  const draw = (random: g.RandomGenerator, x: g.Tensor): g.Tensor[] => [
    random.normal([5, 7], { stddev: 2 }),
    g.add(g.mul(x, random.uniform([5, 7])), 1),
    g.where(random.bernoulli([5, 7], { probability: 0.3 }), x, 0),
    random.integers([9], -3, 4),
    random.categorical(x, { count: 4 }),
    random.permutation(65),
    random.shuffle(x),
    random.dropout(x, 0.5),
    g.sum(random.truncatedNormal([4, 5])),
  ];

  it("draws anew each time, traced as eager", async () => {
    const x = g.tensor(
      Float32Array.from({ length: 35 }, (_, i) => i / 8),
      { shape: [5, 7], device: gpu },
    );
    using eager = new g.RandomGenerator({ seed: 7, device: gpu });
    using inside = new g.RandomGenerator({ seed: 7, device: gpu });
    const traced = g.jit((v: g.Tensor) => draw(inside, v));
    let before: ArrayLike<number> | undefined;
    for (let run = 0; run < 3; run++) {
      const want = draw(eager, x);
      const got = traced(x) as g.Tensor[];
      for (let i = 0; i < want.length; i++)
        await expectClose(got[i], want[i], 2e-6, `draw ${i} of run ${run}`);
      const normal = await want[0].data();
      if (before !== undefined) expect(normal).not.toEqual(before);
      before = normal;
    }
    expect([...(await eager.state.data())]).toEqual([7, 0, 27, 0]);
    expect([...(await inside.state.data())]).toEqual([7, 0, 27, 0]);
  });

  it("repeats from a state that is assigned again, and generators without a seed differ", async () => {
    using one = new g.RandomGenerator({ device: gpu });
    using other = new g.RandomGenerator({ device: gpu });
    const start = g.tensor((await one.state.data()) as Uint32Array, { device: gpu });
    const first = await one.uniform([8]).data();
    expect(await other.uniform([8]).data()).not.toEqual(first);
    one.state.assign(start);
    expect(await one.uniform([8]).data()).toEqual(first);
  });

  it("gives the gradient of dropout the mask that it drew, eager and traced", async () => {
    const x = g.ones([64], { device: gpu });
    using eager = new g.RandomGenerator({ seed: 3, device: gpu });
    using inside = new g.RandomGenerator({ seed: 3, device: gpu });
    const step = (random: g.RandomGenerator) => (v: g.Tensor) => {
      let dropped: g.Tensor | undefined;
      const { grads } = g.valueAndGrad((z: g.Tensor) => {
        dropped = g.keep(random.dropout(z, 0.25));
        return g.sum(g.square(dropped));
      })(v);
      return [dropped!, grads[0]];
    };
    const traced = g.jit(step(inside));
    for (let run = 0; run < 2; run++) {
      const [values, gradient] = step(eager)(x);
      const got = traced(x) as g.Tensor[];
      const dropped = [...(await values.data())];
      expect(dropped.filter((value) => value === 0).length).toBeGreaterThan(4);
      // Of (x / 0.75)^2 where x is 1 and kept.
      [...(await gradient.data())].forEach((value, i) => {
        expect(value).toBeCloseTo((dropped[i] * 2) / 0.75, 5);
      });
      expect([...(await got[0].data())]).toEqual(dropped);
      expect([...(await got[1].data())]).toEqual([...(await gradient.data())]);
      g.disposeAll([values, gradient]);
    }
    expect([...(await eager.state.data())]).toEqual([3, 0, 2, 0]);
  });

  it("shuffles rows along an axis without losing any", async () => {
    using random = new g.RandomGenerator({ seed: 1, device: gpu });
    const x = g.reshape(g.arange(3 * 40, { device: gpu }), [3, 40]);
    const shuffled = (await random.shuffle(x, 1).array()) as number[][];
    expect([...shuffled[0]].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(shuffled[0]).not.toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(shuffled[1]).toEqual(shuffled[0].map((v) => v + 40));
  });
});

describe("misuse", () => {
  it("is told at the call", () => {
    const state = stateOn(gpu);
    expect(() => g.randomUniform(state, [2], { low: 1, high: 1 })).toThrow("low less than high");
    expect(() => g.randomNormal(state, [2], { stddev: -1 })).toThrow("stddev at least 0");
    expect(() => g.randomBernoulli(state, [2], { probability: 1.5 })).toThrow("from 0 to 1, got 1.5");
    expect(() => g.randomInteger(state, [2])).toThrow(g.ArgumentError);
    expect(() => g.randomInteger(state, [2], { low: 3, high: 3 })).toThrow("low 3 and high 3");
    expect(() => g.randomCategorical(state, g.zeros([2, 0], { device: gpu }))).toThrow("at least one class");
    expect(() => g.randomCategorical(state, state)).toThrow(g.DTypeError);
    expect(() => g.randomGumbel(g.zeros([4], { device: gpu }), [2])).toThrow(g.DTypeError);
  });
});

// RandomGenerator on the CPU reference: each method draws what its op draws from the state that comes next, and leaves
// that state behind.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomSource } from "../../engine/base/random/source.ts";
import {
  type Device,
  DTypeError,
  grad,
  init,
  RandomGenerator,
  randomBernoulli,
  randomCategorical,
  randomInteger,
  randomNormal,
  randomTruncatedNormal,
  randomUniform,
  square,
  sum,
  type Tensor,
  tensor,
  variable,
} from "../../engine/index.ts";
import { dropout, permutation } from "../../engine/ops/random/random.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 5 });
});
afterAll(() => device.dispose());

const numbers = async (x: Tensor) => [...(await x.data())];
const logits = () =>
  tensor(
    [
      [0, 1, 2],
      [3, 2, 0],
    ],
    { device },
  );

describe("a generator", () => {
  const draws: Record<string, [(random: RandomGenerator) => Tensor, (state: Tensor) => Tensor]> = {
    uniform: [
      (random) => random.uniform([9], { low: 2, high: 3 }),
      (state) => randomUniform(state, [9], { low: 2, high: 3 }),
    ],
    normal: [
      (random) => random.normal([9], { mean: 2, stddev: 3 }),
      (state) => randomNormal(state, [9], { mean: 2, stddev: 3 }),
    ],
    truncatedNormal: [
      (random) => random.truncatedNormal([9], { stddev: 3 }),
      (state) => randomTruncatedNormal(state, [9], { stddev: 3 }),
    ],
    bernoulli: [
      (random) => random.bernoulli([50], { probability: 0.2 }),
      (state) => randomBernoulli(state, [50], { probability: 0.2 }),
    ],
    integers: [
      (random) => random.integers([50], -2, 3),
      (state) => randomInteger(state, [50], { low: -2, high: 3 }),
    ],
    permutation: [(random) => random.permutation(20), (state) => permutation(state, 20)],
    categorical: [
      (random) => random.categorical(logits(), { count: 7 }),
      (state) => randomCategorical(state, logits(), { count: 7 }),
    ],
    dropout: [
      (random) => random.dropout(tensor(new Float32Array(30).fill(1), { device }), 0.3),
      (state) => dropout(tensor(new Float32Array(30).fill(1), { device }), 0.3, state),
    ],
  };

  it.each(Object.entries(draws))("%s draws from the next state, and leaves it", async (_, [draw, op]) => {
    using random = new RandomGenerator({ seed: 2 ** 40 + 9, device });
    expect(await numbers(random.state)).toEqual([9, 2 ** 8, 0, 0]);
    for (const counter of [1, 2]) {
      const next = tensor(new RandomSource(2 ** 40 + 9).state(0, counter), { device });
      const got = draw(random);
      const want = op(next);
      expect([got.shape, got.dtype]).toEqual([want.shape, want.dtype]);
      expect(await numbers(got)).toEqual(await numbers(want));
      expect(await numbers(random.state)).toEqual([9, 2 ** 8, counter, 0]);
    }
  });

  it("shuffles along the axis that it is told, all rows alike", async () => {
    using random = new RandomGenerator({ seed: 1, device });
    const x = tensor(
      Array.from({ length: 4 }, (_, i) => Array.from({ length: 9 }, (_, k) => 10 * i + k)),
      { device },
    );
    const columns = (await random.shuffle(x, 1).array()) as number[][];
    expect(columns[0]).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect([...columns[0]].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(columns[2]).toEqual(columns[0].map((value) => value + 20));
    const rows = (await random.shuffle(x).array()) as number[][];
    expect(rows.map(([first]) => first).sort((a, b) => a - b)).toEqual([0, 10, 20, 30]);
    for (const row of rows) expect(row).toEqual(Array.from({ length: 9 }, (_, k) => row[0] + k));
    expect(await numbers(random.shuffle(x, -1))).toHaveLength(36);
  });

  it("of the same seed draws the same, without one what nobody else draws", async () => {
    const draw = async (options: ConstructorParameters<typeof RandomGenerator>[0]) => {
      using random = new RandomGenerator(options);
      return (await numbers(random.uniform([8]))).join();
    };
    expect(await draw({ seed: 3, device })).toBe(await draw({ seed: 3, device }));
    expect(await draw({ seed: 3, device })).not.toBe(await draw({ seed: 4, device }));
    expect(await draw({ device })).not.toBe(await draw({ device }));
  });

  it("draws from a state that it is given, and refuses what is none", async () => {
    using own = new RandomGenerator({ seed: 5, device });
    const state = variable(await own.state.array(), { dtype: "u32", device, trainable: false });
    const random = new RandomGenerator({ state });
    expect(random.state).toBe(state);
    for (let i = 0; i < 3; i++) {
      expect(await numbers(random.normal([5]))).toEqual(await numbers(own.normal([5])));
    }
    expect(await numbers(state)).toEqual(await numbers(own.state));
    expect(() => new RandomGenerator({ state, seed: 1 })).toThrow(/give it alone/);
    expect(() => new RandomGenerator({ state: variable([1, 2, 3, 4], { device }) })).toThrow(DTypeError);
    expect(() => new RandomGenerator({ state: tensor([1], { device }) as never })).toThrow(
      /must be a Variable/,
    );
    // Whoever made the state frees it.
    random.dispose();
    expect(await numbers(state)).toHaveLength(4);
    state.dispose();
  });

  it("is what a shape alone leads to", () => {
    expect(() => randomNormal([2, 3] as never, [2, 3])).toThrow(
      "randomNormal: argument 1 must be a random state, got an array; without one, new RandomGenerator() draws by its methods",
    );
  });

  it("is not trained, and gives gradients with the mask that it drew", async () => {
    using random = new RandomGenerator({ seed: 3, device });
    expect(random.state.trainable).toBe(false);
    const x = tensor(new Float32Array(40).fill(2), { device });
    let dropped: number[] = [];
    const reads: Promise<unknown>[] = [];
    const [gradient] = grad((z: Tensor) => {
      const y = random.dropout(z, 0.5);
      reads.push(y.data().then((values) => (dropped = [...values])));
      return sum(square(y));
    })(x);
    await Promise.all(reads);
    expect(new Set(dropped)).toEqual(new Set([0, 4]));
    // Of (2 x)^2 where x is 2 and kept.
    expect(await numbers(gradient)).toEqual(dropped.map((value) => 4 * value));
  });
});

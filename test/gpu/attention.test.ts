// Attention on this adapter: masks of all kinds against the float64 reference, op by op and traced; what it keeps in
// memory; generating with a cache; dispatches of a small GPT.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type AttentionOptions,
  type Device,
  device as defaultDevice,
  grad,
  jit,
  mul,
  noGrad,
  scaledDotProductAttention,
  setDevice,
  sum,
  type Tensor,
  tensor,
  type Variable,
} from "../../engine/index.ts";
import { explain } from "../../engine/inspect/index.ts";
import {
  Add,
  activations,
  Dense,
  Embedding,
  GroupedQueryAttention,
  input,
  KeyValueCache,
  LayerNormalization,
  Model,
  MultiHeadAttention,
  type Placeholder,
  PositionEmbedding,
  ReversibleEmbedding,
  RotaryEmbedding,
  SinePositionEncoding,
} from "../../nn/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice, withOwnDevice } from "../support/devices.ts";
import { uniforms } from "../support/op-cases.ts";
import { isDueHere, sampledHere } from "../support/sampled.ts";

let gpu: Device;
let reference: Device;
let before: Device;

beforeAll(async () => {
  gpu = await gpuDevice();
  reference = await referenceDevice();
  before = defaultDevice();
});
beforeEach(() => setDevice(gpu));
afterEach(() => gpu.sync());
afterAll(() => setDevice(before));

const drawn = (device: Device, seed: number, shape: readonly number[]): Tensor => {
  const next = uniforms(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: size }, () => 2 * next() - 1),
    { shape: [...shape], device },
  );
};

const flags = (device: Device, seed: number, shape: readonly number[]): Tensor => {
  const next = uniforms(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Array.from({ length: size }, () => (next() < 0.6 ? 1 : 0)),
    { shape: [...shape], dtype: "bool", device },
  );
};

/** Sizes: [batch, queries, keys, heads, keyHeads, dim, valueDim]. */
const cases: Record<string, readonly [readonly number[], (device: Device) => AttentionOptions]> = {
  "as it is, over several tiles": [[2, 19, 37, 2, 2, 8, 8], () => ({})],
  "one step": [[2, 1, 1, 2, 2, 5, 3], () => ({ causal: true })],
  "causal, grouped heads": [[2, 21, 21, 4, 2, 8, 8], () => ({ causal: true })],
  padding: [[2, 9, 13, 2, 1, 6, 10], (device) => ({ mask: flags(device, 5, [2, 1, 1, 13]) })],
  "a mask of its own for each row": [
    [2, 7, 11, 3, 3, 4, 4],
    (device) => ({ mask: flags(device, 6, [2, 3, 7, 11]), causal: true }),
  ],
  "rows that see nothing": [
    [1, 3, 5, 1, 1, 4, 4],
    (device) => ({
      mask: tensor(
        [
          [0, 0, 0, 0, 0],
          [0, 1, 1, 0, 1],
          [0, 0, 0, 0, 0],
        ],
        { dtype: "bool", device },
      ),
    }),
  ],
  "a bias that hides keys": [
    [1, 4, 6, 2, 2, 4, 4],
    (device) => {
      const values = [0.5, Number.NEGATIVE_INFINITY, -1, 0.25, 2, Number.NEGATIVE_INFINITY];
      return { bias: tensor([values, values.map((value) => -Math.abs(value)), values, values], { device }) };
    },
  ],
  "mask and bias": [
    [2, 5, 6, 2, 2, 4, 4],
    (device) => ({ mask: flags(device, 8, [2, 1, 1, 6]), bias: drawn(device, 9, [1, 2, 5, 6]), scale: 0.3 }),
  ],
  dropout: [
    [2, 9, 14, 2, 1, 8, 8],
    (device) => ({
      dropout: { rate: 0.4, state: tensor([7, 3, 2, 1], { dtype: "u32", device }) },
      mask: flags(device, 5, [2, 1, 1, 14]),
    }),
  ],
  "behind earlier keys": [
    [2, 3, 12, 2, 2, 4, 4],
    (device) => ({ causal: true, offset: tensor([4, 7], { dtype: "i32", device }) }),
  ],
};

/** What comes out, and the gradients of q, k and v for outputs weighted by cosines. */
async function numbers(
  device: Device,
  sizes: readonly number[],
  of: (device: Device) => AttentionOptions,
  traces: boolean,
) {
  setDevice(device);
  const [batch, queries, keys, heads, keyHeads, dim, valueDim] = sizes;
  const q = drawn(device, 1, [batch, queries, heads, dim]);
  const k = drawn(device, 2, [batch, keys, keyHeads, dim]);
  const v = drawn(device, 3, [batch, keys, keyHeads, valueDim]);
  const options = of(device);
  const weights = tensor(
    Float32Array.from({ length: batch * queries * heads * valueDim }, (_, i) => Math.cos(1.7 * i)),
    { shape: [batch, queries, heads, valueDim], device },
  );
  const step = (a: Tensor, b: Tensor, c: Tensor): readonly Tensor[] => [
    scaledDotProductAttention(a, b, c, options),
    ...(grad(
      (x: Tensor, y: Tensor, z: Tensor) => sum(mul(scaledDotProductAttention(x, y, z, options), weights)),
      { argnums: [0, 1, 2] },
    )(a, b, c) as readonly Tensor[]),
  ];
  const results = traces ? jit(step)(q, k, v) : step(q, k, v);
  return Promise.all((results as readonly Tensor[]).map((x) => x.data()));
}

describe("scaledDotProductAttention", () => {
  it.each(sampledHere(Object.entries(cases)))("%s", async (name, [sizes, options]) => {
    const want = await numbers(reference, sizes, options, false);
    for (const traces of [false, true]) {
      const got = await numbers(gpu, sizes, options, traces);
      got.forEach((values, i) => {
        expectCloseArrays(values, want[i], 1e-5, `${name}: ${["output", "q", "k", "v"][i]}`);
      });
    }
  });

  it("gives zeros, and no gradient, where a query sees no key", async () => {
    const [sizes, options] = cases["rows that see nothing"];
    const [out, dq] = await numbers(gpu, sizes, options, false);
    for (const values of [out, dq]) {
      expect([...values.slice(0, 4), ...values.slice(8)]).toEqual(new Array(8).fill(0));
      expect(values[5]).not.toBe(0);
    }
  });

  it.runIf(isDueHere(0))("keeps nothing of size queries times keys", async () => {
    const [steps, heads, dim] = [2000, 2, 8];
    const scores = 4 * heads * steps * steps;
    await withOwnDevice(async (device) => {
      const x = drawn(device, 1, [1, steps, heads, dim]);
      const step = jit((y: Tensor) =>
        grad((z: Tensor) => sum(scaledDotProductAttention(z, z, z, { causal: true })))(y),
      );
      const [gradient] = [step(x)].flat() as Tensor[];
      const values = await gradient.data();
      expect(values.every(Number.isFinite)).toBe(true);
      expect(device.memory().peakBytes).toBeLessThan(scores / 10);
    });
  });

  it("refuses what does not fit, and batches of nothing", () => {
    const of = (...shape: number[]) => drawn(gpu, 1, shape);
    const x = of(2, 3, 2, 4);
    expect(() => scaledDotProductAttention(of(2, 3, 8), x, x)).toThrow(/\[batch, queries, heads, dim\]/);
    expect(() => scaledDotProductAttention(x, of(2, 3, 2, 5), x)).toThrow(
      /got \[2, 3, 2, 4\], \[2, 3, 2, 5\]/,
    );
    expect(() => scaledDotProductAttention(of(2, 3, 3, 4), x, x)).toThrow(/3 heads of queries can't share 2/);
    expect(() => scaledDotProductAttention(x, x, x, { mask: flags(gpu, 1, [2, 3, 3]) })).toThrow(
      /its axes are/,
    );
    expect(() => scaledDotProductAttention(x, x, x, { mask: flags(gpu, 1, [2, 1, 1, 4]) })).toThrow(
      /must be \[2, 2, 3, 3\]/,
    );
    expect(() => scaledDotProductAttention(x, x, x, { offset: tensor([1], { dtype: "i32" }) })).toThrow(
      /causal: true/,
    );
    const none = tensor([], { shape: [0, 3, 2, 4] });
    expect(() => scaledDotProductAttention(none, none, none)).toThrow(/there are no sequences in the batch/);
  });
});

const [width, vocabulary] = [16, 11];

/** A small language model of any length. */
function languageModel(
  attention: () => MultiHeadAttention | GroupedQueryAttention,
  learnt: boolean | "no positions",
): Model {
  const ids = input([null], { dtype: "i32" });
  const table = new ReversibleEmbedding(vocabulary, width);
  const embedded = table.call(ids);
  let x = embedded;
  if (learnt !== "no positions") {
    const positions = learnt ? new PositionEmbedding(12) : new SinePositionEncoding();
    x = new Add().call([embedded, positions.call(embedded)]);
  }
  for (let block = 0; block < 2; block++)
    x = new Add().call([x, attention().call(new LayerNormalization().call(x))]);
  return new Model(ids, table.call({ reverse: x }));
}

describe("KeyValueCache", () => {
  // Shorter than what the cache has room for, which is for the own sequence, and longer.
  it.each([
    [5, 16],
    [11, 8],
  ])(
    "turns what another sequence of %i brings from its beginning, at every step of %i",
    async (others, maxLength) => {
      const [tokens, seen, steps] = [input([null, width]), input([null, width]), 7];
      const rotary = () => new RotaryEmbedding();
      const own = new Add().call([
        tokens,
        new MultiHeadAttention(2, 8, { useCausalMask: true, rotary: rotary() }).call(tokens),
      ]);
      const cross = new MultiHeadAttention(2, 8, { rotary: rotary() }).call({ query: own, value: seen });
      using model = new Model([tokens, seen], new Add().call([own, cross]));
      const wave = (count: number, phase: number) =>
        Float32Array.from({ length: count * width }, (_, i) => Math.sin(i * 1.7 + phase));
      const x = wave(steps, 1);
      const memory = tensor(wave(others, 2), { shape: [1, others, width] });
      const whole = noGrad(() => model.call([tensor(x, { shape: [1, steps, width] }), memory]) as Tensor);
      const want = await whole.data();
      using cache = new KeyValueCache(model, { batchSize: 1, maxLength });
      for (let at = 0; at < steps; at++) {
        const [from, to] = [at * width, (at + 1) * width];
        const row = tensor(x.slice(from, to), { shape: [1, 1, width] });
        const out = cache.run(() => model.call([row, memory]) as Tensor);
        expectCloseArrays(await out.data(), want.slice(from, to), 1e-4, `step ${at}`);
      }
    },
  );

  it.each([
    ["MultiHeadAttention", () => new MultiHeadAttention(2, 8, { useCausalMask: true }), true],
    ["GroupedQueryAttention", () => new GroupedQueryAttention(4, 4, 2, { useCausalMask: true }), false],
    [
      "GroupedQueryAttention, turned",
      () => new GroupedQueryAttention(4, 4, 2, { useCausalMask: true, rotary: new RotaryEmbedding() }),
      "no positions",
    ],
  ] as const)("step by step gives what all steps together do: %s", async (_, attention, learnt) => {
    using model = languageModel(attention, learnt);
    const tokens = Int32Array.from({ length: 20 }, (_, i) => (i * 7) % vocabulary);
    const whole = noGrad(() => model.call(tensor(tokens, { shape: [2, 10], dtype: "i32" })) as Tensor);
    const want = await whole.data();
    using cache = new KeyValueCache(model, { batchSize: 2, maxLength: 12 });
    const step = jit((token: Tensor) => cache.run(() => model.call(token) as Tensor));
    const take = (from: number, count: number) =>
      tensor(
        Int32Array.from(
          { length: 2 * count },
          (_, i) => tokens[Math.floor(i / count) * 10 + from + (i % count)],
        ),
        { shape: [2, count], dtype: "i32" },
      );
    const compare = async (out: Tensor, from: number, count: number) => {
      const part = [0, 1].flatMap((b) => [
        ...want.slice((b * 10 + from) * vocabulary, (b * 10 + from + count) * vocabulary),
      ]);
      expectCloseArrays(await out.data(), part, 1e-4, `steps from ${from}`);
    };
    for (let round = 0; round < 2; round++) {
      // Some at once, then one by one.
      await compare(step(take(0, 4)), 0, 4);
      for (let at = 4; at < 10; at++) await compare(step(take(at, 1)), at, 1);
      cache.reset();
    }
    // One program for four steps, one for a single step.
    expect(explain(step).match(/^program\(/gm)?.length).toBe(2);
  });

  it("rotary is a RotaryEmbedding, of heads of even size", () => {
    const rotary = new RotaryEmbedding({ maxWavelength: 500 });
    const layer = new GroupedQueryAttention(4, 4, 2, { rotary });
    expect(layer.config().rotary).toMatchObject({ type: "RotaryEmbedding", config: { maxWavelength: 500 } });
    expect(layer.clone().rotary?.maxWavelength).toBe(500);
    expect(() => new MultiHeadAttention(2, 3, { rotary }).build([5, 6])).toThrow(/an even number of them/);
    const wrong = { rotary: true } as unknown as { rotary: RotaryEmbedding };
    expect(() => new MultiHeadAttention(2, 4, wrong)).toThrow(/rotary must be a RotaryEmbedding/);
  });

  it("refuses models that can't go on", () => {
    using model = languageModel(() => new MultiHeadAttention(2, 8), true);
    noGrad(() => model.call(tensor([[1]], { dtype: "i32" })));
    expect(() => new KeyValueCache(model, { maxLength: 4 })).toThrow(/has no MultiHeadAttention or/);
  });
});

describe("SinePositionEncoding", () => {
  it("gives the numbers that tutorials print for 4 features and waves up to 2π · 100", async () => {
    using layer = new SinePositionEncoding({ maxWavelength: 100 });
    const want = [
      [0, 1, 0, 1],
      [0.84147098, 0.54030231, 0.09983342, 0.99500417],
      [0.90929743, -0.41614684, 0.19866933, 0.98006658],
      [0.14112001, -0.9899925, 0.29552021, 0.95533649],
    ].flat();
    expectCloseArrays(
      await layer.call(drawn(gpu, 1, [2, 4, 4])).data(),
      [...want, ...want],
      1e-7,
      "encoding",
    );
  });
});

describe("ReversibleEmbedding", () => {
  it.each([true, false])("makes rows and logits of one table or two (tieWeights: %s)", async (tieWeights) => {
    using layer = new ReversibleEmbedding(5, 3, { tieWeights, logitSoftCap: 2 });
    const rows = layer.call(tensor([[1, 4]], { dtype: "i32" }));
    const logits = layer.call({ reverse: rows });
    const table = await (layer.embeddings as Variable).data();
    expect([...(await rows.data())]).toEqual([...table.slice(3, 6), ...table.slice(12, 15)]);
    const other = await layer.reverseEmbeddings?.data();
    expect(other === undefined).toBe(tieWeights);
    const entry = (token: number, i: number) =>
      other === undefined ? table[3 * token + i] : other[5 * i + token];
    const want = [1, 4].flatMap((row) =>
      [0, 1, 2, 3, 4].map((token) => {
        const product = [0, 1, 2].reduce((total, i) => total + table[3 * row + i] * entry(token, i), 0);
        return 2 * Math.tanh(product / 2);
      }),
    );
    expectCloseArrays(await logits.data(), want, 1e-6, "logits");
    expect(() => layer.call({ reverse: tensor([[1, 2]]) })).toThrow(/makes logits of \[batch, \.\.\., 3\]/);
  });
});

describe("a small GPT", () => {
  /** Pre-norm blocks of attention and two dense layers. */
  function blocks(count: number): Model {
    const ids = input([8], { dtype: "i32" });
    let x: Placeholder = new Embedding(vocabulary, width).call(ids);
    for (let block = 0; block < count; block++) {
      const attention = new MultiHeadAttention(2, width / 2, { useCausalMask: true });
      x = new Add().call([x, attention.call(new LayerNormalization().call(x))]);
      const hidden = new Dense(4 * width, { activation: activations.gelu }).call(
        new LayerNormalization().call(x),
      );
      x = new Add().call([x, new Dense(width).call(hidden)]);
    }
    return new Model(ids, new Dense(vocabulary, { activation: "softmax" }).call(x));
  }

  /** Dispatches of a forward pass, and of a step of training. */
  async function dispatches(count: number): Promise<readonly [forward: number, training: number]> {
    using model = blocks(count);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    const ids = Int32Array.from({ length: 32 * 8 }, (_, i) => i % vocabulary);
    const x = tensor(ids, { shape: [32, 8], dtype: "i32" });
    const run = jit((tokens: Tensor) => noGrad(() => model.call(tokens) as Tensor));
    const first = tensor(ids.slice(0, 64), { shape: [8, 8], dtype: "i32" });
    await run(first).data();
    const at = gpu.counters().dispatches;
    await run(first).data();
    const forward = gpu.counters().dispatches - at;
    const counted: number[] = [];
    await model.fit(x, x, {
      verbose: 0,
      batchSize: 8,
      epochs: 3,
      shuffle: false,
      callbacks: [{ onEpochEnd: () => void counted.push(gpu.counters().dispatches) }],
    });
    return [forward, (counted[2] - counted[1]) / 4];
  }

  it("takes at most 8 dispatches a layer forward and 25 in training", async () => {
    const [one, two] = [await dispatches(1), await dispatches(2)];
    expect(two[0] - one[0]).toBeLessThanOrEqual(8);
    expect(two[1] - one[1]).toBeLessThanOrEqual(25);
  });
});

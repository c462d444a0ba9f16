// What the layers of activations, masks, merging and noise do beyond numbers: masks, random draws, penalties, refusals.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  abs,
  checkpoint,
  type Device,
  grad,
  init,
  jit,
  mul,
  ones,
  ShapeError,
  sub,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "../../engine/index.ts";
import {
  ActivityRegularization,
  Add,
  AdditiveAttention,
  AlphaDropout,
  Attention,
  BatchNormalization,
  Concatenate,
  collectLosses,
  Dense,
  Dot,
  Dropout,
  Embedding,
  GaussianDropout,
  GaussianNoise,
  GroupedQueryAttention,
  Identity,
  initializers,
  input,
  Lambda,
  type Layer,
  LayerNormalization,
  Masking,
  Maximum,
  Model,
  MultiHeadAttention,
  maskOf,
  type Placeholder,
  PReLU,
  ReLU,
  RepeatVector,
  regularizers,
  Softmax,
  SpatialDropout1D,
  SpatialDropout2D,
  Subtract,
  UnitNormalization,
} from "../../nn/index.ts";
import "../../nn/names.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const flags = async (value: Tensor) => {
  const mask = maskOf(value);
  return mask === undefined ? undefined : Array.from(await mask.data(), Number);
};

describe("attention's dropout", () => {
  const options = { dropout: 0.5, seed: 3 };
  type Called = { call(inputs: readonly Tensor[], context?: { training: boolean }): Tensor };
  const layers: Readonly<Record<string, () => Called>> = {
    Attention: () => new Attention(options) as Called,
    AdditiveAttention: () => new AdditiveAttention(options) as Called,
    MultiHeadAttention: () => new MultiHeadAttention(2, 4, options) as Called,
    GroupedQueryAttention: () => new GroupedQueryAttention(4, 2, 1, options) as Called,
  };
  const steps = () =>
    tensor(
      Float32Array.from({ length: 2 * 6 * 8 }, (_, i) => Math.sin(i)),
      [2, 6, 8],
    );

  it.each(Object.entries(layers))("of %s draws in training only, anew each time", async (_, make) => {
    const layer = make();
    const run = async (training: boolean) => [...(await layer.call([steps(), steps()], { training }).data())];
    const [plain, first, second] = [await run(false), await run(true), await run(true)];
    expect(first).not.toEqual(plain);
    expect(second).not.toEqual(first);
    expect(await run(false)).toEqual(plain);
  });
});

describe("a checkpointed block in a layer", () => {
  it("runs again as it ran, in training", async () => {
    const drop = new Dropout(0.5, { seed: 2 });
    const layer = new Lambda((x: Tensor) => checkpoint((u: Tensor) => drop.call(u))(x));
    const x = ones([8, 8]);
    drop.call(x).dispose();
    const [mask] = grad((v) => sum(layer.call(v, { training: true }) as Tensor))(x);
    expect(new Set(await mask.data())).toEqual(new Set([0, 2]));
  });
});

describe("masks", () => {
  /** [2, 3, 2]: of the first sample's steps one is empty, of the second's two. */
  const steps = () => tensor([1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 5, 0], { shape: [2, 3, 2] });
  const counting = [1, 0, 1, 0, 0, 1];

  it("Masking gives one, and layers that treat each step by itself pass it on", async () => {
    const x = input([3, 2]);
    let value = new Masking().call(x);
    for (const layer of [
      new Dense(4),
      new BatchNormalization(),
      new LayerNormalization(),
      new ReLU(),
      new PReLU(),
      new Softmax(),
      new UnitNormalization(),
      new Dropout(0.5),
      new SpatialDropout1D(0.5),
      new GaussianNoise(1),
      new Identity(),
      new ActivityRegularization({ l2: 1 }),
    ]) {
      value = layer.call(value);
    }
    using model = new Model(x, value);
    expect(await flags(model.call(steps()))).toEqual(counting);
  });

  it("an Embedding with maskZero gives one, without it none", async () => {
    const ids = tensor([3, 0, 1, 0, 0, 2], { shape: [2, 3], dtype: "i32" });
    using masking = new Embedding(4, 2, { maskZero: true });
    using plain = new Embedding(4, 2);
    expect(await flags(masking.call(ids))).toEqual(counting);
    expect(await flags(plain.call(ids))).toBeUndefined();
  });

  it("belong to their values: freed with each, outside of tidy too, and no sooner", async () => {
    const [masking, identity, merge] = [new Masking(), new Identity(), new Add()];
    const x = steps();
    const before = device.memory().tensors;
    const masked = masking.call(x);
    const passed = identity.call(masked);
    const merged = merge.call([masked, passed]);
    masked.dispose();
    expect(await flags(passed)).toEqual(counting);
    passed.dispose();
    expect(await flags(merged)).toEqual(counting);
    merged.dispose();
    expect(device.memory().tensors).toBe(before);
    // Out of a scope comes the value with its mask.
    const value = tidy(() => identity.call(masking.call(x)));
    expect(await flags(merge.call([value, value]))).toEqual(counting);
  });

  it("a merge has one where all inputs have: of steps that count in any", async () => {
    const other = tensor([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1], { shape: [2, 3, 2] });
    const masking = new Masking();
    const [a, b] = [masking.call(steps()), masking.call(other)];
    expect(await flags(new Add().call([a, b]))).toEqual([1, 1, 1, 0, 0, 1]);
    expect(await flags(new Concatenate().call([a, b]))).toEqual([1, 1, 1, 0, 0, 1]);
    expect(await flags(new Add().call([a, other]))).toBeUndefined();
  });

  it("a concatenation along time sets masks one after another, all steps of an input without one counting", async () => {
    const masked = new Masking().call(steps());
    const more = tensor([1, 1, 1, 1], { shape: [2, 1, 2] });
    expect(await flags(new Concatenate({ axis: 1 }).call([more, masked]))).toEqual([1, 1, 0, 1, 1, 0, 0, 1]);
  });

  it("steps that do not count change no statistics of a batch normalization", async () => {
    const call = (fill: number) => {
      const layer = new BatchNormalization();
      const x = tensor([1, 2, fill, fill, 3, 4], { shape: [1, 3, 2] });
      layer.call(x, { training: true, mask: tensor([1, 0, 1], { shape: [1, 3] }) });
      return Promise.all(layer.nonTrainableWeights.map(async (weight) => Array.from(await weight.data())));
    };
    expect(await call(0)).toEqual(await call(1e30));
    expect(await call(Number.NaN)).toEqual(await call(0));
  });
});

const noisy: [string, (seed?: number) => Layer][] = [
  ["Dropout with a noiseShape", (seed) => new Dropout(0.5, { noiseShape: [null, 1, null], seed })],
  ["SpatialDropout1D", (seed) => new SpatialDropout1D(0.5, { seed })],
  ["AlphaDropout", (seed) => new AlphaDropout(0.3, { seed })],
  ["AlphaDropout with a noiseShape", (seed) => new AlphaDropout(0.3, { seed, noiseShape: [1, null, 1] })],
  ["GaussianNoise", (seed) => new GaussianNoise(0.7, { seed })],
  ["GaussianDropout", (seed) => new GaussianDropout(0.4, { seed })],
];

describe.each(noisy)("%s", (_, make) => {
  const shape = [4, 9, 5];
  const x = () =>
    tensor(
      Float32Array.from({ length: 180 }, (_, i) => Math.sin(i)),
      { shape },
    );
  const training = { training: true };

  it("changes nothing in inference", async () => {
    using layer = make();
    expect(await layer.call(x()).data()).toEqual(await x().data());
  });

  it("draws anew at each call, the same under a seed, op by op and traced", async () => {
    using a = make(7);
    using b = make(7);
    b.build([9, 5]);
    const program = jit((value: Tensor) => b.call(value, training));
    const [first, second] = [await a.call(x(), training).data(), await a.call(x(), training).data()];
    expect(first).not.toEqual(second);
    expect(first).not.toEqual(await x().data());
    expect(await program(x()).data()).toEqual(first);
    expect(await program(x()).data()).toEqual(second);
    program.dispose();
  });

  it("is linear in what comes in, with the same draws in backward", async () => {
    using a = make(3);
    using b = make(3);
    using c = make(3);
    const [doubled, once] = [a.call(mul(x(), 2), training), b.call(x(), training)];
    const slopes = grad((value: Tensor) => sum(c.call(value, training)))(x())[0];
    const [difference, want] = await Promise.all([sub(doubled, once).data(), mul(slopes, x()).data()]);
    difference.forEach((value, i) => {
      expect(Math.abs(value - want[i])).toBeLessThan(2e-6 * (1 + Math.abs(value)));
    });
  });
});

describe("what is drawn", () => {
  const sample = () => tensor(new Float32Array(40000).fill(1), { shape: [40, 50, 20] });
  const statistics = async (y: Tensor) => {
    const values = Array.from(await y.data());
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return { mean, deviation: Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length) };
  };

  it.each<[string, Layer, number, number]>([
    ["GaussianNoise", new GaussianNoise(0.5, { seed: 1 }), 1, 0.5],
    ["GaussianDropout", new GaussianDropout(0.2, { seed: 1 }), 1, 0.5],
    ["Dropout", new Dropout(0.2, { seed: 1 }), 1, 0.5],
  ])("%s has its mean and standard deviation", async (_, layer, mean, deviation) => {
    const got = await statistics(layer.call(sample(), { training: true }));
    expect(got.mean).toBeCloseTo(mean, 1.7);
    expect(got.deviation).toBeCloseTo(deviation, 1.7);
  });

  it("AlphaDropout keeps a mean of 0 and a variance of 1", async () => {
    const normal = initializers.randomNormal({ stddev: 1, seed: 5 }).draw([40000], device.random);
    const x = tensor(normal, { shape: [200, 200] });
    const got = await statistics(new AlphaDropout(0.3, { seed: 2 }).call(x, { training: true }));
    expect(got.mean).toBeCloseTo(0, 1.5);
    expect(got.deviation).toBeCloseTo(1, 1.5);
  });

  it.each<[string, Layer, number[], number, number]>([
    ["SpatialDropout1D", new SpatialDropout1D(0.5, { seed: 4 }), [6, 10, 50], 10, 50],
    ["SpatialDropout2D", new SpatialDropout2D(0.5, { seed: 4 }), [6, 2, 5, 50], 10, 50],
  ])("%s drops a feature everywhere or nowhere", async (_, layer, shape, places, features) => {
    const values = await layer.call(ones(shape), { training: true }).data();
    let dropped = 0;
    for (let sample = 0; sample < 6; sample++) {
      for (let feature = 0; feature < features; feature++) {
        const at = (place: number) => values[(sample * places + place) * features + feature];
        for (let place = 0; place < places; place++) expect(at(place)).toBe(at(0));
        expect([0, 2]).toContain(at(0));
        if (at(0) === 0) dropped++;
      }
    }
    expect(dropped).toBeGreaterThan(110);
    expect(dropped).toBeLessThan(190);
  });

  it("of strength 0 it is the identity in training", async () => {
    for (const layer of [
      new Dropout(0, { noiseShape: [1, null] }),
      new AlphaDropout(0),
      new GaussianNoise(0),
      new GaussianDropout(0),
    ]) {
      const y = layer.call(tensor([[1, -2]]), { training: true });
      expect(Array.from(await y.data())).toEqual([1, -2]);
    }
  });

  it("of rate 1 Dropout leaves nothing, with a noiseShape too", async () => {
    const y = new Dropout(1, { noiseShape: [1, null] }).call(tensor([[1, -2]]), { training: true });
    expect(Array.from(await y.data(), Math.abs)).toEqual([0, 0]);
  });
});

describe("penalties", () => {
  const x = () => tensor([1, -2, 3, -4], { shape: [2, 2] });
  const penaltyOf = async (layer: Layer, options = {}) => {
    const { losses } = collectLosses(() => tidy(() => void layer.call(x(), options)));
    return Promise.all(losses.map(async (loss) => (await loss.data())[0]));
  };
  const identity = { kernelInitializer: "identity", useBias: false } as const;

  it("ActivityRegularization adds that of what passes, not divided by the batch", async () => {
    expect(await penaltyOf(new ActivityRegularization({ l1: 0.5, l2: 0.25 }))).toEqual([12.5]);
  });

  it("any layer's activityRegularizer sees what it gives, its activation applied, for logits too", async () => {
    const make = () => new Dense(2, { ...identity, activation: "relu", activityRegularizer: (y) => sum(y) });
    expect(await penaltyOf(make())).toEqual([4]);
    expect(await penaltyOf(make(), { logits: true })).toEqual([4]);
    expect(await penaltyOf(new Dense(2, { ...identity, activityRegularizer: regularizers.l2(0.5) }))).toEqual(
      [15],
    );
  });

  it("costs nothing where nobody collects", () => {
    using layer = new Dense(2, {
      activityRegularizer: () => {
        throw new Error("called");
      },
    });
    expect(() => layer.call(x())).not.toThrow();
  });

  it("weights have the regularizers and constraints that their layers were given", () => {
    const x = input([5, 4]);
    const regularizer = { name: "mine", call: (w: Tensor) => sum(abs(w)) };
    const dense = new Dense(3, {
      kernelRegularizer: "l2",
      biasConstraint: "nonNeg",
      biasRegularizer: regularizer,
    });
    const batch = new BatchNormalization({ gammaRegularizer: "l1", betaConstraint: "unit_norm" });
    const group = new LayerNormalization({ gammaConstraint: "maxNorm", betaRegularizer: "l1l2" });
    const prelu = new PReLU({ alphaConstraint: "nonNeg" });
    using model = new Model(x, prelu.call(group.call(batch.call(dense.call(x)))));
    const rules = [...model.weightRules()].map(({ name, regularizer, constraint }) => [
      name,
      regularizer?.name,
      constraint?.name,
    ]);
    expect(rules).toEqual([
      ["kernel", "l2", undefined],
      ["bias", "mine", "nonNeg"],
      ["gamma", "l1", undefined],
      ["beta", undefined, "unitNorm"],
      ["gamma", undefined, "maxNorm"],
      ["beta", "l1l2", undefined],
      ["alpha", undefined, "nonNeg"],
    ]);
    using embedding = new Embedding(3, 2, { embeddingsRegularizer: "l2" }).build([4]);
    expect([...embedding.weightRules()].map(({ regularizer }) => regularizer?.name)).toEqual(["l2"]);
  });

  it("refuses unknown names with the nearest", () => {
    expect(() => new Dense(2, { kernelRegularizer: "l3" })).toThrow('unknown regularizer "l3"');
    expect(() => new Dense(2, { kernelConstraint: "maxnormal" })).toThrow("maxNorm");
    expect(() => new Dense(2, { activityRegularizer: "l12" })).toThrow(ArgumentError);
  });
});

describe("Lambda", () => {
  it("runs a function of one or several inputs", async () => {
    const [a, b] = [input([3]), input([3])];
    const scaled = new Lambda((x: Tensor) => mul(x, 2)).call(a);
    const joined = new Lambda(([p, q]: [Tensor, Tensor]) => sum(mul(p, q), -1, { keepDims: true }), {
      outputShape: [1],
    }).call([scaled, b]);
    using model = new Model([a, b], joined as Placeholder);
    const y = model.call([tensor([[1, 2, 3]]), tensor([[4, 5, 6]])]);
    expect(Array.from(await y.data())).toEqual([64]);
  });

  it("takes the output's shape from a function of the input's", () => {
    const layer = new Lambda((x: Tensor) => sum(x, -1), {
      outputShape: (shape: number[]) => shape.slice(0, -1),
    });
    expect(layer.call(input([null, 4])).shape).toEqual([null]);
  });

  it("tells the function whether this is training", async () => {
    const layer = new Lambda((x: Tensor, { training }) => mul(x, training ? 1 : -1));
    expect((await layer.call(tensor([[2]])).data())[0]).toBe(-2);
    expect((await layer.call(tensor([[2]]), { training: true }).data())[0]).toBe(2);
  });

  it("says what to pass where the shape is another than it thought", () => {
    const layer = new Lambda((x: Tensor) => sum(x, -1), { name: "total" });
    expect(() => layer.call(tensor([[[1, 2]]]))).toThrow(
      'layer "total" (Lambda): the function gave [1, 1], where [batch, 1, 2] was to come out; pass outputShape: [1]',
    );
  });
});

describe("refusals", () => {
  const shape = (lengths: readonly (number | null)[]) => input(lengths);

  it.each<[string, () => unknown, typeof ShapeError | typeof ArgumentError, string]>([
    [
      "one input",
      () => new Add().call(shape([3]) as never),
      ArgumentError,
      "as in layer.call([a, b]), got one",
    ],
    [
      "three to Subtract",
      () => new Subtract().call([shape([3]), shape([3]), shape([3])]),
      ArgumentError,
      "takes 2 inputs",
    ],
    [
      "lengths",
      () => new Add({ name: "sum" }).call([shape([3]), shape([4])]),
      ShapeError,
      'layer "sum" (Add): takes inputs of one shape, got [batch, 3] and [batch, 4]',
    ],
    [
      "unlike",
      () => new Concatenate({ axis: 1 }).call([shape([3, 4]), shape([3, 5])]),
      ShapeError,
      "alike but for axis 1, got [batch, 3, 4] and [batch, 3, 5]",
    ],
    [
      "axis",
      () => new Concatenate({ axis: 3 }).call([shape([3, 4]), shape([3, 5])]),
      ShapeError,
      "axis 3 is none of the axes 1 to 2",
    ],
    [
      "the batch",
      () => new Concatenate({ axis: 0 }).call([shape([3]), shape([5])]),
      ShapeError,
      "axis 0 is the batch",
    ],
    [
      "Dot",
      () => new Dot(1).call([shape([3, 4]), shape([5, 4])]),
      ShapeError,
      "sums along axis 1 of the first and axis 1 of the second input",
    ],
    ["Dot's axes", () => new Dot([1] as never), ArgumentError, "two of them, one for each input, got [1]"],
    [
      "RepeatVector",
      () => new RepeatVector(3).call(shape([3, 4])),
      ShapeError,
      "takes vectors, [batch, features]",
    ],
    [
      "Masking",
      () => new Masking().call(shape([3])),
      ShapeError,
      "takes sequences, [batch, time, ...], got [batch, 3]",
    ],
    [
      "maskZero",
      () => new Embedding(3, 2, { maskZero: true }).call(shape([3, 4])),
      ShapeError,
      "[batch, time], got [batch, 3, 4]",
    ],
    ["SpatialDropout1D", () => new SpatialDropout1D(0.1).call(shape([3])), ShapeError, "Dropout for vectors"],
    ["SpatialDropout2D", () => new SpatialDropout2D(0.1).call(shape([3, 4])), ShapeError, "takes images"],
    [
      "noiseShape",
      () => new Dropout(0.1, { noiseShape: [null, 2] }).call(shape([3])),
      ShapeError,
      "noiseShape [null,2] does not fit inputs [batch, 3]",
    ],
    [
      "noiseShape's kind",
      () => new Dropout(0.1, { noiseShape: 3 as never }),
      ArgumentError,
      "as in [null, 1, null]",
    ],
    ["AlphaDropout of all", () => new AlphaDropout(1), ArgumentError, "rate"],
    ["GaussianDropout of all", () => new GaussianDropout(1), ArgumentError, "rate"],
    ["GaussianNoise", () => new GaussianNoise(-1), ArgumentError, "stddev"],
    ["PReLU's time", () => new PReLU().call(shape([null, 3])), ShapeError, "lengths are all known"],
    [
      "PReLU's axes",
      () => new PReLU({ sharedAxes: [4] }).call(shape([2, 3])),
      ShapeError,
      "axis 4 is none of",
    ],
    ["ReLU", () => new ReLU({ maxValue: -1 }), ArgumentError, "maxValue"],
    [
      "BatchNormalization's axis",
      () => new BatchNormalization({ axis: 2 }).call(shape([3])),
      ShapeError,
      "axis 2 is none",
    ],
    [
      "BatchNormalization's features",
      () => new BatchNormalization({ axis: 1 }).call(shape([null, 3])),
      ShapeError,
      "axis 1, that of the features, is known",
    ],
    [
      "UnitNormalization",
      () => new UnitNormalization({ axis: [1, -1] }).call(shape([3])),
      ShapeError,
      "names an axis twice",
    ],
    ["Softmax", () => new Softmax({ axis: 2 }).call(shape([3])), ShapeError, "axis 2 is none"],
    [
      "Maximum",
      () => new Maximum().call([shape([2, 3]), shape([4, 1, 3]), shape([5, 1])]),
      ShapeError,
      "must be equal or one of them 1",
    ],
  ])("%s", (_, call, kind, text) => {
    expect(call).toThrow(kind);
    expect(call).toThrow(text);
  });
});

describe("lengths that differ from batch to batch", () => {
  it.each<[string, () => Layer, (number | null)[][], (number | null)[]]>([
    ["Add", () => new Add(), [[null, 3], [3]], [null, 3]],
    [
      "Add, one known",
      () => new Add(),
      [
        [null, 3],
        [5, 3],
      ],
      [5, 3],
    ],
    [
      "Concatenate",
      () => new Concatenate(),
      [
        [null, 3],
        [null, 2],
      ],
      [null, 5],
    ],
    [
      "Concatenate along time",
      () => new Concatenate({ axis: 1 }),
      [
        [null, 3],
        [2, 3],
      ],
      [null, 3],
    ],
    [
      "Dot",
      () => new Dot([2, 2]),
      [
        [null, 3],
        [null, 3],
      ],
      [null, null],
    ],
    ["Masking", () => new Masking(), [[null, 3]], [null, 3]],
    ["PReLU shared", () => new PReLU({ sharedAxes: [1] }), [[null, 3]], [null, 3]],
    ["SpatialDropout1D", () => new SpatialDropout1D(0.5), [[null, 3]], [null, 3]],
  ])("%s", (_, make, shapes, want) => {
    const inputs = shapes.map((one) => input(one));
    const value = make().call(inputs.length === 1 ? inputs[0] : inputs) as Placeholder;
    expect(value.shape).toEqual(want);
  });
});

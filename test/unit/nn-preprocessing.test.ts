// Normalization, Discretization, CategoryEncoding, Rescaling by channel and TextVectorization on the CPU reference: numbers as
// scikit-learn, numpy and tfjs give them (test/numbers/preprocessing.json), and what is said before anything goes wrong.

import fs from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  type Device,
  grad,
  jit,
  ShapeError,
  setDevice,
  sum,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import * as nn from "../../nn/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { referenceDevice } from "../support/devices.ts";
import { loadTfjsLayers } from "../support/tfjs.ts";

interface Counted {
  readonly vocabulary: string[];
  readonly count: number[][];
  readonly tfIdf: number[][];
}

const numbers: Readonly<
  Record<
    "scaled" | "mean" | "variance" | "scaledByRow" | "scaledAsOne" | "boundaries" | "bins" | "given",
    number[]
  >
> & { readonly texts: string[]; readonly seen: string[]; readonly words: Counted; readonly pairs: Counted } =
  JSON.parse(fs.readFileSync(path.join(import.meta.dirname, "../numbers/preprocessing.json"), "utf8"));

let device: Device;
beforeAll(async () => {
  device = await referenceDevice();
  setDevice(device);
});

/** The numbers that preprocessing.py makes, too. */
const data = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i * 1.7) * 3 + (i % 5));
const close = (got: ArrayLike<number>, want: readonly number[]) =>
  expectCloseArrays(Float64Array.from(got), Float64Array.from(want), 1e-5, "values");

describe("Normalization", () => {
  const rows = () => tensor(data, { shape: [8, 5], device });

  it("adapts to tensors, nested and typed arrays alike, as scikit-learn scales", async () => {
    using x = rows();
    const nested = Array.from({ length: 8 }, (_, i) => [...data.slice(5 * i, 5 * i + 5)]);
    for (const [given, options] of [
      [x, {}],
      [nested, {}],
      [data, { inputShape: [5] }],
    ] as const) {
      using layer = await new nn.Normalization(options).adapt(given);
      close(layer.mean as number[], numbers.mean);
      close(layer.variance as number[], numbers.variance);
      using y = layer.call(x);
      close(await y.dataFloat64(), numbers.scaled);
      const traced = jit(() => layer.call(x));
      close(await traced().dataFloat64(), numbers.scaled);
      traced.dispose();
      using back = new nn.Normalization({ mean: layer.mean, variance: layer.variance, invert: true });
      close(await back.call(y).dataFloat64(), [...data]);
    }
  });

  it("has a mean for each place of other axes, or one of all", async () => {
    using x = tensor(data, { shape: [2, 4, 5], device });
    using byRow = await new nn.Normalization({ axis: 1 }).adapt(x);
    close(await byRow.call(x).dataFloat64(), numbers.scaledByRow);
    using asOne = await new nn.Normalization({ axis: null }).adapt(x);
    expect(asOne.mean).toHaveLength(1);
    close(await asOne.call(x).dataFloat64(), numbers.scaledAsOne);
    // Of one sample each place is its own mean.
    using each = await new nn.Normalization({ axis: [1, -1] }).adapt(
      tensor(data, { shape: [1, 8, 5], device }),
    );
    close(each.mean as number[], [...data]);
    expect(each.weights.length).toBe(0);
  });

  it("takes new data while it is in a model, and gives its weights", async () => {
    const layer = new nn.Normalization();
    const model = new nn.Sequential([new nn.Input([5]), layer]);
    using x = rows();
    expect(() => model.call(x)).toThrow(ArgumentError);
    expect(() => model.call(x)).toThrow(/layer "normalization" .*call await layer.adapt\(data\) first/);
    const other = new nn.Sequential([new nn.Input([5]), await new nn.Normalization().adapt(x)]);
    model.setWeights(await other.getWeights());
    close(await model.call(x).dataFloat64(), numbers.scaled);
    await layer.adapt([
      [0, 0, 0, 0, 0],
      [2, 2, 2, 2, 2],
    ]);
    close(
      await model.call(x).dataFloat64(),
      [...data].map((value) => value - 1),
    );
    expect(model.trainableWeights).toEqual([]);
    model.dispose();
    other.dispose();
  });

  it("is made again with what it adapted to, by clone and by config", async () => {
    using x = rows();
    const layer = await new nn.Normalization({ axis: -1 }).adapt(x);
    const model = new nn.Sequential([
      new nn.Input([5]),
      layer,
      new nn.Discretization({ binBoundaries: [0] }),
    ]);
    for (const made of [
      model.clone(),
      nn.modelFromConfig({ type: model.type, config: JSON.parse(JSON.stringify(model.config())) }),
    ]) {
      const want = numbers.scaled.map((value) => (value >= 0 ? 1 : 0));
      expect([...(await (made as nn.Sequential).call(x).data())]).toEqual(want);
      made.dispose();
    }
    model.dispose();
    const bins = await new nn.Discretization({ numBins: 2 }).adapt([1, 2, 3, 4]);
    expect(bins.config()).toMatchObject({ binBoundaries: [2] });
    expect(bins.clone().binBoundaries).toEqual([2]);
    expect(new nn.Discretization({ numBins: 2 }).config()).toMatchObject({ numBins: 2 });
  });

  it("divides by no less than Keras's epsilon", async () => {
    using layer = new nn.Normalization({ mean: 0, variance: 0 });
    close(await layer.call(tensor([[1e-7, 0]], { device })).dataFloat64(), [1, 0]);
  });

  it("says what is wrong", async () => {
    expect(() => new nn.Normalization({ mean: 1 })).toThrow(/mean and variance go together/);
    expect(() => new nn.Normalization({ axis: 0 })).toThrow(/other than 0 \(the batch\)/);
    expect(() => new nn.Normalization({ mean: 0, variance: -1 })).toThrow(/at least 0, got -1/);
    await expect(new nn.Normalization().adapt(data)).rejects.toThrow(/typed array says nothing of its rows/);
    await expect(new nn.Normalization().adapt([])).rejects.toThrow(ArgumentError);
    await expect(new nn.Normalization().adapt([[1, Number.NaN]])).rejects.toThrow(/value 1 is NaN/);
    const on = (layer: nn.Layer, shape: (number | null)[]) => () => layer.build(shape, device);
    expect(on(new nn.Normalization({ axis: 3 }), [4, 5])).toThrow(ShapeError);
    expect(on(new nn.Normalization({ axis: 3 }), [4, 5])).toThrow(/axis 3 is none of \[batch, 4, 5\]/);
    expect(on(new nn.Normalization({ axis: 1 }), [null, 5])).toThrow(
      /axis 1 of \[batch, any, 5\] has no fixed length/,
    );
    const adapted = await new nn.Normalization().adapt([[1, 2]]);
    expect(on(adapted, [3])).toThrow(/mean and variance of 2 numbers, and \[batch, 3\] wants 3/);
    adapted.build([2], device);
    await expect(adapted.adapt([[1, 2, 3]])).rejects.toThrow(/was built for a mean of shape \[2\]/);
    adapted.dispose();
  });
});

describe("Discretization", () => {
  const values = Float32Array.from({ length: 37 }, (_, i) => Math.sin(i * 2.3) * 5);

  it("finds the quantiles of data, and the bins, as numpy does", async () => {
    using x = tensor(values, { shape: [37, 1], device });
    using layer = await new nn.Discretization({ numBins: 6 }).adapt(x);
    close(layer.binBoundaries as number[], numbers.boundaries);
    using y = layer.call(x);
    expect(y.dtype).toBe("i32");
    expect([...(await y.data())]).toEqual(numbers.bins);
    using given = new nn.Discretization({ binBoundaries: [-2, 0.5, 3] });
    expect([...(await given.call(x).data())]).toEqual(numbers.given);
    using rows = new nn.Discretization({ binBoundaries: [-2, 0.5, 3], outputMode: "one_hot" as "oneHot" });
    const traced = jit(() => rows.call(x));
    const want = numbers.given.flatMap((bin) => [0, 1, 2, 3].map((k) => (k === bin ? 1 : 0)));
    expect([...(await traced().data())]).toEqual(want);
    traced.dispose();
  });

  it("says what is wrong", async () => {
    expect(() => new nn.Discretization({})).toThrow(/either binBoundaries.* or numBins/);
    expect(() => new nn.Discretization({ binBoundaries: [2, 1] })).toThrow(
      /in ascending order, got \[2, 1\]/,
    );
    using layer = new nn.Discretization({ numBins: 3 });
    expect(() => layer.call(tensor([[1]], { device }))).toThrow(/layer "discretization" .*has no bins yet/);
    await layer.adapt([1, 2, 3, 4]);
    expect([...(await layer.call(tensor([[0], [2], [9]], { device })).data())]).toEqual([0, 1, 2]);
  });
});

describe("CategoryEncoding", () => {
  it.each(["oneHot", "multiHot", "count"] as const)("%s gives what tfjs gives", async (outputMode) => {
    const { tfl, ...tf } = await loadTfjsLayers();
    for (const shape of outputMode === "oneHot" ? [[6], [6, 1]] : [[4, 5], [6]]) {
      const ids = Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i * 7) % 4);
      // Of single numbers tfjs makes one row together; Keras, and we, one each.
      const theirShape = shape.length === 1 ? [...shape, 1] : shape;
      const theirs = tfl.layers
        .categoryEncoding({ numTokens: 5, outputMode })
        .apply(tf.tensor(ids, theirShape, "int32")) as ReturnType<typeof tf.tensor>;
      using layer = new nn.CategoryEncoding(5, { outputMode });
      for (const dtype of ["i32", "f32"] as const) {
        using y = layer.call(tensor(ids, { shape, dtype, device }));
        expect([...(await y.data())]).toEqual([...theirs.dataSync()]);
        expect(y.shape).toEqual([shape[0], 5]);
      }
    }
  });

  it("adds up weights in mode count, as tfjs does, eager, in a model and with gradients", async () => {
    const { tfl, ...tf } = await loadTfjsLayers();
    const ids = [
      [0, 1],
      [0, 0],
      [1, 2],
      [3, 1],
    ];
    const weights = [
      [0.1, 0.2],
      [0.1, 0.1],
      [0.2, 0.3],
      [0.4, 0.2],
    ];
    const theirs = tfl.layers
      .categoryEncoding({ numTokens: 4, outputMode: "count" })
      .apply(tf.tensor2d(ids, undefined, "int32"), {
        countWeights: tf.tensor2d(weights),
      } as never) as ReturnType<typeof tf.tensor>;
    const want = [...theirs.dataSync()];
    // What Keras's documentation shows.
    expectCloseArrays(want, [0.1, 0.2, 0, 0, 0.2, 0, 0, 0, 0, 0.2, 0.3, 0, 0, 0.2, 0, 0.4], 1e-6, "tfjs");
    using layer = new nn.CategoryEncoding(4, { outputMode: "count" });
    const [i, w] = [tensor(ids, { dtype: "i32", device }), tensor(weights, { device })];
    close(await layer.call([i, w]).data(), want);
    const [slope] = grad((v: Tensor) => sum(layer.call([i, v])))(w);
    expect([...(await slope.data())]).toEqual(new Array(8).fill(1));
    const [a, b] = [nn.input([2], { dtype: "i32" }), nn.input([2])];
    using model = new nn.Model([a, b], layer.call([a, b]));
    close(await (await model.predict([ids, weights])).data(), want);
    // Numbers out of range are told of the ids alone.
    await expect(model.predict([[[0, 4]], [[7, 7]]])).rejects.toThrow(/id 4 at position 1/);
    close(await (await model.predict([[[0, 3]], [[7, 9]]])).data(), [7, 0, 0, 9]);
    // One number a sample.
    close(
      await layer.call([tensor([2, 0], { dtype: "i32", device }), tensor([3, 4], { device })]).data(),
      [0, 0, 3, 0, 4, 0, 0, 0],
    );

    expect(() => new nn.CategoryEncoding(4).call([i, w])).toThrow(/only outputMode "count" takes weights/);
    expect(() => layer.call([i, w, w] as never)).toThrow(ArgumentError);
    expect(() => layer.call([i, tensor([1], { device })])).toThrow(ShapeError);
  });

  it("gives a row a number where there are several, and refuses those out of range in a model's data", async () => {
    using rows = new nn.CategoryEncoding(3, { outputMode: "oneHot" });
    using y = rows.call(tensor([[2, 0]], { dtype: "i32", device }));
    expect(y.shape).toEqual([1, 2, 3]);
    expect([...(await y.data())]).toEqual([0, 0, 1, 1, 0, 0]);
    const model = new nn.Sequential([new nn.Input([2]), new nn.CategoryEncoding(3), new nn.Dense(1)]).compile(
      {
        optimizer: "sgd",
        loss: "mse",
      },
    );
    await expect(model.fit([[0, 3]], [1], { verbose: 0 })).rejects.toThrow(/id 3 at position 1/);
    await model.fit([[0, 2]], [1], { verbose: 0 });
    model.dispose();
  });
});

describe("Rescaling", () => {
  it("has a scale and an offset for each channel", async () => {
    using layer = new nn.Rescaling([2, 10], { offset: [1, 0] });
    using x = tensor([1, 2, 3, 4], { shape: [1, 2, 2], device });
    const traced = jit(() => layer.call(x));
    for (const y of [layer.call(x), traced()]) expect([...(await y.data())]).toEqual([3, 20, 7, 40]);
    traced.dispose();
    expect(() => layer.outputSpec({ shape: [4, 3], dtype: "f32" })).toThrow(
      /layer "rescaling" .*scale has 2 numbers.*\[batch, 4, 3\]/,
    );
    expect(() => new nn.Rescaling([1, Number.NaN])).toThrow(
      /finite numbers, or lists of them, got \[1, NaN\]/,
    );
  });
});

describe("TextVectorization", () => {
  const { texts, seen } = numbers;

  it.each([
    ["words", null],
    ["pairs", 2],
    ["pairs", [1, 2]],
  ] as const)("counts %s as scikit-learn does, in Keras's order (ngrams: %s)", async (name, ngrams) => {
    const want = numbers[name];
    const counting = new nn.TextVectorization({ outputMode: "count", ngrams }).adapt(texts);
    expect(counting.getVocabulary()).toEqual(["[UNK]", ...want.vocabulary]);
    using counts = counting.call(seen, { device });
    expect(counts.shape).toEqual([seen.length, want.vocabulary.length + 1]);
    expect([...(await counts.data())]).toEqual(want.count.flat());
    using hot = new nn.TextVectorization({ outputMode: "multi_hot" as "multiHot", ngrams })
      .adapt(texts)
      .call(seen);
    expect([...(await hot.data())]).toEqual(want.count.flat().map((count) => Math.min(count, 1)));
    const weighing = new nn.TextVectorization({ outputMode: "tfIdf", ngrams }).adapt(texts);
    close(await weighing.call(seen).dataFloat64(), want.tfIdf.flat());
  });

  it("numbers tokens from 2 on, with 0 for padding and 1 for what is unknown", async () => {
    const vectorize = new nn.TextVectorization().adapt(texts);
    expect(vectorize.getVocabulary().slice(0, 2)).toEqual(["", "[UNK]"]);
    expect(vectorize.getVocabulary({ includeSpecialTokens: false })).toEqual(numbers.words.vocabulary);
    expect(vectorize.vocabularySize).toBe(numbers.words.vocabulary.length + 2);
    const number = (token: string) => vectorize.getVocabulary().indexOf(token);
    using ids = vectorize.call(["The CAT", "", "zebra mouse the"], { device });
    expect(ids.dtype).toBe("i32");
    expect(await ids.array()).toEqual([
      [number("the"), number("cat"), 0],
      [0, 0, 0],
      [1, number("mouse"), number("the")],
    ]);
    const cut = new nn.TextVectorization({ outputSequenceLength: 2, maxTokens: 5 }).adapt(texts);
    expect(cut.getVocabulary()).toEqual(["", "[UNK]", ...numbers.words.vocabulary.slice(0, 3)]);
    expect(await cut.call(["the", "a a a"]).array()).toEqual([
      [number("the"), 0],
      [number("a"), number("a")],
    ]);
  });

  it("standardizes and splits as it is told, and pads rows to maxTokens", async () => {
    const of = (options: nn.TextVectorizationOptions, text: string) =>
      new nn.TextVectorization(options).adapt([text]).getVocabulary({ includeSpecialTokens: false }).sort();
    expect(of({ standardize: "lower" }, "A-b, C!")).toEqual(["a-b,", "c!"]);
    expect(of({ standardize: "strip_punctuation" as "stripPunctuation" }, "A-b, C!")).toEqual(["Ab", "C"]);
    expect(of({ standardize: null, split: null }, "A b")).toEqual(["A b"]);
    expect(of({ split: "character", standardize: (text) => text.trim() }, " 𝄞a ")).toEqual(["a", "𝄞"]);
    expect(of({ split: (text) => text.split("|"), standardize: null }, "x y|z")).toEqual(["x y", "z"]);
    expect(of({ ngrams: [2] }, "a b c")).toEqual(["a b", "b c"]);
    const padded = new nn.TextVectorization({
      outputMode: "count",
      maxTokens: 5,
      padToMaxTokens: true,
    }).adapt(["a"]);
    expect(await padded.call(["a b a"]).array()).toEqual([[1, 2, 0, 0, 0]]);
  });

  it("takes a vocabulary that is known", async () => {
    const given = new nn.TextVectorization({ vocabulary: ["a", "b"] });
    expect(given.getVocabulary()).toEqual(["", "[UNK]", "a", "b"]);
    const again = new nn.TextVectorization().setVocabulary(given.getVocabulary());
    expect(again.getVocabulary()).toEqual(given.getVocabulary());
    const weighed = new nn.TextVectorization({
      outputMode: "tfIdf",
      vocabulary: ["a", "b"],
      idfWeights: [2, 4],
    });
    expect(await weighed.call(["b b c"]).array()).toEqual([[3, 0, 8]]);
  });

  it("says what is wrong", () => {
    expect(() => new nn.TextVectorization().call(["a"])).toThrow(
      /no vocabulary yet; call adapt\(texts\) first/,
    );
    expect(() => new nn.TextVectorization().adapt("a text" as never)).toThrow(
      /put a single one into an array/,
    );
    expect(() => new nn.TextVectorization().adapt([["a"]] as never)).toThrow(
      /at place 0; flatten nested arrays/,
    );
    expect(() => new nn.TextVectorization().adapt([])).toThrow(/got no texts/);
    expect(() => new nn.TextVectorization({ vocabulary: ["a", "a"] })).toThrow(
      /the vocabulary has "a" twice/,
    );
    expect(() => new nn.TextVectorization({ vocabulary: ["a", "b"], maxTokens: 3 })).toThrow(
      /has 4 tokens.*maxTokens is 3/,
    );
    expect(() => new nn.TextVectorization({ outputMode: "count", outputSequenceLength: 3 })).toThrow(
      /goes with outputMode "int"/,
    );
    expect(() => new nn.TextVectorization({ outputMode: "tfIdf", vocabulary: ["a"] })).toThrow(
      /needs the vocabulary's idfWeights/,
    );
    expect(() => new nn.TextVectorization({ padToMaxTokens: true })).toThrow(/needs maxTokens/);
    expect(() => new nn.TextVectorization({ split: "words" as never })).toThrow(/TextVectorization split/);
  });
});

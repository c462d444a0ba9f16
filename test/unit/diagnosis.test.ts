// diagnose and Diagnostics on the CPU reference: their numbers against sums on the host, the warnings of nets that are ill,
// none of one that is well, and a model that is afterwards what it was.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError } from "../../engine/base/errors.ts";
import { type Device, init, noLeaks, setSeed, type Tensor, tensor } from "../../engine/index.ts";
import {
  Activation,
  Add,
  BatchNormalization,
  Dense,
  Diagnosis,
  Diagnostics,
  Dropout,
  diagnose,
  Embedding,
  initializers,
  input,
  LogDownload,
  LSTM,
  Model,
  readEvents,
  Sequential,
  SimpleRNN,
  TensorBoard,
} from "../../nn/index.ts";
import { layerOutputs, weightGradients } from "../../nn/training/layer-values.ts";
import "../../nn/names.ts";
import { Adam, optimizerState, SGD, withLossScaling } from "../../optim/index.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 3 });
});
afterAll(() => device.dispose());

const features = 12;
const x = Array.from({ length: 96 }, (_, i) =>
  Array.from({ length: features }, (_, k) => Math.sin(1 + i * 1.7 + k * k * 0.9 + i * k)),
);
const y = x.map((row) => (row[0] + row[3] * row[5] > 0 ? 1 : 0));

function net(
  activation: string,
  kernelInitializer: unknown,
  depth: number,
  optimizer = new Adam() as Adam | SGD,
) {
  setSeed(11);
  const model = new Sequential();
  for (let i = 0; i < depth; i++) {
    const inputShape = i === 0 ? { inputShape: [features] } : {};
    model.add(
      new Dense(16, {
        activation: activation as "relu",
        kernelInitializer: kernelInitializer as "zeros",
        ...inputShape,
      }),
    );
  }
  model.add(new Dense(2, { activation: "softmax" }));
  return model.compile({ optimizer, loss: "sparseCategoricalCrossentropy" });
}

const statistics = (values: ArrayLike<number>) => {
  const list = Array.from(values);
  const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
  const deviation = Math.sqrt(list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / list.length);
  return { mean, standardDeviation: deviation, min: Math.min(...list), max: Math.max(...list) };
};
const normOf = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));

/** Equal but for the rounding of f32. */
function close(found: number | undefined, wanted: number) {
  expect(found).toBeDefined();
  expect(Math.abs((found as number) - wanted)).toBeLessThanOrEqual(2e-6 * Math.max(1e-3, Math.abs(wanted)));
}

describe("diagnose", () => {
  it("gives what the host computes of outputs, gradients, weights and updates", async () => {
    using model = net("relu", "heNormal", 2, new SGD({ learningRate: 0.5, momentum: 0.9 }));
    const report = await diagnose(model, x, y);
    const outputs = await layerOutputs("test", model, x);
    const gradients = await weightGradients("test", model, x, y);
    expect(
      report.layers.map(({ name, type, activation, isOutput }) => [name, type, activation, isOutput]),
    ).toEqual([
      ["dense", "Dense", "relu", false],
      ["dense_1", "Dense", "relu", false],
      ["dense_2", "Dense", "softmax", true],
    ]);
    for (const { name, outputs: found, weights, gradientNorm, activation } of report.layers) {
      const values = (await (outputs.get(name) as Tensor).data()) as Float32Array;
      const wanted = statistics(values);
      for (const key of ["mean", "standardDeviation", "min", "max"] as const)
        close(found[0][key], wanted[key]);
      close(found[0].zeros, values.filter((value) => value === 0).length / values.length);
      const units = Array.from({ length: 16 }, (_, u) =>
        Array.from({ length: x.length }, (_, i) => values[i * 16 + u]).every((value) => value === 0),
      );
      if (activation === "relu") close(found[0].deadUnits, units.filter(Boolean).length / 16);
      else expect(found[0].deadUnits).toBeUndefined();
      expect(found[0].saturation).toBeUndefined();
      const norms: number[] = [];
      for (const weight of weights) {
        const gradient = (await (gradients.get(`${name}/${weight.path}`) as Tensor).data()) as Float32Array;
        const { values } = (await model.getWeights()).find((one) => one.name === `${name}/${weight.path}`)!;
        norms.push(normOf(gradient));
        close(weight.gradientNorm, normOf(gradient));
        close(weight.norm, normOf(values));
        const own = statistics(values);
        for (const key of ["mean", "standardDeviation", "min", "max"] as const) close(weight[key], own[key]);
        // The first step of momentum is the rate times the gradient.
        if (weight.norm > 0) close(weight.updateRatio, (0.5 * normOf(gradient)) / normOf(values));
        else expect(weight.updateRatio).toBeUndefined();
        const counts = Array.from({ length: 30 }, (_, i) => (weight.histogram as Float64Array)[3 * i + 2]);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
        expect(weight.gradientHistogram).toHaveLength(90);
      }
      close(gradientNorm, Math.hypot(...norms));
      const counts = Array.from({ length: 30 }, (_, i) => (found[0].histogram as Float64Array)[3 * i + 2]);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
    }
    close(report.loss, (await model.evaluate(x, y))[0] ?? Number.NaN);
    for (const tensor of [...outputs.values(), ...gradients.values()]) tensor.dispose();
  });

  it("leaves model and optimizer as they were, and nothing behind", async () => {
    setSeed(4);
    using model = new Sequential([
      new Dense(8, { activation: "relu", inputShape: [features] }),
      new BatchNormalization(),
      new Dropout(0.5),
      new Dense(2, { activation: "softmax" }),
    ]).compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    await model.fit(x, y, { epochs: 1, verbose: 0 });
    const all = async () => [
      ...(await Promise.all([...model.variables()].map(({ variable }) => variable.data()))),
      await optimizerState(model.optimizer!),
    ];
    const before = await all();
    const [first, again] = [await diagnose(model, x, y), await diagnose(model, x, y)];
    expect(await all()).toEqual(before);
    expect(again).toEqual(first);
    await noLeaks(() => diagnose(model, x, y).then(() => {}));
  });

  it("looks into shared layers call by call, and into models inside", async () => {
    setSeed(5);
    const [a, b] = [input([4], { name: "a" }), input([4], { name: "b" })];
    const shared = new Dense(6, { activation: "tanh", name: "shared" });
    const inner = new Sequential(
      [new Dense(3, { inputShape: [6], name: "deep" }), new Activation("sigmoid")],
      {
        name: "inner",
      },
    );
    const sum = new Add().call([shared.call(a), shared.call(b)]);
    using model = new Model([a, b], new Dense(1, { name: "end" }).call(inner.call(sum)));
    model.compile({ optimizer: "sgd", loss: "mse" });
    const parts = [x.map((row) => row.slice(0, 4)), x.map((row) => row.slice(4, 8))];
    const { layers } = await diagnose(model, parts, y);
    expect(
      layers.map(({ name, outputs, weights }) => [name, outputs.length, weights.map(({ path }) => path)]),
    ).toEqual([
      ["shared", 2, ["kernel", "bias"]],
      ["add", 1, []],
      ["inner/deep", 1, ["kernel", "bias"]],
      ["inner/activation", 1, []],
      ["end", 1, ["kernel", "bias"]],
    ]);
    const values = await layerOutputs("test", model, parts);
    close(layers[0].outputs[0].mean, statistics(await values.get("shared")!.data()).mean);
    close(layers[0].outputs[1].mean, statistics(await values.get("shared_1")!.data()).mean);
    expect(layers[0].outputs[0].mean).not.toBe(layers[0].outputs[1].mean);
    for (const value of values.values()) value.dispose();
  });

  it("takes recurrent layers as they come out, over all steps, and their cells' weights", async () => {
    setSeed(6);
    using model = new Sequential([
      new Embedding(20, 5, { inputShape: [7] }),
      new LSTM(4, { returnSequences: true }),
      new SimpleRNN(3),
      new Dense(2, { activation: "softmax" }),
    ]).compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    const words = x.map((row) => row.slice(0, 7).map((value) => Math.floor((value + 1) * 9.99)));
    const report = await diagnose(model, tensor(words, { dtype: "i32" }), y);
    const [embedding, lstm, rnn] = report.layers;
    expect(embedding.weights[0].gradientNorm).toBeGreaterThan(0);
    expect(lstm.weights.map(({ shape }) => shape)).toEqual([[5, 16], [4, 16], [16]]);
    for (const { gradientNorm, outputs } of [lstm, rnn]) {
      expect(gradientNorm).toBeGreaterThan(0);
      expect(outputs).toHaveLength(1);
      expect(outputs[0].standardDeviation).toBeGreaterThan(0);
    }
    expect(report.warnings).toEqual([]);
  });

  it("has no gradients of frozen layers, and those of penalties with the loss's", async () => {
    setSeed(7);
    const frozen = new Dense(8, { activation: "relu", inputShape: [features], trainable: false });
    using model = new Sequential([
      frozen,
      new Dense(2, { activation: "softmax", kernelRegularizer: "l2", kernelInitializer: "glorotNormal" }),
    ]).compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
    const { layers, loss } = await diagnose(model, x, y);
    expect(layers[0].gradientNorm).toBeUndefined();
    for (const weight of layers[0].weights) {
      expect([weight.gradientNorm, weight.updateRatio, weight.gradientHistogram]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    }
    const gradients = await weightGradients("test", model, x, y);
    close(layers[1].weights[0].gradientNorm, normOf(await gradients.get("dense_1/kernel")!.data()));
    close(loss, (await model.evaluate(x, y))[0] ?? Number.NaN);
    for (const gradient of gradients.values()) gradient.dispose();
  });

  it("refuses what is no compiled model", async () => {
    await expect(diagnose({} as never, x, y)).rejects.toThrow(/must be a Model or a Sequential/);
    const bare = new Sequential([new Dense(1, { inputShape: [features] })]);
    await expect(diagnose(bare, x, y)).rejects.toThrow(/compile/);
    await expect(diagnose(bare, x, y, { histogram: true } as never)).rejects.toThrow(
      /Did you mean "histograms"/,
    );
  });
});

describe("warnings", () => {
  const kindsOf = async (model: Sequential) => {
    const { warnings } = await diagnose(model, x, y);
    return warnings.map(({ kind, layer }) => [kind, layer]);
  };

  it.each([
    ["relu", "heNormal", 3],
    ["tanh", "glorotUniform", 4],
    ["sigmoid", "glorotUniform", 1],
    ["relu", "glorotUniform", 1],
  ])(
    "none of a healthy net of %s, %s, %i deep, before and after training",
    async (activation, start, depth) => {
      using model = net(activation, start, depth);
      expect(await kindsOf(model)).toEqual([]);
      await model.fit(x, y, { epochs: 10, batchSize: 16, verbose: 0 });
      expect(await kindsOf(model)).toEqual([]);
    },
  );

  it("of a layer whose units are dead", async () => {
    setSeed(8);
    const bias = new Float32Array(16).fill(-50, 0, 11);
    using model = new Sequential([
      new Dense(16, { activation: "relu", inputShape: [features], kernelInitializer: "heNormal" }),
      new Dense(2, { activation: "softmax" }),
    ]).compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    const [kernel, , ...rest] = await model.getWeights();
    model.setWeights([kernel.values, bias, ...rest.map(({ values }) => values)]);
    const { warnings } = await diagnose(model, x, y);
    expect(warnings).toEqual([
      {
        kind: "dead-units",
        layer: "dense",
        text: "layer dense: 69 % of units give 0 for every sample; lower the learning rate or use LeakyReLU",
      },
    ]);
  });

  it("of gradients that vanish, in the layer where they are least", async () => {
    using model = net("sigmoid", "glorotNormal", 10);
    const { warnings } = await diagnose(model, x, y);
    expect(warnings.map(({ kind, layer }) => [kind, layer])).toEqual([["vanishing-gradient", "dense"]]);
    expect(warnings[0].text).toMatch(
      /the gradient of layer dense is .* times less than that of dense_10.*heNormal/,
    );
  });

  it("of what explodes", async () => {
    using model = net("relu", initializers.randomNormal({ stddev: 2 }), 10);
    expect(await kindsOf(model)).toEqual([
      ["exploding-gradient", undefined],
      ["exploding-activations", "dense_9"],
    ]);
  });

  it("of saturated units", async () => {
    using model = net("sigmoid", initializers.randomNormal({ stddev: 5 }), 2);
    expect(await kindsOf(model)).toEqual([
      ["saturation", "dense"],
      ["saturation", "dense_1"],
    ]);
    using tanh = net("tanh", initializers.randomNormal({ stddev: 5 }), 1);
    expect(await kindsOf(tanh)).toEqual([["saturation", "dense"]]);
  });

  it("of rates that are too large or too small, and of numbers that are lost", async () => {
    using large = net("relu", "heNormal", 1, new SGD({ learningRate: 20 }));
    expect((await kindsOf(large)).map(([kind]) => kind)).toEqual(["large-updates"]);
    using small = net("relu", "heNormal", 1, new SGD({ learningRate: 1e-9 }));
    expect(await kindsOf(small)).toEqual([["small-updates", undefined]]);
    using lost = net("relu", "heNormal", 1);
    lost.setWeights((await lost.getWeights()).map(({ values }) => values.map(() => Number.NaN)));
    expect(await kindsOf(lost)).toEqual([["not-finite", "dense"]]);
  });

  it("of gradients that are not finite: whether they reached the weights, or loss scaling skipped the step", async () => {
    const textOf = async (optimizer: SGD) => {
      using model = net("relu", "heNormal", 1, optimizer);
      const endless = y.map(() => [Number.POSITIVE_INFINITY, 0]);
      model.compile({ optimizer, loss: "meanSquaredError" });
      const { warnings } = await diagnose(model, x, endless);
      expect(warnings.map(({ kind }) => kind)).toEqual(["not-finite"]);
      return warnings[0].text;
    };
    expect(await textOf(new SGD())).toMatch(
      /^the gradient of layer \w+ is not finite; lower the learning rate/,
    );
    expect(await textOf(withLossScaling(new SGD()))).toMatch(
      /is not finite, and the step left all weights as they were. With withLossScaling or mixedPrecision .*lossScaleState.* otherwise lower/,
    );
  });
});

describe("Diagnostics", () => {
  it("looks into the chosen steps, and changes no number of the training", async () => {
    const run = async (callbacks: Diagnostics[]) => {
      setSeed(9);
      using model = new Sequential([
        new Dense(8, { activation: "relu", inputShape: [features] }),
        new BatchNormalization(),
        new Dropout(0.5),
        new Dense(2, { activation: "softmax" }),
      ]).compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
      const { history } = await model.fit(x, y, { epochs: 2, batchSize: 20, verbose: 0, callbacks });
      return { history, weights: await model.getWeights() };
    };
    const diagnostics = new Diagnostics({ every: 2, print() {} });
    const plain = await run([]);
    expect(await run([diagnostics])).toEqual(plain);
    expect(diagnostics.reports.map(({ epoch, step }) => [epoch, step])).toEqual([
      [0, 0],
      [0, 2],
      [0, 4],
      [1, 0],
      [1, 2],
      [1, 4],
    ]);
    for (const report of diagnostics.reports) {
      expect(report).toBeInstanceOf(Diagnosis);
      expect(report.gradientNorm).toBeGreaterThan(0);
      expect(report.layers[0].outputs[0].histogram).toBeUndefined();
    }
  });

  it("counts a unit as dead that gave nothing in any step of the epoch that it saw", async () => {
    setSeed(10);
    // Each unit gives something for its own quarter of the samples alone.
    const rows = Array.from({ length: 8 }, (_, i) =>
      Array.from({ length: 4 }, (_, k) => (k === i >> 1 ? 1 : 0)),
    );
    using model = new Sequential([
      new Dense(4, { activation: "relu", inputShape: [4], kernelInitializer: "zeros", useBias: false }),
      new Dense(1),
    ]).compile({ optimizer: new SGD({ learningRate: 0 }), loss: "mse" });
    const [, ...rest] = await model.getWeights();
    const identity = Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));
    model.setWeights([identity, ...rest.map(({ values }) => values)]);
    const diagnostics = new Diagnostics({ every: 1, print() {} });
    const targets = rows.map((_, i) => i);
    await model.fit(rows, targets, {
      epochs: 2,
      batchSize: 2,
      shuffle: false,
      verbose: 0,
      callbacks: diagnostics,
    });
    const dead = diagnostics.reports.map(({ layers }) => layers[0].outputs[0].deadUnits);
    expect(dead).toEqual([0.75, 0.5, 0.25, 0, 0.75, 0.5, 0.25, 0]);
  });

  it("tells of each ill once, and prints the table where it is asked to", async () => {
    using model = net("sigmoid", initializers.randomNormal({ stddev: 5 }), 1);
    const lines: string[] = [];
    const diagnostics = new Diagnostics({ every: 3, table: true, print: (line) => lines.push(line) });
    await model.fit(x, y, { epochs: 2, batchSize: 16, verbose: 0, callbacks: diagnostics });
    expect(lines[0]).toMatch(
      /^epoch 1, step 1: layer dense: \d+ % of what sigmoid gives lies beyond 0.05 and 0.95/,
    );
    expect(lines.filter((line) => line.startsWith("epoch"))).toHaveLength(1);
    expect(lines[1].split("\n")[0]).toMatch(
      /^layer +gradient +update\/weight +mean +std +zeros +dead +saturated$/,
    );
    expect(lines[1]).toMatch(/^dense .* \d+ %$/m);
  });

  it("puts its numbers and warnings into TensorBoard's log", async () => {
    using model = net("sigmoid", initializers.randomNormal({ stddev: 5 }), 1);
    const logs = new LogDownload();
    const diagnostics = new Diagnostics({ every: 4, histograms: true, print() {} });
    const board = new TensorBoard(logs, { print() {} });
    await model.fit(x, y, { epochs: 2, batchSize: 16, verbose: 0, callbacks: [diagnostics, board] });
    const [, bytes] = [...logs.files()].find(([name]) => name.startsWith("train/"))!;
    const log = readEvents(bytes);
    const of = (tag: string) => log.scalars.get(tag) ?? [];
    const norms = of("diagnosis/dense/gradient_norm");
    expect(norms.map(({ step }) => step)).toEqual([0, 4, 6, 10]);
    for (const [i, { value }] of norms.entries())
      close(value, diagnostics.reports[i].layers[0].gradientNorm as number);
    expect(of("diagnosis/dense/saturation").length).toBe(4);
    expect(log.histograms.has("diagnosis/dense/kernel/gradients")).toBe(true);
    expect([...log.texts.keys()]).toEqual(["diagnosis/warnings"]);
  });

  it("refuses a second one, and wrong options", async () => {
    using model = net("relu", "heNormal", 1);
    const two = [new Diagnostics(), new Diagnostics()];
    await expect(model.fit(x, y, { verbose: 0, callbacks: two })).rejects.toThrow(/two Diagnostics/);
    expect(() => new Diagnostics({ every: 0 })).toThrow(ArgumentError);
    expect(() => new Diagnostics({ evry: 2 } as never)).toThrow(/Did you mean "every"/);
  });
});

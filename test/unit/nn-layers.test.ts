// Layers, initializers, activations and the summary, on the CPU reference.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, ShapeError } from "../../engine/base/errors.ts";
import { type Device, init, RandomSource, type Tensor, tensor } from "../../engine/index.ts";
import {
  Activation,
  activations,
  BatchNormalization,
  Conv2D,
  Conv2DTranspose,
  Dense,
  DepthwiseConv2D,
  Dropout,
  Embedding,
  Flatten,
  GlobalAveragePooling1D,
  GroupNormalization,
  type Initializer,
  Input,
  initializers,
  Layer,
  LayerNormalization,
  type LayerOptions,
  MaxPooling2D,
  Rescaling,
  RMSNormalization,
  Sequential,
} from "../../nn/index.ts";
import "../../nn/names.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const quiet = { print: () => {} };

/** x of [rows, features], some values. */
const sample = (rows: number, features: number) =>
  Float32Array.from({ length: rows * features }, (_, i) => Math.sin(i * 1.7) * 2 + (i % features));

describe("summary()", () => {
  const add = (model: Sequential) =>
    model
      .add(new Dense(8, { inputDim: 4, activation: "relu", name: "dense_7" }))
      .add(new Dense(8, { activation: "relu", name: "dense_8" }))
      .add(new Dense(3, { activation: "softmax", name: "dense_9" }));

  it("prints note 002's table byte for byte", () => {
    const lines: string[] = [];
    const text = add(new Sequential([], { name: "sequential_3" })).summary({
      print: (line) => lines.push(line),
    });
    // The note's copy lost the lines of equal signs.
    const want = `Model: "sequential_3"
_________________________________________________________________
 Layer (type)                Output Shape              Param #   
=================================================================
 dense_7 (Dense)             (None, 8)                 40        
                                                                 
 dense_8 (Dense)             (None, 8)                 72        
                                                                 
 dense_9 (Dense)             (None, 3)                 27        
                                                                 
=================================================================
Total params: 139 (556.00 Byte)
Trainable params: 139 (556.00 Byte)
Non-trainable params: 0 (0.00 Byte)
_________________________________________________________________`;
    expect(text).toBe(want);
    expect(lines.join("\n")).toBe(want);
  });

  it("breaks long names where Keras does", () => {
    const model = new Sequential([new Input([64]), new BatchNormalization(), new BatchNormalization()]);
    expect(model.summary(quiet)).toContain(
      [
        " batch_normalization (Batch  (None, 64)                256       ",
        " Normalization)                                                  ",
        "                                                                 ",
        " batch_normalization_1 (Bat  (None, 64)                256       ",
        " chNormalization)                                                ",
      ].join("\n"),
    );
    expect(model.summary(quiet)).toContain("Non-trainable params: 256 (1.00 KB)");
  });

  it("asks for a shape when there is none", () => {
    expect(() => new Sequential([new Dense(3)]).summary(quiet)).toThrow(/has not been built/);
    expect(() => new Sequential().summary(quiet)).toThrow(/it has no layers/);
  });
});

describe("parameter counts of the notes' networks", () => {
  const relu = (units: number) => new Dense(units, { activation: "relu" });
  const softmax = (units: number) => new Dense(units, { activation: "softmax" });
  const networks: [string, () => (Layer | Input)[], number][] = [
    [
      "001, the main job",
      () => [
        new Input([784], { byteScale: 1 / 255 }),
        ...[0, 1, 2].flatMap(() => [relu(64), new BatchNormalization()]),
        new Dropout(0.2),
        softmax(10),
      ],
      59_978,
    ],
    [
      "002, dropout",
      () => [new Input([10_000]), relu(256), new Dropout(0.5), relu(128), new Dropout(0.5), softmax(46)],
      2_599_086,
    ],
    [
      "003",
      () => [new Input([28, 28]), new Flatten(), ...[512, 512, 256, 256, 128, 128, 8].map(relu), softmax(10)],
      912_226,
    ],
    ["004", () => [new Flatten({ inputShape: [28, 28] }), relu(100), softmax(10)], 79_510],
  ];
  it.each(networks)("%s", (_, layers, params) => {
    const model = new Sequential(layers());
    expect(model.countParams()).toBe(params);
    if (params === 59_978) {
      expect(model.summary(quiet)).toContain(
        "Total params: 59978 (234.29 KB)\nTrainable params: 59594 (232.79 KB)\nNon-trainable params: 384 (1.50 KB)",
      );
    }
    model.dispose();
  });
});

describe("names", () => {
  it("count up in a model, by type, and are the same for each copy of it", () => {
    const make = () =>
      new Sequential([
        ...[new Input([2]), new Dense(1), new Dense(1, { name: "dense_1" }), new BatchNormalization()],
        ...[new Dropout(0), new Dense(1), new Dense(1, { name: "own" }), new Dense(1)],
      ]);
    for (const model of [make(), make()]) {
      expect(model.layers.map((layer) => model.nameOf(layer))).toEqual([
        "dense",
        "dense_1",
        "batch_normalization",
        "dropout",
        "dense_2",
        "own",
        "dense_3",
      ]);
      expect(model.layers.map(({ name }) => name)).toEqual(model.layers.map((l) => model.nameOf(l)));
      expect(model.name).toBe("sequential");
      expect([...model.variables()].map(({ path }) => path).slice(0, 3)).toEqual([
        "dense/kernel",
        "dense/bias",
        "dense_1/kernel",
      ]);
      model.dispose();
    }
    expect(new Dense(1).name).toBe("dense");
    expect(new Dense(1, { name: "own" }).name).toBe("own");
    expect(() => new Dense(1, { name: "a/b" })).toThrow('the name "a/b" holds a "/"');
  });
});

describe("Dense", () => {
  it("is activation(x · kernel + bias)", async () => {
    const layer = new Dense(2, { activation: "tanh" });
    const x = [
      [1, 2, 3],
      [-1, 0, 0.5],
    ];
    layer.build([3]);
    layer.kernel?.set([
      [0.1, -0.2],
      [0.3, 0.4],
      [-0.5, 0.6],
    ]);
    layer.bias?.set([0.25, -0.5]);
    const got = (await layer.call(tensor(x)).array()) as number[][];
    const w = [
      [0.1, -0.2],
      [0.3, 0.4],
      [-0.5, 0.6],
    ];
    x.forEach((row, i) => {
      [0.25, -0.5].forEach((bias, j) => {
        const z = row.reduce((total, value, k) => total + value * w[k][j], bias);
        expect(got[i][j]).toBeCloseTo(Math.tanh(z), 6);
      });
    });
    expect(layer.countParams()).toBe(8);
  });

  it("works on the last of many axes, and without a bias", async () => {
    const layer = new Dense(2, { useBias: false, kernelInitializer: "ones" });
    const y = layer.call(tensor(sample(6, 4), [2, 3, 4]));
    expect(y.shape).toEqual([2, 3, 2]);
    expect(layer.outputShape).toEqual([3, 2]);
    const x = sample(6, 4);
    const got = await y.data();
    for (let row = 0; row < 6; row++) {
      const want = x.slice(row * 4, row * 4 + 4).reduce((a, b) => a + b, 0);
      expect(got[row * 2]).toBeCloseTo(want, 5);
      expect(got[row * 2 + 1]).toBeCloseTo(want, 5);
    }
    expect(layer.countParams()).toBe(8);
  });

  it("stacked without activations is one matrix product", async () => {
    const [a, b] = [new Dense(5, { inputDim: 3 }), new Dense(2)];
    const model = new Sequential([a, b]);
    const x = sample(4, 3);
    const got = await model.call(tensor(x, [4, 3])).data();
    const [wa, wb] = [await a.kernel!.data(), await b.kernel!.data()];
    for (let row = 0; row < 4; row++) {
      for (let j = 0; j < 2; j++) {
        let want = 0;
        for (let i = 0; i < 3; i++) {
          for (let k = 0; k < 5; k++) want += x[row * 3 + i] * wa[i * 5 + k] * wb[k * 2 + j];
        }
        expect(got[row * 2 + j]).toBeCloseTo(want, 4);
      }
    }
  });

  it("gives the same numbers with an Activation layer", async () => {
    const x = tensor(sample(3, 4), [3, 4]);
    for (const name of ["relu", "tanh", "sigmoid", "softmax", "leaky_relu"]) {
      const dense = new Dense(5, {
        activation: name,
        kernelInitializer: initializers.glorotNormal({ seed: 3 }),
      });
      const plain = new Dense(5, { kernelInitializer: initializers.glorotNormal({ seed: 3 }) });
      const separate = new Sequential([plain, new Activation(name)]);
      expect(await separate.call(x).data()).toEqual(await dense.call(x).data());
      expect(await dense.call(x, { logits: true }).data()).toEqual(await plain.call(x).data());
      expect(separate.outputActivations.map((one) => one?.name)).toEqual([dense.outputActivation.name]);
    }
  });
});

describe("BatchNormalization", () => {
  const [rows, features] = [6, 3];
  const x = sample(rows, features);
  const column = (j: number) => Array.from({ length: rows }, (_, i) => x[i * features + j]);
  const meanOf = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const varianceOf = (values: number[]) => meanOf(values.map((value) => (value - meanOf(values)) ** 2));
  const gamma = [0.5, 1, -2];
  const beta = [0.1, 0, 3];

  async function expectRows(y: Tensor, want: (value: number, j: number) => number) {
    const got = await y.data();
    for (let i = 0; i < x.length; i++) expect(got[i]).toBeCloseTo(want(x[i], i % features), 5);
  }

  it("uses the batch in training, its moving averages in inference", async () => {
    const layer = new BatchNormalization({ momentum: 0.9, epsilon: 1e-2 }).build([features]);
    layer.weights[0].set(gamma);
    layer.weights[1].set(beta);
    const input = tensor(x, [rows, features]);
    await expectRows(layer.call(input), (value, j) => (gamma[j] * value) / Math.sqrt(1 + 1e-2) + beta[j]);
    for (let step = 0; step < 2; step++) {
      await expectRows(layer.call(input, { training: true }), (value, j) => {
        const values = column(j);
        return (gamma[j] * (value - meanOf(values))) / Math.sqrt(varianceOf(values) + 1e-2) + beta[j];
      });
    }
    const movingMean = (j: number) => meanOf(column(j)) * (1 - 0.9 ** 2);
    const movingVariance = (j: number) => varianceOf(column(j)) * (1 - 0.9 ** 2) + 0.9 ** 2;
    const [, , mean, variance] = await Promise.all(layer.weights.map((weight) => weight.data()));
    for (let j = 0; j < features; j++) {
      expect(mean[j]).toBeCloseTo(movingMean(j), 5);
      expect(variance[j]).toBeCloseTo(movingVariance(j), 5);
    }
    await expectRows(layer.call(input), (value, j) => {
      return (gamma[j] * (value - movingMean(j))) / Math.sqrt(movingVariance(j) + 1e-2) + beta[j];
    });
  });

  it("has Keras's defaults, and 2 F of its 4 F parameters are trained", () => {
    const layer = new BatchNormalization().build([features]);
    expect([layer.momentum, layer.epsilon]).toEqual([0.99, 1e-3]);
    expect(layer.trainableWeights.map((w) => w.name)).toEqual([
      "batch_normalization/gamma",
      "batch_normalization/beta",
    ]);
    expect(layer.nonTrainableWeights.map((w) => w.name)).toEqual([
      "batch_normalization/movingMean",
      "batch_normalization/movingVariance",
    ]);
    expect(layer.countParams()).toBe(4 * features);
  });

  it("does not move while it is frozen", async () => {
    const layer = new BatchNormalization({ trainable: false }).build([features]);
    await expectRows(
      layer.call(tensor(x, [rows, features]), { training: true }),
      (value) => value / Math.sqrt(1 + 1e-3),
    );
    expect([...(await layer.weights[2].data())]).toEqual([0, 0, 0]);
    expect(layer.trainableWeights).toEqual([]);
  });

  it("stands before or after an activation", async () => {
    const input = tensor(x, [rows, features]);
    const before = new Sequential([new Input([features]), new BatchNormalization(), new Activation("tanh")]);
    const after = new Sequential([new Input([features]), new Activation("tanh"), new BatchNormalization()]);
    const normalized = (values: number[], value: number) =>
      (value - meanOf(values)) / Math.sqrt(varianceOf(values) + 1e-3);
    await expectRows(before.call(input, { training: true }), (value, j) =>
      Math.tanh(normalized(column(j), value)),
    );
    await expectRows(after.call(input, { training: true }), (value, j) =>
      normalized(column(j).map(Math.tanh), Math.tanh(value)),
    );
  });
});

describe("Dropout", () => {
  const x = () => tensor(new Float32Array(1000).fill(1), [10, 100]);

  it("drops in training only, a fresh mask each step", async () => {
    const layer = new Dropout(0.25);
    expect(await layer.call(x()).data()).toEqual(new Float32Array(1000).fill(1));
    const first = await layer.call(x(), { training: true }).data();
    const second = await layer.call(x(), { training: true }).data();
    for (const y of [first, second]) {
      expect([...new Set(y)].sort()).toEqual([0, Math.fround(1 / 0.75)]);
      const share = y.filter((value) => value === 0).length / 1000;
      expect(Math.abs(share - 0.25)).toBeLessThan(0.06);
    }
    expect(first).not.toEqual(second);
  });

  it("repeats its masks under a seed of its own", async () => {
    const masks = async () => {
      const layer = new Dropout(0.5, { seed: 7 });
      return [
        await layer.call(x(), { training: true }).data(),
        await layer.call(x(), { training: true }).data(),
      ];
    };
    expect(await masks()).toEqual(await masks());
  });

  it("knows rates 0 and 1, and no others outside", async () => {
    expect(await new Dropout(0).call(x(), { training: true }).data()).toEqual(new Float32Array(1000).fill(1));
    expect(await new Dropout(1).call(x(), { training: true }).data()).toEqual(new Float32Array(1000));
    expect(() => new Dropout(1.5)).toThrow(/the rate must be from 0 to 1/);
  });
});

describe("Flatten, Rescaling, Input", () => {
  it("reshape, scale, and say what bytes mean", async () => {
    const bytes = tensor(
      Uint8Array.from({ length: 12 }, (_, i) => i * 20),
      [2, 2, 3],
    );
    const scaled = new Sequential([new Input([2, 3], { byteScale: 1 / 255 }), new Flatten()]);
    const got = await scaled.call(bytes).data();
    expect(got).toHaveLength(12);
    got.forEach((value, i) => {
      expect(value).toBeCloseTo((i * 20) / 255, 6);
    });
    expect(scaled.outputShape).toEqual([6]);
    const plain = new Sequential([new Input([2, 3]), new Rescaling(0.5, { offset: -1 })]);
    expect([...(await plain.call(bytes).data())]).toEqual(Array.from({ length: 12 }, (_, i) => i * 10 - 1));
    // Floats are what they are.
    const floats = tensor(new Float32Array(6).fill(0.5), [1, 2, 3]);
    expect([...(await scaled.call(floats).data())]).toEqual(new Array(6).fill(0.5));
  });
});

describe("initializers", () => {
  const source = () => new RandomSource(5);
  const stats = (values: Float32Array) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    return {
      mean,
      stddev: Math.sqrt(variance),
      largest: values.reduce((a, b) => Math.max(a, Math.abs(b)), 0),
    };
  };
  const shape = [300, 200];

  it.each([
    ["randomNormal", 0.05, Number.POSITIVE_INFINITY],
    ["randomUniform", 0.05 / Math.sqrt(3), 0.05],
    ["glorotNormal", Math.sqrt(2 / 500), (2 * Math.sqrt(2 / 500)) / 0.8796],
    ["glorotUniform", Math.sqrt(2 / 500), Math.sqrt(6 / 500)],
    ["he_normal", Math.sqrt(2 / 300), (2 * Math.sqrt(2 / 300)) / 0.8796],
    ["he_uniform", Math.sqrt(2 / 300), Math.sqrt(6 / 300)],
    ["lecun_normal", Math.sqrt(1 / 300), (2 * Math.sqrt(1 / 300)) / 0.8796],
    ["lecunUniform", Math.sqrt(1 / 300), Math.sqrt(3 / 300)],
    ["truncatedNormal", 0.05 * 0.8796, 0.1],
    ["variance_scaling", Math.sqrt(1 / 300), (2 * Math.sqrt(1 / 300)) / 0.8796],
    ["orthogonal", Math.sqrt(1 / 300), Number.POSITIVE_INFINITY],
  ])("%s has the spread of its formula", (name, stddev, limit) => {
    const values = initializers.get(name).draw(shape, source());
    const found = stats(values);
    expect(Math.abs(found.mean)).toBeLessThan((5 * stddev) / Math.sqrt(values.length));
    expect(found.stddev / stddev).toBeGreaterThan(0.985);
    expect(found.stddev / stddev).toBeLessThan(1.015);
    expect(found.largest).toBeLessThanOrEqual(limit * 1.0001);
    if (limit < 1) expect(found.largest).toBeGreaterThan(limit * 0.98);
  });

  it.each<[initializers.VarianceScalingOptions, number]>([
    [{ scale: 3, mode: "fanOut", distribution: "uniform" }, Math.sqrt(3 / 200)],
    [{ scale: 2, mode: "fanAvg", distribution: "truncatedNormal" }, Math.sqrt(2 / 250)],
    [{ mode: "fan_in" as "fanIn", distribution: "untruncatedNormal" }, Math.sqrt(1 / 300)],
  ])("varianceScaling of %o has the spread of its formula", (options, stddev) => {
    const found = stats(initializers.varianceScaling(options).draw(shape, source()));
    expect(found.stddev / stddev).toBeGreaterThan(0.985);
    expect(found.stddev / stddev).toBeLessThan(1.015);
    if (options.distribution === "untruncatedNormal") expect(found.largest).toBeGreaterThan(3 * stddev);
  });

  it("glorot, he and lecun are cases of varianceScaling", () => {
    const draw = (initializer: Initializer) => initializer.draw([6, 5], source());
    const scaling = initializers.varianceScaling;
    expect(draw(initializers.glorotUniform())).toEqual(
      draw(scaling({ mode: "fanAvg", distribution: "uniform" })),
    );
    expect(draw(initializers.heNormal())).toEqual(draw(scaling({ scale: 2 })));
    expect(draw(initializers.lecunUniform())).toEqual(draw(scaling({ distribution: "uniform" })));
  });

  it.each([[[40, 7]], [[7, 40]], [[3, 3, 2, 5]], [[16, 16]]])(
    "orthogonal of %o: at right angles",
    (shape) => {
      const values = initializers.orthogonal({ gain: 2 }).draw(shape, source());
      const columns = shape[shape.length - 1];
      const rows = values.length / columns;
      const isTall = rows >= columns;
      const [long, short] = isTall ? [rows, columns] : [columns, rows];
      const at = (vector: number, i: number) => values[isTall ? i * columns + vector : vector * columns + i];
      for (let a = 0; a < short; a++) {
        for (let b = 0; b < short; b++) {
          let product = 0;
          for (let i = 0; i < long; i++) product += at(a, i) * at(b, i);
          expect(product).toBeCloseTo(a === b ? 4 : 0, 5);
        }
      }
    },
  );

  it("orthogonal is drawn evenly: no sign is favoured", () => {
    const traces = Array.from({ length: 300 }, (_, seed) => {
      const values = initializers.orthogonal({ seed }).draw([3, 3], source());
      return values[0] + values[4] + values[8];
    });
    // The trace of an evenly drawn rotation or reflection has mean 0 and variance 1.
    expect(Math.abs(traces.reduce((a, b) => a + b) / 300)).toBeLessThan(0.25);
    expect(traces.reduce((a, b) => a + b * b) / 300).toBeGreaterThan(0.7);
    expect(traces.reduce((a, b) => a + b * b) / 300).toBeLessThan(1.3);
  });

  it("identity has its gain on the diagonal, of any sizes", () => {
    expect([...initializers.identity({ gain: 3 }).draw([2, 3], source())]).toEqual([3, 0, 0, 0, 3, 0]);
    expect(() => initializers.get("identity").draw([2, 2, 2], source())).toThrow(
      "takes matrices, got [2, 2, 2]",
    );
    expect(() => initializers.get("orthogonal").draw([4], source())).toThrow("at least two axes, got [4]");
  });

  it("gives every weight a stream of its own, and the same ones again under the same seed", () => {
    const draw = () => {
      const random = source();
      return [
        initializers.glorotUniform().draw([4, 4], random),
        initializers.glorotUniform().draw([4, 4], random),
      ];
    };
    const [first, second] = draw();
    expect(first).not.toEqual(second);
    expect(draw()).toEqual([first, second]);
    const seeded = initializers.heNormal({ seed: 9 });
    expect(seeded.draw([4, 4], source())).toEqual(seeded.draw([4, 4], new RandomSource(77)));
  });

  it("zeros, ones, constant", () => {
    expect([...initializers.get("zeros").draw([2], source())]).toEqual([0, 0]);
    expect([...initializers.get("ones").draw([2], source())]).toEqual([1, 1]);
    expect([...initializers.constant(0.5).draw([2], source())]).toEqual([0.5, 0.5]);
  });

  it("counts fans as Keras does", () => {
    expect(initializers.fans([3, 3, 16, 32])).toEqual({ fanIn: 144, fanOut: 288 });
    expect(initializers.fans([10])).toEqual({ fanIn: 10, fanOut: 10 });
  });
});

describe("unknown names suggest the nearest", () => {
  it.each([
    [() => new Dense(1, { activation: "rellu" }), 'unknown activation "rellu". Did you mean "relu"?'],
    [() => new Dense(1, { kernelInitializer: "glorot_uniforn" }), 'Did you mean "glorotUniform"?'],
    [() => activations.get("sigmod"), 'Did you mean "sigmoid"?'],
    [() => initializers.get("xavier_unifrom"), 'Did you mean "xavierUniform"?'],
  ])("%s", (make, message) => {
    expect(make).toThrow(message);
    expect(make).toThrow(ArgumentError);
  });
});

describe("errors name the layer, the shapes and the remedy", () => {
  it("wrong input", () => {
    const model = new Sequential([new Dense(2, { inputDim: 3, name: "first" })]);
    expect(() => model.call(tensor(sample(2, 4), [2, 4]))).toThrow(
      'model "sequential": takes inputs of shape [batch, 3], not [batch, 4]',
    );
    expect(() => model.layers[0].call(tensor([1, 2]))).toThrow(
      'layer "first" (Dense): needs inputs with a features axis, [batch, features], got [batch]',
    );
    expect(model.call(tensor(sample(2, 3), [2, 3])).shape).toEqual([2, 2]);
  });

  it("wrong layers", () => {
    expect(() => new Dense(0)).toThrow("Dense: units must be a whole number of at least 1, got 0");
    expect(() => new Dense(2.5)).toThrow(ArgumentError);
    expect(() => new Input([0])).toThrow(ShapeError);
    expect(() => new Input([28, 28]).shape.length && new Sequential([new Dense(1), new Input([3])])).toThrow(
      /first entry/,
    );
    expect(() => new Sequential([new Dense(1, { name: "a" }), new Dense(1, { name: "a" })])).toThrow(
      /named "a" already/,
    );
    expect(() => new Sequential([new Input([3]), new Dense(1), new Dense(1, { inputDim: 2 })])).toThrow(
      /its inputShape is \[batch, 2\], but what comes in is \[batch, 1\]/,
    );
    expect(() => new Sequential([new Activation("relu")]).build()).toThrow(/the input's shape is not known/);
  });

  it("wrong weights change nothing", async () => {
    const model = new Sequential([new Dense(2, { inputDim: 3 })]);
    const before = await model.getWeights();
    expect(before.map(({ name, shape }) => [name, shape])).toEqual([
      ["dense/kernel", [3, 2]],
      ["dense/bias", [2]],
    ]);
    expect(() => model.setWeights([new Float32Array(6)])).toThrow(/has 2 weights, got 1/);
    expect(() => model.setWeights([new Float32Array(6), new Float32Array(3)])).toThrow(
      /"dense\/bias", has shape \[2\]/,
    );
    expect(await model.getWeights()).toEqual(before);
    const other = new Sequential([new Dense(2, { inputDim: 3 })]);
    other.setWeights(before);
    const x = tensor(sample(2, 3), [2, 3]);
    expect(await other.call(x).data()).toEqual(await model.call(x).data());
  });
});

describe("building", () => {
  it("happens at the first call when no shape was given", () => {
    const model = new Sequential([new Flatten(), new Dense(3)]);
    expect(model.isBuilt).toBe(false);
    model.call(tensor(sample(2, 6), [2, 2, 3]));
    expect(model.inputShape).toEqual([2, 3]);
    expect(model.outputShape).toEqual([3]);
    model.add(new Dense(5));
    expect(model.outputShape).toEqual([5]);
  });

  it("is undone by dispose(), to the last byte but the device's constants", () => {
    const before = device.memory();
    const model = new Sequential([new Input([3]), new Dense(4), new BatchNormalization(), new Dropout(0.5)]);
    expect(device.memory().tensors).toBe(before.tensors + 2 + 4 + 1);
    model.dispose();
    expect(device.memory()).toMatchObject({
      tensors: before.tensors,
      buffers: before.buffers,
      bytes: before.bytes,
    });
  });
});

describe("options that a layer does not have", () => {
  /** Past the compiler, as plain JavaScript passes them. */
  const odd = (options: object) => options as Record<string, never>;

  it.each<[string, () => unknown, string]>([
    ["Dense", () => new Dense(3, odd({ activaton: "relu" })), 'Did you mean "activation"?'],
    ["Dense", () => new Dense(3, odd({ input_dim: 4 })), 'Did you mean "inputDim"?'],
    ["Activation", () => new Activation("relu", odd({ alpha: 1 })), "Known: name, inputShape"],
    ["BatchNormalization", () => new BatchNormalization(odd({ eps: 1 })), "epsilon"],
    ["Conv2D", () => new Conv2D(4, 3, odd({ stride: 2 })), 'Did you mean "strides"?'],
    ["Conv2D", () => new Conv2D(4, 3, odd({ dilation: 2 })), 'Did you mean "dilationRate"?'],
    ["Conv2DTranspose", () => new Conv2DTranspose(4, 3, odd({ groups: 2 })), "kernelInitializer"],
    ["DepthwiseConv2D", () => new DepthwiseConv2D(3, odd({ multiplier: 2 })), "depthMultiplier"],
    ["Dropout", () => new Dropout(0.5, odd({ noise: [1] })), "noiseShape"],
    ["Embedding", () => new Embedding(4, 2, odd({ inputLength: 3 })), "embeddingsInitializer"],
    ["Flatten", () => new Flatten(odd({ dataFormat: "channelsFirst" })), "Known: name, inputShape"],
    ["GroupNormalization", () => new GroupNormalization(odd({ axis: -1 })), "groups"],
    ["LayerNormalization", () => new LayerNormalization(odd({ axes: -1 })), 'Did you mean "axis"?'],
    ["RMSNormalization", () => new RMSNormalization(odd({ center: true })), "epsilon"],
    ["MaxPooling2D", () => new MaxPooling2D(2, odd({ stride: 1 })), 'Did you mean "strides"?'],
    ["GlobalAveragePooling1D", () => new GlobalAveragePooling1D(odd({ keepdim: true })), '"keepDims"?'],
    ["Rescaling", () => new Rescaling(2, odd({ shift: 1 })), "offset"],
    ["input", () => new Input([4], odd({ scale: 1 / 255 })), "byteScale"],
  ])("%s refuses them", (type, make, hint) => {
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(`unknown ${type} option "`);
    expect(make).toThrow(hint);
  });

  it("are told from arguments that are no options at all", () => {
    expect(() => new Dense(3, odd("relu" as unknown as object))).toThrow(
      'Dense: options must be an object, as in { name: ... }, got the string "relu"',
    );
  });

  it("are a subclass's own business if it says none", () => {
    class Mine extends Layer {
      constructor(options: LayerOptions & { temperature: number }) {
        super("Mine", options);
      }
      protected forward = (x: Tensor) => x;
    }
    expect(new Mine({ temperature: 2 }).type).toBe("Mine");
  });
});

// The layers of convolutional networks, embeddings and per-sample normalizations, on the CPU reference: shapes,
// parameter counts and summaries as Keras gives them, numbers against plain loops, errors that name the layer.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, init, mul, sum, type Tensor, tensor, variableGrads } from "../../engine/index.ts";
import {
  AveragePooling1D,
  AveragePooling2D,
  Conv1D,
  Conv2D,
  Conv2DTranspose,
  Dense,
  DepthwiseConv2D,
  Dropout,
  Embedding,
  Flatten,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  GroupNormalization,
  Input,
  type Layer,
  LayerNormalization,
  MaxPooling1D,
  MaxPooling2D,
  Permute,
  Reshape,
  RMSNormalization,
  Sequential,
} from "../../nn/index.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const filled = (shape: readonly number[], value = (i: number) => Math.sin(i * 1.7) * 2): Tensor =>
  tensor(
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => value(i)),
    { shape, device },
  );

describe("Keras's example of a small convolutional network", () => {
  it("has the summary that Keras prints, byte for byte", () => {
    const model = new Sequential([
      new Input([28, 28, 1]),
      new Conv2D(32, [3, 3], { activation: "relu" }),
      new MaxPooling2D([2, 2]),
      new Conv2D(64, 3, { activation: "relu" }),
      new MaxPooling2D(2),
      new Flatten(),
      new Dropout(0.5),
      new Dense(10, { activation: "softmax" }),
    ]);
    const row = (name: string, shape: string, params: string) =>
      ` ${name.padEnd(28)}${shape.padEnd(26)}${params.padEnd(10)}\n${" ".repeat(65)}\n`;
    expect(model.summary({ print: () => {} })).toContain(
      row("conv2d (Conv2D)", "(None, 26, 26, 32)", "320") +
        ` max_pooling2d (MaxPooling2  (None, 13, 13, 32)        0         \n D)${" ".repeat(62)}\n${" ".repeat(65)}\n` +
        row("conv2d_1 (Conv2D)", "(None, 11, 11, 64)", "18496") +
        ` max_pooling2d_1 (MaxPoolin  (None, 5, 5, 64)          0         \n g2D)${" ".repeat(60)}\n${" ".repeat(65)}\n` +
        row("flatten (Flatten)", "(None, 1600)", "0") +
        row("dropout (Dropout)", "(None, 1600)", "0") +
        row("dense (Dense)", "(None, 10)", "16010"),
    );
    expect(model.countParams()).toBe(34_826);
    model.dispose();
  });
});

describe("every layer", () => {
  const cases: [string, () => Layer, input: number[], output: number[], params: number, name: string][] = [
    ["Conv1D", () => new Conv1D(6, 3), [10, 4], [8, 6], 3 * 4 * 6 + 6, "conv1d"],
    [
      "Conv1D, same, strided",
      () => new Conv1D(6, 5, { strides: 3, padding: "same" }),
      [10, 4],
      [4, 6],
      126,
      "conv1d",
    ],
    ["Conv2D, no bias", () => new Conv2D(8, [3, 1], { useBias: false }), [9, 5, 2], [7, 5, 8], 48, "conv2d"],
    [
      "Conv2D, groups",
      () => new Conv2D(6, 3, { groups: 2, padding: "same" }),
      [5, 5, 4],
      [5, 5, 6],
      114,
      "conv2d",
    ],
    ["Conv2D, dilated", () => new Conv2D(2, 3, { dilationRate: [2, 1] }), [9, 5, 2], [5, 3, 2], 38, "conv2d"],
    [
      "DepthwiseConv2D",
      () => new DepthwiseConv2D(3, { depthMultiplier: 2 }),
      [7, 7, 4],
      [5, 5, 8],
      80,
      "depthwise_conv2d",
    ],
    [
      "Conv2DTranspose",
      () => new Conv2DTranspose(3, 2, { strides: 2 }),
      [4, 5, 8],
      [8, 10, 3],
      99,
      "conv2d_transpose",
    ],
    [
      "Conv2DTranspose, same",
      () => new Conv2DTranspose(3, 3, { strides: [2, 1], padding: "same" }),
      [4, 5, 2],
      [8, 5, 3],
      57,
      "conv2d_transpose",
    ],
    ["MaxPooling1D", () => new MaxPooling1D(), [7, 3], [3, 3], 0, "max_pooling1d"],
    [
      "MaxPooling2D",
      () => new MaxPooling2D(3, { strides: 2, padding: "same" }),
      [7, 6, 3],
      [4, 3, 3],
      0,
      "max_pooling2d",
    ],
    [
      "AveragePooling1D",
      () => new AveragePooling1D(3, { strides: 1 }),
      [7, 3],
      [5, 3],
      0,
      "average_pooling1d",
    ],
    ["AveragePooling2D", () => new AveragePooling2D([2, 1]), [7, 6, 3], [3, 6, 3], 0, "average_pooling2d"],
    [
      "GlobalAveragePooling1D",
      () => new GlobalAveragePooling1D(),
      [7, 3],
      [3],
      0,
      "global_average_pooling1d",
    ],
    [
      "GlobalAveragePooling2D",
      () => new GlobalAveragePooling2D({ keepDims: true }),
      [7, 6, 3],
      [1, 1, 3],
      0,
      "global_average_pooling2d",
    ],
    ["GlobalMaxPooling1D", () => new GlobalMaxPooling1D(), [7, 3], [3], 0, "global_max_pooling1d"],
    ["GlobalMaxPooling2D", () => new GlobalMaxPooling2D(), [7, 6, 3], [3], 0, "global_max_pooling2d"],
    ["LayerNormalization", () => new LayerNormalization(), [4, 6], [4, 6], 12, "layer_normalization"],
    [
      "LayerNormalization, two axes",
      () => new LayerNormalization({ axis: [1, 2] }),
      [4, 6],
      [4, 6],
      48,
      "layer_normalization",
    ],
    [
      "GroupNormalization",
      () => new GroupNormalization({ groups: 3 }),
      [4, 4, 6],
      [4, 4, 6],
      12,
      "group_normalization",
    ],
    [
      "GroupNormalization by channel",
      () => new GroupNormalization({ groups: -1, center: false }),
      [4, 6],
      [4, 6],
      6,
      "group_normalization",
    ],
    ["RMSNormalization", () => new RMSNormalization(), [4, 6], [4, 6], 6, "rms_normalization"],
    ["Embedding", () => new Embedding(11, 5), [7], [7, 5], 55, "embedding"],
    ["Reshape", () => new Reshape([-1, 3]), [4, 6], [8, 3], 0, "reshape"],
    ["Permute", () => new Permute([2, 1]), [4, 6], [6, 4], 0, "permute"],
  ];

  it.each(cases)("%s: shape, parameters and name", async (_, make, input, output, params, name) => {
    const layer = make();
    expect(layer.name).toBe(name);
    expect(layer.computeOutputShape(input)).toEqual(output);
    const y = layer.call(filled([3, ...input], (i) => i % 11));
    expect(y.shape).toEqual([3, ...output]);
    expect(layer.countParams()).toBe(params);
    expect((await y.data()).every(Number.isFinite)).toBe(true);
    layer.dispose();
  });

  it.each(cases.filter(([, , , , params]) => params > 0))(
    "%s: every weight is trained",
    async (_, make, input) => {
      const layer = make();
      const x = filled([2, ...input], (i) => (i * 7) % 11);
      layer.call(x);
      const w = filled([2, ...(layer.outputShape as number[])]);
      const { grads } = variableGrads(
        () => sum(mul(layer.call(x, { training: true }), w)),
        layer.trainableWeights,
      );
      for (const [k, gradient] of grads.entries()) {
        expect(gradient.shape).toEqual(layer.trainableWeights[k].shape);
        expect((await gradient.data()).some((value) => value !== 0)).toBe(true);
      }
      layer.dispose();
    },
  );
});

describe("numbers", () => {
  it("Conv2D is activation(sum over the window + bias)", async () => {
    const layer = new Conv2D(2, 2, { activation: "relu", strides: [1, 2], biasInitializer: "ones" });
    const x = filled([1, 3, 5, 2], (i) => Math.sin(i * 1.7) * 9);
    const y = (await layer.call(x).array()) as number[][][][];
    const [image, kernel] = [await x.dataFloat64(), await layer.kernel!.dataFloat64()];
    for (let row = 0; row < 2; row++)
      for (let column = 0; column < 2; column++)
        for (let f = 0; f < 2; f++) {
          let want = 1;
          for (let i = 0; i < 2; i++)
            for (let j = 0; j < 2; j++)
              for (let c = 0; c < 2; c++) {
                const pixel = image[((row + i) * 5 + column * 2 + j) * 2 + c];
                want += pixel * kernel[((i * 2 + j) * 2 + c) * 2 + f];
              }
          expect(y[0][row][column][f]).toBeCloseTo(Math.max(0, want), 5);
        }
    expect(await layer.call(x, { logits: true }).data()).not.toEqual(await layer.call(x).data());
    expect(layer.outputActivation.name).toBe("relu");
    layer.dispose();
  });

  it("normalizations: mean 0 and variance 1 of what goes together, then gamma and beta", async () => {
    const x = filled([2, 3, 4, 6], (i) => ((i * 37) % 23) - 5);
    const statistics = (values: number[]) => {
      const mean = values.reduce((a, b) => a + b) / values.length;
      return [mean, values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length];
    };
    /** Elements of y by group. */
    const grouped = (y: Float64Array, group: (n: number, pixel: number, c: number) => string) => {
      const groups = new Map<string, number[]>();
      y.forEach((value, i) => {
        const key = group(Math.floor(i / 72), Math.floor(i / 6) % 12, i % 6);
        groups.set(key, [...(groups.get(key) ?? []), value]);
      });
      return [...groups.values()];
    };
    const epsilon = 1e-9;
    for (const [layer, group, count] of [
      [new LayerNormalization({ epsilon }), (n: number, p: number) => `${n} ${p}`, 24],
      [new LayerNormalization({ epsilon, axis: [-3, -2, -1] }), (n: number) => `${n}`, 2],
      [
        new GroupNormalization({ epsilon, groups: 2 }),
        (n: number, _: number, c: number) => `${n} ${c > 2}`,
        4,
      ],
      [new GroupNormalization({ epsilon, groups: -1 }), (n: number, _: number, c: number) => `${n} ${c}`, 12],
    ] as const) {
      const groups = grouped(await layer.call(x).dataFloat64(), group);
      expect(groups.length).toBe(count);
      for (const values of groups) {
        const [mean, variance] = statistics(values);
        expect(mean).toBeCloseTo(0, 6);
        expect(variance).toBeCloseTo(1, 5);
      }
      layer.dispose();
    }
    const rms = new RMSNormalization({ epsilon });
    for (const values of grouped(await rms.call(x).dataFloat64(), (n, p) => `${n} ${p}`)) {
      expect(values.reduce((a, b) => a + b * b, 0) / 6).toBeCloseTo(1, 5);
    }
    const layer = new LayerNormalization({ betaInitializer: "ones", gammaInitializer: "zeros" });
    expect((await layer.call(x).data()).every((value) => value === 1)).toBe(true);
  });

  it("Embedding gives rows by whole numbers of any dtype, zeros out of range", async () => {
    const layer = new Embedding(4, 2).build([3]);
    layer.embeddings?.set([1, 2, 3, 4, 5, 6, 7, 8]);
    const want = [7, 8, 1, 2, 0, 0];
    for (const dtype of ["f32", "i32", "u32"] as const) {
      const ids = tensor([3, 0, 4], { shape: [1, 3], dtype, device });
      expect([...(await layer.call(ids).data())]).toEqual(want);
    }
  });

  it("models of whole numbers train", async () => {
    // The parity of the sum of two embedded digits can't be told linearly; an embedding and a hidden layer can.
    const n = 200;
    const x = Int32Array.from({ length: n * 2 }, (_, i) => (i * 2654435761) % 4);
    const y = Uint8Array.from({ length: n }, (_, i) => (x[i * 2] + x[i * 2 + 1]) % 2);
    const model = new Sequential([
      new Input([2]),
      new Embedding(4, 4, { embeddingsInitializer: "glorotUniform" }),
      new Flatten(),
      new Dense(16, { activation: "tanh" }),
      new Dense(2, { activation: "softmax" }),
    ]);
    const { Adam } = await import("../../optim/index.ts");
    const optimizer = new Adam({ learningRate: 0.02 });
    model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: "accuracy" });
    const { history } = await model.fit(tensor(x, { shape: [n, 2], device }), y, { verbose: 0, epochs: 25 });
    expect(history.accuracy.at(-1)).toBe(1);
    model.dispose();
    optimizer.dispose();
  });
});

describe("errors", () => {
  it("name the layer, what comes in and what is wrong", () => {
    const on = (layer: Layer, shape: number[]) => () => layer.computeOutputShape(shape);
    expect(on(new Conv2D(3, 3), [28, 28])).toThrow(
      'layer "conv2d" (Conv2D): needs inputs [batch, height, width, channels], got [batch, 28, 28]; a Reshape layer gives them a channels axis',
    );
    expect(on(new Conv2D(3, 5), [4, 9, 1])).toThrow(
      'layer "conv2d" (Conv2D): a window that spans 5 does not fit into axis 1 of its inputs [batch, 4, 9, 1]; use a smaller one, or padding: "same"',
    );
    expect(on(new Conv2D(4, 3, { groups: 2 }), [5, 5, 3])).toThrow(/2 groups do not divide the 3 channels/);
    expect(on(new MaxPooling2D(), [1, 5, 3])).toThrow(
      /layer "max_pooling2d" \(MaxPooling2D\): a window that spans 2/,
    );
    expect(on(new GlobalMaxPooling1D(), [3])).toThrow(/needs inputs \[batch, length, channels\]/);
    expect(on(new GroupNormalization(), [4, 4, 6])).toThrow(
      /32 groups do not divide the last axis of \[batch, 4, 4, 6\]/,
    );
    expect(on(new LayerNormalization({ axis: 1 }), [4, 6])).toThrow(
      /axis 1 of \[batch, 4, 6\] must be the last one/,
    );
    expect(on(new Reshape([5, 5]), [4, 6])).toThrow(/has 24 numbers a sample and can't become \[5, 5\]/);
    expect(on(new Permute([2, 1]), [4])).toThrow(/dims \[2, 1\] are for 2 axes/);
    expect(() => new Conv2D(0, 3)).toThrow("Conv2D: filters must be a whole number of at least 1, got 0");
    expect(() => new Conv2D(4, [3, 3, 3])).toThrow(/Conv2D: kernelSize is \[3, 3, 3\]/);
    expect(() => new Conv1D(4, 3, { padding: "smae" as "same" })).toThrow(/Did you mean "same"/);
    expect(() => new Conv2D(4, 3, { groups: 3 })).toThrow("Conv2D: 3 groups do not divide the 4 filters");
    expect(() => new Embedding(0, 4)).toThrow(/Embedding: inputDim/);
    expect(() => new GroupNormalization({ groups: 0 })).toThrow(/groups must be a whole number/);
    expect(() => new LayerNormalization({ epsilon: -1e-9 })).toThrow(/epsilon must be/);
    expect(() => new Permute([0, 1])).toThrow(/dims must name each axis from 1/);
    expect(() => new Reshape([-1, -1])).toThrow(/at most one -1/);
    expect(() => new Sequential([new Input([5, 5, 2]), new Conv2D(2, 7)])).toThrow(
      /layer "conv2d" \(Conv2D\)/,
    );
  });
});

// compile, fit, evaluate, predict: on the CPU reference, against loops and formulas written out here.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ArgumentError, GradgpuError, ShapeError } from "../../engine/base/errors.ts";
import {
  abs,
  cast,
  type Device,
  gather,
  init,
  mean,
  reshape,
  sparseSoftmaxCrossEntropy,
  square,
  sub,
  type Tensor,
  tensor,
  tidy,
} from "../../engine/index.ts";
import { permutation } from "../../engine/internal.ts";
import {
  Activation,
  BatchNormalization,
  type Callback,
  Dense,
  Dropout,
  Input,
  initializers,
  type Layer,
  losses,
  metrics,
  Sequential,
} from "../../nn/index.ts";
import { Adam, SGD } from "../../optim/index.ts";
import { collectGarbage } from "../support/garbage.ts";

let device: Device;
// A fresh device each time: streams start at 0, and memory counts only what the test itself does.
beforeEach(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterEach(() => device.dispose());

const features = 4;
const classes = 3;

/** Samples around three centres, and which centre each is from. */
function blobs(rows: number, start = 0) {
  const x = new Float32Array(rows * features);
  const labels = new Int32Array(rows);
  for (let i = 0; i < rows; i++) {
    const label = (i * 7 + start) % classes;
    labels[i] = label;
    for (let j = 0; j < features; j++) {
      x[i * features + j] = (j === label ? 2 : 0) + Math.sin((i + start) * 12.9898 + j * 78.233) * 0.8;
    }
  }
  return { x, labels };
}

const oneHotOf = (labels: Int32Array) =>
  Float32Array.from({ length: labels.length * classes }, (_, i) =>
    labels[Math.floor(i / classes)] === i % classes ? 1 : 0,
  );

const layers = (): (Layer | Input)[] => [
  new Input([features]),
  new Dense(8, { activation: "relu" }),
  new Dense(classes, { activation: "softmax" }),
];

const silent = { verbose: 0 } as const;

function classifier(options: Partial<Parameters<Sequential["compile"]>[0]> = {}, list = layers()) {
  return new Sequential(list).compile({
    optimizer: new Adam({ learningRate: 0.02 }),
    loss: "sparseCategoricalCrossentropy",
    metrics: "accuracy",
    ...options,
  });
}

describe("fit", () => {
  it("gives timers their turn though its epochs are short", async () => {
    const model = new Sequential([new Input([1]), new Dense(1)]).compile({ optimizer: "sgd", loss: "mse" });
    setTimeout(() => {
      model.stopTraining = true;
    }, 10);
    // It would take hours.
    const { epoch } = await model.fit([[1]], [[1]], { ...silent, epochs: 10_000_000 });
    expect(epoch.length).toBeLessThan(1_000_000);
  });

  it("trains a small classifier, with batch normalization and dropout, until it is right", async () => {
    const { x, labels } = blobs(150);
    const test = blobs(60, 1000);
    const model = classifier({}, [
      new Input([features]),
      new Dense(9, { activation: "relu" }),
      new BatchNormalization({ momentum: 0.9 }),
      new Dropout(0.1),
      new Dense(classes, { activation: "softmax" }),
    ]);
    const history = await model.fit(x, labels, {
      ...silent,
      epochs: 15,
      batchSize: 16,
      validationData: [test.x, test.labels],
    });
    expect(history.epoch).toEqual(Array.from({ length: 15 }, (_, i) => i));
    expect(Object.keys(history.history)).toEqual(["loss", "accuracy", "valLoss", "valAccuracy"]);
    const { loss, valAccuracy } = history.history;
    expect(loss[14]).toBeLessThan(loss[0] / 3);
    expect(valAccuracy[14]).toBeGreaterThan(0.95);
    expect(history.firstStepMs).toBeGreaterThan(0);
    expect(history.epochSeconds).toHaveLength(15);
    const [testLoss, testAccuracy] = await model.evaluate(test.x, test.labels);
    expect(testAccuracy).toBeCloseTo(valAccuracy[14], 6);
    expect(testLoss).toBeCloseTo(history.history.valLoss[14], 6);
    const predictions = await model.predict(test.x, { batchSize: 7 });
    expect(predictions.shape).toEqual([60, classes]);
    const rows = (await predictions.array()) as number[][];
    const right = rows.filter((row, i) => row.indexOf(Math.max(...row)) === test.labels[i]).length;
    expect(right / 60).toBeCloseTo(testAccuracy, 6);
    rows.forEach((row) => {
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    });
    model.dispose();
  });

  it("equals a loop written by hand", async () => {
    const { x, labels } = blobs(23);
    const kernel = () => initializers.glorotUniform({ seed: 4 });
    const make = () => {
      const list = [
        new Input([features]),
        new Dense(6, { activation: "tanh", kernelInitializer: kernel() }),
        new Dense(classes, { activation: "softmax", kernelInitializer: kernel() }),
      ];
      return new Sequential(list);
    };
    const fitted = make().compile({
      optimizer: new SGD({ learningRate: 0.1, momentum: 0.9 }),
      loss: "sparseCategoricalCrossentropy",
    });
    device.random.resetStreams();
    const { history } = await fitted.fit(x, labels, { ...silent, epochs: 2, batchSize: 5 });

    const byHand = make();
    const optimizer = new SGD({ learningRate: 0.1, momentum: 0.9 });
    const loss = losses.sparseCategoricalCrossentropy();
    device.random.resetStreams();
    const [all, targets] = [tensor(x, [23, features]), tensor(labels)];
    const key = device.random.state();
    const means: number[] = [];
    for (let epoch = 0; epoch < 2; epoch++) {
      key[2]++;
      const order = await permutation(tensor(key), 23).data();
      let total = 0;
      for (let start = 0; start < 23; start += 5) {
        const indices = tensor(order.slice(start, Math.min(start + 5, 23)));
        const value = optimizer.minimize(() => {
          const outputs = byHand.call(gather(all, indices), { training: true });
          return mean(loss.call(gather(targets, indices), outputs));
        }, byHand.trainableWeights);
        total += (await value.item()) * indices.size;
      }
      means.push(total / 23);
    }
    history.loss.forEach((value, i) => {
      expect(value).toBeCloseTo(means[i], 5);
    });
    const [got, want] = [await fitted.getWeights(), await byHand.getWeights()];
    got.forEach((weight, i) => {
      weight.values.forEach((value, j) => {
        expect(value).toBeCloseTo(want[i].values[j], 5);
      });
    });
  });

  it("without shuffling takes the rows as they lie, the short last batch by its size", async () => {
    const x = [[1], [2], [3], [4], [5]];
    const y = [1, 1, 1, 1, 6];
    const model = new Sequential([new Dense(1, { inputDim: 1, useBias: false, kernelInitializer: "zeros" })]);
    model.compile({ optimizer: new SGD({ learningRate: 0 }), loss: "mse", metrics: ["mse"] });
    const { history } = await model.fit(x, y, { ...silent, batchSize: 2, shuffle: false });
    expect(history.loss[0]).toBeCloseTo((4 * 1 + 36) / 5, 6);
    expect(history.mse[0]).toBeCloseTo((4 * 1 + 36) / 5, 6);
    expect(await model.evaluate(x, y, { batchSize: 4 })).toEqual([8, 8]);
    // One step of batch gradient descent, by its formula: dL/dw = -2/n Σ x (y - w x).
    const batch = new Sequential([new Dense(1, { inputDim: 1, useBias: false, kernelInitializer: "zeros" })]);
    batch.compile({ optimizer: new SGD({ learningRate: 0.01 }), loss: "meanSquaredError" });
    await batch.fit(x, y, { ...silent, batchSize: 5 });
    expect((await batch.getWeights())[0].values[0]).toBeCloseTo((0.01 * 2 * 40) / 5, 6);
  });

  it("sees every sample once an epoch, in another order each time", async () => {
    const seen: number[][] = [];
    class Spy extends Activation {
      protected override forward(x: Tensor) {
        seen.push([...(x as unknown as { memory: { array: Float64Array } }).memory.array]);
        return super.forward(x);
      }
    }
    const x = Array.from({ length: 11 }, (_, i) => i);
    const model = new Sequential([new Spy("linear", { inputShape: [1] }), new Dense(1)]);
    model.compile({ optimizer: "sgd", loss: "mse" });
    await model.fit(x, x, { ...silent, batchSize: 4, epochs: 2 });
    expect(seen.map((batch) => batch.length)).toEqual([4, 4, 3, 4, 4, 3]);
    const epochs = [seen.slice(0, 3).flat(), seen.slice(3).flat()];
    for (const epoch of epochs) expect([...epoch].sort((a, b) => a - b)).toEqual(x);
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochs[0]).not.toEqual(x);
  });

  it("holds back the last samples for validationSplit", async () => {
    const { x, labels } = blobs(40);
    const run = async (rows: number, options: object) => {
      device.random.resetStreams();
      const model = classifier();
      const given = [x.slice(0, rows * features), labels.slice(0, rows)] as const;
      return (await model.fit(...given, { ...silent, epochs: 2, ...options })).history;
    };
    const split = await run(40, { validationSplit: 0.25 });
    const separate = await run(30, { validationData: [x.slice(30 * features), labels.slice(30)] });
    expect(split).toEqual(separate);
    expect(split.valLoss).toHaveLength(2);
  });

  it("goes on where it stopped when called again", async () => {
    const { x, labels } = blobs(60);
    const model = classifier();
    const first = await model.fit(x, labels, { ...silent, epochs: 3 });
    const second = await model.fit(x, labels, { ...silent, epochs: 3 });
    expect(second.history.loss[2]).toBeLessThan(first.history.loss[2]);
    expect(second.history.loss[0]).toBeLessThan(first.history.loss[0]);
  });

  it("gives the same results for the same seed", async () => {
    const { x, labels } = blobs(50);
    const run = async () => {
      device.random.resetStreams();
      const model = classifier({}, [
        ...layers().slice(0, 2),
        new Dropout(0.3),
        new Dense(classes, { activation: "softmax" }),
      ]);
      return (await model.fit(x, labels, { ...silent, epochs: 2 })).history;
    };
    expect(await run()).toEqual(await run());
  });

  it("takes bytes, one-hot targets, tensors and nested arrays alike", async () => {
    const { labels } = blobs(12);
    const bytes = Uint8Array.from({ length: 12 * features }, (_, i) => (i * 37) % 256);
    const kernel = initializers.glorotUniform({ seed: 1 });
    const losses: number[] = [];
    const nested = Array.from({ length: 12 }, (_, i) =>
      [...bytes.slice(i * features, i * features + features)].map((b) => b / 255),
    );
    const scaled = tensor(nested);
    const bytesTensor = tensor(bytes, [12, features]);
    const sparse = "sparseCategoricalCrossentropy";
    const cases: [unknown, unknown, string][] = [
      [bytes, labels, sparse],
      [bytesTensor, Uint8Array.from(labels), sparse],
      [nested, [...labels], sparse],
      [scaled, tensor(Float32Array.from(labels), [12, 1]), sparse],
      [bytes, oneHotOf(labels), "categorical_crossentropy"],
      [bytes, tensor(Uint8Array.from(oneHotOf(labels)), [12, classes]), "categoricalCrossentropy"],
    ];
    for (const [x, y, loss] of cases) {
      const model = new Sequential([
        new Input([features], { byteScale: 1 / 255 }),
        new Dense(classes, { activation: "softmax", kernelInitializer: kernel }),
      ]);
      model.compile({ optimizer: "sgd", loss, metrics: ["accuracy"] });
      const { history } = await model.fit(x as Tensor, y as Tensor, {
        ...silent,
        shuffle: false,
        batchSize: 5,
      });
      losses.push(history.loss[0]);
      expect(history.accuracy[0]).toBeGreaterThanOrEqual(0);
    }
    for (const loss of losses) expect(loss).toBeCloseTo(losses[0], 5);
    // The caller's tensors and arrays are as they were.
    expect(scaled.isDisposed || bytesTensor.isDisposed).toBe(false);
    expect([...bytes.slice(0, 3)]).toEqual([0, 37, 74]);
  });

  it("calls back, and stops when told", async () => {
    const { x, labels } = blobs(20);
    const calls: string[] = [];
    const callback: Callback = {
      onTrainBegin: () => void calls.push("begin"),
      onEpochBegin: (epoch) => void calls.push(`epoch ${epoch}`),
      onEpochEnd: async (epoch, logs, model) => {
        await Promise.resolve();
        calls.push(`end ${epoch} ${Object.keys(logs).join()}`);
        if (epoch === 1) model.stopTraining = true;
      },
      onTrainEnd: () => void calls.push("end"),
    };
    const logs: number[] = [];
    const history = await classifier().fit(x, labels, {
      ...silent,
      epochs: 5,
      callbacks: [callback],
      onEpochEnd: (_, { loss }) => void logs.push(loss),
    });
    expect(calls).toEqual([
      "begin",
      "epoch 0",
      "end 0 loss,accuracy",
      "epoch 1",
      "end 1 loss,accuracy",
      "end",
    ]);
    expect(logs).toEqual(history.history.loss);
  });

  it("takes one callback for a list of one, with state, on a prototype", async () => {
    class Counter implements Callback {
      epochs = 0;
      onlyCounts = true;
      readonly online = true;
      onEpochEnd() {
        this.epochs++;
      }
    }
    class Named extends Counter {
      override onEpochEnd() {
        super.onEpochEnd();
      }
    }
    const { x, labels } = blobs(10);
    for (const counter of [new Counter(), new Named()]) {
      await classifier().fit(x, labels, { ...silent, epochs: 2, callbacks: counter });
      expect(counter.epochs).toBe(2);
    }
    await classifier().fit(x, labels, { ...silent, callbacks: [] });
    await classifier().fit(x, labels, { ...silent, callbacks: { onEpochEnd: undefined } });
  });

  it("refuses callbacks that nobody would call", async () => {
    const { x, labels } = blobs(10);
    class Misspelt {
      onEpochEnds() {}
    }
    class Own extends Misspelt {
      onTrainEnd() {}
    }
    const cases: [unknown, RegExp][] = [
      [{ onEpochEnds() {} }, /callbacks: unknown callback method "onEpochEnds". Did you mean "onEpochEnd"\?/],
      [[{ on_epoch_end() {} }], /callbacks\[0\]: .*"on_epoch_end". Did you mean "onEpochEnd"\?/],
      [[{ onEpochEnd() {} }, new Own()], /callbacks\[1\]: unknown callback method "onEpochEnds"/],
      [[() => {}], /callbacks\[0\] must be an object with methods .* got a function; pass \{ onEpochEnd: /],
      [() => {}, /callbacks must be an object with methods .* got a function/],
      [Own, /got the class Own; make one with new Own\(/],
      [[null], /callbacks\[0\] must be an object .* got null/],
      ["onEpochEnd", /callbacks must be an object .* got the string/],
      [{ onEpochEnd: 3 }, /callbacks: onEpochEnd must be a function, got the number/],
      [[{ epochEnd() {} }], /callbacks\[0\] has none of the methods onTrainBegin/],
      [new Set([{ onEpochEnd() {} }]), /has none of the methods/],
    ];
    const model = classifier();
    for (const [callbacks, message] of cases) {
      const training = model.fit(x, labels, { ...silent, callbacks: callbacks as Callback });
      await expect(training).rejects.toThrow(message);
      await expect(training).rejects.toThrow(ArgumentError);
    }
    await expect(model.fit(x, labels, { ...silent, onEpochEnd: "log" as never })).rejects.toThrow(
      /fit: model ".*": the options: onEpochEnd must be a function, got the string/,
    );
  });

  it("prints one line an epoch where there is no terminal", async () => {
    const { x, labels } = blobs(40);
    const lines: string[] = [];
    await classifier().fit(x, labels, {
      epochs: 2,
      batchSize: 16,
      validationSplit: 0.2,
      print: (line) => lines.push(line),
    });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /^Epoch 1\/2 - 2\/2 - \d+\.\ds - loss: \d\.\d{4} - accuracy: \d\.\d{4} - valLoss: \d\.\d{4} - valAccuracy: \d\.\d{4}$/,
    );
  });
});

describe("memory", () => {
  it("is the same after 2,000 steps as after 20, and all comes back after fit", async () => {
    const { x, labels } = blobs(40);
    const model = classifier({}, [
      new Input([features]),
      new Dense(4, { activation: "relu" }),
      new BatchNormalization(),
      new Dropout(0.2),
      new Dense(classes, { activation: "softmax" }),
    ]);
    const at: { tensors: number; buffers: number; bytes: number }[] = [];
    const note = () => {
      const { tensors, buffers, bytes } = device.memory();
      at.push({ tensors, buffers, bytes });
    };
    await collectGarbage();
    await model.fit(x, labels, { ...silent, epochs: 2, batchSize: 4 });
    note();
    // 10 steps an epoch.
    await model.fit(x, labels, {
      ...silent,
      epochs: 202,
      batchSize: 4,
      onEpochEnd: (epoch) => {
        if ([1, 201].includes(epoch)) note();
      },
    });
    note();
    expect(at[2]).toEqual(at[1]);
    expect(at[3]).toEqual(at[0]);
  });

  it("evaluate, predict and trainOnBatch leave nothing but their result", async () => {
    const { x, labels } = blobs(20);
    const model = classifier();
    const useAll = async () => {
      await model.evaluate(x, labels, { batchSize: 6 });
      (await model.predict(x, { batchSize: 3 })).dispose();
      await model.trainOnBatch(x, labels);
    };
    // The first time makes the scalars that the device keeps.
    await useAll();
    await collectGarbage();
    const before = device.memory();
    await useAll();
    expect(device.memory()).toMatchObject({ tensors: before.tensors, bytes: before.bytes });
  });

  describe("of an optimizer that was passed", () => {
    const { x, labels } = blobs(20);
    const live = () => device.memory().tensors;
    const train = async (optimizer: Adam | string, model = classifier({ optimizer })) => {
      await model.fit(x, labels, silent);
      return model;
    };
    /** What the first training leaves: scalars that the device keeps. */
    const settled = async () => {
      (await train("adam")).dispose();
      await collectGarbage();
      return live();
    };

    it("goes with the model, and its own dispose() is harmless before and after", async () => {
      const before = await settled();
      const after = new Adam();
      const model = await train(after);
      expect(live()).toBeGreaterThan(before);
      model.dispose();
      expect(live()).toBe(before);
      after.dispose();
      const first = new Adam();
      const other = await train(first);
      first.dispose();
      other.dispose();
      other.dispose();
      expect(live()).toBe(before);
    });

    it("goes with the last of the models that were compiled with it", async () => {
      const before = await settled();
      const shared = new Adam();
      const [one, two] = [classifier({ optimizer: shared }), classifier({ optimizer: shared })];
      await train(shared, two);
      one.dispose();
      expect(shared.iterations).toBeDefined();
      expect(await shared.iterations!.item()).toBeGreaterThan(0);
      await train(shared, two);
      two.dispose();
      expect(live()).toBe(before);
    });

    it("stays with the caller where another compile replaced it, and goes on where it was", async () => {
      const before = await settled();
      const kept = new Adam();
      const model = await train(kept);
      const steps = await kept.iterations!.item();
      model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
      await train("", model);
      expect(await kept.iterations!.item()).toBe(steps);
      model.compile({ optimizer: kept, loss: "sparseCategoricalCrossentropy" });
      model.compile({ optimizer: kept, loss: "sparseCategoricalCrossentropy" });
      await train("", model);
      expect(await kept.iterations!.item()).toBe(2 * steps);
      model.dispose();
      expect(live()).toBe(before);
    });
  });
});

describe("losses", () => {
  const p = [
    [0.7, 0.2, 0.1],
    [0.1, 0.1, 0.8],
  ];
  const z = [
    [2, -1, 0.5],
    [-3, 1, 4],
  ];
  const t = [
    [1, 0, 0],
    [0, 1, 0],
  ];
  const crossEntropy = (rows: number[][]) =>
    rows.map((row, i) => -row.reduce((total, q, j) => total + t[i][j] * Math.log(q), 0));
  const soft = z.map((row) => {
    const total = row.reduce((sum, value) => sum + Math.exp(value), 0);
    return row.map((value) => Math.exp(value) / total);
  });
  async function expectLoss(
    loss: losses.Loss | ReturnType<typeof losses.get>,
    targets: Tensor,
    outputs: number[][],
    want: number[],
  ) {
    const got = await loss.call(targets, tensor(outputs)).data();
    expect(got).toHaveLength(want.length);
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(want[i], 5);
    });
  }

  it("follow Keras's formulas", async () => {
    await expectLoss(losses.get("mse"), tensor(t), p, [(0.09 + 0.04 + 0.01) / 3, (0.01 + 0.81 + 0.64) / 3]);
    await expectLoss(losses.categoricalCrossentropy(), tensor(t), p, crossEntropy(p));
    await expectLoss(
      losses.categoricalCrossentropy(),
      tensor(t),
      p.map((row) => row.map((q) => q * 3)),
      crossEntropy(p),
    );
    await expectLoss(losses.categoricalCrossentropy({ fromLogits: true }), tensor(t), z, crossEntropy(soft));
    const labels = tensor(Int32Array.from([0, 1]));
    await expectLoss(losses.sparseCategoricalCrossentropy(), labels, p, crossEntropy(p));
    await expectLoss(
      losses.sparseCategoricalCrossentropy({ fromLogits: true }),
      labels,
      z,
      crossEntropy(soft),
    );
    const binary = (rows: number[][]) =>
      rows.map(
        (row, i) =>
          -row.reduce((total, q, j) => total + t[i][j] * Math.log(q) + (1 - t[i][j]) * Math.log(1 - q), 0) /
          3,
      );
    await expectLoss(losses.binaryCrossentropy(), tensor(t), p, binary(p));
    const sigmoids = z.map((row) => row.map((value) => 1 / (1 + Math.exp(-value))));
    await expectLoss(losses.binaryCrossentropy({ fromLogits: true }), tensor(t), z, binary(sigmoids));
  });

  it("stay finite for certain outputs", async () => {
    const certain = [
      [1, 0, 0],
      [1, 0, 0],
    ];
    const far = [
      [-100, 100, 0],
      [100, -100, 0],
    ];
    const labels = tensor(Int32Array.from([0, 1]));
    for (const loss of ["binaryCrossentropy", "categoricalCrossentropy"]) {
      for (const value of await losses.get(loss).call(tensor(t), tensor(certain)).data())
        expect(value).toBeLessThan(17);
      for (const value of await losses.get(loss).withLogits!().call(tensor(t), tensor(far)).data()) {
        expect(value).toBeLessThanOrEqual(200);
        expect(value).toBeGreaterThan(60);
      }
    }
    for (const value of await losses
      .get("sparse_categorical_crossentropy")
      .call(labels, tensor(certain))
      .data()) {
      expect(value).toBeLessThan(17);
    }
  });

  it("are taken from logits where the model ends with their activation", async () => {
    // Saturated: from probabilities the gradient would be 0 by clipping, and nothing would ever be learnt.
    const model = new Sequential([
      new Dense(2, { inputDim: 1, activation: "softmax", kernelInitializer: initializers.constant(0) }),
    ]);
    model.layers[0].weights[1].set([60, -60]);
    model.compile({
      optimizer: new SGD({ learningRate: 1 }),
      loss: "sparseCategoricalCrossentropy",
      metrics: ["accuracy"],
    });
    const [loss, accuracy] = await model.trainOnBatch([[0]], [1]);
    expect(loss).toBeCloseTo(120, 3);
    expect(accuracy).toBe(0);
    expect([...(await model.getWeights())[1].values]).toEqual([59, -59]);
    // Also with an Activation layer at the end, and sigmoid.
    const binary = new Sequential([
      new Dense(1, { inputDim: 1, kernelInitializer: "zeros" }),
      new Activation("sigmoid"),
    ]);
    binary.layers[0].weights[1].set([50]);
    binary.compile({
      optimizer: new SGD({ learningRate: 1 }),
      loss: "binaryCrossentropy",
      metrics: ["accuracy", "mse"],
    });
    const [binaryLoss, binaryAccuracy, mse] = await binary.trainOnBatch([[0]], [0]);
    expect([binaryLoss, binaryAccuracy]).toEqual([50, 0]);
    expect(mse).toBeCloseTo(1, 6);
    expect([...(await binary.getWeights())[1].values]).toEqual([49]);
  });

  it("may be functions of one's own, with targets of any kind", async () => {
    const own = (targets: Tensor, outputs: Tensor) => abs(sub(outputs, cast(targets, "f32")));
    for (const y of [Int32Array.from([0, 3]), [0, 3], [[0], [3]], tensor([[0], [3]])]) {
      const model = new Sequential([new Dense(1, { inputDim: 1, kernelInitializer: "ones" })]);
      model.compile({ optimizer: "sgd", loss: (t, outputs) => own(reshape(t, [-1, 1]), outputs) });
      const { history } = await model.fit([[1], [2]], y, silent);
      expect(history.loss[0]).toBeCloseTo(1, 6);
    }
    // Classes beside rows of outputs, in whatever they come.
    const model = new Sequential([new Dense(3, { inputDim: 1, kernelInitializer: "zeros" })]);
    model.compile({ optimizer: "sgd", loss: (t, o) => sparseSoftmaxCrossEntropy(o, cast(t, "i32")) });
    for (const y of [Int32Array.from([0, 2]), [0, 2], tensor([0, 2])]) {
      expect((await model.evaluate([[1], [2]], y))[0]).toBeCloseTo(Math.log(3), 6);
    }
  });
});

describe("accuracy", () => {
  const rows = () =>
    tensor([
      [0.2, 0.8],
      [0.9, 0.1],
      [0.5, 0.5],
    ]);

  it("is binary, categorical or sparse by loss and shape", async () => {
    const cases: [string, number[], Tensor, Tensor, number[]][] = [
      ["sparseCategoricalCrossentropy", [2], tensor(Int32Array.from([1, 1, 0])), rows(), [1, 0, 1]],
      [
        "categoricalCrossentropy",
        [2],
        tensor([
          [0, 1],
          [0, 1],
          [0, 1],
        ]),
        rows(),
        [1, 0, 0],
      ],
      [
        "mse",
        [2],
        tensor([
          [0, 1],
          [0, 1],
          [0, 1],
        ]),
        rows(),
        [1, 0, 0],
      ],
      [
        "binaryCrossentropy",
        [2],
        tensor([
          [0, 1],
          [1, 1],
          [0, 1],
        ]),
        rows(),
        [1, 1, 1, 0, 1, 0],
      ],
      ["mse", [1], tensor([[0], [1], [0]]), tensor([[0.2], [0.6], [0.51]]), [1, 1, 0]],
    ];
    for (const [loss, shape, targets, outputs, want] of cases) {
      const metric = metrics.get("accuracy", losses.get(loss), shape) as metrics.MeanMetric;
      expect(metric.name).toBe("accuracy");
      expect([...(await metric.values(targets, outputs, false).data())], loss).toEqual(want);
    }
  });

  it("of several outputs is the share of all values, whatever the batch", async () => {
    const inputs = Array.from({ length: 10 }, (_, i) => [i % 2 ? 1 : -1]);
    const targets = inputs.map((_, i) => [1, 0, i % 2]);
    const model = new Sequential([new Input([1]), new Dense(3, { activation: "sigmoid" })]);
    // Always above 1/2, always above, and as the input says: right, wrong, right.
    model.setWeights([
      [0, 0, 5],
      [2, 2, 0],
    ]);
    model.compile({ optimizer: "sgd", loss: "binaryCrossentropy", metrics: ["accuracy", "mae"] });
    const [loss, accuracy, mae] = await model.evaluate(inputs, targets, { batchSize: 4 });
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    const missed = [1 - sigmoid(2), sigmoid(2), 1 - sigmoid(5)];
    expect(accuracy).toBeCloseTo(2 / 3, 6);
    expect(mae).toBeCloseTo((missed[0] + missed[1] + missed[2]) / 3, 5);
    expect(loss).toBeCloseTo(missed.reduce((sum, x) => sum - Math.log(1 - x), 0) / 3, 5);
    model.dispose();
  });

  it("goes by the targets' shape for a loss of one's own, and by its own targets beside other metrics", async () => {
    const inputs = Array.from({ length: 12 }, (_, i) => [Math.sin(i), Math.cos(i * 3), i / 12]);
    const labels = inputs.map((_, i) => i % 4);
    const oneHot = labels.map((label) => [0, 1, 2, 3].map((k) => Number(k === label)));
    const own = (t: Tensor, o: Tensor) => sparseSoftmaxCrossEntropy(o, cast(t, "i32"));
    const size = (_: Tensor, o: Tensor) => mean(o, -1);
    const accuracyOf = async (loss: unknown, list: unknown, targets: number[] | number[][]) => {
      const model = new Sequential([new Input([3]), new Dense(4, { activation: "softmax" })]);
      model.setWeights([Array.from({ length: 12 }, (_, i) => Math.sin(i * 1.7) * 2), [0, 0.1, 0.2, 0.3]]);
      model.compile({ optimizer: "sgd", loss, metrics: list } as never);
      return (await model.evaluate(inputs, targets, { batchSize: 5 }))[1];
    };
    const share = await accuracyOf("sparseCategoricalCrossentropy", ["accuracy"], labels);
    expect(share).toBeGreaterThan(0.1);
    expect(share).toBeLessThan(0.6);
    const cases: [unknown, unknown, number[] | number[][]][] = [
      [own, ["accuracy"], labels],
      [own, ["sparseCategoricalAccuracy"], labels],
      ["sparseCategoricalCrossentropy", ["accuracy", size], labels],
      ["categoricalCrossentropy", ["accuracy"], oneHot],
      ["categoricalCrossentropy", ["accuracy", size], oneHot],
      ["mse", ["accuracy"], oneHot],
      [(t: Tensor, o: Tensor) => square(sub(t, o)), ["accuracy"], oneHot],
    ];
    for (const [loss, list, targets] of cases)
      expect(await accuracyOf(loss, list, targets), `${loss} ${list}`).toBeCloseTo(share, 6);
    // What is meant for other targets is told, alone and beside others, whatever the batch.
    for (const more of [[], [size]]) {
      await expect(
        accuracyOf("sparseCategoricalCrossentropy", ["categoricalAccuracy", ...more], labels),
      ).rejects.toThrow(
        /"categoricalAccuracy": takes targets of shape \[5, 4\] .* got \[5\]; labels are for sparse metrics/,
      );
      await expect(
        accuracyOf("categoricalCrossentropy", ["sparseCategoricalAccuracy", ...more], oneHot),
      ).rejects.toThrow(/takes targets of shape \[5\] .* got \[5, 4\]; rows are for metrics without sparse/);
      await expect(
        accuracyOf("sparseCategoricalCrossentropy", ["binaryAccuracy", ...more], labels),
      ).rejects.toThrow(ShapeError);
    }
    const perClass = (_: Tensor, o: Tensor) => mean(o, 0);
    await expect(accuracyOf("mse", [perClass], oneHot)).rejects.toThrow(
      /"perClass": gave \[4\] for a batch of 5/,
    );
  });

  it("reads logits by their sign", async () => {
    const metric = metrics.binaryAccuracy();
    const values = metric.values(tensor([[0], [1]]), tensor([[0.3], [0.3]]), true);
    expect([...(await values.data())]).toEqual([0, 1]);
  });
});

describe("errors come at the call, and training goes on after", () => {
  const { x, labels } = blobs(10);
  const withTensor = async (shape: number[], values: Float32Array, use: (t: Tensor) => Promise<unknown>) => {
    using t = tensor(values, shape);
    return await use(t);
  };
  const wrong = new Int32Array(labels);
  wrong[4] = 3;
  const cases: [string, (model: Sequential) => Promise<unknown>, RegExp][] = [
    [
      "a label beyond the classes",
      (m) => m.fit(x, wrong),
      /label 3 at position 4 is out of range: for 3 outputs, labels must be whole numbers from 0 to 2/,
    ],
    [
      "a fractional label",
      (m) =>
        m.fit(
          x,
          Float32Array.from(labels, (l) => l / 2),
        ),
      /must be whole numbers/,
    ],
    ["a negative label", (m) => m.evaluate(x, [-1, ...labels.slice(1)]), /label -1 at position 0/],
    [
      "one-hot targets",
      (m) => withTensor([10, 3], oneHotOf(labels), (y) => m.fit(x, y)),
      /for one-hot targets use "categoricalCrossentropy"/,
    ],
    ["too few targets", (m) => m.fit(x, labels.slice(1)), /x has 10 rows and y has 9/],
    [
      "inputs of another shape",
      (m) => withTensor([8, 5], x, (bad) => m.fit(bad, labels)),
      /takes inputs of shape \[batch, 4\], got \[8, 5\]/,
    ],
    [
      "inputs to be reshaped",
      (m) => withTensor([10, 2, 2], x, (bad) => m.fit(bad, labels)),
      /reshape it to \[batch, 4\]/,
    ],
    [
      "no whole rows",
      (m) => m.fit(x.slice(1), labels),
      /39 values, which are no whole rows of \[batch, 4\] \(4 values each\)/,
    ],
    ["no rows", (m) => m.predict(new Float32Array(0)), /has no rows/],
    ["ragged rows", (m) => m.fit([[1, 2, 3, 4], [1]], [0, 1]), /ragged/],
    [
      "no data",
      (m) => m.fit(undefined as never, labels),
      /x must be a Tensor, nested arrays or a typed array, got undefined/,
    ],
    [
      "a batch size of 0",
      (m) => m.fit(x, labels, { batchSize: 0 }),
      /batchSize must be a whole number of at least 1, got 0/,
    ],
    [
      "epochs of text",
      (m) => m.fit(x, labels, { epochs: "3" as never }),
      /of at least 1, got the string "3"/,
    ],
    [
      "a batch size of text",
      (m) => m.predict(x, { batchSize: "8" as never }),
      /batchSize must be .* got the string "8"/,
    ],
    [
      "a split of text",
      (m) => m.fit(x, labels, { validationSplit: "0.2" as never }),
      /validationSplit must be .* got the string "0.2"/,
    ],
    [
      "a budget of text",
      (m) => m.fit(x, labels, { memoryBudget: "1" as never }),
      /memoryBudget must be .* got the string "1"/,
    ],
    [
      "a callback's misspelt method",
      (m) => m.fit(x, labels, { callbacks: [{ onEpochEnds() {} } as never] }),
      /callbacks\[0\]: unknown callback method "onEpochEnds". Did you mean "onEpochEnd"\?/,
    ],
    ["epochs of 1.5", (m) => m.fit(x, labels, { epochs: 1.5 }), /epochs must be a whole number/],
    [
      "a split of 1",
      (m) => m.fit(x, labels, { validationSplit: 1 }),
      /validationSplit must be from 0 up to 1/,
    ],
    [
      "a split that leaves nothing",
      (m) => m.fit(x, labels, { validationSplit: 0.999 }),
      /leaves 0 to train on and 10/,
    ],
    [
      "wrong validation data",
      (m) => m.fit(x, labels, { validationData: [x, wrong] }),
      /fit: model "sequential", validationData: label 3/,
    ],
    ["verbose 3", (m) => m.fit(x, labels, { verbose: 3 as never }), /verbose must be 0/],
  ];
  it.each(cases)("%s", async (_, call, message) => {
    const model = classifier();
    await model.fit(x, labels, silent);
    await collectGarbage();
    const [memory, weights] = [device.memory(), await model.getWeights()];
    const error = await call(model).then(
      () => undefined,
      (e) => e,
    );
    expect(error).toBeInstanceOf(GradgpuError);
    expect((error as Error).message).toMatch(message);
    expect(await model.getWeights()).toEqual(weights);
    const after = device.memory();
    expect([after.tensors, after.bytes]).toEqual([memory.tensors, memory.bytes]);
    await model.fit(x, labels, silent);
  });

  it("integer labels for one-hot targets, and targets beyond 0 to 1", async () => {
    const model = classifier({ loss: "categoricalCrossentropy" });
    await expect(model.fit(x, [...labels], silent)).rejects.toThrow(/targets of shape \[batch, 3\]/);
    await expect(
      model.fit(
        x,
        [...labels].map((l) => [l]),
        silent,
      ),
    ).rejects.toThrow(/for integer labels use "sparseCategoricalCrossentropy"/);
    await expect(model.fit(x, new Float32Array(30).fill(2), silent)).rejects.toThrow(
      /takes targets from 0 to 1/,
    );
    await expect(model.fit(x, labels, silent)).rejects.toThrow(ShapeError);
  });

  it("unknown names suggest the nearest", () => {
    const model = new Sequential(layers());
    const compile = (options: object) => () => model.compile({ optimizer: "adam", loss: "mse", ...options });
    expect(compile({ optimizer: "adamm" })).toThrow('Did you mean "adam"?');
    expect(compile({ loss: "sparse_categorical_crossentropi" })).toThrow(
      'Did you mean "sparseCategoricalCrossentropy"?',
    );
    expect(compile({ metrics: "acuracy" })).toThrow('Did you mean "accuracy"?');
    expect(compile({ loss: undefined })).toThrow(/needs a loss/);
    expect(compile({ metrics: ["acc", "mean_squared_error"] })).not.toThrow();
  });

  it("options that there are none of, which would be ignored", async () => {
    const model = classifier();
    const odd = (options: object) => options as Record<string, never>;
    await expect(model.fit(x, labels, odd({ ...silent, batch_size: 8 }))).rejects.toThrow(
      'unknown fit option "batch_size". Did you mean "batchSize"?',
    );
    await expect(model.evaluate(x, labels, odd({ returnDicts: true }))).rejects.toThrow(/"returnDict"/);
    await expect(model.predict(x, odd({ batch: 8 }))).rejects.toThrow(/unknown predict option "batch"/);
    // What only fit knows does nothing elsewhere.
    await expect(model.predict(x, odd({ ...silent, epochs: 2 }))).rejects.toThrow(
      'unknown predict option "epochs". Known: batchSize, jit, memoryBudget, signal, verbose, print, callbacks, steps.',
    );
    await expect(model.evaluate(x, labels, odd({ validationSplit: 0.5 }))).rejects.toThrow(
      'unknown evaluate option "validationSplit"',
    );
    expect(() => model.compile({ optimizer: "adam", loss: "mse", ...odd({ metric: "acc" }) })).toThrow(
      'Did you mean "metrics"?',
    );
    await expect(init(odd({ deterministc: true }))).rejects.toThrow('Did you mean "deterministic"?');
    // What was refused has changed nothing.
    expect((await model.fit(x, labels, silent)).history.loss).toHaveLength(1);
  });

  it("use before compile, twice at once, and without weights to train", async () => {
    const model = new Sequential(layers());
    await expect(model.fit(x, labels)).rejects.toThrow(/call compile\(\{ optimizer, loss \}\) first/);
    const trained = classifier();
    const first = trained.fit(x, labels, silent);
    await expect(trained.fit(x, labels, silent)).rejects.toThrow(/is being trained already/);
    expect(() => trained.compile({ optimizer: "sgd", loss: "mse" })).toThrow(/compile: .* is being trained/);
    await first;
    const frozen = new Sequential([
      new Dense(classes, { inputDim: features, trainable: false, activation: "softmax" }),
    ]);
    frozen.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    await expect(frozen.fit(x, labels, silent)).rejects.toThrow(/no trainable weights/);
    expect(() => new Adam().build([])).toThrow(ArgumentError);
  });
});

describe("recompiling", () => {
  it("starts a new optimizer on the same weights", async () => {
    const { x, labels } = blobs(20);
    const model = classifier({ optimizer: "adam" });
    await model.fit(x, labels, silent);
    const before = await model.getWeights();
    model.compile({ optimizer: new SGD({ learningRate: 0 }), loss: "sparseCategoricalCrossentropy" });
    expect(model.optimizer).toBeInstanceOf(SGD);
    await model.fit(x, labels, silent);
    expect(await model.getWeights()).toEqual(before);
    tidy(() => model.call(tensor(x, [20, features])));
  });
});

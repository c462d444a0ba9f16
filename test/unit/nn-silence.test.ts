// What a model and its parts refuse or tell, which would otherwise be taken in silence: other names, other shapes, classes
// and functions in the place of things, arrays that change, numbers that are lost.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Device, init, mean, square, sub, type Tensor, tensor } from "../../engine/index.ts";
import {
  Activation,
  activations,
  BatchNormalization,
  type Callback,
  Dense,
  EarlyStopping,
  GroupNormalization,
  Input,
  initializers,
  type Layer,
  LayerNormalization,
  losses,
  metrics,
  RMSNormalization,
  Sequential,
} from "../../nn/index.ts";
import { Adam, SGD, schedules } from "../../optim/index.ts";
import "../../nn/names.ts";

let device: Device;
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

describe("what would be taken in silence", () => {
  const { x, labels } = blobs(10);

  it("a share held back counts in decimals", async () => {
    const counts = async (rows: number, validationSplit: number) => {
      const seen = new Set<number>();
      const model = new Sequential([new Input([1]), new Dense(1)]);
      // A batch is as large as there are samples.
      const loss = (targets: Tensor, outputs: Tensor) => {
        seen.add(outputs.shape[0]);
        return mean(square(sub(outputs, targets)), -1);
      };
      model.compile({ optimizer: "sgd", loss });
      await model.fit(new Float32Array(rows), new Float32Array(rows), {
        ...silent,
        batchSize: rows,
        validationSplit,
      });
      model.dispose();
      return [...seen];
    };
    expect(await counts(10, 0.8)).toEqual([2, 8]);
    expect(await counts(100, 0.9)).toEqual([10, 90]);
    expect(await counts(10, 0.9)).toEqual([1, 9]);
    expect(await counts(100, 0.07)).toEqual([93, 7]);
    // Where it is no whole number, what is left is rounded down, as in Keras.
    expect(await counts(10, 0.25)).toEqual([7, 3]);
    await expect(counts(10, 0.95)).rejects.toThrow("leaves 0 to train on and 10 to validate on");
  });

  it("metrics are told in one spelling, whichever way they are written", async () => {
    const model = classifier({ metrics: ["Sparse_Categorical_Accuracy", "ACC"] });
    const { history } = await model.fit(x, labels, { ...silent, validationSplit: 0.5 });
    expect(Object.keys(history)).toEqual([
      "loss",
      "sparseCategoricalAccuracy",
      "acc",
      "valLoss",
      "valSparseCategoricalAccuracy",
      "valAcc",
    ]);
    expect(() => classifier({ metrics: ["binary_accuracy", "binaryAccuracy"] })).toThrow(
      'two values would be reported as "binaryAccuracy"',
    );
    // A name that the user gave stays.
    const own = { ...metrics.sparseCategoricalAccuracy(), name: "my_metric" };
    const named = classifier({ metrics: [own] });
    expect(Object.keys(await named.evaluate(x, labels, { returnDict: true }))).toEqual(["loss", "my_metric"]);
    expect(() => metrics.binaryAccuracy("mine" as never)).toThrow(
      "metrics.binaryAccuracy: options must be an object, as in { name: ... }, got the string",
    );
    expect(() => metrics.categoricalAccuracy({ threshold: 0.7 } as never)).toThrow('option "threshold"');
  });

  it("losses without options of their own take a reduction alone", () => {
    for (const make of [losses.meanSquaredError, losses.meanAbsoluteError]) {
      expect(() => make({ delta: 1 } as never)).toThrow('option "delta". Known: reduction.');
      expect(() => make({ reduction: "mean" } as never)).toThrow(
        "Known: sumOverBatchSize, meanWithSampleWeight",
      );
    }
  });

  it("classes and functions that make things say what to do", async () => {
    const compile = (options: object) => () =>
      new Sequential(layers()).compile({ optimizer: "adam", loss: "mse", ...options });
    expect(compile({ optimizer: Adam })).toThrow("got the class Adam; make one with new Adam(...)");
    expect(compile({ loss: losses.huber })).toThrow("losses.huber is a function that makes one; call it");
    expect(() => new Sequential([Dense as never])).toThrow(
      "got the class Dense; make one with new Dense(...)",
    );
    expect(() => new Dense(1, { kernelInitializer: initializers.glorotNormal as never })).toThrow(
      "initializers.glorotNormal is a function that makes one; call it, as in initializers.glorotNormal(...)",
    );
    // Its step tells: an optimizer that knew all schedules would bring them into every bundle.
    const scheduled = compile({
      optimizer: new Adam({ learningRate: schedules.cosineDecay as never }),
      loss: "sparseCategoricalCrossentropy",
    })();
    await expect(scheduled.fit(x, labels, silent)).rejects.toThrow(
      "schedules.cosineDecay is a function that makes one; call it",
    );
    await expect(
      classifier().fit(x, labels, { ...silent, callbacks: [EarlyStopping as never] }),
    ).rejects.toThrow("callbacks[0] must be an object with methods");
    function* generator() {
      yield [1];
    }
    await expect(classifier().fit(generator() as never, labels, silent)).rejects.toThrow(
      "x must be a Tensor, nested arrays or a typed array, got a Generator",
    );
    await expect(classifier().fit(Object.create(null), labels, silent)).rejects.toThrow("got an object");
  });

  it("activations are functions by their names, too", async () => {
    expect(new Dense(1, { activation: activations.relu }).outputActivation.name).toBe("relu");
    expect(new Dense(1, { activation: activations.linear }).outputActivation.name).toBe("linear");
    expect(new Dense(1, { activation: undefined }).outputActivation.name).toBe("linear");
    expect(() => new Activation((activations as unknown as Record<string, never>).rellu)).toThrow(
      "Activation: needs a name",
    );
    for (const name of activations.names)
      expect(activations.get((activations as unknown as Record<string, never>)[name]).name).toBe(name);
    // A loss takes over the softmax of that name.
    const model = classifier({}, [
      new Dense(classes, { inputDim: features, activation: activations.softmax }),
    ]);
    expect(model.outputActivations.map((one) => one?.name)).toEqual(["softmax"]);
  });

  it("weights in another order than the model's are not swapped", async () => {
    const model = new Sequential([
      new Dense(2, { inputDim: 2, name: "a", useBias: false }),
      new Dense(2, { name: "b", useBias: false }),
    ]);
    const [a, b] = await model.getWeights();
    expect(() => model.setWeights([b, a])).toThrow(
      'got the weights in another order: "b/kernel" where the model has "a/kernel"; its weights are a/kernel, b/kernel',
    );
    expect(await model.getWeights()).toEqual([a, b]);
    // By place they may go anywhere.
    model.setWeights([b.values, a.values]);
    expect((await model.getWeights()).map(({ values }) => values)).toEqual([b.values, a.values]);
    // Every copy of a model has the same names.
    const first = new Sequential([new Dense(2, { inputDim: 2 }), new Dense(2)]);
    const second = new Sequential([new Dense(2, { inputDim: 2 }), new Dense(2)]);
    expect(second.weights[0].name).toBe(first.weights[0].name);
    second.setWeights(await first.getWeights());
    const json = JSON.parse(JSON.stringify([{ ...a, values: [Number.NaN, 0, 0, 0] }, b.values]));
    expect(() => model.setWeights(json)).toThrow("JSON writes NaN and infinities as null");
  });

  it("arrays that change after the call are not trained on", async () => {
    const run = async (changes: boolean) => {
      device.random.resetStreams();
      const model = classifier();
      const [data, targets] = [x.slice(), labels.slice()];
      const held: [Float32Array, Int32Array] = [x.slice(), labels.slice()];
      const training = model.fit(data, targets, { ...silent, validationData: held });
      for (const array of [data, targets, ...held]) if (changes) array.fill(0);
      const { history } = await training;
      const [again, labelled] = [x.slice(), labels.slice()];
      const evaluating = model.evaluate(again, labelled);
      if (changes) for (const array of [again, labelled]) array.fill(0);
      const evaluated = await evaluating;
      const batch = [x.slice(), labels.slice()] as const;
      const stepping = model.trainOnBatch(...batch);
      if (changes) for (const array of batch) array.fill(0);
      return [history, evaluated, await stepping];
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it("evaluate and predict say when they are done, if asked", async () => {
    const lines: string[] = [];
    const told = { verbose: 1, print: (line: string) => lines.push(line) } as const;
    const model = classifier({ metrics: "accuracy" });
    await model.evaluate(x, labels, told);
    (await model.predict(x, told)).dispose();
    expect(lines[0]).toMatch(/^10 samples - loss: [\d.]+ - accuracy: [\d.]+$/);
    expect(lines[1]).toMatch(/^10 samples - [\d.]+s$/);
    await expect(model.evaluate(x, labels, { verbose: 3 as 0 })).rejects.toThrow("verbose must be 0");
  });

  describe("warnings", () => {
    let warnings: string[];
    const { warn } = console;
    beforeEach(() => {
      warnings = [];
      console.warn = (text: string) => warnings.push(text);
    });
    afterEach(() => {
      console.warn = warn;
    });

    it("tell once that the loss is lost, and what to do", async () => {
      const model = new Sequential([new Input([1]), new Dense(1)]);
      model.compile({ optimizer: new SGD({ learningRate: 1e30 }), loss: "mse" });
      const ones = new Float32Array(8).fill(1);
      await model.fit(ones, ones, { ...silent, epochs: 5 });
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(
        /fit: model "sequential": the loss is (NaN|Infinity) since epoch [12], .*smaller learningRate.*debug/,
      );
    });

    it("tell that a change of trainable weights counts later", async () => {
      const model = classifier();
      const freeze: Callback = {
        onEpochEnd: () => {
          model.layers[0].trainable = false;
        },
      };
      await model.fit(x, labels, { ...silent, epochs: 3, callbacks: freeze });
      expect(warnings).toEqual([
        expect.stringMatching(/which weights are trainable has changed: .* from the next compile on$/),
      ]);
    });

    it("are silent where all is well", async () => {
      await classifier().fit(x, labels, { ...silent, epochs: 2, validationSplit: 0.5 });
      expect(warnings).toEqual([]);
    });
  });

  it("layers added while a model is being trained", async () => {
    const model = classifier();
    const before = model.layers.length;
    const training = model.fit(x, labels, silent);
    expect(() => model.add(new Dense(2))).toThrow(
      /add: .* is being trained, and would not train the new layer/,
    );
    await training;
    expect(model.layers).toHaveLength(before);
  });

  it("normalizations without an epsilon", async () => {
    const rows = tensor([[1, 3, 8]]);
    for (const layer of [
      new BatchNormalization({ epsilon: 0 }),
      new LayerNormalization({ epsilon: 0 }),
      new GroupNormalization({ epsilon: 0, groups: 1 }),
      new RMSNormalization({ epsilon: 0 }),
    ])
      expect([...(await layer.call(rows).data())].every(Number.isFinite)).toBe(true);
    // (x - 4) / sqrt(26 / 3)
    const got = await new LayerNormalization({ epsilon: 0 }).call(rows).dataFloat64();
    [-3, -1, 4].forEach((d, i) => {
      expect(got[i]).toBeCloseTo(d / Math.sqrt(26 / 3), 10);
    });
  });
});

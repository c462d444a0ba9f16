// Models over graphs of calls: shared layers, branches, models in models, names, copies, and what errors say. On the CPU
// reference.

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  add,
  checkpoint,
  type Device,
  grad,
  init,
  mean,
  mul,
  noLeaks,
  relu,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  tidy,
  variableGrads,
} from "../../engine/index.ts";
import {
  Activation,
  BatchNormalization,
  type CallContext,
  classWeights,
  collectLosses,
  Dense,
  Dropout,
  Embedding,
  Flatten,
  Input,
  input,
  Layer,
  losses,
  Model,
  maskOf,
  modelFromConfig,
  type SampleSpec,
  Sequential,
  type Weights,
} from "../../nn/index.ts";
import { Adam, SGD } from "../../optim/index.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const silent = { verbose: 0 } as const;

/** The sum of two values of one shape. */
class Both extends Layer<readonly [Tensor, Tensor], Tensor> {
  constructor() {
    super("Both", {});
  }
  override outputSpec([first]: readonly [SampleSpec, SampleSpec]): SampleSpec {
    return first;
  }
  protected forward([a, b]: readonly [Tensor, Tensor]): Tensor {
    return add(a, b);
  }
}

const x = tensorOf([3, 4], (i) => Math.sin(i));
function tensorOf(shape: number[], value: (i: number) => number) {
  return { shape, values: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => value(i)) };
}
const made = ({ shape, values }: typeof x) => tensor(values, { shape });
const numbers = async (value: Tensor) => Array.from(await value.dataFloat64());

describe("a graph of calls", () => {
  it("computes what its layers compute by hand, shared and joined", async () => {
    const start = input([4]);
    const [shared, other] = [new Dense(4, { activation: "tanh" }), new Dense(4)];
    const joined = new Both().call([shared.call(shared.call(start)), other.call(start)]);
    const model = new Model(start, joined);
    const [value, byHand] = tidy(() => {
      const given = made(x);
      const twice = shared.call(shared.call(given) as Tensor) as Tensor;
      return [model.call(given), add(twice, other.call(given) as Tensor)];
    });
    expect(await numbers(value)).toEqual(await numbers(byHand));
    expect(model.countParams()).toBe(40);
    expect(model.layers).toEqual([shared, other, expect.any(Both)]);
    expect(joined.shape).toEqual([4]);
  });

  it("takes and gives arrays and objects, in the form that it was made of", async () => {
    const [left, right] = [input([4], { name: "left" }), input([4])];
    const model = new Model(
      { left, right },
      { sum: new Both().call([left, right]), twice: new Both().call([left, left]) },
    );
    const given = { left: made(x), right: made(x) };
    const out = model.call(given);
    expect(await numbers(out.sum)).toEqual(await numbers(out.twice));
    expect(model.inputNames).toEqual(["left", "right"]);
    expect(model.outputNames).toEqual(["sum", "twice"]);
    // @ts-expect-error: of two inputs one is missing
    expect(() => model.call({ left: given.left })).toThrow('model "model": input "right" is missing');
    // @ts-expect-error: an array is another form
    expect(() => model.call([given.left, given.right])).toThrow("takes inputs by name (left, right)");
  });

  it("is a layer: models stand in models and in a Sequential", async () => {
    const encoder = new Sequential([new Input([4]), new Dense(3, { activation: "relu" }), new Dense(2)]);
    const start = input([4]);
    const model = new Model(start, new Dense(1).call(encoder.call(start)));
    const outer = new Sequential([new Flatten({ inputShape: [2, 2] }), model]);
    expect([...outer.variables()].map(({ path }) => path)).toEqual([
      ...["kernel", "bias"].map((name) => `model/sequential/dense/${name}`),
      ...["kernel", "bias"].map((name) => `model/sequential/dense_1/${name}`),
      ...["kernel", "bias"].map((name) => `model/dense/${name}`),
    ]);
    const flat = tidy(() => outer.call(tensor(x.values, { shape: [3, 2, 2] })));
    expect(await numbers(flat)).toEqual(await numbers(model.call(made(x))));
    outer.compile({ optimizer: new SGD({ learningRate: 0.1 }), loss: "mse" });
    const before = await encoder.getWeights();
    await outer.fit(
      [
        [
          [1, 2],
          [3, 4],
        ],
      ],
      [1],
      silent,
    );
    expect(await encoder.getWeights()).not.toEqual(before);
  });

  it("that stands first says what bytes mean there, in copies too", async () => {
    const base = new Sequential([
      new Input([4], { byteScale: 1 / 255 }),
      new Dense(1, { kernelInitializer: "ones" }),
    ]);
    const outer = new Sequential([new Sequential([base]), new Dense(1, { kernelInitializer: "ones" })]);
    const bytes = Uint8Array.of(255, 255, 0, 51);
    const start = input([4]);
    const graph = new Model(start, new Dense(1, { kernelInitializer: "ones" }).call(base.call(start)));
    for (const model of [base, outer, outer.clone(), graph, graph.clone()]) {
      const outputs = await model.predict(bytes);
      expect((await numbers(outputs))[0]).toBeCloseTo(2.2, 6);
    }
  });

  it("gives intermediate outputs by the layer's name", async () => {
    const model = new Sequential([new Input([4]), new Dense(3, { activation: "relu" }), new Dense(2)]);
    const half = new Model(model.inputs, model.outputOf("dense"));
    expect(await numbers(half.call(made(x)) as Tensor)).toEqual(await numbers(model.layers[0].call(made(x))));
    expect(() => model.outputOf("dense_7")).toThrow('has no layer "dense_7"; it has dense, dense_1');
  });

  it("frees what it makes on the way", async () => {
    const start = input([4]);
    const hidden = new Dense(4, { activation: "relu" }).call(start);
    const model = new Model(start, [new Both().call([hidden, start]), hidden]);
    const given = made(x);
    await noLeaks(() => model.call(given, { training: true }), { device });
    await noLeaks(() => model.call(given, { logits: true }), { device });
  });
});

describe("from logits", () => {
  const kind = { kernelInitializer: "ones", activation: "softmax" } as const;

  it("the last activation is left out, through models in models", async () => {
    const inner = new Sequential([new Input([4]), new Dense(3, kind)]);
    const start = input([4]);
    const model = new Model(start, inner.call(start));
    const outer = new Sequential([model]);
    const raw = inner.layers[0].call(made(x), { logits: true }) as Tensor;
    expect(await numbers(outer.call(made(x), { logits: true }))).toEqual(await numbers(raw));
    expect(outer.outputActivations.map((one) => one?.name)).toEqual(["softmax"]);
    outer.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
    const [loss] = await outer.evaluate(x.values, [0, 1, 2]);
    const wanted = losses.sparseCategoricalCrossentropy({ fromLogits: true });
    const byHand = mean(wanted.call(tensor([0, 1, 2], { dtype: "i32" }), raw));
    expect(loss).toBeCloseTo(await byHand.item(), 6);
  });

  it("a value that others read too is computed both ways", async () => {
    const start = input([4]);
    const shares = new Dense(3, { activation: "softmax", name: "shares" }).call(start);
    const model = new Model(start, [shares, new Dense(1, { name: "more" }).call(shares)]);
    const [raw, more] = model.call(made(x), { logits: true });
    const [given, same] = model.call(made(x));
    expect(await numbers(softmax(raw))).toEqual(await numbers(given));
    expect(await numbers(more)).toEqual(await numbers(same));
  });

  it("only the losses that take it over get logits", async () => {
    const start = input([4]);
    const one = new Dense(3, { activation: "softmax", name: "one" }).call(start);
    const two = new Dense(2, { activation: "sigmoid", name: "two" }).call(start);
    const model = new Model(start, [one, two]);
    model.compile({
      optimizer: "sgd",
      loss: ["sparseCategoricalCrossentropy", "mse"],
      metrics: [[], ["mae"]],
    });
    const given = [
      [0.5, 0.25],
      [0.5, 1],
      [0, 0],
    ];
    const logs = await model.evaluate(x.values, [[0, 1, 2], given], { returnDict: true });
    const [, outputs] = model.call(made(x));
    const error = await mean(square(sub(outputs, tensor(given)))).item();
    expect(logs.twoLoss).toBeCloseTo(error, 6);
    expect(logs.loss).toBeCloseTo(logs.oneLoss + logs.twoLoss, 6);
    expect(Object.keys(logs)).toEqual(["loss", "oneLoss", "twoLoss", "twoMae"]);
  });
});

describe("what layers are told", () => {
  class Told extends Layer<Tensor, Tensor> {
    readonly seen: Pick<CallContext, "training" | "trainable">[] = [];
    constructor() {
      super("Told", {});
    }
    protected forward(v: Tensor, { training, trainable }: CallContext): Tensor {
      this.seen.push({ training, trainable });
      return v;
    }
  }
  class Around extends Layer<Tensor, Tensor> {
    readonly inner = new Told();
    constructor() {
      super("Around", {});
    }
    protected override createWeights(spec: SampleSpec, weights: Weights): void {
      weights.inner("inner", this.inner, spec);
    }
    protected forward(v: Tensor): Tensor {
      return this.inner.call(v);
    }
  }

  it("training and being frozen pass to inner layers, unless a call says otherwise", () => {
    const around = new Around();
    around.call(made(x));
    around.call(made(x), { training: true });
    around.trainable = false;
    around.call(made(x), { training: true });
    around.inner.call(made(x));
    expect(around.inner.seen).toEqual([
      { training: false, trainable: true },
      { training: true, trainable: true },
      { training: true, trainable: false },
      { training: false, trainable: true },
    ]);
  });

  it("a layer that calls another that it has not declared is refused", () => {
    class Sly extends Layer<Tensor, Tensor> {
      readonly secret = new Dense(4);
      constructor() {
        super("Sly", {});
      }
      protected forward(v: Tensor): Tensor {
        return this.secret.call(v);
      }
    }
    expect(() => new Sly().call(made(x))).toThrow(
      /layer "sly" \(Sly\): calls layer "dense" \(Dense\), which it has not declared/,
    );
  });

  it("losses that layers add are part of the loss, not of metrics; a loop of one's own collects them", async () => {
    class Sparse extends Layer<Tensor, Tensor> {
      constructor() {
        super("Sparse", {});
      }
      protected forward(v: Tensor, { addLoss }: CallContext): Tensor {
        addLoss(mul(sum(square(v)), 0.5));
        return v;
      }
    }
    const model = new Sequential([
      new Input([2]),
      new Sparse(),
      new Dense(1, { kernelInitializer: "zeros" }),
    ]);
    model.compile({ optimizer: "sgd", loss: "mse", metrics: "mse" });
    const given = [
      [1, 2],
      [3, 0],
    ];
    const logs = await model.evaluate(given, [1, 1], { returnDict: true });
    expect(logs.mse).toBeCloseTo(1, 6);
    expect(logs.loss).toBeCloseTo(1 + 0.5 * (1 + 4 + 9), 5);
    const collected = tidy(() => collectLosses(() => model.call(tensor(given))).losses);
    expect(collected.length).toBe(1);
    expect(await collected[0].item()).toBeCloseTo(7, 6);
    // A block that backward runs again adds them once.
    const outer = collectLosses(() => {
      const block = checkpoint((v: Tensor) => model.call(v));
      return grad((v: Tensor) => sum(block(v)))(tensor(given));
    });
    expect(outer.losses.length).toBe(1);
  });

  it("a mask goes with its value through layers and models", async () => {
    const start = input([3]);
    const model = new Model(
      start,
      new Dropout(0.5).call(new Embedding(9, 2, { maskZero: true }).call(start)),
    );
    const outer = new Sequential([model, new Activation("relu")]);
    const ids = tensor([[3, 1, 0]]);
    const out = tidy(() => {
      const value = outer.call(ids);
      return [value, maskOf(value)];
    });
    expect(await out[1]?.array()).toEqual([[true, true, false]]);
    expect(maskOf(new Sequential([new Flatten()]).call(ids))).toBeUndefined();
    expect(outer.usesMasks).toBe(true);
  });
});

describe("freezing", () => {
  const compile = (model: Model) => model.compile({ optimizer: new SGD({ learningRate: 0.1 }), loss: "mse" });
  const targets = [[1], [2], [3]];

  it("counts from the next compile on, with a warning for a change without it", async () => {
    const model = new Sequential([new Input([4]), new BatchNormalization(), new Dense(1)]);
    compile(model);
    model.layers[1].trainable = false;
    const [, , , , kernel] = await model.getWeights();
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    await model.fit(x.values, targets, silent);
    expect(warn.mock.calls.join()).toContain("which weights are trainable has changed");
    const [, , , , trained] = await model.getWeights();
    expect(trained.values).not.toEqual(kernel.values);
    compile(model);
    warn.mockClear();
    await model.fit(x.values, targets, silent);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
    const [, , , , frozen] = await model.getWeights();
    expect(frozen.values).toEqual(trained.values);
  });

  it("sets batch normalization to inference, through models in models", async () => {
    const norm = new BatchNormalization();
    const base = new Sequential([new Input([4]), norm]);
    base.trainable = false;
    const model = new Sequential([base, new Dense(1)]);
    compile(model);
    await model.fit(x.values, targets, silent);
    const [, , movingMean] = await base.getWeights();
    expect(Array.from(movingMean.values)).toEqual([0, 0, 0, 0]);
    expect(model.trainableWeights.length).toBe(2);
  });

  it("is each model's own: a discriminator trains by itself and is frozen in the GAN", async () => {
    const discriminator = new Sequential([new Input([4]), new Dense(1, { activation: "sigmoid" })]);
    const settings = { optimizer: new Adam({ learningRate: 0.1 }), loss: "binaryCrossentropy" };
    discriminator.compile(settings);
    discriminator.trainable = false;
    const noise = input([2]);
    const generator = new Dense(4, { name: "generator" });
    const gan = new Model(noise, discriminator.call(generator.call(noise)));
    gan.compile({ ...settings, optimizer: new Adam({ learningRate: 0.1 }) });
    const judge = async () => (await discriminator.getWeights()).map(({ values }) => [...values]);
    const [start] = [await judge()];
    await gan.trainOnBatch([[1, 2]], [1]);
    expect(await judge()).toEqual(start);
    await discriminator.trainOnBatch(x.values.slice(0, 4), [1]);
    expect(await judge()).not.toEqual(start);
  });
});

describe("copies", () => {
  class Scaled extends Layer<Tensor, Tensor> {
    static override readonly positional = ["factor"];
    readonly factor: number;
    constructor(factor: number, options: object = {}) {
      super("Scaled", options, {});
      this.factor = factor;
    }
    protected forward(v: Tensor): Tensor {
      return mul(v, this.factor);
    }
  }
  const graph = () => {
    const [a, b] = [input([4], { byteScale: 0.5, name: "a" }), input([4])];
    const shared = new Dense(3, { activation: "relu", kernelInitializer: "ones" });
    const hidden = new Sequential([new Dropout(0.25), new Dense(3, { name: "in" })]);
    return new Model([a, b], { out: new Both().call([hidden.call(shared.call(a)), shared.call(b)]) });
  };

  it.each(["clone", "config"])(
    "by %s have the form, names and shapes, and weights of their own",
    async (way) => {
      const model = graph();
      const copy =
        way === "clone"
          ? model.clone()
          : modelFromConfig(JSON.parse(JSON.stringify({ type: model.type, config: model.config() })), {
              custom: { Both },
            });
      expect(copy.summary({ print() {} })).toBe(model.summary({ print() {} }));
      expect([...copy.variables()].map(({ path }) => path)).toEqual(
        [...model.variables()].map((v) => v.path),
      );
      expect(copy.weights[0]).not.toBe(model.weights[0]);
      copy.setWeights(await model.getWeights());
      const given = [made(x), made(x)] as const;
      expect(await numbers(copy.call(given).out)).toEqual(await numbers(model.call(given).out));
      expect(copy.inputs[0].byteScale).toBe(0.5);
    },
  );

  it("of a Sequential, also one whose input is not known yet", () => {
    const model = new Sequential([new Scaled(2), new Dense(3, { activation: "relu" })], { name: "s" });
    for (const copy of [
      model.clone(),
      modelFromConfig({ type: model.type, config: model.config() }, { custom: { Scaled } }),
    ]) {
      expect(copy.isBuilt).toBe(false);
      expect(copy.name).toBe("s");
      copy.build([4]);
      expect(copy.countParams()).toBe(15);
      expect((copy.layers[0] as Scaled).factor).toBe(2);
    }
  });

  it("say what no data can hold, and what type is unknown", () => {
    const odd = new Sequential([new Input([4]), new Dense(3, { activation: (v) => mul(v, 2) })]);
    expect(() => odd.config()).toThrow(/config: layer "dense" \(Dense\): activation is .*function/);
    expect(odd.clone().countParams()).toBe(15);
    const config = { type: "Sequential", config: { input: null, layers: [{ type: "Dens", config: {} }] } };
    expect(() => modelFromConfig(config)).toThrow(/unknown layer type "Dens".*Dense.*custom: \{ Dens \}/);
  });
});

describe("errors before a step is taken", () => {
  const start = input([4]);
  const out = new Dense(2).call(start);
  it.each<[string, () => unknown, RegExp]>([
    [
      "an op on a placeholder",
      () => relu(start as never),
      /relu: argument 1 must be .*, got a Placeholder, which holds no numbers; do it in a layer/,
    ],
    [
      "a tensor among placeholders",
      () => new Both().call([start, made(x)] as never),
      /got a Tensor.* among placeholders/,
    ],
    [
      "an input that is not listed",
      () => new Model(input([3]), out),
      /depends on an input of shape \[batch, 4\].* not among its inputs/,
    ],
    [
      "an output without the input",
      () => new Model([start, input([7])], out),
      /no output depends on input 1, of shape \[batch, 7\]/,
    ],
    ["an input twice", () => new Model([start, start], out), /stands twice among its inputs/],
    [
      "two layers of one name",
      () => new Model(start, new Dense(2, { name: "a" }).call(new Dense(2, { name: "a" }).call(start))),
      /a layer named "a" already/,
    ],
    ["what is no placeholder", () => new Model(made(x) as never, out), /its inputs must be placeholders/],
    [
      "a shape that a layer can't take",
      () => new Flatten().call(new Both().call([input([null, 2]), input([null, 2])])),
      /needs inputs whose lengths are all known, got \[batch, any, 2\]/,
    ],
    [
      "a shared layer at two shapes",
      () => {
        const dense = new Dense(2);
        const wide = input([5]);
        return new Model([start, wide], [dense.call(start), dense.call(wide)]);
      },
      /layer "dense" \(Dense\): was built for other inputs: its kernel is \[4, 2\], and \[batch, 5\] would need \[5, 2\]/,
    ],
    [
      "an output without a loss",
      () =>
        new Model(start, [out, new Dense(1).call(start)]).compile({
          optimizer: "sgd",
          loss: { dense: "mse" },
        }),
      /output "dense_1" has no loss/,
    ],
    [
      "a loss for what is no output",
      () => new Model(start, out).compile({ optimizer: "sgd", loss: { dens: "mse" } }),
      /names the output "dens", but the model's are dense/,
    ],
    [
      "too few losses",
      () => new Model(start, [out, new Dense(1).call(start)]).compile({ optimizer: "sgd", loss: ["mse"] }),
      /loss has 1 entries for 2 outputs/,
    ],
    [
      "a weight of a loss that is none",
      () => new Model(start, out).compile({ optimizer: "sgd", loss: "mse", lossWeights: [Number.NaN] }),
      /lossWeights of output "dense" must be a finite number, got NaN/,
    ],
  ])("%s", (_, run, message) => {
    expect(run).toThrow(message);
  });

  it("data of another form than the model's", async () => {
    const other = input([3], { name: "other" });
    const model = new Model([start, other], [out, new Dense(1, { name: "size" }).call(other)]);
    model.compile({ optimizer: "sgd", loss: "mse" });
    const [a, b] = [x.values, new Float32Array(9).fill(1)];
    const ys = [
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [1, 2, 3],
    ];
    const train = (xs: never, targets: never) => model.fit(xs, targets, silent);
    await expect(train([a] as never, ys as never)).rejects.toThrow("x has 1 parts; the model wants 2");
    await expect(train({ input: a } as never, ys as never)).rejects.toThrow('x: "other" is missing');
    await expect(train([a, b.slice(0, 6)] as never, ys as never)).rejects.toThrow(
      'input "other" has 2 rows and "input" has 3',
    );
    await expect(train([a, b] as never, { dense: ys[0], sice: ys[1] } as never)).rejects.toThrow(
      '"size" is missing',
    );
    await model.fit({ other: b, input: a }, { size: ys[1], dense: ys[0] } as never, silent);
    expect(model.history?.history.sizeLoss.length).toBe(1);
  });

  it("weights of samples and of classes that mean nothing", async () => {
    const model = new Sequential([new Input([4]), new Dense(2, { activation: "softmax" })]);
    model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy", weightedMetrics: "accuracy" });
    const train = (options: object) => model.fit(x.values, [0, 1, 1], { ...silent, ...options });
    await expect(train({ sampleWeight: [0, 0, 0] })).rejects.toThrow(/all 3 sample weights are 0/);
    await expect(train({ sampleWeight: [1, Number.NaN, 1] })).rejects.toThrow(/NaN at position 1/);
    await expect(train({ sampleWeight: [1, 2] })).rejects.toThrow("sampleWeight has 2 entries for 3 samples");
    await expect(train({ classWeight: { 0: 1, 1: 2 } as never })).rejects.toThrow(
      'classWeight takes classWeights({ 0: 1, 1: 5 }), which "gradgpu/nn" exports, got an object',
    );
    await expect(train({ classWeight: classWeights({ 1: 2 }) })).rejects.toThrow(
      "classWeight has no weight for class 0",
    );
    const before = await model.evaluate(x.values, [0, 1, 1]);
    const alone = await model.evaluate(x.values.slice(0, 4), [0]);
    const weighted = await model.evaluate(x.values, [0, 1, 1], { sampleWeight: [3, 0, 0] });
    expect(weighted[0]).toBeCloseTo(alone[0], 6);
    expect(weighted[1]).toBeCloseTo(alone[1], 6);
    expect(before[0]).not.toBeCloseTo(alone[0], 6);
  });
});

describe("fit", () => {
  const model = () =>
    new Sequential([new Input([4]), new Dense(1)]).compile({ optimizer: "sgd", loss: "mse" });

  it("goes on at initialEpoch and validates as often as it is told", async () => {
    const run = (options: object) =>
      model().fit(x.values, [1, 2, 3], {
        ...silent,
        epochs: 6,
        validationData: [x.values, [1, 2, 3]],
        ...options,
      });
    expect((await run({ initialEpoch: 4 })).epoch).toEqual([4, 5]);
    expect((await run({ validationFreq: 2 })).history.valLoss.length).toBe(3);
    expect((await run({ validationFreq: [1, 6] })).history.valLoss.length).toBe(2);
    await expect(run({ initialEpoch: 6 })).rejects.toThrow(
      "initialEpoch is 6; it must be a whole number below epochs, 6",
    );
    await expect(run({ validationBatchSize: 0 })).rejects.toThrow("batchSize");
  });

  it("adds penalties of weights to the loss and keeps weights in bounds", async () => {
    class Bounded extends Layer<Tensor, Tensor> {
      constructor() {
        super("Bounded", {});
      }
      protected override createWeights(_: SampleSpec, weights: Weights): void {
        this.factor = weights.add(
          "factor",
          [4],
          { name: "three", draw: () => new Float32Array(4).fill(3) },
          {
            regularizer: { name: "half", call: (w) => mul(sum(square(w)), 0.5) },
            constraint: { name: "upTo2", call: (w) => sub(w, relu(sub(w, 2))) },
          },
        );
      }
      factor: Tensor | undefined;
      protected forward(v: Tensor): Tensor {
        return mul(v, this.factor as Tensor);
      }
    }
    const layer = new Bounded();
    const bounded = new Sequential([new Input([4]), layer]);
    bounded.compile({ optimizer: new SGD({ learningRate: 1e-6 }), loss: "mse", metrics: "mse" });
    const zeros = new Float32Array(12);
    const { history } = await bounded.fit(zeros, zeros, silent);
    expect(history.loss[0]).toBeCloseTo(18, 5);
    expect(history.mse[0]).toBe(0);
    expect(await numbers(layer.factor as Tensor)).toEqual([2, 2, 2, 2]);
    const frozen = new Sequential([new Input([4]), new Bounded()]);
    frozen.trainable = false;
    const rest = new Sequential([frozen, new Dense(1)]).compile({ optimizer: "sgd", loss: "mse" });
    expect((await rest.evaluate(zeros, [0, 0, 0]))[0]).toBe(0);
  });

  it("two optimizers in one traced step of one's own", async () => {
    const [a, b] = [new Dense(4), new Dense(1)];
    const net = new Sequential([new Input([4]), a, b]);
    const optimizers = [new SGD({ learningRate: 0.1 }), new Adam({ learningRate: 0.1 })];
    const parts = [a, b].map((layer) => layer.trainableWeights);
    const given = made(x);
    const losses: number[] = [];
    for (let i = 0; i < 5; i++) {
      const loss = tidy(() => {
        const { value, grads } = variableGrads(() => mean(square(net.call(given))), parts.flat());
        optimizers.forEach((optimizer, k) => {
          optimizer.build(parts[k]).apply(grads.slice(2 * k, 2 * k + 2));
        });
        return value;
      });
      losses.push(await loss.item());
    }
    expect(losses[4]).toBeLessThan(losses[0]);
  });
});

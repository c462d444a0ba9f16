// What users bring to a model themselves: activations, layers, losses, metrics, weights and states from files. On the CPU
// reference.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, DisposedError, GradgpuError, ShapeError } from "../../engine/base/errors.ts";
import {
  abs,
  add,
  type Device,
  grad,
  init,
  mean,
  mul,
  reshape,
  sigmoid,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  type Variable,
  variable,
} from "../../engine/index.ts";
import {
  Conv2D,
  Dense,
  Dropout,
  Input,
  Layer,
  losses,
  metrics,
  type SampleSpec,
  Sequential,
  type Weights,
} from "../../nn/index.ts";
import { Adam, globalClipNorm, optimizerState, SGD, setOptimizerState } from "../../optim/index.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const x = [[1], [2], [-1], [0.5]];
const y = [1, 1, 0, 0];
const outputsOf = async (model: Sequential) => (await (await model.predict(x)).data()) as Float32Array;
const crossentropy = (p: ArrayLike<number>) =>
  y.reduce((total, t, i) => total - Math.log(t === 1 ? p[i] : 1 - p[i]), 0) / y.length;

describe("what a loss takes over", () => {
  it("is not a function of the user's that has a known name", async () => {
    const steep = { sigmoid: (v: Tensor) => sigmoid(mul(v, 5)) }.sigmoid;
    const last = new Dense(1, { activation: steep, kernelInitializer: "ones" });
    const model = new Sequential([new Input([1]), last]).compile({ optimizer: "sgd", loss: "bce" });
    const [loss] = await model.evaluate(x, y);
    expect(loss).toBeCloseTo(crossentropy(await outputsOf(model)), 5);
    expect(last.activation.name).toBe("custom sigmoid");
    expect(new Dense(1, { activation: softmax }).activation.name).toBe("softmax");
  });

  it("comes after what a subclass computes", async () => {
    class Half extends Dense {
      protected override forward(v: Tensor): Tensor {
        return mul(super.forward(v), 0.5);
      }
    }
    const last = new Half(1, { activation: "sigmoid", kernelInitializer: "ones" });
    const model = new Sequential([new Input([1]), last]).compile({ optimizer: "sgd", loss: "bce" });
    const [loss] = await model.evaluate(x, y);
    expect(loss).toBeCloseTo(crossentropy(await outputsOf(model)), 5);
    const half = (await last.call(tensor(x), { logits: true }).data()) as Float32Array;
    expect(Array.from(half)).toEqual(x.map(([value]) => value / 2));
  });

  it("is not another loss's form", async () => {
    const own = {
      ...losses.binaryCrossentropy(),
      name: "own",
      call: (t: Tensor, o: Tensor) => mul(square(sub(t, o)), 100),
    };
    const last = new Dense(1, { activation: "sigmoid", kernelInitializer: "ones" });
    const model = new Sequential([new Input([1]), last]).compile({ optimizer: "sgd", loss: own });
    const p = await outputsOf(model);
    const want = y.reduce((total, t, i) => total + 100 * (t - p[i]) ** 2, 0) / y.length;
    expect((await model.evaluate(x, y))[0]).toBeCloseTo(want, 4);
    const renamed = { ...losses.binaryCrossentropy(), name: "renamed" };
    expect(losses.get(renamed).withLogits).toBeDefined();
  });
});

describe("a loss or metric of one's own", () => {
  it("sees one number a sample as a row, whatever the targets came in", async () => {
    for (const targets of [
      y,
      y.map((t) => [t]),
      new Float32Array(y),
      tensor(y),
      tensor(y, { shape: [4, 1] }),
    ]) {
      const loss = (t: Tensor, o: Tensor) => abs(sub(o, t));
      const model = new Sequential([new Input([1]), new Dense(1, { kernelInitializer: "ones" })]);
      model.compile({ optimizer: "sgd", loss, metrics: "mse" });
      const [mae, mse] = await model.evaluate(x, targets);
      expect(mae).toBeCloseTo((0 + 1 + 1 + 0.5) / 4, 6);
      expect(mse).toBeCloseTo((0 + 1 + 1 + 0.25) / 4, 6);
    }
  });

  it("may give the batch's mean, and is weighed by samples", async () => {
    const values = (t: Tensor, o: Tensor) => mean(abs(sub(t, o)));
    const metric = { name: "mae", values };
    const model = new Sequential([new Input([1]), new Dense(1, { kernelInitializer: "ones" })]);
    model.compile({ optimizer: "sgd", loss: "mse", metrics: metric });
    for (const batchSize of [1, 2, 3, 4])
      expect((await model.evaluate(x, y, { batchSize }))[1]).toBeCloseTo(0.625, 6);
  });

  it("may be a function for a metric too, named as it is, which sees activated outputs", async () => {
    const absoluteError = (t: Tensor, o: Tensor) => abs(sub(t, o));
    const last = () => new Dense(1, { activation: "sigmoid", kernelInitializer: "ones" });
    const model = new Sequential([new Input([1]), last()]);
    model.compile({ optimizer: "sgd", loss: "bce", metrics: [absoluteError, (_: Tensor, o: Tensor) => o] });
    const logs = await model.evaluate(x, y, { returnDict: true });
    const p = await outputsOf(model);
    expect(Object.keys(logs)).toEqual(["loss", "absoluteError", "metric"]);
    expect(logs.absoluteError).toBeCloseTo(
      y.reduce((total, t, i) => total + Math.abs(t - p[i]) / 4, 0),
      6,
    );
    expect(logs.metric).toBeCloseTo((p[0] + p[1] + p[2] + p[3]) / 4, 6);
    model.compile({ optimizer: "sgd", loss: "bce", metrics: absoluteError });
    const { history } = await model.fit(x, y, { verbose: 0, validationData: [x, y] });
    expect(Object.keys(history)).toEqual(["loss", "absoluteError", "valLoss", "valAbsoluteError"]);
  });

  it("is refused where it gives nothing that can be meant", async () => {
    const evaluate = (loss: unknown, metrics: unknown[] = []) =>
      new Sequential([new Input([1]), new Dense(1)])
        .compile({ optimizer: "sgd", loss: loss as string, metrics: metrics as string[] })
        .evaluate(x, y);
    await expect(evaluate(() => undefined)).rejects.toThrow(/loss ".*": must give a Tensor, got undefined/);
    await expect(evaluate(async (t: Tensor) => t)).rejects.toThrow(/got a Promise/);
    expect(() => evaluate(losses.binaryCrossentropy)).toThrow(
      "losses.binaryCrossentropy is a function that makes one; call it, as in losses.binaryCrossentropy(...)",
    );
    expect(() => evaluate("mse", [metrics.binaryAccuracy])).toThrow(
      "metrics.binaryAccuracy is a function that",
    );
    const metric = (values: unknown) => ({ name: "m", values });
    await expect(evaluate("mse", [metric(() => 1)])).rejects.toThrow(
      /metric "m": must give a Tensor, got the number 1/,
    );
    await expect(evaluate("mse", [metric(() => tensor([1, 2, 3]))])).rejects.toThrow(/batch of 4 samples/);
    expect(() => evaluate("mse", ["mse", "mse"])).toThrow(/"mse"; give each metric a name of its own/);
    expect(() => evaluate("mse", [{ ...metric(() => 1), name: "loss" }])).toThrow(ArgumentError);
    await expect(evaluate("mse", [() => 1])).rejects.toThrow(
      /metric "metric": must give a Tensor, got the number/,
    );
    expect(() => evaluate("mse", [losses.huber])).toThrow("losses.huber is a function that makes one");
    expect(() => evaluate("mse", [1])).toThrow(/a Metric \{ .* \}, or a function, got the number/);
    expect(() => evaluate("mse", [(t: Tensor) => t, (t: Tensor) => t])).toThrow(/reported as "metric"/);
  });
});

/** A residual block. */
class Block extends Layer {
  readonly inner = new Dense(2, { activation: "tanh" });
  readonly more = [new Dense(2)];

  constructor() {
    super("Block", {});
  }

  protected override createWeights(input: SampleSpec, weights: Weights): void {
    const hidden = weights.inner("inner", this.inner, input);
    weights.inner("more/0", this.more[0], hidden);
  }

  protected forward(v: Tensor): Tensor {
    return add(v, this.more[0].call(this.inner.call(v)));
  }
}

describe("a layer of one's own", () => {
  it("has the weights of the layers that it declares", async () => {
    const block = new Block();
    const model = new Sequential([new Input([2]), block, new Dense(1)]);
    expect(model.countParams()).toBe(2 * 6 + 3);
    model.compile({ optimizer: new SGD({ learningRate: 0.1 }), loss: "mse" });
    const before = await model.getWeights();
    await model.fit([[1, 2]], [3], { verbose: 0 });
    const after = await model.getWeights();
    for (const [i, { values }] of before.entries()) expect(after[i].values).not.toEqual(values);
    block.inner.trainable = false;
    expect(model.trainableWeights.length).toBe(4);
    expect(model.nonTrainableWeights.length).toBe(2);
    model.dispose();
    expect(block.inner.weights.length).toBe(0);
  });

  it("may stand in several others: what they share counts once", async () => {
    class Wrap extends Layer {
      readonly inner: Layer;
      constructor(inner: Layer) {
        super("Wrap", {});
        this.inner = inner;
      }
      protected override createWeights(input: SampleSpec, weights: Weights): void {
        weights.inner("inner", this.inner, input);
      }
      protected forward(v: Tensor): Tensor {
        return this.inner.call(v);
      }
    }
    const shared = new Dense(2, { kernelInitializer: "ones" });
    const model = new Sequential([new Input([2]), new Wrap(shared), new Wrap(shared)]);
    expect(model.countParams()).toBe(6);
    expect(model.weights).toEqual(shared.weights);
    expect(model.trainableWeights).toEqual(shared.weights);
    expect((await model.getWeights()).length).toBe(2);
    // Gradients [a, a, ...] of one layer, clipped to a length of 1 together.
    model.compile({ optimizer: new SGD({ learningRate: 1, clipping: globalClipNorm(1) }), loss: "mse" });
    const [before] = await model.getWeights();
    const values = [...before.values];
    await model.fit([[1, 1]], [[90, 90]], { verbose: 0 });
    const changes = (await model.getWeights()).flatMap((weight, i) =>
      Array.from(weight.values, (value, j) => value - (i === 0 ? values[j] : 0)),
    );
    expect(Math.hypot(...changes)).toBeCloseTo(1, 5);
    model.dispose();
  });

  it("must give the shape that it says", () => {
    class Wrong extends Layer {
      readonly gives: (v: Tensor) => unknown;
      constructor(gives: (v: Tensor) => unknown) {
        super("Wrong", { name: "wrong" });
        this.gives = gives;
      }
      override outputSpec(): SampleSpec {
        return { shape: [1], dtype: "f32" };
      }
      protected forward(v: Tensor): Tensor {
        return this.gives(v) as Tensor;
      }
    }
    const call = (gives: (v: Tensor) => unknown) => new Wrong(gives).call(tensor([[1, 2, 3]]));
    expect(() => call((v) => v)).toThrow(
      /layer "wrong" \(Wrong\): gave an output of shape \[1, 3\].*says \[1, 1\]/,
    );
    expect(() => call(() => undefined)).toThrow(/forward must return a Tensor, got undefined/);
    expect(call((v) => sum(v, 1, { keepDims: true })).shape).toEqual([1, 1]);
    expect(() => call((v) => reshape(v, [3]))).toThrow(ShapeError);
  });

  it("gives a tensor of its own, even where it does nothing", async () => {
    const input = tensor([[1]]);
    for (const layer of [new Dropout(0.5), new Sequential([new Input([1]), new Dropout(0.5)])]) {
      layer.call(input).dispose();
      expect(await input.data()).toEqual(new Float32Array([1]));
    }
  });
});

describe("after dispose()", () => {
  it("a model and a layer are gone", async () => {
    const model = new Sequential([new Input([1]), new Dense(1)]).compile({ optimizer: "sgd", loss: "mse" });
    const [layer] = model.layers;
    model.dispose();
    await expect(model.predict(x)).rejects.toThrow(DisposedError);
    await expect(model.fit(x, y)).rejects.toThrow(/fit: model ".*": was disposed/);
    await expect(model.getWeights()).rejects.toThrow(DisposedError);
    expect(() => model.call(tensor(x))).toThrow(DisposedError);
    expect(() => layer.call(tensor(x))).toThrow(/make a new layer/);
    model.dispose();
  });
});

describe("weights and states from elsewhere", () => {
  it("are all taken or none", async () => {
    const model = new Sequential([new Input([1]), new Dense(1)]);
    model.setWeights([[1], [1]]);
    for (const wrong of [["oops"], [null], [undefined], [[2]], tensor([2]), null, {}])
      expect(() => model.setWeights([[5], wrong as unknown as number[]])).toThrow(/weight 1, ".*bias"/);
    expect(() => model.setWeights(undefined as unknown as [])).toThrow(/one entry a weight, got undefined/);
    expect((await model.getWeights()).map(({ values }) => values[0])).toEqual([1, 1]);
  });

  it("say what JSON made of them", async () => {
    const model = new Sequential([new Input([1]), new Dense(1)]);
    const throughJson = <T>(value: T): T => JSON.parse(JSON.stringify(value));
    expect(() => model.setWeights(throughJson([new Float32Array(1), new Float32Array(1)]))).toThrow(
      /JSON turns typed arrays into objects: save Array.from/,
    );
    const saved = throughJson(
      (await model.getWeights()).map((w) => ({ ...w, values: Array.from(w.values) })),
    );
    model.setWeights(saved as unknown as Parameters<Sequential["setWeights"]>[0]);
    const w = variable([1, 2]);
    const adam = new Adam().build([w]);
    const state = await optimizerState(adam);
    expect(() => setOptimizerState(adam, throughJson(state))).toThrow(/slot "firstMoment".*Array.from/);
  });
});

describe("arguments of the wrong kind", () => {
  let v: Variable;
  beforeAll(() => {
    v = variable([1, 2]);
  });
  it.each<[string, () => unknown, RegExp]>([
    ["a missing kernel size", () => new Conv2D(8, undefined as never), /kernelSize is undefined/],
    ["options for axes", () => sum(v, { axis: 0 } as never), /sum: axes must be.*got \{"axis":0\}/],
    ["null for axes", () => sum(v, null as never), /axes must be .* got null/],
    ["a number for a shape", () => reshape(v, 2 as never), /reshape: the shape must be an array/],
    ["numbers to assign", () => v.assign([1, 2] as never), /takes a Tensor, got an array; set\(\)/],
    [
      "numbers to differentiate",
      () => grad((a) => sum(a))([1] as never),
      /needs an f32 tensor .* got an array/,
    ],
    [
      "integers to differentiate",
      () => grad((a) => sum(a))(tensor([1], { dtype: "i32" })),
      /cast\(x, "f32"\)/,
    ],
    ["a tensor to train", () => new SGD().build([tensor([1])] as never), /takes an array of Variables/],
    ["one variable to train", () => new SGD().build(v as never), /takes an array of Variables/],
    [
      "no variables",
      () => new SGD().build(undefined as never),
      /takes an array of Variables.* got undefined/,
    ],
    ["no gradient", () => new SGD().build([v]).apply([null as never]), /gradient of variable .* is null/],
    ["a dtype for a tensor's copy", () => variable(tensor([1.5]), { dtype: "i32" }), /its own \(f32 \[1\]/],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(message);
    expect(call).toThrow(GradgpuError);
  });

  it("rows may be typed arrays", async () => {
    const rows = [new Float32Array([1, 2]), new Float32Array([3, 4])];
    expect(await tensor(rows).array()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(() => tensor([new Float32Array(2), new Float32Array(3)])).toThrow(/ragged/);
    const model = new Sequential([new Dense(1)]);
    expect((await model.predict(rows)).shape).toEqual([2, 1]);
    await expect(
      new Sequential([new Input([2]), new Dense(1)]).compile({ optimizer: "sgd", loss: "mse" }).fit([], []),
    ).rejects.toThrow(/x has no rows/);
  });
});

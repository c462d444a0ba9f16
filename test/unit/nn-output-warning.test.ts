// Cross-entropies on outputs that don't belong to them: warned of once, and never where nobody can know.

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  type MockInstance,
  vi,
} from "vitest";
import { type Device, init, mul, softmax, type Tensor } from "../../engine/index.ts";
import {
  Activation,
  activations,
  Conv1D,
  Dense,
  Flatten,
  Input,
  Layer,
  LayerNormalization,
  losses,
  Sequential,
} from "../../nn/index.ts";
import "../../nn/names.ts";

let device: Device;
let warn: MockInstance<typeof console.warn>;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());
beforeEach(() => {
  warn = vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => warn.mockRestore());

const x = [
  [0, 1],
  [1, 0],
];
const targetsOf: Record<string, number[] | number[][]> = {
  sparseCategoricalCrossentropy: [0, 1],
  categoricalCrossentropy: [
    [1, 0],
    [0, 1],
  ],
  binaryCrossentropy: [
    [1, 0],
    [0, 1],
  ],
};

/** What is warned of in two runs of `fit`. */
async function warnings(last: readonly Layer[], loss: string | losses.Loss): Promise<string[]> {
  const model = new Sequential([new Input([2]), ...last]).compile({ optimizer: "sgd", loss });
  const name = typeof loss === "string" ? loss : loss.name;
  const wide = targetsOf[name] ?? targetsOf.binaryCrossentropy;
  const y = model.outputShape[0] === 1 ? [1, 0] : wide;
  await model.fit(x, y, { verbose: 0 });
  await model.fit(x, y, { verbose: 0 });
  model.dispose();
  return warn.mock.calls.map(([line]) => String(line));
}

const sparse = "sparseCategoricalCrossentropy";
const names = Object.keys(targetsOf);
const fromLogits = (name: string) => losses.get(name).withLogits!();

/** A layer that keeps to itself what its outputs are. */
class Quiet extends Layer {
  constructor() {
    super("Quiet", {});
  }
  protected forward(v: Tensor): Tensor {
    return softmax(v);
  }
}

class Outspoken extends Layer {
  constructor() {
    super("Outspoken", {});
  }
  override get outputActivation() {
    return activations.get("softmax");
  }
  protected forward(v: Tensor): Tensor {
    return v;
  }
}

describe("a cross-entropy warns", () => {
  it.each(names)("%s: of a model without its activation", async (name) => {
    const found = await warnings([new Dense(2, { name: "last" })], name);
    expect(found).toHaveLength(1);
    const activation = name === "binaryCrossentropy" ? "sigmoid" : "softmax";
    expect(found[0]).toMatch(
      /^gradgpu: fit: model ".*": \w+ takes probabilities, but layer "last" \(Dense\) ends with no activation/,
    );
    expect(found[0]).toContain(
      `use activation: "${activation}" there, or losses.${name}({ fromLogits: true })`,
    );
  });

  it.each(["tanh", "relu", "logSoftmax"])("of %s", async (activation) => {
    expect((await warnings([new Dense(2, { activation })], sparse))[0]).toContain(
      `ends with ${activation}, so`,
    );
  });

  it("of other layers with an activation option, and of an Activation layer", async () => {
    expect(await warnings([new Dense(2), new Activation("tanh")], sparse)).toHaveLength(1);
    warn.mockClear();
    const model = new Sequential([new Input([2, 1]), new Conv1D(2, 1)]);
    model.compile({ optimizer: "sgd", loss: sparse });
    await model.trainOnBatch([[[0], [1]]], [[0, 1]]);
    expect(warn).toHaveBeenCalledOnce();
    expect(warn.mock.calls[0][0]).toContain("trainOnBatch");
  });

  it.each(names)("%s: of softmax over one output", async (name) => {
    if (name === sparse) return;
    const found = await warnings([new Dense(1, { activation: "softmax" })], name);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('over one output, which is always 1; use activation: "sigmoid"');
  });

  it.each(names)("%s: of fromLogits after its activation", async (name) => {
    const activation = name === "binaryCrossentropy" ? "sigmoid" : "softmax";
    const found = await warnings([new Dense(2, { activation })], fromLogits(name));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`fromLogits: true takes outputs before ${activation}`);
    expect(found[0]).toContain("leave out fromLogits, or that activation");
  });
});

describe("a cross-entropy says nothing", () => {
  const softmaxed = () => new Dense(2, { activation: "softmax" });
  it.each<[string, () => Layer[], string | losses.Loss]>([
    ["softmax", () => [softmaxed()], sparse],
    ["an Activation layer", () => [new Dense(2), new Activation("softmax")], sparse],
    ["an Activation layer that does nothing", () => [softmaxed(), new Activation("linear")], sparse],
    ["the engine's function", () => [new Dense(2, { activation: softmax })], sparse],
    ["a function of one's own", () => [new Dense(2, { activation: (v) => softmax(mul(v, 2)) })], sparse],
    ["sigmoid", () => [new Dense(2, { activation: "sigmoid" })], "categoricalCrossentropy"],
    ["softmax for two labels", () => [softmaxed()], "binaryCrossentropy"],
    ["exponential, which is divided by its sum", () => [new Dense(2, { activation: "exp" })], sparse],
    ["logits", () => [new Dense(2)], fromLogits(sparse)],
    ["logSoftmax as logits", () => [new Dense(2, { activation: "logSoftmax" })], fromLogits(sparse)],
    ["a layer of one's own", () => [new Dense(2), new Quiet()], sparse],
    ["a layer of one's own, with logits", () => [new Dense(2), new Quiet()], fromLogits(sparse)],
    ["one that says so", () => [new Dense(2), new Outspoken()], sparse],
    ["layers after the activation", () => [softmaxed(), new Flatten()], sparse],
    ["normalization", () => [new Dense(2), new LayerNormalization()], sparse],
    ["another loss", () => [new Dense(2)], "mse"],
    [
      "a loss of one's own",
      () => [new Dense(2)],
      { ...losses.binaryCrossentropy(), call: losses.get("mse").call },
    ],
  ])("of %s", async (_, layers, loss) => {
    expect(await warnings(layers(), loss)).toEqual([]);
  });
});

// Arguments that users get wrong, in every public function: misspelt options, what is no tensor, a value where a function
// belongs. The functions are found by their types, so that a new one is tested as soon as it is exported.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as data from "../../data/index.ts";
import * as face from "../../engine/index.ts";
import { ArgumentError, dispose, GradgpuError, init, mean, type Tensor, tensor } from "../../engine/index.ts";
import * as inspect from "../../engine/inspect/index.ts";
import * as internal from "../../engine/internal.ts";
import * as ops from "../../engine/ops/index.ts";
import * as nn from "../../nn/index.ts";
import * as plot from "../../nn/plot/index.ts";
import * as worker from "../../nn/worker/index.ts";
import * as optim from "../../optim/index.ts";
import { type Parameter, type PublicFunction, publicFunctions } from "../support/public-functions.ts";
import "../../nn/names.ts";

/** With what optim, nn and data use beyond the public face, so that it is checked as well. */
const engine = { ...face, ...internal };
const entries: Readonly<Record<string, unknown>> = { engine, inspect, nn, optim, data, worker, plot };
const files: Readonly<Record<string, readonly string[]>> = {
  engine: ["engine/index.ts", "engine/internal.ts"],
  inspect: ["engine/inspect/index.ts"],
  nn: ["nn/index.ts"],
  optim: ["optim/index.ts"],
  data: ["data/index.ts"],
  worker: ["nn/worker/index.ts"],
  plot: ["nn/plot/index.ts"],
};

/** What users don't call: constructors and methods that are marked internal, those of errors, and of base classes. */
const isInternal = ({ name, kind }: PublicFunction): boolean =>
  /^(engine\.(SourceLine|Tensor|Variable|VariablePack|Profile|Device|kernel\..*)|nn\.Layer|nn\.RecurrentCell|nn\.RecurrentLayer|nn\.Placeholder|optim\.Optimizer|data\.DatasetIterator)$/.test(
    name,
  ) ||
  // Methods of base classes are looked at in the classes that have them.
  /^(nn\.Layer|optim\.Optimizer)#/.test(name) ||
  // Ops that others are made of, and take what those worked out.
  /^engine\.(attention|attentionByOps|attentionGradient|joinColumns|splitColumns|gatesTogether|gatesApart|eachRow|rowNormGradients?|col2im|claim|track|Ambient.*|deviceWatch.*|leavesOf|mapTree|withLeaves|joinRows|gatherRows|takeRows|stepAt|stretchOf|advanced|drawFrom|keepingHalves)$/.test(
    name,
  ) ||
  // What finds things by name.
  /^(engine\.NameTable(#.*)?|nn\.metrics\.addNames|.*\.table\..*)$/.test(name) ||
  // What rules of optimizers are handed, and what they call and override.
  /^optim\.(ByVariable\b|ParameterGroups\b|.*#(hyper|slotShape|replaceValues|spare)$)/.test(name) ||
  // They take a number or a schedule, whose properties look like options; optim-clipping.test.ts has them.
  /^optim\.(clipNorm|clipValue|globalClipNorm)$/.test(name) ||
  /#(makeTrainer|pull|pullAll|mark|knows|scaleBytes|withTrace|moveInto|assignWithParts|replaceMemory|lend|keep)$/.test(
    name,
  ) ||
  // What Tape asks of the class below it.
  /^engine\.Tape#(start|walk)$/.test(name) ||
  (kind === "constructor" && /Error$/.test(name));

/** What layers are asked for by models and by subclasses. */
const isOfLayers = ({ name }: PublicFunction): boolean =>
  /^nn\..*#(call|forward|forwardLogits|convolve|outputMask|createWeights|attend|trainedBut|change|changed|choose|checkForm|lengthOf|placesAlong|createKernels|kernelShape|channelsOut|terms|clipped|merge)$/.test(
    name,
  );

/** Ops as methods, which the types know everywhere once `gradgpu/methods` is compiled. */
const isOpAsMethod = ({ name }: PublicFunction): boolean => {
  const [owner, method] = name.split("#");
  return /^engine\.(Tensor|Variable)$/.test(owner) && Object.hasOwn(ops, method);
};

const functions = publicFunctions(files).filter(
  (one) =>
    !isInternal(one) && !isOpAsMethod(one) && !isOfLayers(one) && !/\.(names|name|classes)\./.test(one.name),
);

const start = nn.input([1]);

/** What stands in front of the options of layers, which look at it first. */
const leading: Readonly<Record<string, readonly unknown[]>> = {
  "plot.Chart#save": ["a.svg"],
  "plot.plotHistory": [{ loss: [1] }],
  "plot.sparkline": [[1]],
  "nn.Activation": ["relu"],
  "nn.AlphaDropout": [0.1],
  "nn.Bidirectional": [new nn.SimpleRNN(1)],
  "nn.CategoryEncoding": [1],
  "nn.CenterCrop": [1, 1],
  "nn.Conv1D": [1, 1],
  "nn.Conv1DTranspose": [1, 1],
  "nn.Conv2D": [1, 1],
  "nn.Conv2DTranspose": [1, 1],
  "nn.Dense": [1],
  "nn.DepthwiseConv1D": [1],
  "nn.DepthwiseConv2D": [1],
  "nn.Dot": [1],
  "nn.Dropout": [0.5],
  "nn.Embedding": [1, 1],
  "nn.GRU": [1],
  "nn.GRUCell": [1],
  "nn.GaussianBlur": [1],
  "nn.GaussianDropout": [0.1],
  "nn.GaussianNoise": [0.1],
  "nn.GroupedQueryAttention": [1, 2, 1],
  "nn.Input": [[1]],
  "nn.LSTM": [1],
  "nn.LSTMCell": [1],
  "nn.Lambda": [(x: Tensor) => x],
  "nn.MultiHeadAttention": [1, 1],
  "nn.Model": [start, new nn.Dense(1).call(start)],
  "nn.Permute": [[1]],
  "nn.PositionEmbedding": [1],
  "nn.RNN": [new nn.SimpleRNNCell(1)],
  "nn.RandomBrightness": [0.5],
  "nn.RandomContrast": [0.5],
  "nn.RandomCrop": [1, 1],
  "nn.RandomRotation": [0.5],
  "nn.RandomTranslation": [0.5, 0.5],
  "nn.RandomZoom": [0.5],
  "nn.RepeatVector": [1],
  "nn.Rescaling": [1],
  "nn.Reshape": [[1]],
  "nn.Resizing": [1, 1],
  "nn.ReversibleEmbedding": [1, 1],
  "nn.SeparableConv1D": [1, 1],
  "nn.SeparableConv2D": [1, 1],
  "nn.SimpleRNN": [1],
  "nn.SimpleRNNCell": [1],
  "nn.SpatialDropout1D": [0.5],
  "nn.SpatialDropout2D": [0.5],
  "nn.TimeDistributed": [new nn.Dense(1)],
  "nn.input": [[1]],
};

const inFront = ({ name }: PublicFunction, at: number): readonly unknown[] => {
  // Behind one argument the options are those of a data set.
  if (at === 1 && /#(fit|evaluate)$/.test(name)) return [data.Dataset.range(2)];
  return leading[name] ?? new Array(at).fill(undefined);
};

/** What must stand behind a first argument, for those that look at it first. */
const following: Readonly<Record<string, readonly unknown[]>> = {
  "engine.clip": [0, 1],
  "engine.expand": [[2, 3]],
  "engine.padZeros": [
    [0, 0],
    [0, 0],
  ],
  "engine.pow": [2],
  "engine.reshape": [[3, 2]],
};

let x: Tensor;
let instances: Readonly<Record<string, object>>;

beforeAll(async () => {
  const device = await init({ device: "cpu" });
  x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const model = new nn.Sequential([new nn.Input([2]), new nn.Dense(1)]);
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  const weights = [engine.variable([1, 2]), engine.variable([3])];
  instances = {
    "engine.Device": device,
    "data.Dataset": data.Dataset.range(2),
    "engine.RandomGenerator": new engine.RandomGenerator(),
    "engine.Tape": new engine.Tape(),
    "engine.Variable": engine.variable([1, 2]),
    "engine.VariablePack": engine.packVariables(weights),
    "plot.Chart": plot.lineChart({ series: [{ name: "", y: [1] }] }),
    "nn.EventWriter": new nn.EventWriter(new nn.LogDownload()),
    "nn.KeyValueCache": new nn.KeyValueCache(
      new nn.MultiHeadAttention(1, 1, { useCausalMask: true }).build([2, 2]),
      { maxLength: 2 },
    ),
    "nn.Sequential": model,
    "nn.TextVectorization": new nn.TextVectorization({ vocabulary: ["a"] }),
    "nn.Model": new nn.Model(start, new nn.Dense(1).call(start)).compile({ optimizer: "sgd", loss: "mse" }),
    ...Object.fromEntries(
      optim.optimizers.names.map((name) => {
        const rule = optim.optimizers.get(name);
        return [`optim.${rule.name}`, rule.build([engine.variable([1])])];
      }),
    ),
  };
});

afterAll(() => dispose());

/** Whether a message says which function it is about, or which optimizer. */
const isNamed = (message: string, name: string): boolean => {
  const [owner, last] = name.split(/[.#]/).slice(-2);
  return message.toLowerCase().includes(last.toLowerCase()) || message.includes(owner);
};

/** What a call of a public function throws, at once, later, or where a generator begins. */
async function failureOf({ name, kind }: PublicFunction, args: readonly unknown[]): Promise<unknown> {
  const [owner, method] = name.split("#");
  const found = owner
    .split(".")
    .reduce((at: unknown, part) => (at as Record<string, unknown>)[part], entries as unknown);
  try {
    if (kind === "constructor") Reflect.construct(found as new () => object, args);
    else {
      const self = kind === "method" ? instances[owner] : undefined;
      if (kind === "method" && self === undefined)
        return new Error(`add one of ${owner} to the instances of this test`);
      const call = kind === "method" ? Reflect.get(self as object, method) : found;
      const result: unknown = await Reflect.apply(call as () => unknown, self, args);
      (result as { next?: () => void } | undefined)?.next?.();
    }
  } catch (error) {
    return error;
  }
  return undefined;
}

/** An argument that is right as far as its kind goes. */
function validFor({ kind }: Parameter): unknown {
  if (kind === "tensor" || kind === "tensorLike") return x;
  if (kind === "tensors") return [x];
  return kind === "function" ? (value: Tensor) => mean(value) : undefined;
}

describe("options", () => {
  const withOptions = functions.flatMap((one) =>
    one.parameters
      .map((parameter, at) => ({ one, parameter, at }))
      .filter(({ parameter }) => parameter.kind === "options"),
  );

  it("are found in the types", () => {
    const names = withOptions.map(({ one }) => one.name);
    for (const name of ["engine.sum", "engine.Tape", "engine.jit", "optim.schedules.cosineDecay"])
      expect(names).toContain(name);
    expect(names).toEqual(expect.arrayContaining(["data.mnist.load", "nn.Dense", "nn.Sequential#fit"]));
    expect(names.length).toBeGreaterThan(100);
  });

  it("that are misspelt are refused, and the right name is told", async () => {
    const silent: string[] = [];
    for (const { one, parameter, at } of withOptions) {
      for (const option of parameter.options) {
        const args = [...inFront(one, at), { [`${option}_`]: undefined }];
        const error = await failureOf(one, args);
        const isTold = error instanceof ArgumentError && error.message.includes(`Did you mean "${option}"?`);
        if (!isTold) silent.push(`${one.name}: ${option}: ${String(error)}`);
      }
    }
    expect(silent).toEqual([]);
  });

  it("that are no object are refused", async () => {
    const silent: string[] = [];
    for (const { one, at } of withOptions) {
      for (const wrong of ["text", null, Promise.resolve({})]) {
        // Layers take their options apart before their base class checks them.
        if (wrong === null && one.kind === "constructor" && one.name.startsWith("nn.")) continue;
        // A folder's path may stand in their place.
        if (wrong === "text" && one.name === "nn.TensorBoard") continue;
        const error = await failureOf(one, [...inFront(one, at), wrong]);
        // A number may stand in the place of some options.
        const isTold =
          error instanceof ArgumentError &&
          /options must be an object|must be a finite number/.test(error.message);
        if (!isTold) silent.push(`${one.name}: ${String(wrong)}: ${String(error)}`);
      }
    }
    expect(silent).toEqual([]);
  });

  it("say what is wrong", () => {
    const call = (run: () => unknown) => expect(run);
    call(() => engine.sum(x, 1, { keepdims: true } as never)).toThrow(
      'unknown sum option "keepdims". Did you mean "keepDims"? Known: keepDims.',
    );
    call(() => engine.matmul(x, x, { transB: true } as never)).toThrow('Did you mean "transposeB"?');
    call(() => engine.zeros([2], "i32" as never)).toThrow(
      'zeros: options must be an object, as in { dtype: ... }, got the string "i32"',
    );
    call(() => engine.sum(x, 1, [1] as never)).toThrow("got an array");
    call(() => engine.full([2], undefined as never)).toThrow(
      "full: the value must be a number, got undefined",
    );
    call(() => engine.jit(() => mean(x)).run({ step: 5 } as never)).toThrow('Did you mean "steps"?');
    call(() => new nn.Dropout(0.5).call(x, { trainng: true } as never)).toThrow('Did you mean "training"?');
    const model = instances["nn.Sequential"] as nn.Sequential;
    call(() => model.call(x, true as never)).toThrow("call: options must be an object");
    call(() => engine.randomBits(x, [2], 3 as never)).toThrow("as in {}, got the number 3");
    call(() => engine.sum(x, 1, Object.create({ keepdims: true }))).toThrow('Did you mean "keepDims"?');
  });
});

const takesTensors = ({ kind }: Parameter) => /^tensor/.test(kind);
/** What takes one tensor may take an array for it: all ops do. */
const isOne = ({ kind }: Parameter) => kind !== "tensors";

describe("tensors", () => {
  const wrongs: readonly (readonly [value: unknown, told: RegExp])[] = [
    [Promise.resolve(), /is a Promise; await it first|got a Promise; await it first/],
    [[1, 2], /an array|element 0 of argument|got the number 1|2 gradients/],
    [undefined, /undefined/],
    [null, /null/],
    ["text", /the string "text"/],
    [{}, /an object/],
  ];

  it("are told from what comes first and is none", async () => {
    const silent: string[] = [];
    for (const one of functions) {
      const [first] = one.parameters;
      if (first === undefined || !takesTensors(first)) continue;
      for (const [wrong, told] of wrongs) {
        if (Array.isArray(wrong) && isOne(first)) continue;
        const error = await failureOf(one, [wrong, ...(following[one.name] ?? [])]);
        const isTold =
          error instanceof GradgpuError && told.test(error.message) && isNamed(error.message, one.name);
        if (!isTold) silent.push(`${one.name}(${String(wrong)}): ${String(error)}`);
      }
    }
    expect(silent).toEqual([]);
  });

  it("are told from what comes later and is none", async () => {
    const silent: string[] = [];
    for (const one of functions) {
      for (const at of one.parameters.keys()) {
        if (at === 0 || !takesTensors(one.parameters[at])) continue;
        for (const [wrong] of wrongs) {
          if (Array.isArray(wrong) && isOne(one.parameters[at])) continue;
          const error = await failureOf(one, [...one.parameters.slice(0, at).map(validFor), wrong]);
          if (!(error instanceof GradgpuError)) silent.push(`${one.name}, ${at + 1}: ${String(error)}`);
        }
      }
    }
    expect(silent).toEqual([]);
  });

  it("say what is wrong", async () => {
    const promise = Promise.resolve(x) as never;
    expect(() => engine.argMax(promise)).toThrow("argMax: argument 1 is a Promise; await it first");
    expect(() => engine.add(x, promise)).toThrow("add: argument 2 is a Promise; await it first");
    expect(() => engine.argMax([1] as never)).toThrow(
      "argMax: argument 1 must be a Tensor, got an array; make one with tensor([...])",
    );
    expect(() => engine.maxPool1d(new Float32Array(2) as never, 1)).toThrow(
      "got a Float32Array; make one with tensor",
    );
    expect(() => engine.relu("1" as never)).toThrow(
      'relu: argument 1 must be a Tensor, a number or an array of numbers, got the string "1"',
    );
    expect(() => engine.stack(x as never)).toThrow("an array of Tensors, got a Tensor; put it in brackets");
    expect(() => engine.concat([x, promise])).toThrow("concat: element 1 of argument 1 is a Promise");
    expect(() => engine.einsum("ij,jk", x, promise)).toThrow("einsum: argument 3 is a Promise");
    expect(() => tensor(promise)).toThrow("got a Promise; await it first");
    expect(() => engine.setDevice(promise)).toThrow(
      "setDevice: takes a Device, got a Promise; await it first",
    );
    expect(() => inspect.explain(promise)).toThrow("got a Promise; await it first");
    expect(() => inspect.toDot(undefined as never)).toThrow("a model, or a diagram, got undefined");
    await expect(inspect.recordSteps(promise, x)).rejects.toThrow(
      "a Tape that recorded the loss, got a Promise",
    );
    expect(() => inspect.stepperPage(promise)).toThrow("stepperPage(await recordSteps(...))");
    const tape = new engine.Tape();
    expect(() => tape.watch(promise)).toThrow("watch: argument 1 is a Promise");
    expect(() => tape.watch({ x: promise })).toThrow(
      'Tape.name: the value of "x" is a Promise; await it first',
    );
    const model = instances["nn.Sequential"] as nn.Sequential;
    await expect(model.fit(promise, [[1]])).rejects.toThrow("got a Promise; await it first");
  });
});

describe("numbers by axis", () => {
  it.each<[string, () => unknown, string]>([
    [
      "transpose",
      () => engine.transpose(x, 1 as never),
      "the permutation must be an array, got the number 1",
    ],
    ["expand", () => engine.expand(x, undefined as never), "the shape must be an array, got undefined"],
    ["unsqueeze", () => engine.unsqueeze(x, undefined as never), "axes must be a number or an array of them"],
    ["split", () => engine.split(x, undefined as never), "sections must be a number or an array of them"],
    [
      "tile",
      () => engine.tile(x, Promise.resolve(2) as never),
      "counts must be a number or an array of them, got a Promise; await it first",
    ],
    [
      "roll",
      () => engine.roll(x, 1, {} as never),
      "axes must be a number or an array of them, got an object",
    ],
    [
      "pad",
      () => engine.pad(x, "1" as never),
      'widths must be a number or an array of them, got the string "1"',
    ],
    ["padZeros", () => engine.padZeros(x, 1 as never, [1, 1]), '"before" must be an array, got the number 1'],
  ])("%s says what they must be", (name, call, told) => {
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(`${name}: ${told}`);
  });
});

describe("numbers, axes and shapes", () => {
  const ids = () => tensor(Int32Array.of(0, 1));
  /** Ops by what stands in front of a number, an axis or a shape, and behind it. */
  const calls: Readonly<Record<string, (wrong: never) => unknown>> = {
    cast: (wrong) => engine.cast(x, wrong),
    "clip, low": (wrong) => engine.clip(x, wrong, 1),
    "clip, high": (wrong) => engine.clip(x, 0, wrong),
    reshape: (wrong) => engine.reshape(x, wrong),
    flatten: (wrong) => engine.flatten(x, wrong),
    transpose: (wrong) => engine.transpose(x, wrong),
    expand: (wrong) => engine.expand(x, wrong),
    squeeze: (wrong) => engine.squeeze(x, wrong),
    unsqueeze: (wrong) => engine.unsqueeze(x, wrong),
    "slice, begin": (wrong) => engine.slice(x, wrong),
    "slice, end": (wrong) => engine.slice(x, [0, 0], wrong),
    cumsum: (wrong) => engine.cumsum(x, wrong),
    cumprod: (wrong) => engine.cumprod(x, wrong),
    concat: (wrong) => engine.concat([x, x], wrong),
    stack: (wrong) => engine.stack([x, x], wrong),
    split: (wrong) => engine.split(x, wrong),
    "split, axis": (wrong) => engine.split(x, 2, wrong),
    flip: (wrong) => engine.flip(x, wrong),
    repeat: (wrong) => engine.repeat(x, wrong, 0),
    "repeat, axis": (wrong) => engine.repeat(x, 2, wrong),
    tile: (wrong) => engine.tile(x, wrong),
    pad: (wrong) => engine.pad(x, wrong),
    roll: (wrong) => engine.roll(x, wrong, 0),
    "roll, axes": (wrong) => engine.roll(x, 1, wrong),
    takeAlongAxis: (wrong) => engine.takeAlongAxis(x, engine.argSort(x), wrong),
    "scatterAddAlongAxis, size": (wrong) => engine.scatterAddAlongAxis(x, engine.argSort(x), wrong, 1),
    "scatterAddAlongAxis, axis": (wrong) => engine.scatterAddAlongAxis(x, engine.argSort(x), 3, wrong),
    topK: (wrong) => engine.topK(x, wrong),
    tril: (wrong) => engine.tril(x, wrong),
    triu: (wrong) => engine.triu(x, wrong),
    diag: (wrong) => engine.diag(x, wrong),
    pow: (wrong) => engine.pow(x, wrong),
    leakyRelu: (wrong) => engine.leakyRelu(x, wrong),
    elu: (wrong) => engine.elu(x, wrong),
    celu: (wrong) => engine.celu(x, wrong),
    softmax: (wrong) => engine.softmax(x, wrong),
    logSoftmax: (wrong) => engine.logSoftmax(x, wrong),
    groupNorm: (wrong) => engine.groupNorm(x, wrong),
    argMax: (wrong) => engine.argMax(x, wrong),
    sum: (wrong) => engine.sum(x, wrong),
    variance: (wrong) => engine.variance(x, wrong),
    logSumExp: (wrong) => engine.logSumExp(x, wrong),
    norm: (wrong) => engine.norm(x, wrong),
    dynamicSlice: (wrong) => engine.dynamicSlice(x, tensor(0, { dtype: "i32" }), wrong),
    "gather, axis": (wrong) => engine.gather(x, ids(), wrong),
    oneHot: (wrong) => engine.oneHot(ids(), wrong),
    "scatterAdd, size": (wrong) => engine.scatterAdd(x, ids(), wrong),
    "scatterAdd, axis": (wrong) => engine.scatterAdd(x, ids(), 2, wrong),
    batchNorm: (wrong) => engine.batchNorm(x, engine.ones([3]), engine.zeros([3]), wrong),
    normalize: (wrong) =>
      engine.normalize(x, engine.zeros([3]), engine.ones([3]), engine.ones([3]), engine.zeros([3]), wrong),
    dropout: (wrong) => engine.dropout(x, wrong, tensor(Uint32Array.of(1, 2, 3, 4))),
    maxPool2d: (wrong) => engine.maxPool2d(engine.ones([1, 4, 4, 1]), wrong),
    averagePool1d: (wrong) => engine.averagePool1d(engine.ones([1, 4, 1]), wrong),
    full: (wrong) => engine.full([2], wrong),
    zeros: (wrong) => engine.zeros(wrong),
    arange: (wrong) => engine.arange(wrong),
  };

  it.each(Object.entries(calls))("%s refuses what is none", (_, call) => {
    for (const wrong of [{ nonsense: 1 }, "text", Symbol("s"), () => 1]) {
      let error: unknown = new Error(`took ${String(wrong)}`);
      try {
        call(wrong as never);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(GradgpuError);
      expect(String(error)).not.toContain("[object Object]");
    }
  });

  it("may stand in options where the field names them", async () => {
    const signed = tensor([-2, 0.5, 3]);
    const valuesOf = async (made: Tensor) => [...(await made.data())];
    const same = async (a: Tensor, b: Tensor) => expect(await valuesOf(a)).toEqual(await valuesOf(b));
    await same(engine.leakyRelu(signed, { negativeSlope: 0.5 }), tensor([-1, 0.5, 3]));
    await same(engine.leakyRelu(signed, {}), engine.leakyRelu(signed));
    await same(engine.elu(signed, { alpha: 2 }), engine.elu(signed, 2));
    await same(engine.celu(signed, { alpha: 2 }), engine.celu(signed, 2));
    await same(engine.clip(signed, { min: 0 }), tensor([0, 0.5, 3]));
    await same(engine.clip(signed, { max: 1 }), tensor([-2, 0.5, 1]));
    await same(engine.clip(signed, { min: -1, max: 1 }), engine.clip(signed, -1, 1));
    await same(engine.softmax(x, { axis: 0 }), engine.softmax(x, 0));
    await same(engine.logSoftmax(x, { axis: 0 }), engine.logSoftmax(x, 0));
    const places = engine.argMax(x, 1, { keepDims: true });
    expect(places.shape).toEqual([2, 1]);
    await same(places, tensor(Int32Array.of(2, 2)));
    expect(engine.argMin(x, undefined, { keepDims: true }).shape).toEqual([1, 1]);
    expect(() => engine.leakyRelu(x, { slope: 0.1 } as never)).toThrow(
      'unknown leakyRelu option "slope". Known: negativeSlope.',
    );
    expect(() => engine.clip(x, {} as never)).toThrow("clip: needs limits");
    expect(() => engine.clip(x, { min: 2, max: 1 })).toThrow("low 2 must not be above high 1");
  });
});

describe("functions", () => {
  it("are told from values in their place", async () => {
    const silent: string[] = [];
    for (const one of functions) {
      for (const [at, { kind }] of one.parameters.entries()) {
        if (kind !== "function") continue;
        for (const wrong of [x, undefined, Promise.resolve(x)]) {
          const error = await failureOf(one, [...one.parameters.slice(0, at).map(validFor), wrong]);
          const isTold = error instanceof GradgpuError && /function/.test(error.message);
          if (!isTold) silent.push(`${one.name}(${String(wrong)}): ${String(error)}`);
        }
      }
    }
    expect(silent).toEqual([]);
  });

  it("say what is wrong", () => {
    const weight = engine.variable([1]);
    const optimizer = new optim.SGD();
    expect(() => optimizer.minimize(mean(weight) as never, [weight])).toThrow(
      "SGD.minimize: the first argument must be a function that computes the loss, as in () => mean(...), got a Tensor; gradients need to see it computed",
    );
    expect(() => engine.tidy(x as never)).toThrow("tidy: the first argument must be a function");
    expect(() => engine.variableGrads(() => mean(weight), weight as never)).toThrow(
      "variableGrads: argument 2 must be an array of Tensors, got a Variable; put it in brackets",
    );
    expect(() => engine.variableGrads(() => mean(weight), undefined as never)).toThrow(
      "argument 2 must be an array of Tensors, got undefined",
    );
  });
});

// mixedPrecision on the adapter: rounding against NumPy's, a perceptron against NumPy's steps, which values are kept in halves,
// overflow, and training beside that in float32.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  add,
  cast,
  type Device,
  debug,
  device as defaultDevice,
  gather,
  jit,
  layerNorm,
  matmul,
  mean,
  mul,
  relu,
  setDevice,
  setSeed,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  tidy,
  transpose,
  type Variable,
  variable,
  variableGrads,
} from "../../engine/index.ts";
import { explain } from "../../engine/inspect/index.ts";
import { halvesOf } from "../../engine/jit/half-storage.ts";
import type { Program } from "../../engine/jit/jitted.ts";
import { HalfBindings } from "../../engine/kernel/half-bindings.ts";
import type { Variants } from "../../engine/kernel/kernel.ts";
import { attention } from "../../engine/ops/attention/attention.ts";
import {
  activations,
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  GRU,
  Input,
  type Layer,
  LayerNormalization,
  LSTM,
  MaxPooling2D,
  MultiHeadAttention,
  Sequential,
} from "../../nn/index.ts";
import {
  Adam,
  lossScaleState,
  mixedPrecision,
  type Optimizer,
  optimizerState,
  SGD,
  withLossScaling,
} from "../../optim/index.ts";
import source from "../fixtures/mixed-precision.json" with { type: "json" };
import { gpuDevice, withOwnDevice } from "../support/devices.ts";
import { pack, unpack } from "../support/half-ops.ts";
import { isDue, isDueHere, isFirstAdapter, sampledHere } from "../support/sampled.ts";

let gpu: Device;
let before: Device;

beforeAll(async () => {
  gpu = await gpuDevice();
  before = defaultDevice();
});
beforeEach(() => {
  setDevice(gpu);
  setSeed(5);
});
afterEach(() => gpu.sync());
afterAll(() => setDevice(before));

/** The number that the bits of a half stand for. */
function numberOf(bits: number): number {
  const [sign, exponent, digits] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return digits === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? digits * 2 ** -24 : (1 + digits / 1024) * 2 ** (exponent - 15));
}

const halvesIn = (words: ArrayLike<number>) => [...new Uint16Array(Uint32Array.from(words).buffer)];

describe("kernels that keep halves", () => {
  it("store the largest half in place of larger numbers where those are values of the loss, infinities as they are", async () => {
    const large = [65504, 65519, 65520, -65520, 70000, -1e9, 3e38, -3.4e38];
    const others = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1.5];
    const numbers = async (overflows: boolean) =>
      halvesIn(await tidy(() => pack(tensor([...large, ...others]), overflows)).data()).map(numberOf);
    const [most, ...kept] = [65504, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1.5];
    expect(await numbers(false)).toEqual([...large.map((value) => Math.sign(value) * most), ...kept]);
    const infinite = large.map((value, i) => (i < 2 ? most : value / 0));
    expect(await numbers(true)).toEqual([...infinite, ...kept]);
  });

  it("round to the nearest as NumPy does, ties to even, and beyond the largest to infinity", async () => {
    const { float32, float16 } = source.rounding;
    const floats = new Float32Array(Uint32Array.from(float32).buffer);
    const found = halvesIn(await tidy(() => pack(tensor(floats))).data());
    float16.forEach((want, i) => {
      const isSubnormal = Math.abs(floats[i]) < 2 ** -126;
      if (want === "NaN") expect(numberOf(found[i]), `${floats[i]}`).toBeNaN();
      else if (!isSubnormal) expect(found[i], `${floats[i]}`).toBe(want);
    });
  });

  it("load every half as it is, and give it back", async () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const [numbers, words] = tidy(() => {
      const loaded = unpack(tensor(new Uint32Array(all.buffer), { dtype: "u32" }));
      return [loaded, pack(loaded)];
    });
    const loaded = await numbers.data();
    const wrong = [...all].filter((bits) => !Object.is(loaded[bits], numberOf(bits)));
    expect(wrong).toEqual([]);
    const kept = halvesIn(await words.data());
    expect([...all].filter((bits) => kept[bits] !== bits && !Number.isNaN(numberOf(bits)))).toEqual([]);
  });
});

describe("a perceptron in a loop of one's own", () => {
  const { sizes, batch, steps, rate, scale, x, y, start, halves, plain } = source.perceptron;

  async function run(wrap: typeof mixedPrecision, isTraced: boolean) {
    const weights = start.map((values, k) =>
      variable(tensor(values, k % 2 ? undefined : [sizes[k / 2], sizes[k / 2 + 1]])),
    );
    const optimizer = wrap(new SGD({ learningRate: rate }), { initialScale: scale }).build(weights);
    const inputs = tensor(x, [batch, sizes[0]]);
    const targets = tensor(y, [batch, sizes[3]]);
    const [w0, b0, w1, b1, w2, b2] = weights as Variable[];
    const step = () =>
      optimizer.minimize(() => {
        const first = relu(add(matmul(inputs, w0), b0));
        const second = relu(add(matmul(first, w1), b1));
        return mean(square(sub(add(matmul(second, w2), b2), targets)));
      }, weights);
    const traced = jit(step);
    const losses: number[] = [];
    for (let t = 0; t < steps; t++) losses.push((await (isTraced ? traced() : step()).data())[0]);
    const found = { losses, weights: await Promise.all(weights.map((weight) => weight.data())) };
    for (const held of [traced, optimizer, inputs, targets, ...weights]) held.dispose();
    return found;
  }
  const distance = (found: Awaited<ReturnType<typeof run>>, want: typeof halves) =>
    Math.max(
      ...found.losses.map((loss, i) => Math.abs(loss - want.losses[i])),
      ...found.weights.flatMap((values, k) =>
        [...(values as Float32Array)].map((value, i) => Math.abs(value - want.weights[k][i])),
      ),
    );

  it("takes NumPy's steps with activations and their gradients rounded, and no others", async () => {
    const found = await run(mixedPrecision, true);
    expect(distance(found, halves)).toBeLessThan(1e-6);
    expect(distance(found, plain)).toBeGreaterThan(2e-5);
  });

  it.each([
    ["untraced", mixedPrecision, false],
    ["without it", withLossScaling, true],
  ] as const)("computes in float32 %s", async (_, wrap, isTraced) => {
    expect(distance(await run(wrap, isTraced), plain)).toBeLessThan(1e-6);
  });

  // lavapipe is long about compiling them.
  it.runIf(isFirstAdapter && isDue(0, 9))("takes NumPy's steps by kernels that GPUs take", () =>
    withOwnDevice(async (device) => {
      const choose = ({ names }: Variants) => names.find((name) => name.startsWith("shared")) ?? names[0];
      const likeGpu = { isSoftware: false, subgroupSize: 0, workgroupTarget: 256, choices: { choose } };
      Object.assign(device.backend.profile!, likeGpu);
      expect(distance(await run(mixedPrecision, true), halves)).toBeLessThan(1e-6);
    }),
  );

  it.runIf(isDueHere(0))("computes in float32 while debug() watches", async () => {
    debug({ numerics: true });
    try {
      expect(distance(await run(mixedPrecision, true), plain)).toBeLessThan(1e-6);
    } finally {
      debug({ numerics: false });
    }
  });
});

/** Images whose class is the brightest quarter. */
const images = 256;
const [side, classes] = [8, 4];
const pictures = Float32Array.from({ length: images * side * side }, (_, i) => {
  const [image, pixel] = [Math.floor(i / side ** 2), i % side ** 2];
  const quarter = (Math.floor(pixel / side) < 4 ? 0 : 2) + (pixel % side < 4 ? 0 : 1);
  return 0.5 * Math.sin(i * 12.9898 + image) + (quarter === (image * 7) % classes ? 0.6 : 0);
});
const labels = Int32Array.from({ length: images }, (_, image) => (image * 7) % classes);

const makeModel = () =>
  new Sequential([
    new Input([side, side, 1]),
    new Conv2D(8, 3, { activation: "relu" }),
    new MaxPooling2D(2),
    new Flatten(),
    new Dense(32, { activation: activations.gelu }),
    new BatchNormalization(),
    new Dropout(0.1),
    new Dense(32, { activation: "tanh" }),
    new LayerNormalization(),
    new Dense(classes, { activation: "softmax" }),
  ]);

async function trained(optimizer: Optimizer, epochs: number, isScaled = true) {
  setSeed(9);
  const model = makeModel();
  model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  const { history } = await model.fit(pictures, labels, { epochs, batchSize: 32, verbose: 0 });
  const held = optimizer as Adam;
  const result = {
    losses: history.loss,
    accuracy: history.accuracy.at(-1)!,
    scaling: isScaled ? await lossScaleState(held) : undefined,
    iterations: await held.iterations?.item(),
    state: await optimizerState(held),
  };
  // The optimizer too.
  model.dispose();
  return result;
}

/** The program of a traced step. */
async function stepOf(optimizer: Optimizer, use: (program: Program, text: string) => void): Promise<void> {
  const model = makeModel();
  model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  const trainer = model.makeTrainer();
  trainer.prepare();
  const step = jit((a: Tensor, b: Tensor) => tidy(() => trainer.trainStep(a, b)));
  const a = tensor(pictures.slice(0, 32 * side * side), [32, side, side, 1]);
  const b = tensor(labels.slice(0, 32));
  step.run({ steps: 3 }, a, b);
  await a.device.sync();
  const [program] = step.programs.values();
  use(program, explain(step));
  for (const held of [step, trainer, optimizer, model, a, b]) held.dispose();
}

describe("a model", () => {
  it.runIf(isDueHere(1))(
    "learns as in float32: losses within 2 %, no step skipped",
    async () => {
      const plain = await trained(new Adam({ learningRate: 3e-3 }), 6, false);
      const halved = await trained(mixedPrecision(new Adam({ learningRate: 3e-3 })), 6);
      halved.losses.forEach((loss, i) => {
        expect(Math.abs(loss / plain.losses[i] - 1)).toBeLessThan(0.02);
      });
      expect(halved.losses).not.toEqual(plain.losses);
      expect(plain.losses[5]).toBeLessThan(0.7 * plain.losses[0]);
      expect(Math.abs(halved.accuracy - plain.accuracy)).toBeLessThan(0.05);
      expect(halved.scaling).toEqual({ scale: 2 ** 15, finiteSteps: 48, skippedSteps: 0 });
    },
    120_000,
  );

  it.runIf(isDueHere(2))(
    "keeps activations and their gradients in halves, and nothing else",
    async () => {
      const count = { plain: 0, halved: 0 };
      await stepOf(withLossScaling(new Adam()), ({ plan }) => {
        count.plain = plan.slots.reduce((sum, { bytes }) => sum + bytes, 0);
      });
      await stepOf(mixedPrecision(new Adam()), ({ graph, plan }, text) => {
        count.halved = plan.slots.reduce((sum, { bytes }) => sum + bytes, 0);
        const halves = halvesOf(graph);
        expect(halves.size).toBeGreaterThan(12);
        for (const [value, bytes] of halves) {
          expect(value.spec.dtype).toBe("f32");
          // Of each sample, and of no weight: none of the model has 32 rows or 32 times 9 but the two kernels of 32 columns.
          expect(value.spec.shape[0], `v${value.id} [${value.spec.shape}]`).toBe(32);
          expect(bytes).toBe(value.spec.shape.reduce((a, b) => a * b) * 2);
        }
        expect(text).toMatch(/v\d+: f32 \[32, 32\] kept as f16 in 2048 bytes/);
        expect(text).toMatch(new RegExp(`${halves.size} values kept as f16, \\d+ bytes in place of`));
        const kept = new Set(graph.effects.map(({ source }) => source));
        for (const value of halves.keys()) expect(kept.has(value)).toBe(false);
      });
      expect(count.halved).toBeLessThan(0.75 * count.plain);
    },
    120_000,
  );

  it("skips steps while the scaled gradients overflow in halves, and counts them", async () => {
    const optimizer = mixedPrecision(new Adam({ learningRate: 3e-3 }), { initialScale: 2 ** 24 });
    const { losses, scaling, iterations, state } = await trained(optimizer, 4);
    const { scale, skippedSteps, finiteSteps } = scaling!;
    expect(skippedSteps).toBeGreaterThan(0);
    expect(finiteSteps).toBeGreaterThan(0);
    expect(scale).toBe(2 ** (24 - skippedSteps));
    expect(iterations).toBe(32 - skippedSteps);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses[3]).toBeLessThan(losses[0]);
    for (const parts of Object.values(state.slots))
      for (const part of parts) expect(part.every(Number.isFinite)).toBe(true);
  }, 120_000);

  it.each(sampledHere(["attention"]))(
    "with %s trains as in float32",
    async () => {
      const losses = async (optimizer: Optimizer) => {
        setSeed(3);
        const model = new Sequential([
          new Input([12, 16]),
          new MultiHeadAttention(2, 8),
          new LayerNormalization(),
          new Dense(16, { activation: "relu" }),
          new Dense(3),
        ]);
        model.compile({ optimizer, loss: "meanSquaredError" });
        const x = Float32Array.from({ length: 32 * 12 * 16 }, (_, i) => Math.sin(i * 0.37 + (i % 16)));
        const y = Float32Array.from({ length: 32 * 12 * 3 }, (_, i) => Math.cos(i * 0.11));
        const { history } = await model.fit(x, y, { epochs: 3, batchSize: 16, shuffle: false, verbose: 0 });
        model.dispose();
        return history.loss;
      };
      const plain = await losses(new Adam());
      const halved = await losses(mixedPrecision(new Adam()));
      halved.forEach((loss, i) => {
        expect(Math.abs(loss / plain[i] - 1)).toBeLessThan(0.01);
      });
      expect(halved).not.toEqual(plain);
    },
    120_000,
  );
});

/** What a traced function keeps in halves: the ops that make it, and shapes. */
function keptBy(traced: { readonly programs: ReadonlyMap<unknown, unknown> }): string[] {
  return [...traced.programs.values()].flatMap((program) =>
    [...halvesOf((program as Program).graph).keys()].map(
      ({ origin, spec }) => `${origin.kind === "node" ? origin.node.op.name : origin.kind} [${spec.shape}]`,
    ),
  );
}

const wave = (count: number, size = 1, phase = 0) =>
  Float32Array.from({ length: count }, (_, i) => size * Math.sin(i * 12.9898 + phase));
const matrix = (rows: number, columns: number, size = 0.1, phase = 0) =>
  variable(tensor(wave(rows * columns, size, phase), [rows, columns]));

/** A loss and what is kept by a step that trains on it, with arguments. */
async function stepped(
  wrap: typeof mixedPrecision,
  weights: Variable[],
  loss: (...args: Tensor[]) => Tensor,
  args: Tensor[],
) {
  const optimizer = wrap(new SGD({ learningRate: 0 })).build(weights);
  const step = jit((...given: Tensor[]) => optimizer.minimize(() => loss(...given), weights));
  const result = {
    loss: await step(...args).item(),
    kept: keptBy(step),
    ...(await lossScaleState(optimizer)),
  };
  for (const held of [step, optimizer]) held.dispose();
  return result;
}

describe("inputs, and what is computed of them alone", () => {
  it("stay whole, and so does what becomes whole numbers: they name the same rows", async () => {
    const rows = Float32Array.from({ length: 5000 * 4 }, (_, i) => (Math.floor(i / 4) % 2 ? 1 : -1));
    const [table, ones] = [
      variable(tensor(rows, [5000, 4])),
      variable(tensor(new Float32Array(8).fill(1), [8])),
    ];
    const x = tensor(new Float32Array(16 * 2 * 8).fill(4001), [16, 2, 8]);
    const copied = (given: Tensor) => mean(gather(table, cast(transpose(given, [0, 2, 1]), "i32")));
    const computed = (given: Tensor) =>
      mean(gather(table, cast(transpose(mul(given, ones), [0, 2, 1]), "i32")));
    for (const loss of [copied, computed]) {
      const found = await stepped(mixedPrecision, [table, ones], loss, [x]);
      expect(found.loss).toBe(1);
      expect(found.kept.filter((one) => /transpose|mul/.test(one))).toEqual([]);
    }
  });

  it.runIf(isDueHere(2))("are arguments, or what is captured where weights meet no argument", async () => {
    const [w, v] = [matrix(16, 16), matrix(16, 4)];
    const [all, y] = [tensor(wave(64 * 16), [64, 16]), tensor(wave(64 * 4), [64, 4])];
    const net = (x: Tensor, y: Tensor) => mean(square(sub(matmul(relu(matmul(x, w)), v), y)));
    // Targets are no data that weights meet.
    const captured = await stepped(mixedPrecision, [w, v], (y) => net(all, y), [y]);
    expect(captured.kept).toContain("relu [64,16]");
    const places = tensor([5, 60, 3, 9, 9, 1, 0, 63], { dtype: "i32" });
    const picking = (places: Tensor) => net(relu(gather(all, places)), gather(y, places));
    const picked = await stepped(mixedPrecision, [w, v], picking, [places]);
    expect(picked.kept.filter((one) => one === "relu [8,16]")).toHaveLength(1);
    expect(picked.kept.filter((one) => one.startsWith("gather"))).toEqual([]);
  });

  it.runIf(isDueHere(2))(
    "may be larger than halves are: a recurrent layer, which turns its input first",
    async () => {
      const losses = async (wrap: typeof mixedPrecision) => {
        setSeed(2);
        const model = new Sequential([new Input([4, 4]), new GRU(8), new Dense(4)]);
        const optimizer = wrap(new SGD({ learningRate: 0 }));
        model.compile({ optimizer, loss: "meanSquaredError" });
        const x = wave(32 * 16).fill(70000, 3, 4);
        const { history } = await model.fit(x, wave(32 * 4), { epochs: 1, batchSize: 32, verbose: 0 });
        const { skippedSteps } = await lossScaleState(optimizer);
        model.dispose();
        return { loss: history.loss[0], skippedSteps };
      };
      const [plain, mixed] = [await losses(withLossScaling), await losses(mixedPrecision)];
      expect(Math.abs(mixed.loss / plain.loss - 1)).toBeLessThan(0.01);
      expect(mixed.skippedSteps).toBe(0);
    },
    60_000,
  );
});

it.runIf(isDueHere(1))(
  "masks by large finite numbers hide what they hide, all of a row included",
  async () => {
    const [w, v] = [matrix(32, 32), matrix(32, 32, 0.1, 1)];
    const [x, y] = [tensor(wave(8 * 16 * 32), [8, 16, 32]), tensor(wave(8 * 16 * 32, 1, 2), [8, 16, 32])];
    // Nothing of the first sample, half of the others.
    const seen = tensor(
      Float32Array.from({ length: 128 }, (_, i) => Number(i >= 16 && i % 2 === 0)),
      [8, 1, 16],
    );
    const loss = (x: Tensor, y: Tensor, seen: Tensor) => {
      const scores = add(matmul(matmul(x, w), x, { transposeB: true }), mul(sub(1, seen), -1e9));
      return mean(square(sub(matmul(matmul(softmax(scores), x), v), y)));
    };
    const [plain, mixed] = [
      await stepped(withLossScaling, [w, v], loss, [x, y, seen]),
      await stepped(mixedPrecision, [w, v], loss, [x, y, seen]),
    ];
    expect(mixed.kept).toContain("add [8,16,16]");
    expect(Math.abs(mixed.loss / plain.loss - 1)).toBeLessThan(0.01);
    expect(mixed.skippedSteps).toBe(0);
  },
);

describe("weights and their gradients stay whole", () => {
  it.each(
    sampledHere<[string, () => Layer, number]>([
      ["LSTM", () => new LSTM(8), 4],
      ["MultiHeadAttention", () => new MultiHeadAttention(2, 4), 32],
    ]),
  )(
    "where %s takes gradients apart: larger ones than halves skip no step",
    async (_, make, outputs) => {
      const model = new Sequential([new Input([8, 8]), make(), new Dense(4)]);
      const optimizer = mixedPrecision(new SGD({ learningRate: 0 }));
      model.compile({ optimizer, loss: "meanSquaredError" });
      const x = wave(512 * 64, 0.1).map((value) => 1 + value);
      const y = new Float32Array(512 * outputs).fill(100);
      await model.fit(x, y, { epochs: 1, batchSize: 512, verbose: 0 });
      const { scale, skippedSteps } = await lossScaleState(optimizer);
      const inputs = tensor(x, [512, 8, 8]);
      const targets = tensor(y, outputs === 4 ? [512, 4] : [512, 8, 4]);
      const { grads } = variableGrads(
        () => mean(square(sub(model.call(inputs, { training: true }) as Tensor, targets))),
        model.trainableWeights,
      );
      const largest = await Promise.all(
        grads.map(async (one) => Math.max(...(await one.data()).map(Math.abs))),
      );
      expect(Math.max(...largest) * scale).toBeGreaterThan(65504);
      expect(skippedSteps).toBe(0);
      for (const held of [model, inputs, targets, ...grads]) held.dispose();
    },
    60_000,
  );

  it.runIf(isDueHere(1))(
    "where they are frozen, and the layers behind them",
    async () => {
      const frozen = new LSTM(8, { returnSequences: true });
      frozen.trainable = false;
      const model = new Sequential([new Input([6, 8]), new Dense(8), frozen, new Dense(8)]);
      model.compile({ optimizer: mixedPrecision(new SGD()), loss: "meanSquaredError" });
      const trainer = model.makeTrainer();
      trainer.prepare();
      const step = jit((a: Tensor, b: Tensor) => tidy(() => trainer.trainStep(a, b)));
      const [a, b] = [tensor(wave(32 * 48), [32, 6, 8]), tensor(wave(32 * 48), [32, 6, 8])];
      step.run({ steps: 1 }, a, b);
      const kept = keptBy(step);
      expect(kept.length).toBeGreaterThan(3);
      expect(kept.filter((one) => /gatesTogether|gatesApart/.test(one))).toEqual([]);
      await a.device.sync();
      for (const held of [step, trainer, model, a, b]) held.dispose();
    },
    60_000,
  );

  it("in the second update of a traced step as in the first, by one optimizer or two", async () => {
    const [v1, v2] = [matrix(32, 32), matrix(32, 32, 0.1, 1)];
    const [x, y] = [tensor(wave(64 * 32), [64, 32]), tensor(wave(64 * 32, 1, 2), [64, 32])];
    const net = (x: Tensor, y: Tensor) => mean(square(sub(matmul(relu(matmul(x, v1)), v2), y)));
    const [one, other] = [mixedPrecision(new SGD()).build([v1]), mixedPrecision(new SGD()).build([v2])];
    const both = jit((x: Tensor, y: Tensor) => {
      one.minimize(() => net(x, y), [v1]);
      return other.minimize(() => net(x, y), [v2]);
    });
    await both(x, y).data();
    const kept = keptBy(both);
    expect(kept.filter((each) => each === "relu [64,32]")).toHaveLength(2);
    expect(kept.filter((each) => !each.endsWith("[64,32]"))).toEqual([]);
    for (const held of [both, one, other, v1, v2, x, y]) held.dispose();
  });
});

describe("outside of the computation of loss and gradients", () => {
  it.runIf(isDueHere(2))(
    "values are whole: those that passes make, and those that are computed inside too",
    async () => {
      const [w, v] = [matrix(64, 16, 1), matrix(16, 16, 1, 1)];
      const [x, ids] = [tensor(wave(8 * 64), [8, 64]), tensor([3, 60, 7, 9, 1, 0, 2, 5], { dtype: "i32" })];
      const step = (optimizer: Optimizer) =>
        jit((x: Tensor, ids: Tensor) => {
          // Rows are picked before they are doubled.
          const picked = matmul(gather(mul(w, 2), ids), v);
          const { grads } = optimizer.computeGradients(
            () => mean(square(matmul(tanh(matmul(x, w)), v))),
            [w, v],
          );
          return [picked, matmul(tanh(matmul(x, w)), transpose(v)), ...grads];
        });
      const found: (readonly number[])[][] = [];
      for (const wrap of [withLossScaling, mixedPrecision]) {
        const optimizer = wrap(new SGD()).build([w, v]);
        const traced = step(optimizer);
        const results = traced(x, ids) as Tensor[];
        found.push(await Promise.all(results.map(async (one) => [...((await one.data()) as Float32Array)])));
        for (const held of [traced, optimizer]) held.dispose();
      }
      const [plain, mixed] = found;
      expect(mixed.slice(0, 2)).toEqual(plain.slice(0, 2));
      expect(mixed.slice(2)).not.toEqual(plain.slice(2));
    },
  );
});

it.runIf(isDueHere(0))(
  "statistics of rows are excluded by their ops' own word, reductions' results too",
  async () => {
    expect(attention.op.traits?.statistics).toEqual([1]);
    expect(layerNorm.op.traits?.statistics).toEqual([1, 2]);
    const [w, v] = [matrix(16, 16), matrix(16, 4)];
    const x = tensor(wave(8 * 4 * 16), [8, 4, 16]);
    const found = await stepped(
      mixedPrecision,
      [w, v],
      (x) => mean(square(matmul(relu(sum(relu(matmul(x, w)), 1)), v))),
      [x],
    );
    expect(found.kept).toContain("relu [8,4,16]");
    expect(found.kept.filter((one) => one.startsWith("sum"))).toEqual([]);
  },
);

it("a kernel that can't be rewritten after all is an error of its own, not a wrong program", async () => {
  const halves = vi
    .spyOn(HalfBindings.prototype, "halve")
    .mockImplementation((_, overflows) => overflows === undefined);
  try {
    const [w, v] = [matrix(16, 16), matrix(16, 4)];
    const loss = (x: Tensor) => mean(square(matmul(relu(matmul(x, w)), v)));
    await expect(stepped(mixedPrecision, [w, v], loss, [tensor(wave(128), [8, 16])])).rejects.toThrow(
      /mixedPrecision: .* this is a fault of gradgpu/,
    );
  } finally {
    halves.mockRestore();
  }
});

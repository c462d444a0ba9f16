// mixedPrecision on the adapter: rounding against NumPy's, a perceptron against NumPy's steps, which values are kept in halves,
// overflow, and training beside that in float32.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  add,
  type Device,
  debug,
  device as defaultDevice,
  jit,
  matmul,
  mean,
  relu,
  setDevice,
  setSeed,
  square,
  sub,
  type Tensor,
  tensor,
  tidy,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { explain } from "../../engine/inspect/index.ts";
import { halvesOf } from "../../engine/jit/half-storage.ts";
import type { Program } from "../../engine/jit/jit.ts";
import type { Variants } from "../../engine/kernel/kernel.ts";
import {
  activations,
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  Input,
  LayerNormalization,
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
import { isDue, isFirstAdapter, sampledOnOthers } from "../support/sampled.ts";

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
  it.runIf(isFirstAdapter && isDue(0))("takes NumPy's steps by kernels that GPUs take", () =>
    withOwnDevice(async (device) => {
      const choose = ({ names }: Variants) => names.find((name) => name.startsWith("shared")) ?? names[0];
      const likeGpu = { isSoftware: false, subgroupSize: 0, workgroupTarget: 256, choices: { choose } };
      Object.assign(device.backend.profile!, likeGpu);
      expect(distance(await run(mixedPrecision, true), halves)).toBeLessThan(1e-6);
    }),
  );

  it("computes in float32 while debug() watches", async () => {
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
  it("learns as in float32: losses within 2 %, no step skipped", async () => {
    const plain = await trained(new Adam({ learningRate: 3e-3 }), 6, false);
    const halved = await trained(mixedPrecision(new Adam({ learningRate: 3e-3 })), 6);
    halved.losses.forEach((loss, i) => {
      expect(Math.abs(loss / plain.losses[i] - 1)).toBeLessThan(0.02);
    });
    expect(halved.losses).not.toEqual(plain.losses);
    expect(plain.losses[5]).toBeLessThan(0.7 * plain.losses[0]);
    expect(Math.abs(halved.accuracy - plain.accuracy)).toBeLessThan(0.05);
    expect(halved.scaling).toEqual({ scale: 2 ** 15, finiteSteps: 48, skippedSteps: 0 });
  }, 120_000);

  it("keeps activations and their gradients in halves, and nothing else", async () => {
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
  }, 120_000);

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

  it.each(sampledOnOthers(["attention"]))(
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

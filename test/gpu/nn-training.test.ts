// Training on this adapter against the CPU reference: same weights, masks and orders to the bit, the same losses
// to a tolerance, and nothing left behind or uploaded by a step.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  arange,
  cast,
  type Device,
  device as defaultDevice,
  init,
  mean,
  mul,
  setDevice,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  variable,
} from "../../engine/index.ts";
import { BatchNormalization, Dense, Dropout, Flatten, Input, Sequential } from "../../nn/index.ts";
import "../../nn/names.ts";
import { oneMinusPower } from "../../optim/hyper.ts";
import { Adam, type Optimizer, SGD } from "../../optim/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

let gpu: Device;
let cpu: Device;
let before: Device | undefined;

beforeAll(async () => {
  cpu = await referenceDevice();
  gpu = await gpuDevice();
  before = defaultDevice();
});
// Files of an adapter share the process: leave the default device as it was.
afterAll(() => {
  if (before !== undefined) setDevice(before);
});

/** Runs `fn` with `device` as the default one and its streams numbered from 0. */
async function on<T>(device: Device, fn: () => Promise<T>): Promise<T> {
  setDevice(device);
  device.random.resetStreams();
  return fn();
}

const [rows, side, classes] = [75, 5, 3];
const labels = Uint8Array.from({ length: rows }, (_, i) => (i * 5) % classes);
/** Images of bytes: a bright stripe by class, and noise. */
const images = Uint8Array.from({ length: rows * side * side }, (_, i) => {
  const stripe = Math.floor((i % (side * side)) / side) === labels[Math.floor(i / (side * side))];
  return (stripe ? 150 : 0) + ((i * 2654435761) % 100);
});

const makeModel = () =>
  new Sequential([
    new Input([side, side], { byteScale: 1 / 255 }),
    new Flatten(),
    new Dense(7, { activation: "relu", kernelInitializer: "heNormal" }),
    new BatchNormalization(),
    new Dense(6, { activation: "tanh", kernelInitializer: "glorotNormal", biasInitializer: "randomNormal" }),
    new Dropout(0.3),
    new Dense(classes, { activation: "softmax" }),
  ]);

const bitsOf = (values: ArrayLike<number>) => [...new Uint32Array(Float32Array.from(values).buffer)];

const silent = { verbose: 0 } as const;

async function train(device: Device, makeOptimizer: () => Optimizer) {
  return on(device, async () => {
    using model = makeModel();
    const optimizer = makeOptimizer();
    model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: "accuracy" });
    // 10 steps: two epochs of four batches of 16 and one of 11.
    const { history } = await model.fit(images, labels, { ...silent, batchSize: 16, epochs: 2 });
    const predictions = await model.predict(images, { batchSize: 32 });
    const outputs = await predictions.data();
    predictions.dispose();
    const dropoutState = await (model.layers[4] as Dropout).state?.data();
    const evaluated = await model.evaluate(images, labels);
    optimizer.dispose();
    return { history, outputs, dropoutState, evaluated };
  });
}

describe("the same seed on both devices", () => {
  it("gives the same initial weights, bit for bit", async () => {
    const weights = (device: Device) =>
      on(device, async () => {
        using model = makeModel();
        return (await model.getWeights()).map(({ values }) => bitsOf(values));
      });
    expect(await weights(gpu)).toEqual(await weights(cpu));
  });

  it.each([
    ["SGD with momentum", () => new SGD({ learningRate: 0.05, momentum: 0.9 })],
    ["Nesterov", () => new SGD({ learningRate: 0.05, momentum: 0.9, nesterov: true })],
    // A bias before batch normalization has a gradient of 0 and rounding noise, which Adam with its usual epsilon
    // scales up to whole steps: harmless, but not comparable.
    ["Adam", () => new Adam({ learningRate: 0.01, epsilon: 1e-3 })],
    ["AMSGrad", () => new Adam({ learningRate: 0.01, epsilon: 1e-3, amsgrad: true })],
  ])("trains alike with %s: 10 steps, masks and orders the same", async (_, makeOptimizer) => {
    const [got, want] = [await train(gpu, makeOptimizer), await train(cpu, makeOptimizer)];
    expect(got.dropoutState).toEqual(want.dropoutState);
    expect(got.dropoutState?.[2]).toBe(10);
    got.history.loss.forEach((loss, epoch) => {
      expect(Math.abs(loss / want.history.loss[epoch] - 1)).toBeLessThan(1e-4);
    });
    expect(got.history.accuracy).toEqual(want.history.accuracy);
    got.outputs.forEach((value, i) => {
      expect(Math.abs(value - want.outputs[i])).toBeLessThan(1e-3);
    });
    expect(Math.abs(got.evaluated[0] - want.evaluated[0])).toBeLessThan(1e-3);
  });
});

describe("Adam's bias correction", () => {
  it.each([0.9, 0.999, 0.5, 0])("1 - β^t for β = %f is right to 2e-6 over 10,000 steps", async (beta) => {
    const steps = arange(10_001, { device: gpu });
    const values = oneMinusPower(beta, cast(steps, "f32"));
    const got = await values.data();
    let worst = 0;
    for (let t = 1; t <= 10_000; t++) {
      const want = beta === 0 ? 1 : -Math.expm1(t * Math.log(beta));
      worst = Math.max(worst, Math.abs(got[t] / want - 1));
    }
    expect(worst).toBeLessThan(2e-6);
    steps.dispose();
    values.dispose();
  });

  it("and the steps that come of it, over 300 of them", async () => {
    const w = variable([1, -2], { device: gpu });
    const optimizer = new Adam({ learningRate: 0.01 });
    let want = [1, -2];
    const state = want.map(() => ({ m: 0, v: 0 }));
    for (let t = 1; t <= 300; t++) {
      optimizer.minimize(() => sum(mul(w, w)), [w]).dispose();
      want = want.map((value, i) => {
        const [s, g] = [state[i], 2 * value];
        s.m += (g - s.m) * 0.1;
        s.v += (g * g - s.v) * 0.001;
        const alpha = (0.01 * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t);
        return value - (alpha * s.m) / (Math.sqrt(s.v) + 1e-7);
      });
      if (t % 50 === 0) await gpu.sync();
    }
    const got = await w.data();
    got.forEach((value, i) => {
      expect(Math.abs(value - want[i])).toBeLessThan(2e-5);
    });
    optimizer.dispose();
    w.dispose();
  });
});

describe("whatever device is the default one", () => {
  const x = new Float32Array(30).fill(1);
  const y = new Float32Array(20);

  it.each([
    ["another adapter's", () => init({ device: "webgpu" })],
    ["the reference", () => init({ device: "cpu" })],
    ["a closed one", async () => (await init({ device: "cpu" })).dispose()],
  ] as const)("%s: a model trains on its own", async (_, openOther) => {
    setDevice(gpu);
    using model = new Sequential([new Input([3]), new Dense(2)]);
    model.compile({ optimizer: "sgd", loss: "mse" }).build();
    const other = await openOther();
    const before = gpu.counters();
    const { history } = await model.fit(x, y, { ...silent, batchSize: 5, epochs: 20 });
    const dispatches = gpu.counters().dispatches - before.dispatches;
    const submits = gpu.counters().submits - before.submits;
    const [loss] = await model.evaluate(x, y);
    (await model.predict(x)).dispose();
    other?.dispose();
    setDevice(gpu);
    expect(loss).toBeLessThan(history.loss[0]);
    // Of 40 steps, a few dispatches each: op by op they would be five times as many.
    expect(dispatches).toBeLessThan(400);
    expect(submits).toBeLessThan(160);
  });
});

describe("loss and metrics", () => {
  it("don't drift over very many steps", async () => {
    setDevice(gpu);
    const count = 20_000;
    using model = new Sequential([new Input([1]), new Dense(1, { kernelInitializer: "zeros" })]);
    model.compile({ optimizer: "sgd", loss: "mse" });
    const target = Math.fround(Math.sqrt(0.1));
    const y = new Float32Array(count).fill(target);
    const [loss] = await model.evaluate(new Float32Array(count), y, { batchSize: 1 });
    expect(Math.abs(loss / target ** 2 - 1)).toBeLessThan(2e-5);
  });
});

// The CPU reference does 2,000 (nn-training.test.ts of the unit tests); software adapters have less time.
describe("500 steps", () => {
  it("leave tensors, buffers and bytes as after 20, and upload next to nothing", async () => {
    await on(gpu, async () => {
      using model = makeModel();
      model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: "accuracy" });
      const x = tensor(images, [rows, side, side]);
      const y = tensor(labels);
      await collectGarbage();
      const seen: { tensors: number; bytes: number; buffers: number; uploads: number }[] = [];
      // 19 steps of 4, the last of 3: 27 epochs are 513 steps.
      const history = await model.fit(x, y, {
        ...silent,
        batchSize: 4,
        epochs: 27,
        onEpochEnd: (epoch) => {
          if (epoch !== 1 && epoch !== 26) return;
          const { tensors, bytes, buffers } = gpu.memory();
          seen.push({ tensors, bytes, buffers, uploads: gpu.counters().uploads });
        },
      });
      expect(seen[1].tensors).toBe(seen[0].tensors);
      expect(seen[1].bytes).toBeLessThanOrEqual(seen[0].bytes);
      expect(seen[1].buffers).toBeLessThanOrEqual(seen[0].buffers);
      // Per epoch: the cursor and the two sums, set back to their starts. A step uploads nothing.
      expect((seen[1].uploads - seen[0].uploads) / 25).toBeLessThanOrEqual(3);
      expect(history.history.accuracy[26]).toBeGreaterThan(0.8);
      x.dispose();
      y.dispose();
    });
  });
});

describe("trainOnBatch", () => {
  const x = [[1], [2], [-1], [0.5]];
  const y = [[1], [0], [1], [0]];

  it("traces its step once for each shape, and compiles anew what is compiled anew", async () => {
    setDevice(gpu);
    let traces = 0;
    // Runs where the step is traced, and nowhere else.
    const loss = (targets: Tensor, outputs: Tensor) => {
      traces++;
      return mean(square(sub(outputs, targets)), -1);
    };
    using model = new Sequential([new Input([1]), new Dense(1)]);
    model.compile({ optimizer: new SGD({ learningRate: 0.1 }), loss });
    for (let i = 0; i < 5; i++) await model.trainOnBatch(x, y);
    expect(traces).toBe(1);
    for (let i = 0; i < 3; i++) await model.trainOnBatch(x.slice(1), y.slice(1));
    await model.trainOnBatch(x, y);
    expect(traces).toBe(2);
    model.compile({ optimizer: new SGD({ learningRate: 0.1 }), loss });
    await model.trainOnBatch(x, y);
    expect(traces).toBe(3);
  });

  it("gives what the CPU reference gives, step after step, side by side too", async () => {
    const run = (device: Device) =>
      on(device, async () => {
        using model = new Sequential([
          new Input([1]),
          new Dense(4, { activation: "tanh" }),
          new Dropout(0.25),
          new Dense(1, { activation: "sigmoid" }),
        ]);
        model.compile({ optimizer: "adam", loss: "binaryCrossentropy", metrics: ["accuracy", "mse"] });
        const told: number[][] = [];
        for (let i = 0; i < 3; i++) told.push(await model.trainOnBatch(x, y));
        // Not awaited one by one: each is told its own numbers.
        told.push(...(await Promise.all([0, 1, 2].map(() => model.trainOnBatch(x, y)))));
        told.push(await model.trainOnBatch(x.slice(2), y.slice(2)));
        return [told, (await model.getWeights()).map(({ values }) => [...values])];
      });
    const [got, want] = [await run(gpu), await run(cpu)];
    got.flat(2).forEach((value, i) => {
      expect(value).toBeCloseTo(want.flat(2)[i], 5);
    });
  });

  it("takes up weights that were frozen since, after a compile", async () => {
    setDevice(gpu);
    using model = new Sequential([new Input([1]), new Dense(2, { name: "first" }), new Dense(1)]);
    const compile = () => model.compile({ optimizer: new SGD({ learningRate: 0.1 }), loss: "mse" });
    compile();
    await model.trainOnBatch(x, y);
    model.layers[0].trainable = false;
    compile();
    const [before] = await model.getWeights();
    await model.trainOnBatch(x, y);
    expect((await model.getWeights())[0]).toEqual(before);
  });
});

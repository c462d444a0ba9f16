// Training under jit: the same as without it, in one submit, with nothing made or uploaded once it runs, in as many
// dispatches and bytes as promised.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { buildModel } from "../../bench/cases/net-models.ts";
import { denseNets as nets } from "../../bench/cases/nets.ts";
import {
  add,
  type Device,
  device as defaultDevice,
  gather,
  init,
  jit,
  matmul,
  mean,
  mul,
  setDevice,
  square,
  sub,
  type Tensor,
  tensor,
  tidy,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { permutation } from "../../engine/internal.ts";
import { BatchNormalization, Dense, Dropout, Flatten, Input, Sequential } from "../../nn/index.ts";
import { Batches } from "../../nn/training/batches.ts";
import { Loop } from "../../nn/training/loop.ts";
import type { Trainer } from "../../nn/training/trainer.ts";
import { Adam, type Optimizer, SGD } from "../../optim/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";
import { sampled } from "../support/sampled.ts";

let gpu: Device;
let before: Device;

beforeAll(async () => {
  gpu = await gpuDevice();
  before = defaultDevice();
});
beforeEach(() => setDevice(gpu));
afterEach(() => gpu.sync());
afterAll(() => setDevice(before));

const [rows, side, classes] = [75, 5, 3];
const labels = Uint8Array.from({ length: rows }, (_, i) => (i * 5) % classes);
const images = Uint8Array.from({ length: rows * side * side }, (_, i) => {
  const stripe = Math.floor((i % (side * side)) / side) === labels[Math.floor(i / (side * side))];
  return (stripe ? 150 : 0) + ((i * 2654435761) % 100);
});

const makeModel = () =>
  new Sequential([
    new Input([side, side], { byteScale: 1 / 255 }),
    new Flatten(),
    new Dense(8, { activation: "relu" }),
    new BatchNormalization(),
    new Dense(6, { activation: "tanh" }),
    new BatchNormalization(),
    new Dropout(0.3),
    new Dense(classes, { activation: "softmax" }),
  ]);

interface Trained {
  readonly loss: readonly number[];
  readonly accuracy: readonly number[];
  readonly weights: readonly ArrayLike<number>[];
}

/** Three epochs of four batches of 16 and one of 11, in a fresh order each. */
async function train(makeOptimizer: () => Optimizer, withJit: boolean): Promise<Trained> {
  gpu.random.resetStreams();
  using model = makeModel();
  const optimizer = makeOptimizer();
  model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: "accuracy" });
  const { history } = await model.fit(images, labels, { verbose: 0, batchSize: 16, epochs: 3, jit: withJit });
  const weights = (await model.getWeights()).map(({ values }) => values);
  optimizer.dispose();
  return { loss: history.loss, accuracy: history.accuracy, weights };
}

describe("fit through jit equals fit without it", () => {
  // Adam's usual epsilon scales rounding noise of zero gradients up to whole steps: harmless, but not comparable.
  it.each([
    ["SGD", () => new SGD({ learningRate: 0.05 })],
    ["SGD with momentum and decay", () => new SGD({ learningRate: 0.05, momentum: 0.9, decay: 0.1 })],
    ["Nesterov", () => new SGD({ learningRate: 0.05, momentum: 0.9, nesterov: true })],
    ["Adam", () => new Adam({ learningRate: 0.01, epsilon: 1e-3 })],
    ["AMSGrad with decay", () => new Adam({ learningRate: 0.01, epsilon: 1e-3, amsgrad: true, decay: 0.05 })],
  ])("%s: losses, metrics, weights and moving averages", async (_, makeOptimizer) => {
    const [got, want] = [await train(makeOptimizer, true), await train(makeOptimizer, false)];
    expectCloseArrays(got.loss, want.loss, 1e-4, "loss");
    expect(got.accuracy).toEqual(want.accuracy);
    expect(got.weights.length).toBeGreaterThan(8);
    got.weights.forEach((values, i) => {
      expectCloseArrays(values, want.weights[i], 1e-3, `weight ${i}`);
    });
  });
});

/** A linear model with its own packed optimizer, by hand. */
function linear(seed: number, optimizer: Optimizer) {
  const weight = variable([[0.1 * seed], [0.2], [-0.3]], { name: `weight${seed}` });
  const bias = variable([0.05], { name: `bias${seed}` });
  optimizer.build([weight, bias]);
  const loss = (x: Tensor, y: Tensor) => mean(square(sub(add(matmul(x, weight), bias), y)));
  return {
    variables: [weight, bias],
    loss,
    step: (x: Tensor, y: Tensor) => optimizer.minimize(() => loss(x, y), [weight, bias]),
  };
}

const xs = () =>
  tensor(
    Float32Array.from({ length: 15 }, (_, i) => Math.sin(i * 1.7)),
    [5, 3],
  );
const ys = () =>
  tensor(
    Float32Array.from({ length: 5 }, (_, i) => Math.cos(i)),
    [5, 1],
  );
const valuesOf = (variables: readonly Variable[]) =>
  Promise.all(variables.map(async (v) => [...(await v.data())]));

describe("steps by hand", () => {
  it("two models, two optimizers, one program", async () => {
    const run = async (withJit: boolean) => {
      const first = linear(1, new SGD({ learningRate: 0.1, momentum: 0.9 }));
      const second = linear(2, new Adam({ learningRate: 0.05 }));
      const both = (x: Tensor, y: Tensor) => {
        const a = first.step(x, y);
        // The second learns from the first as it is after its step.
        const target = add(matmul(x, first.variables[0]), first.variables[1]);
        return { a, b: second.step(x, target) };
      };
      const step = withJit ? jit(both) : both;
      const [x, y] = [xs(), ys()];
      const losses: number[] = [];
      for (let i = 0; i < 5; i++) {
        const { a, b } = tidy(() => step(x, y));
        losses.push(await a.item(), await b.item());
      }
      return { losses, weights: await valuesOf([...first.variables, ...second.variables]) };
    };
    const [got, want] = [await run(true), await run(false)];
    expectCloseArrays(got.losses, want.losses, 1e-5, "losses");
    expectCloseArrays(got.weights.flat(), want.weights.flat(), 1e-5, "weights");
  });

  it("two models that do not look at each other", async () => {
    const run = async (withJit: boolean) => {
      const first = linear(1, new SGD({ learningRate: 0.1, momentum: 0.9 }));
      const second = linear(2, new Adam({ learningRate: 0.05 }));
      const both = (x: Tensor, y: Tensor) => [first.step(x, y), second.step(x, y)];
      const step = withJit ? jit(both) : both;
      const [x, y] = [xs(), ys()];
      const losses: number[] = [];
      for (let i = 0; i < 5; i++) {
        for (const loss of tidy(() => step(x, y))) losses.push(await loss.item());
      }
      return { losses, weights: await valuesOf([...first.variables, ...second.variables]) };
    };
    const [got, want] = [await run(true), await run(false)];
    expectCloseArrays(got.losses, want.losses, 1e-5, "losses");
    expectCloseArrays(got.weights.flat(), want.weights.flat(), 1e-5, "weights");
    expect(want.losses[8]).toBeLessThan(want.losses[0]);
  });

  it("several steps in one function, by hand", async () => {
    const run = async (withJit: boolean) => {
      const w = variable([[0.1], [0.2], [-0.3]]);
      const steps = (x: Tensor, y: Tensor): Tensor => {
        let loss = x;
        for (let i = 0; i < 3; i++) {
          const error = sub(matmul(x, w), y);
          loss = mean(square(error));
          w.assign(sub(w, mul(matmul(x, error, { transposeA: true }), 0.08)));
        }
        return loss;
      };
      const step = withJit ? jit(steps) : steps;
      const [x, y] = [xs(), ys()];
      const losses: number[] = [];
      for (let i = 0; i < 3; i++) losses.push(await tidy(() => step(x, y)).item());
      return [...losses, ...(await w.data())];
    };
    expectCloseArrays(await run(true), await run(false), 1e-5, "losses and weights");
  });
});

type Net = (typeof nets)[number];

/** A net with its data set on the device and what `fit` makes of them. */
function prepare(net: Net, batches: number, device: Device) {
  const model = buildModel(net);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  const count = net.batchSize * batches;
  const x = tensor(
    Uint8Array.from({ length: count * net.inputs }, (_, i) => ((i * 2654435761) >>> 16) % 2),
    [count, net.inputs],
  );
  const y = tensor(Int32Array.from({ length: count }, (_, i) => (i * 7) % net.classes));
  const trainer: Trainer = model.makeTrainer();
  trainer.prepare();
  const shuffleState = variable(device.random.state(), { dtype: "u32", trainable: false });
  const walk = new Batches(device, { parts: [x, y], start: 0, count }, net.batchSize, shuffleState);
  const body = ([xs, ys]: readonly Tensor[]) => trainer.trainStep(xs, ys);
  const step = jit((take: number) =>
    tidy(() => {
      body(walk.take(take));
    }),
  );
  return {
    model,
    trainer,
    walk,
    body,
    step,
    dispose: () => {
      step.dispose();
      walk.dispose();
      trainer.dispose();
      model.dispose();
      for (const thing of [x, y, shuffleState]) thing.dispose();
    },
  };
}

const weightsOf = async ({ model, trainer }: ReturnType<typeof prepare>, samples: number) => {
  const weights = (await model.getWeights()).map(({ values }) => Float32Array.from(values));
  return { weights, sums: await trainer.read(samples) };
};

describe("eight steps in one run", () => {
  it.each(sampled(nets, 2).map((net) => [net.name, net] as const))(
    "%s: equal to eight runs, in one submit; nothing is made or uploaded after the second step",
    async (_, net) => {
      const results: Awaited<ReturnType<typeof weightsOf>>[] = [];
      for (const together of [false, true]) {
        gpu.random.resetStreams();
        const prepared = prepare(net, 10, gpu);
        prepared.walk.begin();
        prepared.trainer.reset();
        for (let i = 0; i < 2; i++) prepared.step(net.batchSize);
        await gpu.sync();
        await collectGarbage();
        const [start, memory] = [gpu.counters(), gpu.memory()];
        if (together) prepared.step.run({ steps: 8 }, net.batchSize);
        else for (let i = 0; i < 8; i++) prepared.step(net.batchSize);
        await gpu.sync();
        const [end, after] = [gpu.counters(), gpu.memory()];
        if (together) expect(end.submits - start.submits).toBe(1);
        expect(end.uploads).toBe(start.uploads);
        expect(end.uploadedBytes).toBe(start.uploadedBytes);
        expect(end.bindGroups).toBe(start.bindGroups);
        expect(end.pipelines).toBe(start.pipelines);
        expect(end.readbacks).toBe(start.readbacks);
        expect(after.buffers).toBe(memory.buffers);
        expect(after.bytes).toBe(memory.bytes);
        expect(after.tensors).toBe(memory.tensors);
        results.push(await weightsOf(prepared, 10 * net.batchSize));
        prepared.dispose();
      }
      // The same kernels in the same order: the same bits.
      expect(results[1].sums).toEqual(results[0].sums);
      results[0].weights.forEach((weights, i) => {
        expect(Buffer.from(weights.buffer).equals(Buffer.from(results[1].weights[i].buffer))).toBe(true);
        expect(weights.some(Number.isNaN)).toBe(false);
      });
      expect(results[0].sums[0]).toBeGreaterThan(0);
    },
    240_000,
  );
});

describe("dispatches a training step, gather, metrics and state updates included", () => {
  const most: Readonly<Record<string, number>> = { N1: 26, N2: 33, N3: 9, N4: 13 };

  it.each(nets.map((net) => [net.name, net] as const))(
    "%s",
    async (name, net) => {
      const prepared = prepare(net, 3, gpu);
      const loop = new Loop(gpu, prepared.walk, prepared.body);
      await loop.epoch();
      const start = gpu.counters();
      prepared.walk.begin();
      await gpu.sync();
      const begun = gpu.counters();
      await loop.epoch();
      const end = gpu.counters();
      const shuffling = begun.dispatches - start.dispatches;
      const steps = (end.dispatches - begun.dispatches - shuffling) / 3;
      const copies = (end.copies - begun.copies - (begun.copies - start.copies)) / 3;
      loop.dispose();
      prepared.dispose();
      expect(Number.isInteger(steps)).toBe(true);
      // Not zero: something is counted.
      expect(steps).toBeGreaterThan(4);
      // The software profile's numbers; on a GPU sums over rows and the like take more kernels.
      if (gpu.info.isSoftware) expect(steps + copies).toBeLessThanOrEqual(most[name]);
    },
    240_000,
  );
});

describe("device memory while fit trains", () => {
  it.each(sampled(nets, 2).map((net) => [net.name, net] as const))(
    "%s: at most 1.3 times what must be there, and 4 MiB",
    async (_, net) => {
      const own = await init({ device: "webgpu", seed: 1 });
      try {
        using model = buildModel(net);
        model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
        const count = net.batchSize * 4;
        const x = new Uint8Array(count * net.inputs).fill(1);
        const y = Uint8Array.from({ length: count }, (_, i) => i % net.classes);
        await model.fit(x, y, { verbose: 0, batchSize: net.batchSize, epochs: 2 });
        const parameters = model.countParams() * 4;
        const widths = model.layers.map((layer) => layer.outputShape?.at(-1) ?? 0);
        // All layers' outputs are alive when backward begins; the batch itself is a copy of rows, as f32.
        const activations =
          [net.inputs, ...widths].reduce((sum, width) => sum + width, 0) * net.batchSize * 4;
        const data = x.length + count * 4;
        // Values, gradients, and Adam's two moments.
        const needed = 4 * parameters + data + activations;
        expect(own.memory().peakBytes).toBeGreaterThan(3 * parameters);
        expect(own.memory().peakBytes).toBeLessThanOrEqual(1.3 * needed + 4 * 2 ** 20);
      } finally {
        own.dispose();
      }
    },
    240_000,
  );
});

describe("shuffling", () => {
  it("in a traced step takes rows in the order that eager takes", async () => {
    const x = tensor(
      Float32Array.from({ length: 40 }, (_, i) => i),
      [10, 4],
    );
    const state = variable(gpu.random.state(), { dtype: "u32", trainable: false });
    const shuffled = () => gather(x, permutation(state, 10));
    const f = jit(shuffled);
    for (let i = 0; i < 2; i++) {
      state.set([i, 2, 3, 4]);
      expect([...(await f().data())]).toEqual([...(await shuffled().data())]);
    }
  });
});

// Models over graphs on this adapter: several inputs and outputs, shared layers, masks and weights train as on the CPU
// reference, replayed as op by op.

import { beforeAll, describe, expect, it } from "vitest";
import { add, type Device, jit, mul, setDevice, type Tensor, tensor } from "../../engine/index.ts";
import {
  Add,
  BatchNormalization,
  Concatenate,
  classWeights,
  Dense,
  Embedding,
  GlobalAveragePooling1D,
  input,
  Lambda,
  losses,
  Model,
  Multiply,
  regularizers,
  Sequential,
} from "../../nn/index.ts";
import { Adam, SGD } from "../../optim/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

let gpu: Device;
let reference: Device;
beforeAll(async () => {
  gpu = await gpuDevice();
  reference = await referenceDevice();
});

const rows = 13;
const wave = (columns: number, step: number) =>
  Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * step) + (i % 3) / 3);
const [left, right] = [wave(5, 0.7), wave(3, 1.3)];
const kinds = Int32Array.from({ length: rows }, (_, i) => i % 3);
const sizes = wave(1, 0.4);
const weights = Float32Array.from({ length: rows }, (_, i) => 0.5 + (i % 4));

/** Two inputs through a shared layer to two outputs, one of which reads what the other gives. */
function twoByTwo(): Model {
  const [a, b] = [input([5]), input([3])];
  const shared = new Dense(4, { activation: "tanh", kernelRegularizer: regularizers.l2(0.01) });
  const wide = new Dense(5).call(b);
  const joined = new Add().call([shared.call(a), shared.call(wide)]);
  const kind = new Dense(3, { activation: "softmax", name: "kind" }).call(
    new BatchNormalization().call(joined),
  );
  const size = new Dense(1, { name: "size" }).call(new Concatenate().call([kind, joined]));
  return new Model([a, b], [kind, size]);
}

async function trained(device: Device, options: object): Promise<Record<string, readonly number[]>> {
  setDevice(device);
  device.random.resetStreams();
  const model = twoByTwo().compile({
    optimizer: new Adam({ learningRate: 0.01 }),
    loss: ["sparseCategoricalCrossentropy", "mse"],
    lossWeights: [1, 0.25],
    metrics: [["accuracy"], ["mae"]],
  });
  const { history } = await model.fit([left, right], [kinds, sizes], {
    epochs: 4,
    batchSize: 5,
    verbose: 0,
    ...options,
  });
  model.dispose();
  return history;
}

describe("two inputs, two outputs, a shared layer", () => {
  it.each<[string, object]>([
    ["plain", {}],
    ["with weights of samples", { sampleWeight: weights }],
    ["with weights of an output's classes", { classWeight: classWeights({ kind: { 0: 1, 1: 2, 2: 0.5 } }) }],
    ["streamed", { memoryBudget: 5 * 64 }],
  ])("%s", async (_, options) => {
    const want = await trained(reference, options);
    for (const isTraced of [true, false]) {
      const got = await trained(gpu, { jit: isTraced, ...options });
      expect(Object.keys(got)).toEqual(Object.keys(want));
      for (const [name, values] of Object.entries(want)) {
        values.forEach((value, epoch) => {
          expect(Math.abs(got[name][epoch] - value), `${name} ${epoch}`).toBeLessThan(2e-4);
        });
      }
    }
  });
});

it("masked steps count neither in the loss nor in metrics", async () => {
  setDevice(gpu);
  gpu.random.resetStreams();
  const ids = input([4], { dtype: "i32" });
  const steps = new Dense(2, { activation: "softmax" }).call(
    new Embedding(6, 3, { maskZero: true }).call(ids),
  );
  const model = new Model(ids, steps);
  model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy", metrics: "accuracy" });
  const sentences = [
    [1, 2, 0, 0],
    [3, 4, 5, 0],
  ];
  const labels = [
    [1, 0, 1, 1],
    [0, 1, 1, 0],
  ];
  const [loss, accuracy] = await model.evaluate(sentences, labels);
  const outputs = (await (await model.predict(sentences)).array()) as number[][][];
  const counted = sentences.flatMap((row, i) =>
    row.flatMap((id, t) => (id === 0 ? [] : [{ p: outputs[i][t], label: labels[i][t] }])),
  );
  const byHand = counted.reduce((total, { p, label }) => total - Math.log(p[label]), 0) / counted.length;
  const hits = counted.filter(({ p, label }) => p[label] > p[1 - label]).length;
  expect(loss).toBeCloseTo(byHand, 5);
  expect(accuracy).toBeCloseTo(hits / counted.length, 6);
  model.dispose();
});

it("the generator and the discriminator of a GAN train in one traced step, traced once", async () => {
  setDevice(gpu);
  const discriminator = new Sequential([new Dense(8, { inputDim: 2, activation: "relu" }), new Dense(1)]);
  const generator = new Sequential([new Dense(8, { inputDim: 3, activation: "relu" }), new Dense(2)]);
  const rules = [new Adam({ learningRate: 0.01 }), new SGD({ learningRate: 0.01 })];
  const parts = [discriminator.trainableWeights, generator.trainableWeights];
  rules.forEach((rule, i) => {
    rule.build(parts[i]);
  });
  const { call } = losses.binaryCrossentropy({ fromLogits: true });
  const judged = (x: Tensor, label: number) =>
    losses.reduce(call(tensor(new Float32Array(4).fill(label), { shape: [4, 1] }), discriminator.call(x)));
  let traces = 0;
  const step = jit((real: Tensor, noise: Tensor) => {
    traces++;
    return rules.map((rule, i) =>
      rule.minimize(
        () =>
          i === 0 ? add(judged(real, 1), judged(generator.call(noise), 0)) : judged(generator.call(noise), 1),
        parts[i],
      ),
    );
  });
  const before = await generator.getWeights();
  for (let i = 0; i < 3; i++)
    step(
      tensor(wave(1, i + 1).slice(0, 8), { shape: [4, 2] }),
      tensor(wave(1, i).slice(0, 12), { shape: [4, 3] }),
    );
  expect(traces).toBe(1);
  expect(await generator.getWeights()).not.toEqual(before);
  step.dispose();
});

it("attention by products of two branches replays what it computed op by op", async () => {
  setDevice(gpu);
  const x = input([6, 4]);
  const gate = new Dense(4, { activation: "sigmoid" }).call(x);
  const pooled = new GlobalAveragePooling1D().call(new Multiply().call([x, gate]));
  const model = new Model(x, new Dense(2).call(pooled));
  const given = tensor(wave(24, 0.3), { shape: [rows, 6, 4] });
  const traced = jit((v: Tensor) => model.call(v));
  const want = await model.call(given).data();
  const got = await traced(given).data();
  want.forEach((value, i) => {
    expect(Math.abs(got[i] - value)).toBeLessThan(1e-5);
  });
  traced.dispose();
});

it("two models that share layers, trained in turn, trace nothing anew after the first round", async () => {
  setDevice(gpu);
  let forwards = 0;
  const counting = new Lambda((v: Tensor) => {
    forwards++;
    return mul(v, 1.5);
  });
  const base = new Sequential([new Dense(6, { inputDim: 5, activation: "tanh" }), counting]);
  const models = [2, 1].map((units) => {
    const x = input([5]);
    const model = new Model(x, new Dense(units).call(base.call(x)));
    return model.compile({ optimizer: new Adam({ learningRate: 0.01 }), loss: "mse" });
  });
  const targets = [wave(2, 0.2), wave(1, 0.9)];
  const losses: number[][] = [[], []];
  const round = async () => {
    for (const [i, model] of models.entries())
      losses[i].push((await model.trainOnBatch(left, targets[i]))[0]);
  };
  await round();
  const traced = forwards;
  for (let i = 0; i < 5; i++) await round();
  expect(forwards).toBe(traced);
  for (const curve of losses) expect(curve[5]).toBeLessThan(curve[0]);
  for (const model of models) model.dispose();
});

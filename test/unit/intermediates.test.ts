// Functions made of several ops, and layers, losses and metrics: what they make on the way is freed when they return,
// and what a tape recorded of it is still there for its gradients.

import { beforeAll, describe, expect, it } from "vitest";
import {
  argMax,
  checkGradients,
  type Device,
  depthwiseConv2d,
  diag,
  einsum,
  groupNorm,
  instanceNorm,
  layerNorm,
  logSoftmax,
  logSumExp,
  maxPool1d,
  maxPool2d,
  noLeaks,
  repeat,
  rmsNorm,
  roll,
  sizeOf,
  softmax,
  stack,
  standardDeviation,
  type Tensor,
  tensor,
  tile,
} from "../../engine/index.ts";
import {
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  GroupNormalization,
  type Layer,
  losses,
  metrics,
} from "../../nn/index.ts";
import { referenceDevice } from "../support/devices.ts";
import { uniforms } from "../support/op-cases.ts";

let device: Device;
let vector: Tensor;
let x: Tensor;
let sequence: Tensor;
let image: Tensor;
let weights: Tensor;
let beta: Tensor;
let labels: Tensor;

beforeAll(async () => {
  device = await referenceDevice();
  const next = uniforms(1);
  const filled = (...shape: number[]) =>
    tensor(
      Float64Array.from({ length: sizeOf(shape) }, () => next() * 0.9 + 0.05),
      { shape, device },
    );
  vector = filled(4);
  x = filled(3, 4);
  sequence = filled(2, 5, 3);
  image = filled(2, 6, 5, 4);
  weights = filled(3, 2, 4, 1);
  beta = filled(4);
  labels = tensor(Int32Array.from([0, 3, 1]), { device });
});

const functions: [name: string, input: () => Tensor, call: (x: Tensor) => Tensor][] = [
  ["softmax", () => x, (x) => softmax(x, 0)],
  ["logSoftmax", () => x, (x) => logSoftmax(x, 0)],
  ["logSumExp", () => x, (x) => logSumExp(x, 0)],
  ["standardDeviation", () => x, (x) => standardDeviation(x, 0)],
  ["layerNorm", () => x, (x) => layerNorm(x, { beta })],
  ["rmsNorm", () => x, (x) => rmsNorm(x)],
  ["stack", () => x, (x) => stack([x, x], 1)],
  ["repeat", () => x, (x) => repeat(x, 2, 0)],
  ["tile", () => x, (x) => tile(x, [2, 3])],
  ["roll", () => x, (x) => roll(x, 2)],
  ["diag", () => x, (x) => diag(x, 1)],
  ["diag beyond the last column", () => x, (x) => diag(x, 4)],
  ["diag of a vector", () => vector, (x) => diag(x, -1)],
  ["einsum", () => x, (x) => einsum("ij,kj->ik", x, x)],
  ["einsum that does nothing", () => x, (x) => einsum("ij->ij", x)],
  ["maxPool1d", () => sequence, (x) => maxPool1d(x, 2)],
  ["maxPool2d", () => image, (x) => maxPool2d(x, 2)],
  ["depthwiseConv2d", () => image, (x) => depthwiseConv2d(x, weights)],
  ["groupNorm", () => image, (x) => groupNorm(x, 2, { beta })],
  ["instanceNorm", () => image, (x) => instanceNorm(x)],
];

describe("functions of several ops", () => {
  it.each(functions)("%s frees what it makes, and has its gradient", async (_, input, call) => {
    await noLeaks(() => call(input()), { device });
    await checkGradients(call, [input()]);
  });

  it("argMax over several axes frees what it makes", async () => {
    await noLeaks(() => argMax(image, [1, 2]), { device });
  });

  it("einsum that does nothing gives a tensor of its own", async () => {
    const same = einsum("ij->ij", x);
    expect(same).not.toBe(x);
    same.dispose();
    expect(x.isDisposed).toBe(false);
    expect(await einsum("ij", x).data()).toEqual(await x.data());
  });
});

describe("layers", () => {
  const layers: [string, () => Layer, () => Tensor][] = [
    ["Dense", () => new Dense(3, { activation: "sigmoid" }), () => x],
    ["Conv2D", () => new Conv2D(3, 2, { activation: "relu" }), () => image],
    ["BatchNormalization", () => new BatchNormalization(), () => x],
    ["GroupNormalization", () => new GroupNormalization({ groups: 2 }), () => image],
    ["Dropout", () => new Dropout(0.5), () => x],
  ];
  it.each(layers)("%s frees what it makes on the way", async (_, make, input) => {
    const layer = make();
    for (const training of [false, true]) {
      await noLeaks(() => layer.call(input(), { training }), { device });
      await noLeaks(() => layer.call(input(), { training, logits: true }), { device });
    }
    layer.dispose();
  });

  it("Dense keeps on the tape what its gradient wants", async () => {
    const layer = new Dense(3, { activation: "sigmoid" }).build([4], device);
    await checkGradients((x: Tensor) => layer.call(x), [x]);
    layer.dispose();
  });
});

describe("losses and metrics", () => {
  const targets = () => softmax(x);
  it.each(["mse", "mae", "huber", "binaryCrossentropy", "categoricalCrossentropy"])(
    "%s frees what it makes",
    async (name) => {
      const loss = losses.get(name);
      const wanted = targets();
      await noLeaks(() => loss.call(wanted, x), { device });
      if (loss.withLogits) await noLeaks(() => loss.withLogits?.().call(wanted, x), { device });
    },
  );

  it("sparseCategoricalCrossentropy frees what it makes", async () => {
    await noLeaks(() => losses.sparseCategoricalCrossentropy().call(labels, x), { device });
  });

  it("accuracies free what they make", async () => {
    const wanted = targets();
    await noLeaks(() => metrics.binaryAccuracy().values(wanted, x, false), { device });
    await noLeaks(() => metrics.categoricalAccuracy().values(wanted, x, false), { device });
    await noLeaks(() => metrics.sparseCategoricalAccuracy().values(labels, x, false), { device });
  });
});

// Convolutional networks on this adapter: they train as on the CPU reference, and a traced step gives what the same
// step gives op by op.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  device as defaultDevice,
  jit,
  mean,
  setDevice,
  square,
  sum,
  type Tensor,
  tensor,
  tidy,
  variableGrads,
} from "../../engine/index.ts";
import { explain } from "../../engine/inspect/index.ts";
import {
  AveragePooling2D,
  BatchNormalization,
  Conv1D,
  Conv2D,
  Conv2DTranspose,
  Dense,
  DepthwiseConv2D,
  Embedding,
  Flatten,
  GlobalAveragePooling1D,
  GlobalMaxPooling2D,
  GroupNormalization,
  Input,
  LayerNormalization,
  losses,
  MaxPooling2D,
  Reshape,
  RMSNormalization,
  Sequential,
} from "../../nn/index.ts";
import { SGD } from "../../optim/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

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

async function on<T>(device: Device, fn: () => Promise<T>): Promise<T> {
  setDevice(device);
  device.random.resetStreams();
  return fn();
}

const [rows, side, classes] = [90, 10, 3];
const labels = Uint8Array.from({ length: rows }, (_, i) => (i * 5) % classes);
/** Images of bytes: a horizontal line, a vertical line or a diagonal, somewhere, and noise. */
const images = Uint8Array.from({ length: rows * side * side }, (_, i) => {
  const [image, y, x] = [Math.floor(i / 100), Math.floor(i / 10) % 10, i % 10];
  const at = 2 + ((image * 7) % 6);
  const isLine = [y === at, x === at, x === y][labels[image]];
  return (isLine ? 170 : 0) + ((i * 2654435761) % 80);
});

/** A bit of everything that a convolutional network has. */
const makeImageModel = () =>
  new Sequential([
    new Input([side, side], { byteScale: 1 / 255 }),
    new Reshape([side, side, 1]),
    new Conv2D(8, 3, { activation: "relu" }),
    new MaxPooling2D(2),
    new Conv2D(6, 3, { padding: "same", dilationRate: 2, useBias: false }),
    new GroupNormalization({ groups: 2 }),
    new DepthwiseConv2D(3, { padding: "same", activation: "tanh" }),
    new Conv2D(8, 1, { groups: 2, activation: "relu" }),
    new BatchNormalization(),
    new Conv2DTranspose(4, 2, { strides: 2 }),
    new AveragePooling2D(2, { padding: "same" }),
    new Flatten(),
    new Dense(classes, { activation: "softmax" }),
  ]);

const words = Int32Array.from({ length: rows * 9 }, (_, i) => {
  const [row, at] = [Math.floor(i / 9), i % 9];
  return at === row % 8 ? labels[row] : 3 + ((i * 2654435761) % 5);
});

const makeTextModel = () =>
  new Sequential([
    new Input([9]),
    new Embedding(8, 6, { embeddingsInitializer: "glorotUniform" }),
    new Conv1D(8, 3, { padding: "same" }),
    new LayerNormalization(),
    new Conv1D(8, 2, { activation: "relu", strides: 2 }),
    new RMSNormalization(),
    new GlobalAveragePooling1D(),
    new Dense(classes, { activation: "softmax" }),
  ]);

const cases: [string, () => Sequential, (device: Device) => Tensor, epochs: number][] = [
  [
    "images",
    makeImageModel,
    (device) => tensor(images, { shape: [rows, side, side], dtype: "u8", device }),
    3,
  ],
  ["words", makeTextModel, (device) => tensor(words, { shape: [rows, 9], dtype: "i32", device }), 8],
];

describe("training", () => {
  it.each(cases)(
    "on %s: fit learns, with the losses of the CPU reference",
    async (_, makeModel, data, epochs) => {
      const train = (device: Device) =>
        on(device, async () => {
          using model = makeModel();
          using x = data(device);
          const optimizer = new SGD({ learningRate: 0.15, momentum: 0.9 });
          model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: "accuracy" });
          const { history } = await model.fit(x, labels, { verbose: 0, batchSize: 16, epochs });
          optimizer.dispose();
          return history;
        });
      const [got, want] = [await train(gpu), await train(cpu)];
      got.loss.forEach((loss, epoch) => {
        expect(Math.abs(loss / want.loss[epoch] - 1)).toBeLessThan(2e-3);
      });
      expect(got.loss.at(-1)).toBeLessThan(0.8 * got.loss[0]);
    },
  );

  it.each(cases)(
    "on %s: a traced step's loss and gradients are those of the ops one by one",
    async (_, makeModel, data) => {
      await on(gpu, async () => {
        using model = makeModel();
        using x = data(gpu);
        using y = tensor(labels, { shape: [rows], dtype: "i32", device: gpu });
        const loss = losses.get("sparseCategoricalCrossentropy");
        const step = () => {
          const { value, grads } = variableGrads(
            () => mean(loss.call(y, model.call(x, { training: true }))),
            model.trainableWeights,
          );
          return [value, ...grads];
        };
        const eager = tidy(step);
        const traced = jit(step);
        for (let run = 0; run < 2; run++) {
          const results = traced() as Tensor[];
          for (const [k, want] of eager.entries()) {
            const what = k === 0 ? "loss" : model.trainableWeights[k - 1].describe();
            expectCloseArrays(await results[k].data(), await want.data(), 1e-5, what);
          }
        }
        for (const t of eager) t.dispose();
        traced.dispose();
      });
    },
  );
});

describe("a traced convolution", () => {
  it("has bias and activation in its matrix product, and makes its patches once for forward and backward", async () => {
    await on(gpu, async () => {
      using model = new Sequential([
        new Input([6, 6, 4]),
        new Conv2D(8, 3, { activation: "relu" }),
        new GlobalMaxPooling2D(),
      ]);
      using x = tensor(
        Float32Array.from({ length: 2 * 144 }, (_, i) => Math.sin(i)),
        { shape: [2, 6, 6, 4], device: gpu },
      );
      const forward = jit(() => model.call(x));
      forward();
      // Product, bias and relu; maximum. No patches lie in memory.
      expect(explain(forward)).toMatch(/2 dispatches.*windowProduct\+add\+relu/s);
      forward.dispose();
      const loss = () => sum(square(model.call(x)));
      const step = jit(() => variableGrads(loss, model.trainableWeights).grads);
      step();
      const text = explain(step);
      // The bias's gradient comes with the kernel's.
      expect(text).toContain("sum+windowWeights");
      step.dispose();
    });
  });
});

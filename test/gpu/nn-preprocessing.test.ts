// Layers that prepare data, on this adapter, op by op and traced: augmentation as scipy and torch give it, the same draws as on
// the CPU reference, and categories and bins as there.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  device as defaultDevice,
  jit,
  setDevice,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import * as nn from "../../nn/index.ts";
import { augmentationCases, pixels } from "../support/augmentation-layers.ts";
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

const training = { training: true };

describe("numbers", () => {
  it.each(augmentationCases)("%s", async (_, { make, shape, want }) => {
    setDevice(gpu);
    using layer = make();
    using x = tensor(pixels(shape), { shape, device: gpu });
    using y = layer.call(x, training);
    expectCloseArrays(await y.data(), Float64Array.from(want), 2e-5, "eager");
    const traced = jit(() => layer.call(x, training));
    expectCloseArrays(await traced().data(), Float64Array.from(want), 2e-5, "traced");
    traced.dispose();
  });
});

const layers: readonly (readonly [name: string, make: () => nn.Layer, values?: (i: number) => number])[] = [
  ["RandomFlip", () => new nn.RandomFlip(undefined, { seed: 3 })],
  ["RandomRotation", () => new nn.RandomRotation(0.2, { seed: 3 })],
  ["RandomTranslation", () => new nn.RandomTranslation(0.3, [0, 0.2], { seed: 3 })],
  ["RandomZoom", () => new nn.RandomZoom(0.3, { widthFactor: 0.2, seed: 3 })],
  ["RandomBrightness", () => new nn.RandomBrightness(0.3, { valueRange: [-3, 3], seed: 3 })],
  ["RandomContrast", () => new nn.RandomContrast(0.3, { valueRange: [-3, 3], seed: 3 })],
  ["GaussianBlur", () => new nn.GaussianBlur([0.2, 1], { seed: 3 })],
  ["RandomCrop", () => new nn.RandomCrop(5, 4, { seed: 3 })],
  ["Rescaling", () => new nn.Rescaling([2, 3], { offset: [0, 1] })],
  ["Normalization", () => new nn.Normalization({ axis: [1, -1], mean: 0.5, variance: 0.3 })],
  ["Discretization", () => new nn.Discretization({ binBoundaries: [-0.5, 0, 0.1, 0.9] })],
  ["CategoryEncoding", () => new nn.CategoryEncoding(5), (i) => (i * 7) % 6],
  ["CategoryEncoding, count", () => new nn.CategoryEncoding(5, { outputMode: "count" }), (i) => (i * 7) % 6],
  [
    "CategoryEncoding, one-hot",
    () => new nn.CategoryEncoding(5, { outputMode: "oneHot" }),
    (i) => (i * 7) % 6,
  ],
];

describe("the reference's values, by the same draws", () => {
  it.each(layers.map((one) => [one[0], one] as const))("%s", async (_, [, make, values]) => {
    const shape = [3, 7, 9, 2];
    const on = async (device: Device, isTraced: boolean) => {
      setDevice(device);
      using layer = make().build(shape.slice(1), device);
      const numbers = values === undefined ? pixels(shape) : pixels(shape).map((_, i) => values(i));
      using x = tensor(numbers, { shape, device });
      const call = (): Tensor => layer.call(x, training);
      const traced = isTraced ? jit(call) : undefined;
      const results: Float64Array[] = [];
      for (let run = 0; run < 3; run++) results.push(Float64Array.from(await (traced ?? call)().data()));
      traced?.dispose();
      return results;
    };
    const want = await on(cpu, false);
    for (const isTraced of [false, true]) {
      const got = await on(gpu, isTraced);
      got.forEach((result, run) => {
        expectCloseArrays(result, want[run], 2e-5, `${isTraced ? "traced" : "eager"}, run ${run}`);
      });
    }
    expect(want.length).toBe(3);
  });
});

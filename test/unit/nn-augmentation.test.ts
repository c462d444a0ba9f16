// Layers that change images by chance, and those that give them another size, on the CPU reference: numbers as scipy and
// torch give them, draws that repeat, and the identity where there is nothing to do.

import { beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, type Device, jit, ShapeError, setDevice, tensor } from "../../engine/index.ts";
import * as nn from "../../nn/index.ts";
import { augmentationCases, pixels } from "../support/augmentation-layers.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { referenceDevice } from "../support/devices.ts";

let device: Device;
beforeAll(async () => {
  device = await referenceDevice();
  setDevice(device);
});

const training = { training: true };
const images = (shape: readonly number[]) => tensor(pixels(shape), { shape, device });

describe("numbers", () => {
  it.each(augmentationCases)("%s", async (_, { make, shape, want }) => {
    using layer = make();
    using x = images(shape);
    using y = layer.call(x, training);
    expectCloseArrays(await y.dataFloat64(), Float64Array.from(want), 3e-6, "eager");
    const traced = jit(() => layer.call(x, training));
    expectCloseArrays(await traced().dataFloat64(), Float64Array.from(want), 3e-6, "traced");
    traced.dispose();
  });
});

const random: readonly (readonly [string, () => nn.Layer])[] = [
  ["RandomFlip", () => new nn.RandomFlip(undefined, { seed: 3 })],
  ["RandomRotation", () => new nn.RandomRotation(0.2, { seed: 3 })],
  ["RandomTranslation", () => new nn.RandomTranslation(0.3, [0, 0.2], { seed: 3 })],
  ["RandomZoom", () => new nn.RandomZoom(0.3, { widthFactor: 0.2, seed: 3 })],
  ["RandomBrightness", () => new nn.RandomBrightness(0.3, { valueRange: [-3, 3], seed: 3 })],
  ["RandomContrast", () => new nn.RandomContrast(0.3, { valueRange: [-3, 3], seed: 3 })],
  ["GaussianBlur", () => new nn.GaussianBlur([0.2, 1], { seed: 3 })],
];

describe.each([...random, ["RandomCrop", () => new nn.RandomCrop(5, 4, { seed: 3 })] as const])(
  "%s",
  (_, make) => {
    const shape = [6, 7, 9, 2];

    it("draws anew at each call, the same for the same seed, op by op and traced", async () => {
      using x = images(shape);
      const [first, second, third] = [make(), make(), make()];
      const runs = async (call: () => ReturnType<typeof first.call>) => [
        await call().dataFloat64(),
        await call().dataFloat64(),
        await call().dataFloat64(),
      ];
      const want = await runs(() => first.call(x, training));
      expect(want[1]).not.toEqual(want[0]);
      expect(want[2]).not.toEqual(want[1]);
      expect(await runs(() => second.call(x, training))).toEqual(want);
      third.build(shape.slice(1), device);
      const traced = jit(() => third.call(x, training));
      for (const values of want) expectCloseArrays(await traced().dataFloat64(), values, 1e-9, "traced");
      traced.dispose();
    });

    it("treats each image by itself", async () => {
      using layer = make();
      // The same image in each place.
      const one = pixels([1, 7, 9, 2]);
      using x = tensor(
        Float32Array.from({ length: one.length * 6 }, (_, i) => one[i % one.length]),
        { shape, device },
      );
      const y = await layer.call(x, training).dataFloat64();
      const size = y.length / 6;
      const different = new Set(
        Array.from({ length: 6 }, (_, i) => y.slice(i * size, (i + 1) * size).join()),
      );
      expect(different.size).toBeGreaterThan(1);
    });
  },
);

describe("the identity", () => {
  it.each(random)("is what %s is in inference", async (_, make) => {
    using layer = make();
    using x = images([2, 7, 9, 2]);
    expect(await layer.call(x).dataFloat64()).toEqual(await x.dataFloat64());
  });

  it.each([
    ["RandomRotation", () => new nn.RandomRotation(0)],
    ["RandomTranslation", () => new nn.RandomTranslation(0, 0)],
    ["RandomZoom", () => new nn.RandomZoom(0)],
    ["RandomBrightness", () => new nn.RandomBrightness(0)],
    ["RandomContrast", () => new nn.RandomContrast(0)],
    ["GaussianBlur", () => new nn.GaussianBlur(0)],
  ] as const)("is what %s is at strength 0", async (_, make) => {
    using layer = make();
    using x = images([2, 7, 9, 2]);
    expect(await layer.call(x, training).dataFloat64()).toEqual(await x.dataFloat64());
  });

  it("is what an image is that the least of a range leaves alone", async () => {
    using x = images([1, 7, 9, 2]);
    using layer = new nn.GaussianBlur([0, 1e-9], { kernelSize: 3 });
    expect(await layer.call(x, training).dataFloat64()).toEqual(await x.dataFloat64());
  });
});

describe("what is drawn", () => {
  it("flips half of the images, each axis by itself", async () => {
    const count = 2000;
    using x = tensor(
      Array.from({ length: 4 * count }, (_, i) => i % 4),
      { shape: [count, 2, 2, 1], device },
    );
    using layer = new nn.RandomFlip("horizontal_and_vertical" as nn.FlipMode, { seed: 1 });
    const y = await layer.call(x, training).dataFloat64();
    const counts: Record<string, number> = {};
    for (let i = 0; i < y.length; i += 4) {
      const found = y.slice(i, i + 4).join("");
      counts[found] = (counts[found] ?? 0) + 1;
    }
    expect(Object.keys(counts).sort()).toEqual(["0123", "1032", "2301", "3210"]);
    // Five standard deviations of a count with probability 1/4.
    for (const found of Object.values(counts)) {
      expect(Math.abs(found - count / 4)).toBeLessThan(5 * Math.sqrt((count * 3) / 16));
    }
    using across = new nn.RandomFlip("horizontal", { seed: 1 });
    const sides = await across.call(x, training).dataFloat64();
    const isRight = (i: number) => ["0123", "1032"].includes(sides.slice(i, i + 4).join(""));
    expect(Array.from({ length: count }, (_, i) => isRight(4 * i)).every(Boolean)).toBe(true);
  });

  it("crops from every place, equally often", async () => {
    const count = 3000;
    using x = tensor(
      Array.from({ length: 12 * count }, (_, i) => i % 12),
      { shape: [count, 3, 4, 1], device },
    );
    using layer = new nn.RandomCrop(2, 3, { seed: 1 });
    const y = await layer.call(x, training).dataFloat64();
    const counts = new Map<number, number>();
    for (let i = 0; i < y.length; i += 6) {
      const start = y[i];
      expect([...y.slice(i, i + 6)]).toEqual([0, 1, 2, 4, 5, 6].map((n) => start + n));
      counts.set(start, (counts.get(start) ?? 0) + 1);
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([0, 1, 4, 5]);
    for (const found of counts.values()) {
      expect(Math.abs(found - count / 4)).toBeLessThan(5 * Math.sqrt((count * 3) / 16));
    }
  });

  it("spreads evenly over its range", async () => {
    const count = 4000;
    using x = tensor(new Float32Array(count), { shape: [count, 1, 1, 1], device });
    using layer = new nn.RandomBrightness([-0.2, 0.6], { valueRange: [-10, 30], seed: 1 });
    const added = [...(await layer.call(x, training).dataFloat64())].sort((a, b) => a - b);
    // Kolmogorov and Smirnov's distance from the even distribution, which is above 1.95 / sqrt(n) once in a thousand times.
    const distance = Math.max(...added.map((value, i) => Math.abs((value + 8) / 32 - (i + 0.5) / count)));
    expect(distance).toBeLessThan(1.95 / Math.sqrt(count));
  });

  it("crops what is resized in inference", async () => {
    using x = images([2, 7, 9, 3]);
    using layer = new nn.RandomCrop(4, 4);
    const [, { want }] = augmentationCases.find(([name]) => name === "resizing, undistorted")!;
    expectCloseArrays(await layer.call(x).dataFloat64(), Float64Array.from(want), 3e-6, "y");
  });
});

describe("in a model", () => {
  it("trains behind augmentation, and predicts as without it", async () => {
    const model = new nn.Sequential([
      new nn.Input([7, 9, 2]),
      new nn.RandomRotation(0.1, { seed: 1 }),
      new nn.RandomCrop(6, 6, { seed: 2 }),
      new nn.RandomFlip("horizontal", { seed: 3 }),
      new nn.Flatten(),
      new nn.Dense(1),
    ]).compile({ optimizer: "sgd", loss: "mse" });
    expect(model.countParams()).toBe(73);
    using x = images([6, 7, 9, 2]);
    const { history } = await model.fit(x, [1, 2, 3, 4, 5, 6], { epochs: 3, verbose: 0, batchSize: 4 });
    expect(history.loss.every(Number.isFinite)).toBe(true);
    const first = await (await model.predict(x)).data();
    expect(await (await model.predict(x)).data()).toEqual(first);
    model.dispose();
  });
});

describe("what can't be", () => {
  it("is refused with what is wanted instead", () => {
    expect(() => new nn.RandomRotation(-0.1)).toThrow(ArgumentError);
    expect(() => new nn.RandomRotation(-0.1)).toThrow(
      /RandomRotation: factor is -0.1; it must be a number of at least 0/,
    );
    expect(() => new nn.RandomTranslation([0.2, 0.1], 0)).toThrow(/heightFactor is \[0.2,0.1\]/);
    expect(() => new nn.RandomZoom([-2, 0])).toThrow(/of at least -1/);
    expect(() => new nn.RandomRotation(0.1, { fillMode: "mirror" as never })).toThrow(
      /RandomRotation fillMode/,
    );
    expect(() => new nn.GaussianBlur(1, { kernelSize: 4 })).toThrow(/odd whole number/);
    expect(() => new nn.RandomFlip("sideways" as nn.FlipMode)).toThrow(/RandomFlip mode/);
    expect(() => new nn.CenterCrop(0, 3)).toThrow(/height must be a whole number of at least 1, got 0/);
    const on = (layer: nn.Layer, shape: readonly (number | null)[]) => () =>
      layer.outputSpec({ shape, dtype: "f32" });
    expect(on(new nn.RandomFlip(), [5, 5])).toThrow(ShapeError);
    expect(on(new nn.RandomFlip(), [5, 5])).toThrow(/layer "random_flip" .*\[batch, 5, 5\]; a Reshape layer/);
    expect(on(new nn.RandomCrop(3, 3), [null, 5, 1])).toThrow(
      /layer "random_crop".*height and width are known/,
    );
    expect(on(new nn.GaussianBlur(2), [5, 9, 1])).toThrow(
      /reaches 6 beyond images \[batch, 5, 9, 1\].*smaller sigma/,
    );
    expect(on(new nn.Resizing(3, 3), [null, null, 1])).not.toThrow();
  });
});

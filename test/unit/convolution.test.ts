// Convolutions and pooling on the float64 reference against their textbook sums, over random windows; values worked by
// hand; what ties, padding and empty batches do; errors.

import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  averagePool1d,
  averagePool2d,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  type Device,
  DTypeError,
  depthwiseConv2d,
  globalAveragePool,
  globalMaxPool,
  grad,
  maxPool1d,
  maxPool2d,
  mul,
  ShapeError,
  sum,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { referenceDevice } from "../support/devices.ts";
import { naiveConvolution, naivePooling, outputOf, randomConvolution } from "../support/naive-windows.ts";

let device: Device;
beforeAll(async () => {
  device = await referenceDevice();
});

const filled = (shape: readonly number[], value = (i: number) => (i % 7) - 3): Tensor =>
  tensor(
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => value(i)),
    { shape, device },
  );

const seeds = Array.from({ length: 60 }, (_, i) => i);

describe("conv2d", () => {
  it.each(seeds)("is the textbook sum, and so are its gradients (window %i)", async (seed) => {
    const { image, out, groups, window, padding, x, w, g } = randomConvolution(seed);
    const want = naiveConvolution(image, out, groups, window, { x, w, g });
    const { stride, dilation, size } = window;
    const images = tensor(x, { shape: image, device });
    const weights = tensor(w, { shape: [...size, image[3] / groups, out], device });
    const options = { stride, dilation, padding, groups };
    const y = conv2d(images, weights, options);
    expect(y.shape).toEqual([image[0], ...outputOf(image, window), out]);
    expectCloseArrays(await y.dataFloat64(), want.y, 1e-12, "y");
    const upstream = tensor(g, { shape: y.shape, device });
    const [dx, dw] = grad((a: Tensor, b: Tensor) => sum(mul(conv2d(a, b, options), upstream)))(
      images,
      weights,
    );
    expectCloseArrays(await dx.dataFloat64(), want.dx, 1e-12, "dx");
    expectCloseArrays(await dw.dataFloat64(), want.dw, 1e-12, "dw");
  });

  it("has 1 by 1 windows as matrix products, and empty batches", async () => {
    const x = filled([2, 3, 3, 4]);
    const w = filled([1, 1, 4, 5], (i) => i - 9);
    const y = conv2d(x, w);
    expect(y.shape).toEqual([2, 3, 3, 5]);
    const [a, b, c] = await Promise.all([x, w, y].map((t) => t.dataFloat64()));
    for (let o = 0; o < 5; o++) {
      let want = 0;
      for (let i = 0; i < 4; i++) want += a[7 * 4 + i] * b[i * 5 + o];
      expect(c[7 * 5 + o]).toBeCloseTo(want, 12);
    }
    expect(conv2d(filled([0, 5, 5, 2]), filled([3, 3, 2, 4])).shape).toEqual([0, 3, 3, 4]);
    const [dw] = grad((weights: Tensor) => sum(conv2d(filled([0, 5, 5, 2]), weights)))(filled([3, 3, 2, 4]));
    expect([...(await dw.data())].every((value) => value === 0)).toBe(true);
  });

  it("names shapes, requirement and remedy in its errors", () => {
    const x = filled([2, 5, 5, 4]);
    expect(() => conv2d(filled([5, 5, 4]), filled([3, 3, 4, 2]))).toThrow(
      "conv2d: x must be [batch, height, width, channels], 4 axes, got [5, 5, 4]",
    );
    expect(() => conv2d(x, filled([3, 3, 3, 2]))).toThrow(
      "conv2d: x [2, 5, 5, 4] and weights [3, 3, 3, 2] disagree: the weights' second to last axis must be x's channels / groups (3 vs 4 / 1)",
    );
    expect(() => conv2d(x, filled([3, 3, 2, 3]), { groups: 2 })).toThrow(
      "conv2d: 2 groups do not divide the 3 output channels",
    );
    expect(() => conv2d(x, filled([7, 3, 4, 2]))).toThrow(
      'conv2d: a window that spans 7 (size 7, dilation 1) does not fit into 5, the padded length of spatial axis 0; use a smaller window, or padding: "same"',
    );
    expect(() => conv2d(x, filled([3, 3, 4, 2]), { stride: 0 })).toThrow(/conv2d: stride is 0/);
    expect(() => conv2d(x, filled([3, 3, 4, 2]), { dilation: [1, 2, 3] })).toThrow(/dilation is \[1, 2, 3\]/);
    expect(() => conv2d(x, filled([3, 3, 4, 2]), { padding: "smae" as "same" })).toThrow(
      /Did you mean "same"/,
    );
    expect(() => conv2d(x, filled([3, 3, 4, 2]), { padding: -1 })).toThrow(ArgumentError);
    expect(() => conv2d(x, tensor([1], { shape: [1, 1, 1, 1], dtype: "i32", device }))).toThrow(ShapeError);
    const whole = tensor([1, 2, 3, 4], { shape: [1, 1, 4, 1], dtype: "i32", device });
    expect(() => conv2d(x, whole)).toThrow(DTypeError);
    expect(() => conv1d(x, filled([3, 4, 2]))).toThrow(
      "conv1d: x must be [batch, length, channels], 3 axes, got [2, 5, 5, 4]",
    );
  });
});

describe("conv1d", () => {
  it("is conv2d on images one pixel high", async () => {
    const x = filled([2, 9, 4]);
    const w = filled([3, 2, 6], (i) => (i % 5) - 2);
    const options = { stride: 2, dilation: 2, padding: "same", groups: 2 } as const;
    const y = conv1d(x, w, options);
    const flat = conv2d(
      filled([2, 1, 9, 4]),
      filled([1, 3, 2, 6], (i) => (i % 5) - 2),
      {
        ...options,
        stride: [1, 2],
        dilation: [1, 2],
      },
    );
    expect(y.shape).toEqual([2, 5, 6]);
    expect(await y.data()).toEqual(await flat.data());
  });

  it("by hand", async () => {
    const x = tensor([1, 2, 3, 4], { shape: [1, 4, 1], device });
    const w = tensor([10, 1], { shape: [2, 1, 1], device });
    expect([...(await conv1d(x, w).data())]).toEqual([12, 23, 34]);
    expect([...(await conv1d(x, w, { padding: "same" }).data())]).toEqual([12, 23, 34, 40]);
    expect([...(await conv1d(x, w, { padding: [[2, 0]], stride: 3 }).data())]).toEqual([0, 23]);
  });
});

describe("convTranspose", () => {
  it("takes the result of a convolution back to the shape it came from", () => {
    const w = filled([3, 3, 2, 4]);
    for (const stride of [1, 2, 3, 4]) {
      for (const padding of ["same", "valid"] as const) {
        const up = convTranspose2d(filled([2, 3, 5, 4]), w, { stride, padding });
        expect(up.shape[3]).toBe(2);
        expect(conv2d(up, w, { stride, padding }).shape).toEqual([2, 3, 5, 4]);
      }
    }
    const up = convTranspose2d(filled([2, 3, 5, 4]), w, { stride: 2, padding: 1, outputPadding: [1, 0] });
    expect(up.shape).toEqual([2, 6, 9, 2]);
  });

  it("by hand, as Keras and PyTorch give it", async () => {
    const x = tensor([1, 2, 3], { shape: [1, 3, 1], device });
    const w = tensor([1, 10, 100], { shape: [3, 1, 1], device });
    const run = async (options: Parameters<typeof convTranspose1d>[2]) => [
      ...(await convTranspose1d(x, w, options).data()),
    ];
    expect(await run({})).toEqual([1, 12, 123, 230, 300]);
    expect(await run({ stride: 2 })).toEqual([1, 10, 102, 20, 203, 30, 300]);
    expect(await run({ stride: 2, padding: "same" })).toEqual([1, 10, 102, 20, 203, 30]);
    expect(await run({ stride: 2, padding: 1 })).toEqual([10, 102, 20, 203, 30]);
    expect(await run({ stride: 2, padding: 1, outputPadding: 1 })).toEqual([10, 102, 20, 203, 30, 300]);
    expect(await run({ stride: 4 })).toEqual([1, 10, 100, 0, 2, 20, 200, 0, 3, 30, 300, 0]);
  });

  it.each(seeds.slice(0, 20))(
    "is the convolution's transpose: <conv(x), g> = <x, convT(g)> (window %i)",
    async (seed) => {
      const { image, out, groups, window, x, w, g } = randomConvolution(seed);
      const { stride, dilation, size, padding } = window;
      const want = naiveConvolution(image, out, groups, window, { x, w, g });
      const [rows, columns] = outputOf(image, window);
      const places = tensor(g, { shape: [image[0], rows, columns, out], device });
      const weights = tensor(w, { shape: [...size, image[3] / groups, out], device });
      // What the windows never reach at the end, the transpose makes longer by outputPadding.
      const rest = [0, 1].map((axis) => {
        const reach = (size[axis] - 1) * dilation[axis] + 1;
        const length = [rows, columns][axis];
        const made = (length - 1) * stride[axis] + reach - padding[axis][0] - padding[axis][1];
        return image[axis + 1] - made;
      });
      expect(rest.every((n, axis) => n >= 0 && n < stride[axis])).toBe(true);
      const back = convTranspose2d(places, weights, {
        stride,
        dilation,
        padding,
        groups,
        outputPadding: rest,
      });
      expect(back.shape).toEqual([...image]);
      expectCloseArrays(await back.dataFloat64(), want.dx, 1e-12, "convTranspose2d");
    },
  );

  it("names what is wrong", () => {
    const x = filled([2, 3, 5, 4]);
    expect(() => convTranspose2d(x, filled([3, 3, 4, 2]))).toThrow(
      /the weights' last axis must be x's channels \(2 vs 4\)/,
    );
    expect(() => convTranspose2d(x, filled([3, 3, 2, 4]), { outputPadding: 1 })).toThrow(
      'convTranspose2d: outputPadding 1 goes with explicit padding only, in numbers; with "valid" the result has its size already',
    );
    expect(() => convTranspose2d(x, filled([3, 3, 2, 4]), { outputPadding: 1, padding: 1 })).toThrow(
      "convTranspose2d: outputPadding 1 must be less than the stride, 1",
    );
    expect(() => convTranspose2d(x, filled([1, 1, 2, 4]), { padding: 3 })).toThrow(
      /would give the spatial lengths/,
    );
  });
});

describe("conv1d with causal padding", () => {
  const run = async (options: Parameters<typeof conv1d>[2]) => {
    const x = tensor([1, 2, 3, 4, 5], { shape: [1, 5, 1], device });
    const w = tensor([100, 10, 1], { shape: [3, 1, 1], device });
    return [...(await conv1d(x, w, options).data())];
  };

  it("sees what stands at a place and before it", async () => {
    expect(await run({ padding: "causal" })).toEqual([1, 12, 123, 234, 345]);
    expect(await run({ padding: "causal", dilation: 2 })).toEqual([1, 2, 13, 24, 135]);
    expect(await run({ padding: "causal", stride: 2 })).toEqual([1, 123, 345]);
    expect(await run({ padding: "CAUSAL" as never })).toEqual([1, 12, 123, 234, 345]);
  });

  it("is told of where a word is none, and refused where there is no time", async () => {
    await expect(run({ padding: "casual" as never })).rejects.toThrow(
      'unknown conv1d padding "casual". Did you mean "causal"? Known: valid, same, causal.',
    );
    expect(() => conv2d(filled([1, 5, 5, 1]), filled([3, 3, 1, 1]), { padding: "causal" as never })).toThrow(
      'unknown conv2d padding "causal". Known: valid, same.',
    );
  });
});

describe("depthwiseConv2d", () => {
  it("has windows of its own for each channel, `multiplier` of them", async () => {
    const [x, w] = [filled([2, 4, 5, 3]), filled([2, 2, 3, 2], (i) => (i % 11) - 5)];
    const y = depthwiseConv2d(x, w, { padding: "same" });
    expect(y.shape).toEqual([2, 4, 5, 6]);
    const [a, b, got] = await Promise.all([x, w, y].map((t) => t.dataFloat64()));
    for (let c = 0; c < 3; c++) {
      for (let m = 0; m < 2; m++) {
        let want = 0;
        for (const [ky, kx] of [
          [0, 0],
          [0, 1],
          [1, 0],
          [1, 1],
        ]) {
          want += a[((2 + ky) * 5 + 1 + kx) * 3 + c] * b[((ky * 2 + kx) * 3 + c) * 2 + m];
        }
        expect(got[(2 * 5 + 1) * 6 + c * 2 + m]).toBe(want);
      }
    }
    expect(() => depthwiseConv2d(x, filled([2, 2, 4, 1]))).toThrow(
      /the weights' second to last axis must be x's channels \(4 vs 3\)/,
    );
  });
});

describe("pooling", () => {
  it.each(seeds)("is the textbook's, and so are its gradients (window %i)", async (seed) => {
    const { image, window, padding, x } = randomConvolution(seed, { dilated: false });
    const shape = [image[0], ...outputOf(image, window), image[3]];
    const g = Float64Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => (i % 9) - 4);
    // Few distinct values, so that many tie.
    const values = seed % 2 === 0 ? x : x.map((value) => Math.round(value * 2));
    const want = naivePooling(image, window, { x: values, g });
    const images = tensor(values, { shape: image, device });
    const upstream = tensor(g, { shape, device });
    for (const [pool, y, dx] of [
      [maxPool2d, want.max, want.dMax],
      [averagePool2d, want.mean, want.dMean],
    ] as const) {
      const options = { stride: window.stride, padding };
      const got = pool(images, window.size, options);
      expect(got.shape).toEqual(shape);
      expectCloseArrays(await got.dataFloat64(), y, 1e-12, "y");
      const [gradient] = grad((a: Tensor) => sum(mul(pool(a, window.size, options), upstream)))(images);
      expectCloseArrays(await gradient.dataFloat64(), dx, 1e-12, "dx");
    }
  });

  it("gives a tied maximum's gradient to the first of them, a NaN as it is", async () => {
    const x = tensor([1, 2, 2, 1, 0, Number.NaN, 3, 3], { shape: [1, 8, 1], device });
    expect([...(await maxPool1d(x, 4).data())]).toEqual([2, Number.NaN]);
    const tied = tensor([1, 2, 2, 1], { shape: [1, 4, 1], device });
    const [dx] = grad((a: Tensor) => sum(maxPool1d(a, 4)))(tied);
    expect([...(await dx.data())]).toEqual([0, 1, 0, 0]);
  });

  it("does not count padding in averages, in one dimension too", async () => {
    const x = tensor([1, 2, 3, 4, 5], { shape: [1, 5, 1], device });
    expect([...(await averagePool1d(x, 3, { stride: 1, padding: "same" }).data())]).toEqual([
      1.5, 2, 3, 4, 4.5,
    ]);
    expect([...(await averagePool1d(x, 2).data())]).toEqual([1.5, 3.5]);
    expect([...(await maxPool1d(x, 2, { padding: "same" }).data())]).toEqual([2, 4, 5]);
  });

  it("pools everything", async () => {
    const x = filled([2, 3, 4, 2]);
    const values = await x.dataFloat64();
    const of = (n: number, c: number) => Array.from({ length: 12 }, (_, i) => values[(n * 12 + i) * 2 + c]);
    const [average, largest] = [await globalAveragePool(x).data(), await globalMaxPool(x).data()];
    for (let n = 0; n < 2; n++) {
      for (let c = 0; c < 2; c++) {
        expect(average[n * 2 + c]).toBeCloseTo(of(n, c).reduce((a, b) => a + b) / 12, 6);
        expect(largest[n * 2 + c]).toBe(Math.max(...of(n, c)));
      }
    }
    expect(globalAveragePool(x, { keepDims: true }).shape).toEqual([2, 1, 1, 2]);
    expect(globalMaxPool(filled([2, 5, 3])).shape).toEqual([2, 3]);
  });

  it("names what is wrong", () => {
    const x = filled([2, 5, 5, 4]);
    expect(() => maxPool2d(x, 2, { padding: 2 })).toThrow(
      "maxPool2d: padding 2 on spatial axis 0 must be less than the window's size 2, or a window could see nothing but padding",
    );
    expect(() => averagePool2d(filled([2, 5, 4]), 2)).toThrow(
      /averagePool2d: x must be \[batch, height, width, channels\]/,
    );
    expect(() => maxPool1d(filled([2, 5, 4]), 9)).toThrow(/maxPool1d: a window that spans 9/);
    expect(() => maxPool2d(x, [2, 2, 2])).toThrow(/maxPool2d: size is \[2, 2, 2\]/);
    expect(() => globalMaxPool(filled([5, 4]))).toThrow(/globalMaxPool: x must be/);
  });
});

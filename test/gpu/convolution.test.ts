// Convolutions and pooling on the adapter against their textbook sums in float64, over random windows, with their
// gradients.

import { beforeAll, describe, expect, it } from "vitest";
import {
  averagePool2d,
  conv2d,
  type Device,
  grad,
  maxPool2d,
  mul,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "../../engine/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice } from "../support/devices.ts";
import { naiveConvolution, naivePooling, outputOf, randomConvolution } from "../support/naive-windows.ts";

let device: Device;
beforeAll(async () => {
  device = await gpuDevice();
});

const seeds = Array.from({ length: 40 }, (_, i) => i + 100);
/** Sums of up to a few hundred products of numbers below 1. */
const tolerance = 5e-6;

describe("random windows", () => {
  it.each(seeds)("conv2d and its gradients (%i)", async (seed) => {
    const { image, out, groups, window, padding, x, w, g } = randomConvolution(seed);
    const want = naiveConvolution(image, out, groups, window, { x, w, g });
    const { stride, dilation, size } = window;
    const options = { stride, dilation, padding, groups };
    const [y, dx, dw] = tidy(() => {
      const images = tensor(x, { shape: image, device });
      const weights = tensor(w, { shape: [...size, image[3] / groups, out], device });
      const upstream = tensor(g, { shape: [image[0], ...outputOf(image, window), out], device });
      const loss = (a: Tensor, b: Tensor) => sum(mul(conv2d(a, b, options), upstream));
      return [conv2d(images, weights, options), ...grad(loss)(images, weights)];
    });
    expectCloseArrays(await y.data(), want.y, tolerance, "y");
    expectCloseArrays(await dx.data(), want.dx, tolerance, "dx");
    expectCloseArrays(await dw.data(), want.dw, tolerance, "dw");
    for (const t of [y, dx, dw]) t.dispose();
  });

  it.each(seeds.slice(0, 20))("pooling and its gradients (%i)", async (seed) => {
    const { image, window, padding, x } = randomConvolution(seed, { dilated: false });
    const shape = [image[0], ...outputOf(image, window), image[3]];
    const g = Float64Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => (i % 9) - 4);
    const values = seed % 2 === 0 ? x : x.map((value) => Math.round(value * 2));
    const want = naivePooling(image, window, { x: values, g });
    for (const [pool, forward, backward] of [
      [maxPool2d, want.max, want.dMax],
      [averagePool2d, want.mean, want.dMean],
    ] as const) {
      const [y, dx] = tidy(() => {
        const images = tensor(values, { shape: image, device });
        const upstream = tensor(g, { shape, device });
        const run = (a: Tensor) => pool(a, window.size, { stride: window.stride, padding });
        return [run(images), grad((a: Tensor) => sum(mul(run(a), upstream)))(images)[0]];
      });
      expectCloseArrays(await y.data(), forward, tolerance, "y");
      expectCloseArrays(await dx.data(), backward, tolerance, "dx");
      y.dispose();
      dx.dispose();
    }
  });
});

describe("pooling", () => {
  it("hands on infinities and NaN, in whole vec4s of channels and singly", async () => {
    const { NaN: nan, NEGATIVE_INFINITY: low, POSITIVE_INFINITY: high } = Number;
    const rows = [
      [low, low],
      [low, -3],
      [1, nan],
      [nan, 1],
      [high, nan],
      [high, 5],
    ];
    const want = [low, -3, nan, nan, nan, high];
    const single = maxPool2d(tensor(rows.flat(), { shape: [6, 1, 2, 1], device }), [1, 2]);
    expect([...(await single.data())]).toEqual(want);
    const wide = maxPool2d(
      tensor(
        rows.flatMap((row) => row.flatMap((value) => [value, value, value, value])),
        {
          shape: [6, 1, 2, 4],
          device,
        },
      ),
      [1, 2],
    );
    expect([...(await wide.data())]).toEqual(want.flatMap((value) => [value, value, value, value]));
  });
});

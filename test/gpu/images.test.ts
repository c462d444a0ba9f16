// Images resized and moved on the adapter: many sizes against the float64 reference, with gradients and under jit, and as
// torch and scipy move them.

import { beforeAll, describe, expect, it } from "vitest";
import { type Device, grad, jit, mul, resize, sum, type Tensor, tensor } from "../../engine/index.ts";
import { expectClose, expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { movedImages, moveImages } from "../support/moved-images.ts";
import { uniforms } from "../support/op-cases.ts";
import { sampledHere } from "../support/sampled.ts";

let gpu: Device;
let reference: Device;
beforeAll(async () => {
  [gpu, reference] = [await gpuDevice(), await referenceDevice()];
});

describe("affineTransform", () => {
  it.each(sampledHere(movedImages))(
    "is what torch or scipy gives, alone and under jit: %s",
    async (_, moved) => {
      for (const run of [(call: () => Tensor[]) => call(), (call: () => Tensor[]) => jit(call)()]) {
        const [y, images, matrices] = moveImages(moved, gpu, run);
        expectCloseArrays(await y.dataFloat64(), Float64Array.from(moved.y), 5e-6, "y");
        if (moved.images !== undefined)
          expectCloseArrays(await images.dataFloat64(), Float64Array.from(moved.images), 1e-5, "images");
        if (moved.matrices !== undefined)
          expectCloseArrays(
            await matrices.dataFloat64(),
            Float64Array.from(moved.matrices),
            2e-5,
            "matrices",
          );
      }
    },
  );
});

describe("resize", () => {
  it.each(sampledHere(Array.from({ length: 12 }, (_, seed) => seed)))(
    "is the reference's, back and forth (%i)",
    async (seed) => {
      const next = uniforms(seed + 91);
      const upTo = (most: number) => 1 + Math.floor(next() * most);
      const [batch, channels] = [upTo(3), upTo(9)];
      const [from, to] = [
        [upTo(40), upTo(40)],
        [upTo(90), upTo(90)],
      ];
      const interpolation = seed % 3 === 0 ? "nearest" : "bilinear";
      const values = (...shape: number[]) => ({
        shape,
        data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() * 2 - 1),
      });
      const [x, g] = [values(batch, ...from, channels), values(batch, ...to, channels)];
      const results = (device: Device) => {
        const upstream = tensor(g.data, { shape: g.shape, device });
        const image = tensor(x.data, { shape: x.shape, device });
        const made = (a: Tensor) => resize(a, to, { interpolation });
        const all = (a: Tensor) => [made(a), ...grad((b: Tensor) => sum(mul(made(b), upstream)))(a)];
        return [...all(image), ...jit(all)(image)];
      };
      const [got, want] = [results(gpu), results(reference)];
      expect(got.length).toBe(4);
      for (let k = 0; k < got.length; k++)
        await expectClose(got[k], want[k], 3e-6, `${from} to ${to}, ${interpolation}, ${k}`);
    },
  );
});

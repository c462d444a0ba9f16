// Images resized and moved on the float64 reference: as torch and scipy move them, and what is wrong in a call. That they
// are resized as tfjs and ONNX Runtime resize them, oracles.test.ts shows.

import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  affineTransform,
  type Device,
  DTypeError,
  LimitError,
  resize,
  ShapeError,
  tensor,
  upsample1d,
  upsample2d,
  zeros,
} from "../../engine/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { referenceDevice } from "../support/devices.ts";
import { movedImages, moveImages } from "../support/moved-images.ts";

let device: Device;
beforeAll(async () => {
  device = await referenceDevice();
});

describe("affineTransform", () => {
  it.each(movedImages)("is what torch or scipy gives: %s", async (_, moved) => {
    const [y, images, matrices] = moveImages(moved, device, (call) => call());
    expectCloseArrays(await y.dataFloat64(), Float64Array.from(moved.y), 1e-6, "y");
    if (moved.images !== undefined)
      expectCloseArrays(await images.dataFloat64(), Float64Array.from(moved.images), 1e-6, "images");
    if (moved.matrices !== undefined)
      expectCloseArrays(await matrices.dataFloat64(), Float64Array.from(moved.matrices), 1e-5, "matrices");
  });

  it("takes one matrix for all images, as two rows or six numbers", async () => {
    const images = tensor([1, 2, 3, 4, 5, 6], { shape: [2, 1, 3, 1], device });
    const right = tensor([1, 0, -1, 0, 1, 0], { shape: [1, 2, 3], device });
    const moved = affineTransform(images, right, { fillValue: 9 });
    expect([...(await moved.data())]).toEqual([9, 1, 2, 9, 4, 5]);
    const each = tensor([1, 0, -1, 0, 1, 0, 1, 0, 1, 0, 1, 0], { shape: [2, 6], device });
    expect([...(await affineTransform(images, each, { fillMode: "wrap" }).data())]).toEqual([
      3, 1, 2, 5, 6, 4,
    ]);
  });

  it("fills what lies nowhere", async () => {
    const images = tensor([1, 2, 3], { shape: [1, 1, 3, 1], device });
    // The scale is 1 - x: 0 in the second column.
    const matrix = tensor([1, 0, 0, 0, 1, 0, -1, 0], { shape: [1, 8], device });
    const moved = affineTransform(images, matrix, { fillMode: "nearest", fillValue: 7 });
    expect([...(await moved.data())]).toEqual([1, 7, 1]);
  });

  it("says what is wrong", () => {
    const images = zeros([2, 3, 3, 1], { device });
    const call = (shape: number[], options = {}) =>
      affineTransform(images, zeros(shape, { device }), options);
    expect(() => call([3, 6])).toThrow(ShapeError);
    expect(() => call([2, 7])).toThrow(
      "affineTransform: the matrices [2, 7] for images [2, 3, 3, 1] must be [batch, 2, 3], [batch, 6], or [batch, 8] with a perspective, one for each of the 2 images or one for all",
    );
    expect(() => affineTransform(zeros([3, 3, 1], { device }), zeros([1, 6], { device }))).toThrow(
      "affineTransform: the images must be [batch, height, width, channels], got [3, 3, 1]",
    );
    expect(() =>
      affineTransform(zeros([2, 3, 3, 1], { device, dtype: "u8" }), zeros([1, 6], { device })),
    ).toThrow(DTypeError);
    expect(() => call([2, 6], { fillMode: "mirror" })).toThrow(
      'unknown affineTransform fillMode "mirror". Known: constant, nearest, reflect, wrap.',
    );
    expect(() => call([2, 6], { fillValue: "0" })).toThrow(ArgumentError);
  });
});

describe("resize", () => {
  it("gives what lies between pixels, and beyond the outermost centres their values", async () => {
    const x = tensor([0, 4], { shape: [1, 2, 1], device });
    expect([...(await resize(x, 4).data())]).toEqual([0, 1, 3, 4]);
    expect([...(await upsample1d(x, 3).data())]).toEqual([0, 0, 0, 4, 4, 4]);
    expect([...(await resize(x, 1).data())]).toEqual([2]);
    const image = tensor([1, 2, 3, 4], { shape: [1, 2, 2, 1], device });
    expect([...(await upsample2d(image, [1, 2]).data())]).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
  });

  it("says what is wrong", () => {
    const x = zeros([1, 4, 5, 2], { device });
    expect(() => resize(zeros([4, 5], { device }), 2)).toThrow(
      "resize: x must be [batch, height, width, channels] or [batch, length, channels], got [4, 5]",
    );
    expect(() => resize(x, [2, 0])).toThrow(ArgumentError);
    expect(() => resize(x, [2, 3, 4])).toThrow("resize: the size is [2, 3, 4]; it must be a whole number");
    expect(() => resize(zeros([1, 0, 5, 2], { device }), 3)).toThrow(ShapeError);
    expect(() => resize(zeros([1, 70_001, 1], { device }), 70_002)).toThrow(LimitError);
    expect(resize(zeros([1, 70_000, 1], { device }), 210_000).shape).toEqual([1, 210_000, 1]);
    expect(() => resize(x, 3, { interpolation: "cubic" as never })).toThrow(
      'unknown resize interpolation "cubic". Known: nearest, bilinear.',
    );
    expect(() => resize(zeros([1, 4, 5, 2], { device, dtype: "u8" }), 3)).toThrow(
      'resize: takes f32, got u8; use cast(x, "f32")',
    );
    expect(() => upsample2d(zeros([1, 4, 2], { device }), 2)).toThrow(
      "upsample2d: x must be [batch, height, width, channels], got [1, 4, 2]",
    );
  });
});

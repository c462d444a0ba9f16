// Histograms and images for event files on each adapter: counted as on the host, whatever the values.

import { describe, expect, it } from "vitest";
import { tensor } from "../../engine/index.ts";
import { bucketsOfNumbers, bucketsOfTensors } from "../../nn/logs/histogram.ts";
import { pixelsOf } from "../../nn/logs/pixels.ts";
import { gpuDevice } from "../support/devices.ts";

/** Multiples of 1/64, so that no value lies beside an edge by rounding alone. */
const grid = (count: number, seed: number) =>
  Array.from({ length: count }, (_, i) => (((i * 7919 + seed) % 2048) - 1024) / 64);

describe("histograms", () => {
  it("have the host's edges and counts", async () => {
    const device = await gpuDevice();
    const lists = [
      [...grid(5000, 3), -16, 16],
      [...grid(300, 5).map((value) => value + 100), 84, 116],
      [-1e38, 3e38, 1e37, 2.9e38],
      [Number.NaN, Number.POSITIVE_INFINITY, -16, 0, 3, 16, Number.NEGATIVE_INFINITY],
      [2.5, 2.5, 2.5],
      [Number.NaN],
    ];
    const tensors = lists.map((values) => tensor(values, { device }));
    const empty = tensor([], { shape: [0], device });
    const found = await bucketsOfTensors([...tensors, empty], 32);
    lists.forEach((values, i) => {
      const wanted = bucketsOfNumbers(Float32Array.from(values), 32);
      expect([...found[i]].filter((_, k) => k % 3 === 2)).toEqual([...wanted].filter((_, k) => k % 3 === 2));
      expect([...found[i]]).toEqual([...wanted]);
    });
    expect(found.at(-1)).toEqual(new Float64Array(96));
    const ints = tensor([1, 2, 2, 9], { dtype: "i32", device });
    expect([...(await bucketsOfTensors([ints], 4))[0]]).toEqual([1, 3, 3, 3, 5, 0, 5, 7, 0, 7, 9, 1]);
    for (const made of [...tensors, empty, ints]) made.dispose();
  });
});

describe("images", () => {
  it("are cut and rounded to bytes", async () => {
    const device = await gpuDevice();
    const image = tensor([[-1, 0, 0.25, 0.5, 1, 7]], { device });
    const { frames, width, height, channels } = await pixelsOf("image", image, 1);
    expect([width, height, channels]).toEqual([6, 1, 1]);
    // 255 / 4 = 63.75, 255 / 2 = 127.5, which rounds to even.
    expect([...frames[0]]).toEqual([0, 0, 64, 128, 255, 255]);
    const bytes = tensor([0, 7, 255, 3], { shape: [2, 1, 1, 2], dtype: "u8", device });
    const pair = await pixelsOf("image", bytes, 5);
    expect(pair.frames.map((frame) => [...frame])).toEqual([
      [0, 7],
      [255, 3],
    ]);
    image.dispose();
    bytes.dispose();
  });
});

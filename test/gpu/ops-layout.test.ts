// Movement and indexing on the adapter against the reference, bit for bit: every unit width (bytes, words, vec4s),
// every dtype, odd shapes, empty ones, indices out of range, and inputs of several dispatches.

import { beforeAll, describe, it } from "vitest";
import type { DType } from "../../engine/base/dtype.ts";
import type { Device, Shape } from "../../engine/index.ts";
import * as g from "../../engine/index.ts";
import { placeRows } from "../../engine/internal.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { compareCall, type Pair } from "../support/gpu-cases.ts";
import { drawValues } from "../support/op-cases.ts";

let pair: Pair;

beforeAll(async () => {
  pair = { reference: await referenceDevice(), gpu: await gpuDevice() };
});

const draw = (device: Device, shape: Shape, dtype: DType = "f32") =>
  g.tensor(drawValues({ shape, dtype }, shape.length + 17), { shape, dtype, device });

/** Runs `call` on a drawn tensor of each dtype on both devices; results must be equal. */
async function same(
  shape: Shape,
  call: (x: g.Tensor) => g.Tensor,
  dtypes: readonly DType[] = ["f32", "u8"],
): Promise<void> {
  for (const dtype of dtypes) {
    const what = `${dtype} [${shape}] ${call}`;
    await compareCall((device) => g.tidy(() => call(draw(device, shape, dtype))), pair, what, 0);
  }
}

const every: readonly DType[] = ["f32", "i32", "u32", "bool", "u8"];

describe("transpose", () => {
  it.each([
    [1, 1],
    [1, 129],
    [3, 7],
    [63, 65],
    [64, 64],
    [127, 4],
    [129, 128],
    [0, 5],
  ])("[%i, %i]", async (m, n) => {
    await same([m, n], (x) => g.transpose(x));
  });

  it("more axes", async () => {
    await same([3, 5, 8], (x) => g.transpose(x, [1, 0, 2]), every);
    await same([3, 5, 16], (x) => g.transpose(x, [1, 0, 2]));
    await same([7, 12, 64], (x) => g.transpose(x, [0, 2, 1]));
    await same([3, 4, 5, 8], (x) => g.transpose(x, [2, 3, 0, 1]));
    await same([2, 3, 4, 5], (x) => g.transpose(x, [3, 1, 0, 2]));
    await same([2, 3, 2, 3, 2, 3], (x) => g.transpose(x));
    await same([2, 3, 2, 3, 2, 3], (x) => g.transpose(x, [4, 5, 0, 1, 2, 3]));
    await same([3, 2, 2, 3, 5], (x) => g.transpose(x, [2, 4, 0, 3, 1]));
    await same([], (x) => g.transpose(x));
  });
});

describe("expand", () => {
  it("along any axes", async () => {
    await same([7, 1], (x) => g.expand(x, [7, 65]), every);
    await same([1, 64], (x) => g.expand(x, [3, 64]));
    await same([5, 1, 3, 1], (x) => g.expand(x, [2, 5, 4, 3, 7]));
    await same([], (x) => g.expand(x, [129]));
    await same([1, 3], (x) => g.expand(x, [0, 3]));
  });
});

describe("slice and padZeros", () => {
  it("of odd and even runs", async () => {
    await same([63, 65], (x) => g.slice(x, [1, 3], [-1, -4]), every);
    await same([64, 64], (x) => g.slice(x, [3, 16], [60, 48]));
    await same([64, 64], (x) => g.slice(x, [3, 4], [60, 52]));
    await same([129], (x) => g.slice(x, 7, 128, { steps: 3 }));
    await same([9, 10, 11], (x) => g.slice(x, [1, 0, 2], [9, 9, 10], { steps: [2, 3, 4] }));
    await same([127, 8], (x) => g.slice(x, 5, 5));
    await same([2, 3, 4, 3, 2, 5], (x) => g.slice(x, [0, 1, 1, 1, 0, 1], [2, 3, 3, 3, 1, 4]));
  });

  it("zeros around and between", async () => {
    await same([63, 65], (x) => g.padZeros(x, [1, 3], [0, 2]), every);
    await same([6, 16], (x) => g.padZeros(x, [2, 16], [1, 32]));
    await same([7, 5], (x) => g.padZeros(x, [0, 1], [3, 0], { steps: [2, 3] }));
    await same([0, 4], (x) => g.padZeros(x, [2, 0], [1, 0]));
    await same([2, 1, 3, 2, 1, 3], (x) => g.padZeros(x, [1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1]));
    await same([], (x) => g.padZeros(x, [], []));
  });
});

describe("concat", () => {
  const pieces = (x: g.Tensor, lengths: readonly number[]) => {
    let end = 0;
    return lengths.map((length) => g.slice(x, [0, (end += length) - length], [undefined, end]));
  };

  it.each([
    { lengths: [1, 3, 7] },
    { lengths: [64, 64] },
    { lengths: [63, 65, 0, 1] },
    { lengths: [129] },
    { lengths: [5, 1, 2, 3, 4, 1, 7] },
    { lengths: [5, 1, 2, 3, 4, 1, 7, 2, 3, 9] },
    { lengths: [4, 8, 4, 0, 4, 4, 4, 4, 4, 8, 4, 12, 4, 4, 4, 4, 4] },
  ])("columns $lengths", async ({ lengths }) => {
    const total = lengths.reduce((a, b) => a + b);
    await same(
      [7, total],
      (x) => g.concat(pieces(x, lengths), 1),
      lengths.length === 3 ? every : ["f32", "u8"],
    );
    await same([total, 3], (x) =>
      g.concat(pieces(g.transpose(x), lengths).map((piece) => g.transpose(piece))),
    );
  });

  it("stacks", async () => {
    await same([3, 5], (x) => g.stack([x, x, x], 1));
  });
});

describe("gather", () => {
  const indices = (device: Device, count: number, rows: number, dtype: DType = "i32") =>
    g.tensor(
      Int32Array.from({ length: count }, (_, i) => (i * 7 + 3) % rows),
      { shape: [count], dtype, device },
    );

  // Row lengths in every residue that chooses another unit; 784 bytes is an image.
  it.each([1, 3, 4, 7, 16, 63, 64, 65, 784])("rows of %i", async (inner) => {
    await same(
      [37, inner],
      (x) => g.gather(x, indices(x.device, 129, 37)),
      inner === 3 ? every : ["f32", "u8"],
    );
  });

  it("along inner axes, of any rank", async () => {
    await same([3, 7, 5], (x) => g.gather(x, indices(x.device, 65, 7, "u32"), 1));
    await same([3, 7, 5], (x) => g.gather(x, indices(x.device, 6, 5), 2));
    await same([7, 8], (x) => g.gather(x, g.reshape(indices(x.device, 6, 7), [2, 3])));
    await same([7, 8], (x) => g.gather(x, g.tensor(3, { dtype: "i32", device: x.device })));
  });

  it("indices out of range give zeros, none gives nothing", async () => {
    const wild = [-1, 0, 7, 6, 2 ** 31 - 1, -(2 ** 31), 3];
    for (const inner of [1, 3, 16]) {
      await same([7, inner], (x) => g.gather(x, g.tensor(wild, { dtype: "i32", device: x.device })));
      await same([0, inner], (x) => g.gather(x, g.tensor(wild, { dtype: "i32", device: x.device })));
    }
    await same([7, 3], (x) => g.gather(x, g.zeros([0], { dtype: "i32", device: x.device })));
  });
});

describe("scatterAdd", () => {
  it.each([1, 3, 8, 65])("rows of %i", async (inner) => {
    for (const rows of [1, 7, 129]) {
      const indices = Int32Array.from({ length: 63 }, (_, i) => ((i * 5) % (rows + 2)) - 1);
      // Multiples of 2^-12 below 2^6 add up exactly in any order.
      await same([63, inner], (x) => g.scatterAdd(x, g.tensor(indices, { device: x.device }), rows), [
        "f32",
        "i32",
      ]);
      await same([2, 63, inner], (x) => g.scatterAdd(x, g.tensor(indices, { device: x.device }), rows, 1), [
        "f32",
      ]);
    }
    await same([0, inner], (x) => g.scatterAdd(x, g.zeros([0], { dtype: "i32", device: x.device }), 3), [
      "f32",
    ]);
  });
});

describe("oneHot", () => {
  it.each([1, 3, 10, 64, 129])("depth %i", async (depth) => {
    for (const shape of [[0], [1], [7], [63], [3, 5]]) {
      await same(shape, (x) => g.oneHot(x, depth), ["i32", "u32", "u8"]);
    }
  });
});

describe("dynamicSlice and placeRows", () => {
  it.each([1, 3, 8, 65])("rows of %i", async (inner) => {
    for (const start of [0, 3, 9, 40]) {
      await same(
        [11, inner],
        (x) => g.dynamicSlice(x, g.tensor(start, { dtype: "u32", device: x.device }), 5),
        every,
      );
      await same([5, inner], (x) =>
        placeRows(x, g.tensor([start - 3], { dtype: "i32", device: x.device }), 11),
      );
    }
    await same([4, inner], (x) => g.dynamicSlice(x, g.tensor(1, { dtype: "i32", device: x.device }), 0));
  });
});

describe("more words than one dimension of a dispatch holds", () => {
  it("transpose and gather of 4,194,400 elements", async () => {
    await same([2_097_200, 2], (x) => g.transpose(x), ["f32"]);
    await same([5, 3], (x) => g.gather(x, g.zeros([1_400_000], { dtype: "i32", device: x.device })), ["u8"]);
  });
});

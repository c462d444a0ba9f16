// What the movement and indexing ops mean, by hand-worked values, and what they say about bad arguments. The
// adapter is compared with this reference in test/gpu.

import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  arange,
  concat,
  DTypeError,
  dynamicSlice,
  expand,
  flatten,
  gather,
  oneHot,
  padZeros,
  reshape,
  ShapeError,
  scatterAdd,
  setDevice,
  slice,
  squeeze,
  stack,
  tensor,
  transpose,
  unsqueeze,
  zeros,
} from "../../engine/index.ts";
import { placeRows } from "../../engine/internal.ts";
import { referenceDevice } from "../support/devices.ts";

beforeAll(async () => {
  setDevice(await referenceDevice());
});

/** [0 .. size) in a shape. */
const counting = (...shape: number[]) => reshape(arange(shape.reduce((a, b) => a * b, 1)), shape);

describe("transpose", () => {
  it("reverses the axes, or orders them as told", async () => {
    expect(await transpose(counting(2, 3)).array()).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect(transpose(zeros([2, 3, 4])).shape).toEqual([4, 3, 2]);
    expect(transpose(zeros([2, 3, 4]), [-1, 0, 1]).shape).toEqual([4, 2, 3]);
    expect(transpose(zeros([])).shape).toEqual([]);
  });

  it("wants each axis once", () => {
    expect(() => transpose(zeros([2, 3]), [0, 0])).toThrow(ArgumentError);
    expect(() => transpose(zeros([2, 3]), [0])).toThrow(
      "permutation [0] must name each of the 2 axes of [2, 3]",
    );
    expect(() => transpose(zeros([2, 3]), [0, 2])).toThrow("axis 2 is out of range");
  });
});

describe("expand", () => {
  it("repeats axes of length 1 and adds axes in front", async () => {
    expect(await expand(tensor([[1], [2]]), [2, 3]).array()).toEqual([
      [1, 1, 1],
      [2, 2, 2],
    ]);
    expect(await expand(tensor([1, 2]), [2, 2]).array()).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it("says what does not fit", () => {
    expect(() => expand(zeros([2]), [2, 3])).toThrow("expand: [2] does not broadcast to [2, 3]");
    expect(() => expand(zeros([2, 3]), [3])).toThrow(ShapeError);
  });
});

describe("slice", () => {
  const x = () => counting(4, 5);

  it("takes rows, columns, every other one, from the end", async () => {
    expect(await slice(x(), 1, 3).array()).toEqual([
      [5, 6, 7, 8, 9],
      [10, 11, 12, 13, 14],
    ]);
    expect(await slice(x(), -1).array()).toEqual([[15, 16, 17, 18, 19]]);
    expect(await slice(x(), [2, -2]).array()).toEqual([
      [13, 14],
      [18, 19],
    ]);
    expect(await slice(x(), [0, 1], [undefined, -1], { steps: [2, 2] }).array()).toEqual([
      [1, 3],
      [11, 13],
    ]);
    expect(slice(x(), 2, 2).shape).toEqual([0, 5]);
  });

  it("takes bytes", async () => {
    const bytes = tensor(
      Uint8Array.from({ length: 15 }, (_, i) => i),
      [3, 5],
    );
    expect(await slice(bytes, [1, 1], [3, 4]).array()).toEqual([
      [6, 7, 8],
      [11, 12, 13],
    ]);
  });

  it("says what is out of range", () => {
    expect(() => slice(x(), 5)).toThrow(
      "slice: start 5 is out of range on axis 0 of [4, 5]; it must be from -4 to 4",
    );
    expect(() => slice(x(), 0, 6)).toThrow(ShapeError);
    expect(() => slice(x(), 3, 1)).toThrow("the end 1 lies before the start 3");
    expect(() => slice(x(), 0, 4, { steps: 0 })).toThrow("step 0 on axis 0");
    expect(() => slice(x(), [0, 0, 0])).toThrow("which has 2 axes");
  });
});

describe("padZeros", () => {
  it("surrounds and spreads", async () => {
    expect(await padZeros(tensor([1, 2]), [1], [2]).array()).toEqual([0, 1, 2, 0, 0]);
    expect(await padZeros(tensor([1, 2]), [1], [1], { steps: [3] }).array()).toEqual([0, 1, 0, 0, 2, 0]);
  });

  it("wants a count an axis", () => {
    expect(() => padZeros(zeros([2, 2]), [1], [1, 1])).toThrow('padZeros: "before" is [1]');
    expect(() => padZeros(zeros([2]), [-1], [0])).toThrow(ArgumentError);
  });
});

describe("squeeze and unsqueeze", () => {
  it("drop and add axes of length 1", () => {
    expect(squeeze(zeros([1, 2, 1, 3])).shape).toEqual([2, 3]);
    expect(squeeze(zeros([1, 2, 1, 3]), -2).shape).toEqual([1, 2, 3]);
    expect(flatten(zeros([2, 3, 4])).shape).toEqual([24]);
    expect(flatten(zeros([2, 3, 4]), -2).shape).toEqual([2, 12]);
    expect(flatten(zeros([])).shape).toEqual([1]);
    expect(() => flatten(zeros([2, 3]), 2)).toThrow("flatten: axis 2 is out of range");
    expect(unsqueeze(zeros([2, 3]), -1).shape).toEqual([2, 3, 1]);
    expect(unsqueeze(zeros([2, 3]), [0, 2]).shape).toEqual([1, 2, 1, 3]);
    expect(() => squeeze(zeros([1, 2]), 1)).toThrow("axis 1 of [1, 2] has length 2");
  });
});

describe("concat and stack", () => {
  it("join along an old or a new axis", async () => {
    expect(
      await concat(
        [
          tensor([[1], [2]]),
          tensor([
            [3, 4],
            [5, 6],
          ]),
        ],
        1,
      ).array(),
    ).toEqual([
      [1, 3, 4],
      [2, 5, 6],
    ]);
    expect(await concat([tensor([1]), tensor([2, 3])], -1).array()).toEqual([1, 2, 3]);
    expect(await stack([tensor([1, 2]), tensor([3, 4])], 1).array()).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });

  it("say what does not fit", () => {
    expect(() => concat([])).toThrow("takes an array of at least one tensor");
    expect(() => concat([zeros([2, 3]), zeros([2, 4])])).toThrow(
      "tensor 1 has shape [2, 4] and tensor 0 [2, 3]; they may differ along axis 0 only",
    );
    expect(() => concat([zeros([2]), zeros([2], { dtype: "i32" })])).toThrow(DTypeError);
  });
});

describe("gather", () => {
  it("picks rows, zeros for an index out of range", async () => {
    const x = counting(3, 2);
    expect(await gather(x, tensor([2, 0, 3, -1], { dtype: "i32" })).array()).toEqual([
      [4, 5],
      [0, 1],
      [0, 0],
      [0, 0],
    ]);
    expect(await gather(x, tensor([1], { dtype: "u32" }), 1).array()).toEqual([[1], [3], [5]]);
    expect(await gather(x, tensor(1, { dtype: "i32" }), -1).array()).toEqual([1, 3, 5]);
    expect(gather(x, zeros([4, 5], { dtype: "i32" }), 1).shape).toEqual([3, 4, 5]);
  });

  it("wants whole-numbered indices", () => {
    expect(() => gather(zeros([2, 2]), zeros([2]))).toThrow(
      "gather: the indices must be i32 or u32, got f32",
    );
    expect(() => gather(zeros([2, 2]), zeros([2], { dtype: "i32" }), 2)).toThrow(ArgumentError);
  });
});

describe("scatterAdd", () => {
  it("adds rows up and leaves out those out of range", async () => {
    const updates = tensor([
      [1, 2],
      [10, 20],
      [100, 200],
      [1000, 2000],
    ]);
    const indices = tensor([2, 0, 2, 7], { dtype: "i32" });
    expect(await scatterAdd(updates, indices, 3).array()).toEqual([
      [10, 20],
      [0, 0],
      [101, 202],
    ]);
    expect(() => scatterAdd(updates, zeros([3], { dtype: "i32" }), 3)).toThrow(
      "must have the indices' shape [3] from axis 0 on",
    );
  });
});

describe("oneHot", () => {
  it("marks the label's place; a label out of range marks nothing", async () => {
    expect(await oneHot(tensor([1, 3, -1], { dtype: "i32" }), 3).array()).toEqual([
      [0, 1, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(() => oneHot(zeros([2]), 3)).toThrow(DTypeError);
    expect(() => oneHot(zeros([2], { dtype: "i32" }), 0)).toThrow("depth 0");
  });
});

describe("dynamicSlice and placeRows", () => {
  it("move a window that would not fit", async () => {
    const x = counting(5, 2);
    const at = (value: number) => tensor(value, { dtype: "i32" });
    expect(await dynamicSlice(x, at(1), 2).array()).toEqual([
      [2, 3],
      [4, 5],
    ]);
    expect(await dynamicSlice(x, at(9), 2).array()).toEqual([
      [6, 7],
      [8, 9],
    ]);
    expect(await dynamicSlice(x, at(-3), 1).array()).toEqual([[0, 1]]);
    expect(await placeRows(tensor([[7]]), at(1), 3).array()).toEqual([[0], [7], [0]]);
    expect(() => dynamicSlice(x, at(0), 6)).toThrow("can't take 6 rows of shape [5, 2]");
    expect(() => dynamicSlice(x, zeros([2], { dtype: "i32" }), 1)).toThrow("single number");
  });
});

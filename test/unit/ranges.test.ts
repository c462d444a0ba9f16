// Tensors of numbers that follow a rule: arange, linspace, eye, toCategorical, and integer means, which are f32.

import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  arange,
  cast,
  eye,
  linspace,
  mean,
  ShapeError,
  setDevice,
  type Tensor,
  tensor,
  toCategorical,
} from "../../engine/index.ts";
import { referenceDevice } from "../support/devices.ts";

beforeAll(async () => setDevice(await referenceDevice()));

const list = async (x: Tensor) => [...(await x.data())];

describe("arange", () => {
  it("counts up to its end, which it leaves out, or between two numbers, in steps", async () => {
    expect(await list(arange(4))).toEqual([0, 1, 2, 3]);
    expect(await list(arange(2, 5))).toEqual([2, 3, 4]);
    expect(await list(arange(1, 2, 0.25))).toEqual([1, 1.25, 1.5, 1.75]);
    expect(await list(arange(5, 0, -2))).toEqual([5, 3, 1]);
    expect(await list(arange(2.5))).toEqual([0, 1, 2]);
    expect(arange(3, 3).shape).toEqual([0]);
    expect(arange(-2).shape).toEqual([0]);
  });

  it("is i32 where start and step are whole, else f32, or as it is told", () => {
    const types = [arange(3), arange(1, 3), arange(0, 1, 0.5), arange(0.5, 3), arange(2, 7, 2)];
    expect(types.map(({ dtype }) => dtype)).toEqual(["i32", "i32", "f32", "f32", "i32"]);
    expect(arange(3, { dtype: "f32" }).dtype).toBe("f32");
    expect(arange(1, 3, { dtype: "u8" }).dtype).toBe("u8");
    expect(arange(1, 9, 2, { dtype: "u32" }).dtype).toBe("u32");
  });

  it("says what is wrong", () => {
    expect(() => arange(0, 1, 0)).toThrow("arange: the step is 0, which leads nowhere");
    expect(() => arange(0, Number.POSITIVE_INFINITY)).toThrow(
      "arange: the end must be a finite number, got Infinity",
    );
    expect(() => arange(undefined as never)).toThrow(
      "arange: the end must be a finite number, got undefined",
    );
    expect(() => arange(300, { dtype: "u8" })).toThrow("does not fit u8");
    expect(() => arange(0, 1, 0.5, { dtype: "i32" })).toThrow("value 0.5 at index 1 does not fit i32");
    expect(() => arange(0, 3, { dtyp: "i32" } as never)).toThrow('Did you mean "dtype"?');
    expect(() => arange(2 ** 31)).toThrow(ShapeError);
  });
});

describe("linspace", () => {
  it("ends with its end, or in front of it", async () => {
    expect(await list(linspace(0, 1, 5))).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(await list(linspace(1, -1, 4, { endpoint: false }))).toEqual([1, 0.5, 0, -0.5]);
    expect(await list(linspace(3, 9, 1))).toEqual([3]);
    expect(linspace(3, 9, 0).shape).toEqual([0]);
    const thirds = await linspace(0, 0.1, 4).dataFloat64();
    expect(thirds[3]).toBe(Math.fround(0.1));
    expect(await list(linspace(0, 6, 4, { dtype: "i32" }))).toEqual([0, 2, 4, 6]);
    expect(() => linspace(0, 1, 4, { dtype: "i32" })).toThrow("does not fit i32");
    expect(() => linspace(0, 1, 2.5)).toThrow(
      "linspace: the count must be a whole number of at least 0, got 2.5",
    );
  });
});

describe("eye", () => {
  it("is the identity matrix, square or not", async () => {
    expect(await eye(2).array()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(await eye(2, 3, { dtype: "i32" }).array()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(await list(eye(3, 1))).toEqual([1, 0, 0]);
    expect(eye(2, { dtype: "bool" }).dtype).toBe("bool");
    expect(() => eye(-1)).toThrow(ArgumentError);
  });
});

describe("toCategorical", () => {
  it("makes rows of labels, as many as the largest asks for or as it is told", async () => {
    expect(await toCategorical([0, 2, 1]).array()).toEqual([
      [1, 0, 0],
      [0, 0, 1],
      [0, 1, 0],
    ]);
    expect(toCategorical(Uint8Array.of(1, 0), 4).shape).toEqual([2, 4]);
    expect(toCategorical([[1], [0]]).shape).toEqual([2, 2]);
    expect(toCategorical([[1, 0]]).shape).toEqual([1, 2, 2]);
    expect(toCategorical([1], 2, { dtype: "u8" }).dtype).toBe("u8");
    expect(toCategorical([], 3).shape).toEqual([0, 3]);
  });

  it("refuses labels that are none", () => {
    expect(() => toCategorical([0, 3], 3)).toThrow(
      "toCategorical: label 3 at index 1; labels must be whole numbers of at least 0 and below 3, the number of classes",
    );
    for (const wrong of [-1, 0.5, Number.NaN]) expect(() => toCategorical([wrong])).toThrow(ArgumentError);
    expect(() => toCategorical([])).toThrow("there are no labels to tell the number of classes");
    expect(() => toCategorical(tensor([1]) as never)).toThrow("use oneHot(labels, classes)");
  });
});

describe("the mean of integers, bytes and booleans", () => {
  it("is f32", async () => {
    const x = tensor([1, 2, 4, 250], { shape: [2, 2], dtype: "u8" });
    for (const dtype of ["u8", "i32", "u32"] as const) {
      const whole = cast(x, dtype);
      expect(mean(whole).dtype).toBe("f32");
      expect(await list(mean(whole, 0))).toEqual([2.5, 126]);
    }
    expect(await list(mean(tensor([true, false, true, true])))).toEqual([0.75]);
  });
});

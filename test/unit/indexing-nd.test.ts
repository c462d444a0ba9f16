// gatherNd, scatterNd, searchSorted and bincount where oracles say nothing: out of range, NaN, gradients, what is wrong.

import { beforeAll, describe, expect, it } from "vitest";
import {
  bincount,
  DTypeError,
  eye,
  gatherNd,
  grad,
  matmul,
  mul,
  ShapeError,
  scatterNd,
  searchSorted,
  setDevice,
  sum,
  type Tensor,
  tensor,
  trace,
  zeros,
} from "../../engine/index.ts";
import { referenceDevice } from "../support/devices.ts";

beforeAll(async () => setDevice(await referenceDevice()));

const list = async (x: Tensor) => [...(await x.data())];
const whole = (values: number[] | number[][]) => tensor(values, { dtype: "i32" });

describe("gatherNd and scatterNd", () => {
  const x = () =>
    tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);

  it("give zeros for, and leave out, what is out of range along any axis", async () => {
    const places = whole([
      [1, 2],
      [0, 3],
      [-1, 0],
      [0, 0],
    ]);
    expect(await list(gatherNd(x(), places))).toEqual([6, 0, 0, 1]);
    expect(await scatterNd(places, tensor([1, 10, 100, 1000]), [2, 3]).array()).toEqual([
      [1000, 0, 0],
      [0, 0, 1],
    ]);
  });

  it("are each other's gradients", async () => {
    const places = whole([[1], [1], [0]]);
    const weights = tensor([
      [1, 2, 3],
      [10, 20, 30],
      [5, 5, 5],
    ]);
    const [dx] = grad((a: Tensor) => sum(mul(gatherNd(a, places), weights)))(x());
    expect(await dx.array()).toEqual([
      [5, 5, 5],
      [11, 22, 33],
    ]);
    const [du] = grad((u: Tensor) => sum(mul(scatterNd(places, u, [2, 3]), x())))(weights);
    expect(await du.array()).toEqual([
      [4, 5, 6],
      [4, 5, 6],
      [1, 2, 3],
    ]);
  });

  it("say what is wrong", () => {
    expect(() => gatherNd(x(), whole([[0, 0, 0]]))).toThrow(
      "gatherNd: indices [1, 3] must end with an axis of length 1 to 2, as many indices as axes of x [2, 3] they name",
    );
    expect(() => gatherNd(x(), tensor([[0, 1]]))).toThrow(DTypeError);
    expect(() => scatterNd(whole([[0, 1]]), tensor([1, 2]), [2, 3])).toThrow(
      "scatterNd: updates [2] for indices [1, 2] and the shape [2, 3] must be [1]",
    );
  });
});

describe("searchSorted", () => {
  it("puts NaN at the end, and equal values in front or behind", async () => {
    const sorted = tensor([0, 1, 1, 2]);
    const values = tensor([-1, 0, 1, 1.5, 2, 9, Number.NaN]);
    expect(await list(searchSorted(sorted, values))).toEqual([0, 0, 1, 3, 3, 4, 4]);
    expect(await list(searchSorted(sorted, values, { side: "right" }))).toEqual([0, 1, 3, 3, 4, 4, 4]);
    expect(await list(searchSorted(sorted, 1))).toEqual([1]);
    expect(() => searchSorted(zeros([2, 2]), values)).toThrow(ShapeError);
    expect(() => searchSorted(sorted, whole([1]))).toThrow(DTypeError);
    expect(() => searchSorted(sorted, values, { side: "middle" as never })).toThrow("Known: left, right");
  });
});

describe("bincount", () => {
  it("leaves out what is out of range, and has gradients for weights", async () => {
    const x = whole([
      [0, 2, 2],
      [5, -1, 1],
    ]);
    expect(await list(bincount(x, 4))).toEqual([1, 1, 2, 0]);
    expect(bincount(x, 4).dtype).toBe("i32");
    expect(await bincount(x, 3, { axis: 1 }).array()).toEqual([
      [1, 0, 2],
      [0, 1, 0],
    ]);
    expect(await list(bincount(tensor(Uint8Array.of(3, 3, 200)), 4))).toEqual([0, 0, 0, 2]);
    const weights = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const counts = (w: Tensor) => bincount(x, 4, { weights: w });
    expect(await list(counts(weights))).toEqual([1, 6, 5, 0]);
    const [dw] = grad((w: Tensor) => sum(mul(counts(w), tensor([1, 10, 100, 1000]))))(weights);
    expect(await dw.array()).toEqual([
      [1, 100, 100],
      [0, 0, 10],
    ]);
    expect(() => bincount(x, 4, { weights: zeros([3]) })).toThrow(ShapeError);
    expect(() => bincount(weights, 4)).toThrow('bincount: takes i32, u32 or u8, got f32; use cast(x, "i32")');
  });
});

describe("matmul with vectors", () => {
  it("says what is wrong", () => {
    const [vector, matrix] = [tensor([1, 2, 3]), eye(3)];
    expect(() => matmul(vector, matrix, { transB: true } as never)).toThrow('Did you mean "transposeB"?');
    expect(() => matmul(vector, tensor([1, 2]))).toThrow(ShapeError);
    expect(() => matmul(vector, 2)).toThrow("Multiply by a scalar with mul");
  });

  it("transposes the matrix beside a vector, which stays as it is", async () => {
    const matrix = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const [two, three] = [tensor([1, 10]), tensor([1, 10, 100])];
    const both = { transposeA: true, transposeB: true };
    expect(await list(matmul(matrix, two, both))).toEqual([41, 52, 63]);
    expect(await list(matmul(three, matrix, both))).toEqual([321, 654]);
    expect(matmul(zeros([0]), zeros([0])).shape).toEqual([]);
  });
});

describe("trace", () => {
  it("sums the diagonals of a batch, of integers too", async () => {
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8], { shape: [2, 2, 2], dtype: "i32" });
    expect(await list(trace(x))).toEqual([5, 13]);
    expect(await list(trace(x, 1))).toEqual([2, 6]);
    expect(() => trace(tensor([1]))).toThrow("trace: takes matrices, got shape [1]");
  });
});

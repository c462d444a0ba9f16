// Numbers and arrays in the place of tensors: on which device they come to lie, as what dtype, and that nothing is left.

import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  add,
  type Device,
  DTypeError,
  embedding,
  gather,
  grad,
  init,
  jit,
  matmul,
  mean,
  mul,
  noLeaks,
  oneHot,
  relu,
  ShapeError,
  sum,
  type Tensor,
  takeAlongAxis,
  tensor,
  where,
} from "../../engine/index.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu" });
  // The default device is another one: what is made must lie beside the tensor.
  await init({ device: "cpu" });
});

const list = async (x: Tensor) => [...(await x.data())];
const vector = (values: number[] = [1, 2, 3], dtype: "f32" | "i32" | "u8" = "f32") =>
  tensor(values, { device, dtype });

describe("arrays in the place of tensors", () => {
  it("lie on the tensor's device and have its dtype", async () => {
    const y = add(vector(), [10, 20, 30]);
    expect(y.device).toBe(device);
    expect(await list(y)).toEqual([11, 22, 33]);
    expect(await list(add([[1], [2]], vector()))).toEqual([2, 3, 4, 3, 4, 5]);
    expect(mul(vector([1, 2, 3], "i32"), [2, 2, 2]).dtype).toBe("i32");
    expect(await list(mul(vector(), Int32Array.of(2, 3, 4)))).toEqual([2, 6, 12]);
    expect(await list(add(vector([1, 2, 3], "u8"), [0.5, 0, 0]))).toEqual([1.5, 2, 3]);
    expect(await list(where([true, false, true], vector(), 0))).toEqual([1, 0, 3]);
    expect(() => mul(vector([1, 2, 3], "i32"), [1, 0.5, 1])).toThrow(
      "mul: value 0.5 at index 1 does not fit i32",
    );
    expect(() => add(vector(), [1, 2])).toThrow(ShapeError);
    expect(() => add(vector(), [[1], [2, 3]])).toThrow("add: ragged input");
    expect(() => add(vector(), ["1", 2] as never)).toThrow(ShapeError);
    expect(() => add(vector(), new DataView(new ArrayBuffer(4)) as never)).toThrow(ArgumentError);
  });

  it("are matrices and vectors of a product", async () => {
    const x = tensor([[1, 2]], { device });
    expect(await matmul(x, [[1], [2]]).array()).toEqual([[5]]);
    expect(await list(matmul(x, [3, 4]))).toEqual([11]);
    expect(matmul([1], x).device).toBe(device);
    expect(await list(matmul([2], x))).toEqual([2, 4]);
  });

  it("are whole where places belong, numbers too", async () => {
    const x = vector([5, 6, 7]);
    expect(await list(gather(x, [2, 0]))).toEqual([7, 5]);
    expect(await list(gather(x, 1))).toEqual([6]);
    expect(await list(embedding(tensor([[1], [2]], { device }), [1, 1]))).toEqual([2, 2]);
    expect(await list(takeAlongAxis(x, [0, 0, 2], 0))).toEqual([5, 5, 7]);
    expect(await oneHot([1, 0], 2).array()).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(() => gather(x, [0.5])).toThrow("gather: value 0.5 at index 0 does not fit i32");
  });

  it("stand alone on the default device, typed arrays by their type", async () => {
    expect(await list(relu([-1, 2]))).toEqual([0, 2]);
    expect(sum(Int32Array.of(1, 2)).dtype).toBe("i32");
    expect(
      await list(
        sum(
          [
            [1, 2],
            [3, 4],
          ],
          0,
        ),
      ),
    ).toEqual([4, 6]);
    expect(await list(add([1, 2], 1))).toEqual([2, 3]);
    expect(() => relu(Uint8Array.of(1))).toThrow(DTypeError);
  });

  it("leave nothing behind, are constants under jit, and let gradients through", async () => {
    const x = vector();
    await noLeaks(
      () => {
        add(x, [1, 2, 3]).dispose();
        expect(() => add(x, [1, 2])).toThrow();
        const [dx] = grad((a: Tensor) => mean(mul(a, [3, 6, 9])))(x);
        dx.dispose();
      },
      { device },
    );
    const [dx] = grad((a: Tensor) => sum(mul(a, [3, 6, 9])))(x);
    expect(await list(dx)).toEqual([3, 6, 9]);
    const step = jit((a: Tensor) => add(mul(a, [1, 10, 100]), 1));
    for (const values of [
      [1, 2, 3],
      [4, 5, 6],
    ])
      expect(await list(step(vector(values)))).toEqual([
        values[0] + 1,
        values[1] * 10 + 1,
        values[2] * 100 + 1,
      ]);
  });
});

// Packed variables on the CPU reference: where each lies, what is gathered, what is refused.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  ArgumentError,
  type Device,
  DTypeError,
  init,
  setDevice,
  tensor,
  variable,
} from "../../engine/index.ts";
import { packVariables } from "../../engine/internal.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
beforeEach(() => setDevice(device));
afterAll(() => device.dispose());

describe("a pack", () => {
  it("has each variable's values from its own place on, with zeros between", async () => {
    const vs = [[1, 2, 3], [4], [5, 6, 7, 8, 9]].map((values) => variable(values));
    const empty = variable(new Float32Array(0));
    const pack = packVariables([...vs, empty]);
    expect(pack.offsets).toEqual([0, 4, 8, 16]);
    expect(pack.total).toBe(20);
    expect([0, 1, 2, 3].map((i) => pack.range(i))).toEqual([
      [0, 3],
      [4, 5],
      [8, 13],
      [16, 16],
    ]);
    const all = [1, 2, 3, 0, 4, 0, 0, 0, 5, 6, 7, 8, 9, 0, 0, 0, 0, 0, 0, 0];
    expect([...(await pack.values.data())]).toEqual(all);
    vs[1].assign(tensor([40]));
    expect((await pack.values.data())[4]).toBe(40);
    pack.values.assign(tensor(all.map((value) => -value)));
    expect([...(await vs[2].data())]).toEqual([-5, -6, -7, -8, -9]);
  });

  it("gathers tensors as it lies itself, also a single one that has a gap", async () => {
    const gathered = async (sizes: number[]) => {
      const pack = packVariables(sizes.map((size) => variable(new Float32Array(size))));
      return [...(await pack.gather(sizes.map((size) => tensor(new Float32Array(size).fill(size)))).data())];
    };
    expect(await gathered([3])).toEqual([3, 3, 3, 0]);
    expect(await gathered([4])).toEqual([4, 4, 4, 4]);
    expect(await gathered([1, 2])).toEqual([1, 0, 0, 0, 2, 2, 0, 0]);
  });

  it("is refused for no variables, one twice, others than f32, and other counts of tensors", () => {
    const [v, w] = [variable([1]), variable([2])];
    expect(() => packVariables([])).toThrow(ArgumentError);
    expect(() => packVariables([v, w, v])).toThrow(/got .* twice/);
    expect(() => packVariables([v, variable(Int32Array.of(1), { dtype: "i32" })])).toThrow(DTypeError);
    const pack = packVariables([v, w]);
    for (const count of [0, 1, 3])
      expect(() => pack.gather(Array.from({ length: count }, () => tensor([1])))).toThrow(
        `got ${count} tensors for 2 packed variables`,
      );
  });
});

// jit on the CPU reference, where functions run as they are: the same ownership and the same refusals as on a GPU.

import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  ArgumentError,
  add,
  type Device,
  disposeAll,
  grad,
  jit,
  memory,
  mul,
  setDevice,
  square,
  sum,
  type Tensor,
  TraceError,
  tensor,
  variable,
} from "../../engine/index.ts";
import { referenceDevice } from "../support/devices.ts";

let device: Device;
beforeAll(async () => {
  device = await referenceDevice();
});
beforeEach(() => setDevice(device));

describe("jit on the CPU reference", () => {
  it("leaves nothing but its results", () => {
    const v = variable([1, 2]);
    const f = jit((x: Tensor) => add(mul(square(x), 2), mul(v, 3)));
    const use = () => {
      f(v).dispose();
      f.run({ steps: 3 }, v).dispose();
      disposeAll(jit((x: Tensor) => grad((y: Tensor) => sum(square(y)))(x))(v));
    };
    // The device keeps the scalars that the first use makes.
    use();
    const before = memory().tensors;
    use();
    expect(memory().tensors).toBe(before);
    v.dispose();
  });

  it("gives handles of its own on arguments, variables and captured tensors", async () => {
    const [v, x, outside] = [variable([1]), tensor([2]), tensor([3])];
    const before = memory().tensors;
    const f = jit((y: Tensor) => ({ v, y, list: [outside, mul(y, 2)] }));
    for (const once of [f(x), f.run({ steps: 2 }, x)]) {
      expect(once.v).not.toBe(v);
      expect([await once.v.item(), await once.list[1].item()]).toEqual([1, 4]);
      for (const held of [once.v, once.y, ...once.list]) held.dispose();
    }
    expect([await v.item(), await x.item(), await outside.item()]).toEqual([1, 2, 3]);
    expect(memory().tensors).toBe(before);
    for (const held of [v, x, outside]) held.dispose();
  });

  it("frees what a body that throws has made", () => {
    const x = tensor([1]);
    const before = memory().tensors;
    const f = jit((y: Tensor): Tensor => {
      mul(y, 2);
      throw new Error("mine");
    });
    expect(() => f(x)).toThrow("mine");
    expect(() => f.run({ steps: 2 }, x)).toThrow("mine");
    expect(memory().tensors).toBe(before);
    x.dispose();
  });

  it("refuses a promise, and results that are no tensors", () => {
    const x = tensor([1]);
    const before = memory().tensors;
    const later = jit((async (y: Tensor) => mul(y, 2)) as unknown as (y: Tensor) => Tensor);
    expect(() => later(x)).toThrow(TraceError);
    expect(() => later(x)).toThrow(/returned a promise; it must be synchronous/);
    const number = jit((() => 3) as unknown as (y: Tensor) => Tensor);
    expect(() => number(x)).toThrow(ArgumentError);
    expect(memory().tensors).toBe(before);
    x.dispose();
  });
});

// Packed variables: the gaps between them stay 0, whatever the buffers held before and whoever assigns.

import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  add,
  type Device,
  disposeAll,
  exp,
  jit,
  neg,
  setDevice,
  sum,
  type Tensor,
  tensor,
  tidy,
  variable,
} from "../../engine/index.ts";
import { packVariables, type VariablePack } from "../../engine/internal.ts";
import { gpuDevice } from "../support/devices.ts";

let device: Device;
beforeAll(async () => {
  device = await gpuDevice();
});
beforeEach(() => setDevice(device));

/** Freed memory full of NaN, which the next small tensors, variables, packs and programs get. */
function soilPool(): void {
  const soil = (size: number) => new Float32Array(size).fill(Number.NaN);
  disposeAll(Array.from({ length: 40 }, () => tensor(soil(60))));
  // What is no op's result has a buffer of its own, of one of these sizes.
  disposeAll([60, 128, 192].flatMap((size) => Array.from({ length: 8 }, () => variable(soil(size)))));
}

/** What lies between the variables of a pack and after them. */
async function gapsOf({ values, variables, offsets }: VariablePack): Promise<number[]> {
  const all = Array.from(await values.data());
  return all.filter((_, i) => !variables.some((v, k) => i >= offsets[k] && i < offsets[k] + v.size));
}

function makePack() {
  soilPool();
  const [a, b, c] = [[1, 2, 3], [4], [5, 6, 7, 8, 9]].map((numbers) => variable(numbers));
  soilPool();
  const pack = packVariables([a, b, c]);
  const dispose = () => {
    disposeAll([a, b, c]);
    pack.dispose();
  };
  return { a, b, c, pack, dispose };
}

describe("packed variables", () => {
  it("read one after the other, into memory that is given back, give their own values", async () => {
    const size = 64;
    const vs = [1, 2, 3].map((x) => variable(new Float32Array(size).fill(x)));
    const pack = packVariables(vs);
    for (const [i, v] of vs.entries()) {
      const y = neg(v);
      expect(Array.from(await y.data())).toEqual(new Array(size).fill(-(i + 1)));
      y.dispose();
    }
    expect(vs.map((_, i) => pack.range(i))).toEqual(pack.offsets.map((start) => [start, start + size]));
    disposeAll(vs);
    pack.dispose();
  });
});

describe("a packed variable", () => {
  it("keeps its value when the pack or its neighbours are disposed", async () => {
    const { a, b, c, pack } = makePack();
    b.dispose();
    soilPool();
    expect(Array.from(await a.data())).toEqual([1, 2, 3]);
    pack.dispose();
    a.dispose();
    const others = [60, 128, 192].map((size) => variable(new Float32Array(size).fill(Number.NaN)));
    expect(Array.from(await c.data())).toEqual([5, 6, 7, 8, 9]);
    disposeAll([c, ...others]);
  });

  it("takes the value of another one, of the same buffer", async () => {
    const [a, b] = [variable([1, 2, 3]), variable([4, 5, 6])];
    const pack = packVariables([a, b]);
    a.assign(b);
    b.assign(neg(a));
    await device.sync();
    expect([await a.data(), await b.data()].map((x) => Array.from(x))).toEqual([
      [4, 5, 6],
      [-4, -5, -6],
    ]);
    disposeAll([a, b]);
    pack.dispose();
  });

  it("is given back by a jitted function as what it is", async () => {
    const { a, b, c, dispose } = makePack();
    const f = jit(() => [c, a, b] as readonly Tensor[]);
    expect(await Promise.all(f().map(async (x) => Array.from(await x.data())))).toEqual([
      [5, 6, 7, 8, 9],
      [1, 2, 3],
      [4],
    ]);
    f.dispose();
    dispose();
  });
});

describe("the gaps of a pack are 0", () => {
  it("once variables have moved in", async () => {
    const { a, b, c, pack, dispose } = makePack();
    const gaps = await gapsOf(pack);
    expect(gaps.length).toBeGreaterThanOrEqual(7);
    expect(gaps.every((x) => x === 0)).toBe(true);
    expect([await a.data(), await b.data(), await c.data()].map((x) => Array.from(x))).toEqual([
      [1, 2, 3],
      [4],
      [5, 6, 7, 8, 9],
    ]);
    dispose();
  });

  const assignments: [string, (at: ReturnType<typeof makePack>, given: Tensor) => void][] = [
    ["what a kernel makes of its old value", ({ a }) => void a.assign(add(exp(a), 1))],
    ["what a kernel makes of something else", ({ a }, given) => void a.assign(add(given, 1))],
    ["a tensor", ({ a }, given) => void a.assign(given)],
    [
      "two at once",
      ({ a, b }, given) => {
        a.assign(exp(given));
        b.assign(add(b, 1));
      },
    ],
    [
      "each the other's",
      ({ a, b }) => {
        b.assign(sum(a, [0], { keepDims: true }));
        a.assign(add(a, b));
      },
    ],
  ];
  for (const [name, assign] of assignments) {
    it(`after assigning ${name}, op by op and under jit`, async () => {
      const made = makePack();
      soilPool();
      const given = tensor([0.5, -1, 2]);
      tidy(() => assign(made, given));
      expect((await gapsOf(made.pack)).every((x) => x === 0)).toBe(true);
      const traced = jit((x: Tensor) => tidy(() => assign(made, x)));
      traced(given);
      traced(given);
      expect((await gapsOf(made.pack)).every((x) => x === 0)).toBe(true);
      expect(Array.from(await made.c.data())).toEqual([5, 6, 7, 8, 9]);
      traced.dispose();
      given.dispose();
      made.dispose();
    });
  }
});

// Kernels that bind as many buffers as the adapter allows, when a value that was to be written in place can't be: results
// equal those without jit, and no kernel binds more.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  add,
  type Device,
  device as defaultDevice,
  jit,
  matmul,
  mul,
  setDevice,
  sum,
  type Tensor,
  tensor,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice } from "../support/devices.ts";

let gpu: Device;
let before: Device;
let most: number;

beforeAll(async () => {
  gpu = await gpuDevice();
  before = defaultDevice();
  setDevice(gpu);
  most = gpu.backend.profile!.maxStorageBuffers;
});
afterAll(() => setDevice(before));

const side = 8;
const wave = (k: number) => Float32Array.from({ length: side ** 2 }, (_, i) => Math.sin(i * (k + 1)) / 2);
const total = (all: readonly Tensor[]) => all.reduce((x, y) => add(x, y));

type Update = (vs: readonly Variable[], x: Tensor) => Tensor[];

/** Each reads `count` variables, and something keeps a new value out of its variable's memory. */
const updates: Readonly<
  Record<string, { readonly update: Update; readonly count: (most: number) => number }>
> = {
  "a sum that is returned too": {
    count: (most) => most,
    update: (vs) => {
      const next = total(vs);
      vs[0].assign(next);
      return [next];
    },
  },
  "sums of which two are returned": {
    count: (most) => most - 1,
    update: (vs, x) => {
      const sums = vs.map((v) => add(mul(v, 0.5), x));
      vs.forEach((v, k) => {
        v.assign(sums[k]);
      });
      return [sums[0], sums[vs.length - 1]];
    },
  },
  "sums of all, each assigned, two returned": {
    count: (most) => most - 1,
    update: (vs, x) => {
      const sums = vs.map((_, k) => mul(total([...vs, x]), 1 / (k + 2)));
      vs.forEach((v, k) => {
        v.assign(sums[k]);
      });
      return sums.slice(0, 2);
    },
  },
  "sums of all of one fewer, each assigned, two returned": {
    // One kernel by what it reads, two by what it must write beside that: the first reads what the second replaces.
    count: (most) => most - 2,
    update: (vs, x) => {
      const sums = vs.map((_, k) => mul(total([...vs, x]), 1 / (k + 2)));
      vs.forEach((v, k) => {
        v.assign(sums[k]);
      });
      return sums.slice(0, 2);
    },
  },
  "new values that are assigned crosswise": {
    count: (most) => most - 1,
    update: (vs, x) => {
      const sums = vs.map((v) => add(mul(v, 0.5), x));
      vs.forEach((v, k) => {
        v.assign(sums[(k + 1) % vs.length]);
      });
      return [];
    },
  },
  "a product with much behind it": {
    count: (most) => most - 3,
    update: (vs, x) => {
      const next = total([matmul(x, x), ...vs]);
      vs[0].assign(next);
      return [next];
    },
  },
  "a product with two new values behind it": {
    count: (most) => most - 3,
    update: (vs, x) => {
      const next = total([matmul(x, x), ...vs]);
      const twice = mul(next, 2);
      vs[0].assign(next);
      vs[1].assign(twice);
      return [next, twice];
    },
  },
  "small chains beside it": {
    count: (most) => most - 1,
    update: (vs, x) => {
      const next = total(vs);
      vs[0].assign(next);
      return [next, mul(sum(x), 3), add(x, 1)];
    },
  },
};

describe("at the limit", () => {
  it.each(Object.entries(updates))("%s", async (_, { update, count }) => {
    const run = async (isJitted: boolean) => {
      const vs = Array.from({ length: count(most) }, (_, k) => variable(wave(k), { shape: [side, side] }));
      const step = (x: Tensor) => update(vs, x);
      const jitted = isJitted ? jit(step) : undefined;
      const called = jitted ?? step;
      const got: number[][] = [];
      for (const k of [40, 41]) {
        const x = tensor(wave(k), { shape: [side, side] });
        for (const result of called(x)) got.push([...(await result.data())]);
        x.dispose();
      }
      for (const v of vs) got.push([...(await v.data())]);
      if (jitted !== undefined) {
        const [{ plan }] = jitted.programs.values();
        for (const each of plan.steps)
          if (each.kind === "dispatch") expect(each.places.length).toBeLessThanOrEqual(most);
        jitted.dispose();
      }
      for (const v of vs) v.dispose();
      return got;
    };
    const [got, want] = [await run(true), await run(false)];
    want.forEach((values, k) => {
      expectCloseArrays(got[k], values, 1e-6, `result ${k}`);
    });
  });
});

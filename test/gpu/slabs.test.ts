// Small values that share buffers: no op may notice. On a device of this file's own, so that counts are this file's.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  add,
  cast,
  concat,
  type Device,
  disposeAll,
  exp,
  init,
  jit,
  matmul,
  mul,
  neg,
  relu,
  reshape,
  setDevice,
  slice,
  sub,
  sum,
  Tape,
  type Tensor,
  tensor,
  tidy,
  transpose,
  variable,
  zeros,
} from "../../engine/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { draws } from "../support/draws.ts";
import { collectGarbage } from "../support/garbage.ts";

let shared: Device;
let cpu: Device;
let device: Device;

beforeAll(async () => {
  cpu = await referenceDevice();
  shared = await gpuDevice();
  device = await init({ device: "webgpu", seed: 1 });
});
beforeEach(() => setDevice(device));
afterEach(() => setDevice(shared));
afterAll(() => device.dispose());

const valuesOf = async (x: Tensor) => [...(await x.data())];

describe("small values", () => {
  it("are thousands in some dozens of buffers, which go when the values do", async () => {
    await collectGarbage();
    const before = device.memory();
    const made = Array.from({ length: 5000 }, (_, i) => tensor([i, -i]));
    const during = device.memory();
    expect(during.buffers - before.buffers).toBeLessThan(60);
    expect(during.bytes - before.bytes).toBe(5000 * 256);
    const sums = await Promise.all([0, 17, 255, 256, 4999].map((i) => valuesOf(made[i])));
    expect(sums).toEqual([0, 17, 255, 256, 4999].map((i) => [i, -i]));
    disposeAll(made);
    expect(device.memory().bytes).toBe(before.bytes);
  });

  it("come back each from its own place, in every dtype and at every odd size", async () => {
    const sizes = [1, 2, 3, 5, 63, 64, 65, 127, 1000, 1024, 1025];
    const dtypes = ["f32", "i32", "u32", "u8", "bool"] as const;
    const made = sizes.flatMap((size) =>
      dtypes.map((dtype) => {
        const values = Float32Array.from({ length: size }, (_, i) =>
          dtype === "bool" ? i % 2 : (i * 7 + size) % 256,
        );
        return { values: [...values], x: tensor(values, { dtype }) };
      }),
    );
    for (const { values, x } of made) expect(await valuesOf(x)).toEqual(values);
    disposeAll(made.map(({ x }) => x));
  });

  it("of many inputs and several results: no call reads and writes one buffer", async () => {
    const parts = Array.from({ length: 24 }, (_, i) => tensor([[i, i + 0.5]]));
    // Results of ops lie beside some of their inputs and apart from others.
    const mixed = parts.map((part, i) => (i % 3 === 0 ? part : i % 3 === 1 ? add(part, 1) : mul(part, 2)));
    const all = concat(mixed, 0);
    const expected = mixed.flatMap((_, i) =>
      [i, i + 0.5].map((v) => (i % 3 === 0 ? v : i % 3 === 1 ? v + 1 : v * 2)),
    );
    expect(await valuesOf(all)).toEqual(expected);
    disposeAll([...new Set([...parts, ...mixed, all])]);
  });

  it("take 1,500 random ops, freed in any order, with views, to the same values as the reference", async () => {
    const { below } = draws(3);
    const pairs: { gpu: Tensor; host: Tensor }[] = [];
    const make = (shape: number[]) => {
      const values = Float32Array.from({ length: shape[0] * shape[1] }, () => below(9) - 4);
      pairs.push({ gpu: tensor(values, { shape, device }), host: tensor(values, { shape, device: cpu }) });
    };
    // Zeros of either sign are equal here.
    const wholeOf = async (x: Tensor) => (await valuesOf(x)).map((value) => value + 0);
    const pick = () => pairs[below(pairs.length)];
    const both = (fn: (...x: Tensor[]) => Tensor, ...of: { gpu: Tensor; host: Tensor }[]) =>
      pairs.push({ gpu: fn(...of.map(({ gpu }) => gpu)), host: fn(...of.map(({ host }) => host)) });
    // Whole numbers of a small range: sums and products are exact.
    const wrap = (x: Tensor) => tidy(() => sub(x, mul(cast(cast(mul(x, 1 / 8), "i32"), "f32"), 8)));
    for (let i = 0; i < 6; i++) make([4, 4]);
    for (let step = 0; step < 1500; step++) {
      const [a, b] = [pick(), pick()];
      switch (below(9)) {
        case 0:
          make([4, 4]);
          break;
        case 1:
          both((x, y) => tidy(() => wrap(add(x, y))), a, b);
          break;
        case 2:
          both((x, y) => tidy(() => wrap(matmul(x, y))), a, b);
          break;
        case 3:
          both((x) => transpose(x), a);
          break;
        case 4:
          both((x) => tidy(() => reshape(neg(reshape(x, [2, 8])), [4, 4])), a);
          break;
        case 5:
          both((x) => reshape(x, [4, 4]), a);
          break;
        case 6:
          both((x, y) => tidy(() => concat([slice(x, [0, 0], [2, 4]), slice(y, [2, 0], [4, 4])], 0)), a, b);
          break;
        case 7:
          both((x, y) => tidy(() => wrap(add(x, sum(y, 1, { keepDims: true })))), a, b);
          break;
        default:
          both((x) => relu(x), a);
      }
      while (pairs.length > 40) {
        const [{ gpu, host }] = pairs.splice(below(pairs.length), 1);
        gpu.dispose();
        host.dispose();
      }
      if (step % 100 !== 99) continue;
      const { gpu, host } = pick();
      expect(await wholeOf(gpu)).toEqual(await wholeOf(host));
    }
    for (const { gpu, host } of pairs) {
      expect(await wholeOf(gpu)).toEqual(await wholeOf(host));
      gpu.dispose();
      host.dispose();
    }
  });

  it("outlive the tensor whose memory they show", async () => {
    const x = tensor([1, 2, 3, 4]);
    const view = reshape(x, [2, 2]);
    x.dispose();
    const others = Array.from({ length: 300 }, () => zeros([4]));
    expect(await valuesOf(view)).toEqual([1, 2, 3, 4]);
    disposeAll([view, ...others]);
  });

  it("are differentiated as any other", async () => {
    const [a, b] = [tensor([1, 2, 3]), tensor([4, 5, 6])];
    const tape = new Tape().watch(a, b);
    const loss = tape.record(() => sum(mul(exp(a), b)));
    const [da, db] = tape.gradient(loss, [a, b]) as Tensor[];
    const wanted = [1, 2, 3].map(Math.exp);
    (await valuesOf(da)).forEach((v, i) => {
      expect(v).toBeCloseTo(wanted[i] * (4 + i), 3);
    });
    (await valuesOf(db)).forEach((v, i) => {
      expect(v).toBeCloseTo(wanted[i], 4);
    });
    tape.dispose();
    disposeAll([a, b, loss, da, db]);
  });
});

describe("uploads beside small values that unsubmitted commands use", () => {
  it("do not submit, though they share a buffer with them", async () => {
    const x = tensor([1, 2]);
    await device.sync();
    const y = exp(x);
    const before = device.counters().submits;
    const made = Array.from({ length: 200 }, (_, i) => tensor([i, i]));
    expect(device.counters().submits).toBe(before);
    expect(await valuesOf(made[150])).toEqual([150, 150]);
    disposeAll([x, y, ...made]);
  });

  it("into their place wait for them", async () => {
    const results: Tensor[] = [];
    for (let i = 0; i < 100; i++) {
      const x = tensor([i, i + 1]);
      results.push(mul(x, 10));
      // The next upload finds this place.
      x.dispose();
    }
    for (let i = 0; i < 100; i++) expect(await valuesOf(results[i])).toEqual([i * 10, i * 10 + 10]);
    disposeAll(results);
  });
});

describe("small values and jit", () => {
  it("as arguments and captured constants that share a buffer, and results that are given again", async () => {
    const [a, b, c] = [tensor([1, 2]), tensor([3, 4]), tensor([5, 6])];
    const f = jit((x: Tensor, y: Tensor) => add(mul(x, y), c));
    expect(await valuesOf(f(a, b))).toEqual([8, 14]);
    expect(await valuesOf(f(b, b))).toEqual([14, 22]);
    expect(await valuesOf(f(f(a, b), b))).toEqual([29, 62]);
    expect(await valuesOf(f.run({ steps: 3 }, f(a, b), b))).toEqual([29, 62]);
    const same = jit((x: Tensor) => ({ x, view: reshape(x, [2, 1]) }));
    const { x, view } = same(a);
    expect([await valuesOf(x), await valuesOf(view)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    f.dispose();
    same.dispose();
    disposeAll([a, b, c, x, view]);
  });

  it("beside variables that a program assigns in place", async () => {
    const w = variable([1, 1]);
    const step = tensor([0.5, 0.25]);
    const f = jit((x: Tensor) => {
      w.assign(add(w, mul(x, step)));
    });
    for (let i = 1; i <= 4; i++) {
      const x = tensor([i, i]);
      f(x);
      x.dispose();
    }
    expect(await valuesOf(w)).toEqual([6, 3.5]);
    f.dispose();
    disposeAll([w, step]);
  });

  it("uploads into an argument's place wait for the program that reads it", async () => {
    const w = variable([0, 0]);
    const f = jit((x: Tensor) => {
      w.assign(add(w, x));
    });
    for (let i = 0; i < 50; i++) {
      const x = tensor([1, i]);
      f(x);
      x.dispose();
    }
    expect(await valuesOf(w)).toEqual([50, (49 * 50) / 2]);
    f.dispose();
    w.dispose();
  });
});

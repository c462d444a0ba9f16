// Memory that can't kill the process: what loops without tidy() or dispose() drop, with and without an await, on devices
// of this file's own.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  ArgumentError,
  add,
  cast,
  cumsum,
  type Device,
  init,
  jit,
  LimitError,
  matmul,
  memory,
  setDevice,
  softmax,
  sum,
  type Tensor,
  tensor,
  topK,
  transpose,
  variable,
  zeros,
} from "../../engine/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

const MiB = 2 ** 20;
let shared: Device;
let device: Device;

const open = async (memoryLimit?: number) => {
  device = await init({ device: "webgpu", seed: 1, memoryLimit });
};
beforeEach(async () => {
  // The device that is opened last is the default one.
  await referenceDevice();
  shared = await gpuDevice();
});
afterEach(async () => {
  device?.dispose();
  setDevice(shared);
  await collectGarbage();
});

describe("a loop that never awaits and frees nothing", () => {
  it("of 70,000 ops on small tensors, more than a process may have memory maps, ends with the right number", async () => {
    await open();
    let x = zeros([4]);
    for (let i = 0; i < 70_000; i++) x = add(x, 1);
    // There are as many bind groups as may be: what comes now makes do with few, whatever it binds.
    const { bindGroups } = device.counters();
    const values = Float32Array.from({ length: 6000 }, (_, i) => Math.sin(i * i));
    const both = (of: Device) => {
      const rows = tensor(values, { shape: [60, 100], device: of });
      const { values: best, indices: at } = topK(rows, 3);
      return [
        best,
        at,
        cumsum(rows, 1),
        sum(rows),
        matmul(rows, transpose(rows)),
        softmax(rows),
        cast(at, "f32"),
      ];
    };
    const results = Array.from({ length: 40 }, () => both(device)).at(-1)!;
    const f = jit((a: Tensor) => add(a, x));
    const sums: Tensor[] = [];
    for (let i = 0; i < 300; i++) sums.push(add(f(tensor([i, 0, 0, 0])), 0));
    expect(device.counters().bindGroups - bindGroups).toBeLessThan(200);
    // Only now something is awaited, and the collector may come.
    expect([...(await x.data())]).toEqual([70_000, 70_000, 70_000, 70_000]);
    expect((await sums[299].data())[0]).toBe(70_299);
    for (const [k, wanted] of both(await referenceDevice()).entries()) {
      const [got, right] = [await results[k].data(), await wanted.data()];
      for (let i = 0; i < right.length; i++) expect(Math.abs(got[i] - right[i])).toBeLessThan(1e-4);
    }
    f.dispose();
  }, 300_000);

  it("on tensors of 1 MiB is refused with counts and remedy, nothing is lost, and the engine goes on", async () => {
    await open(48 * MiB);
    const start = zeros([MiB / 4]);
    const kept: Tensor[] = [start];
    let failure: unknown;
    try {
      for (let i = 0; i < 1000; i++) kept.push(add(kept[i], 1));
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(LimitError);
    expect((failure as Error).message).toMatch(
      /^the result of add \(f32 \[262144\]\) needs another 1048576 bytes, but \d+ buffers of \d+ bytes live .* at most 50331648 bytes.*tidy\(\).*dispose\(\).*memoryLimit.*sync\(\)/,
    );
    expect(kept.length).toBeGreaterThan(40);
    expect(memory().tensors).toBeLessThanOrEqual(kept.length + 1);
    expect((await kept[20].data())[12345]).toBe(20);
    for (const x of kept.splice(21)) x.dispose();
    const next = add(kept[20], 1);
    expect((await next.data())[MiB / 4 - 1]).toBe(21);
    expect(memory().bytes + memory().pooledBytes).toBeLessThanOrEqual(48 * MiB);
  });
});

describe("a loop that awaits now and then and frees nothing", () => {
  const waits: [string, (x: Tensor) => Promise<unknown>][] = [
    ["sync()", () => device.sync()],
    ["data()", (x) => x.data()],
  ];
  it.each(waits)("with %s goes on far past the ceiling", async (_, wait) => {
    await open(24 * MiB);
    let x = zeros([MiB / 4]);
    for (let i = 1; i <= 100; i++) {
      x = add(x, 1);
      if (i % 4 === 0) await wait(x);
    }
    expect((await x.data())[77]).toBe(100);
  });

  it("keeps what is in use: the collector's turns take nothing away", async () => {
    await open(48 * MiB);
    const held = Array.from({ length: 20 }, (_, i) => add(zeros([MiB / 4]), i));
    for (let i = 0; i < 10; i++) await device.sync();
    for (const [i, x] of held.entries()) expect((await x.data())[5]).toBe(i);
  });
});

describe("reading", () => {
  it("1,500 times at once gives the values of each moment, also past as many readings as go on side by side", async () => {
    await open();
    const w = variable([0]);
    const reads: Promise<ArrayLike<number>>[] = [];
    for (let i = 0; i < 1500; i++) {
      w.set([i]);
      reads.push(w.data());
    }
    const values = (await Promise.all(reads)).map((read) => read[0]);
    expect(values).toEqual(Array.from({ length: 1500 }, (_, i) => i));
  }, 120_000);
});

describe("the peak", () => {
  it("is found anew after resetPeak(), which changes nothing else", async () => {
    await open();
    const large = zeros([MiB]);
    expect(memory().peakBytes).toBeGreaterThanOrEqual(4 * MiB);
    large.dispose();
    memory().resetPeak();
    const { bytes, pooledBytes, peakBytes, buffers } = memory();
    expect(peakBytes).toBe(bytes + pooledBytes);
    const again = zeros([MiB]);
    expect(memory()).toMatchObject({ peakBytes, buffers });
    const more = zeros([MiB / 2]);
    expect(memory().peakBytes).toBe(peakBytes + 2 * MiB);
    for (const x of [again, more]) x.dispose();
  });

  it("is found anew on the CPU reference, too", async () => {
    const cpu = await referenceDevice();
    tensor(new Float32Array(MiB), { device: cpu }).dispose();
    cpu.memory().resetPeak();
    const { bytes, peakBytes } = cpu.memory();
    expect(peakBytes).toBe(bytes);
    // The reference keeps f32 as float64.
    tensor([1, 2, 3], { device: cpu }).dispose();
    expect(cpu.memory()).toMatchObject({ bytes, peakBytes: bytes + 24 });
  });
});

describe("init", () => {
  it.each([0, -1, 1.5, Number.NaN, "1 GiB"])("refuses memoryLimit: %s", async (memoryLimit) => {
    const opening = init({ device: "webgpu", memoryLimit: memoryLimit as number });
    await expect(opening).rejects.toThrow(ArgumentError);
    await expect(opening).rejects.toThrow(/memoryLimit/);
  });
});

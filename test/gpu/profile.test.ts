// profile: every dispatch appears once, under its name, with a time; tables and traces are well-formed; and results
// are those of an unprofiled run.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  add,
  type Device,
  exp,
  jit,
  matmul,
  measurePeaks,
  mul,
  type Profile,
  profile,
  relu,
  sum,
  type Tensor,
  tensor,
  tidy,
  variable,
} from "../../engine/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

let gpu: Device;
beforeAll(async () => {
  gpu = await gpuDevice();
});

const clocks = ["timestamps", "wall"] as const;
const side = 192;
const square = (device: Device, seed: number) =>
  tensor(
    Float32Array.from({ length: side * side }, (_, i) => Math.sin(i * seed)),
    { shape: [side, side], device },
  );

const counts = (found: Profile): Record<string, number> => {
  const result: Record<string, number> = {};
  for (const { name, count } of found.kernels) result[name] = (result[name] ?? 0) + count;
  return result;
};

function expectTimes(found: Profile): void {
  for (const { startMs, ms } of found.dispatches) {
    expect(startMs).toBeGreaterThanOrEqual(0);
    expect(ms).toBeGreaterThanOrEqual(0);
  }
  expect(found.untimed).toBe(0);
  expect(found.kernelMs).toBeGreaterThan(0);
  expect(found.kernelMs).toBeLessThan(found.wallMs * 1.5);
  expect(found.kernels.reduce((total, { share }) => total + share, 0)).toBeCloseTo(1, 6);
}

describe.each(clocks)("with %s", (clock) => {
  it("an eager chain: every op by its name, with bytes and FLOPs", async () => {
    const [a, b] = [square(gpu, 1), square(gpu, 2)];
    const chain = () =>
      tidy(() => {
        const product = matmul(a, b);
        return sum(exp(mul(add(matmul(product, b), 1), 1e-6)));
      });
    const want = await chain().item();
    let result: Tensor | undefined;
    const found = await profile(
      () => {
        for (let i = 0; i < 10; i++) {
          result?.dispose();
          result = chain();
        }
      },
      { device: gpu, clock },
    );
    expect(found.clock).toBe(clock);
    expect(await result?.item()).toBe(want);
    const { sum: sums, ...others } = counts(found);
    expect(others).toEqual({ matmul: 20, add: 10, mul: 10, exp: 10 });
    expect(sums % 10).toBe(0);
    expect(found.dispatches.slice(0, 4).map(({ name }) => name)).toEqual(["matmul", "matmul", "add", "mul"]);
    expect(found.dispatches.length).toBe(found.counters.dispatches);
    expectTimes(found);
    const product = found.kernels.find(({ name }) => name === "matmul");
    expect(product?.flops).toBe(20 * 2 * side ** 3);
    expect(product?.bytes).toBe(20 * 3 * side * side * 4);
    expect(product?.gigaflopsPerSecond).toBeGreaterThan(0);
    const sumUp = found.kernels.find(({ name }) => name === "exp");
    expect(sumUp?.flops).toBeUndefined();
    expect(sumUp?.bytes).toBe(10 * 2 * side * side * 4);
    for (const tensor of [a, b, result]) tensor?.dispose();
  });

  it("a jitted function: every fused unit by its name, run as often as it runs", async () => {
    const [a, b] = [square(gpu, 3), square(gpu, 4)];
    const total = variable(0, { device: gpu });
    const step = jit((x: Tensor) => {
      const y = relu(add(matmul(x, b), 1));
      total.assign(add(total, sum(y)));
      return y;
    });
    await step.warmUp(a);
    const before = await total.item();
    const found = await profile(
      async () => {
        step(a);
        await total.item();
        step.run({ steps: 9 }, a);
      },
      { device: gpu, clock },
    );
    expect(before).toBe(0);
    const [program] = step.programs.values();
    const want: Record<string, number> = {};
    for (const { kind, name } of program.plan.steps) {
      if (kind === "dispatch") want[name] = (want[name] ?? 0) + 10;
    }
    expect(counts(found)).toEqual(want);
    expect(Object.keys(want).some((name) => /^matmul\+.*relu/.test(name))).toBe(true);
    expectTimes(found);
    expect(await total.item()).toBeGreaterThan(0);
    step.dispose();
    for (const tensor of [a, b, total]) tensor.dispose();
  });

  it("uploads, copies and readings in between keep their order", async () => {
    const w = variable([1, 2, 3, 4], { device: gpu });
    const other = variable([0, 0, 0, 0], { device: gpu });
    const seen: number[][] = [];
    const values = [5, 6, 7, 8];
    await profile(
      async () => {
        const doubled = mul(w, 2);
        w.set(values);
        values[0] = -1;
        const reading = doubled.data();
        other.assign(w);
        w.assign(add(w, 1));
        seen.push([...(await reading)], [...(await other.data())], [...(await w.data())]);
        doubled.dispose();
      },
      { device: gpu, clock },
    );
    expect(seen).toEqual([
      [2, 4, 6, 8],
      [5, 6, 7, 8],
      [6, 7, 8, 9],
    ]);
    w.dispose();
    other.dispose();
  });

  it("a program disposed inside leaves no error, and the clock stops with the function", async () => {
    const a = square(gpu, 5);
    const found = await profile(
      () => {
        const step = jit((x: Tensor) => exp(mul(x, 0.5)));
        step(a).dispose();
        step.dispose();
      },
      { device: gpu, clock },
    );
    expect(found.dispatches.length).toBe(1);
    const before = found.dispatches.length;
    tidy(() => exp(a));
    await gpu.sync();
    expect(found.dispatches.length).toBe(before);
    a.dispose();
  });

  it("an error of the function comes through, and a profile can follow", async () => {
    const failing = profile(
      () => {
        throw new RangeError("mine");
      },
      { device: gpu, clock },
    );
    await expect(failing).rejects.toThrow(RangeError);
    const found = await profile(() => tidy(() => void mul(tensor([1], { device: gpu }), 2)), {
      device: gpu,
      clock,
    });
    expect(counts(found)).toEqual({ mul: 1 });
  });

  it("prints a table and gives a trace that is well-formed", async () => {
    const a = square(gpu, 6);
    const found = await profile(
      () =>
        tidy(() => {
          for (let i = 0; i < 5; i++) exp(matmul(a, a));
        }),
      { device: gpu, clock },
    );
    const lines = found.toString().split("\n");
    expect(lines[0]).toMatch(
      /^kernel +shader +m x n x k +count +ms +share +MB <= +GB\/s <= +of copy <= +MFLOP +GFLOP\/s +of FMA$/,
    );
    expect(lines[1]).toMatch(/^-+( {2}-+){11}$/);
    expect(lines.find((line) => line.startsWith("matmul"))).toMatch(
      /^matmul +matmul-\w+ +192x192x192 +5 +\d+\.\d{3} +\d+\.\d% +\d+\.\d{3} +\d+\.\d\d +\d+\.\d% +\d+\.\d\d +\d+\.\d\d +\d+\.\d%$/,
    );
    expect(lines[2 + found.kernels.length]).toBe(lines[1]);
    expect(lines[3 + found.kernels.length]).toMatch(/^total +10 +\d+\.\d{3} +100\.0% /);
    expect(found.toString()).toMatch(/the adapter, measured: \d+\.\d GFLOP\/s of FMAs in registers/);
    expect(found.toString()).toContain(`: 10 dispatches in `);

    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-")), "trace.json");
    await found.writeTrace(file);
    const trace = JSON.parse(fs.readFileSync(file, "utf8"));
    fs.rmSync(path.dirname(file), { recursive: true });
    const events = trace.traceEvents.filter(({ ph }: { ph: string }) => ph === "X");
    expect(events.length).toBe(10);
    for (const { name, ts, dur, pid, tid, args } of events) {
      expect(["matmul", "exp"]).toContain(name);
      for (const value of [ts, dur, pid, tid]) expect(Number.isFinite(value)).toBe(true);
      expect(dur).toBeGreaterThanOrEqual(0);
      expect(args.workgroups.length).toBe(3);
      expect(args.bytes).toBeGreaterThan(0);
    }
    const starts = events.map(({ ts }: { ts: number }) => ts);
    expect(starts).toEqual([...starts].sort((x, y) => x - y));
    a.dispose();
  });
});

describe("timestamps", () => {
  it("of more dispatches than a query set holds all arrive", async () => {
    const step = jit((x: Tensor) => exp(x));
    const x = tensor([0], { device: gpu });
    await step.warmUp(x);
    const found = await profile(() => step.run({ steps: 5000 }, x), { device: gpu, clock: "timestamps" });
    expect(counts(found)).toEqual({ exp: 5000 });
    expect(found.untimed).toBe(0);
    expect(found.counters.submits).toBe(1);
    step.dispose();
    x.dispose();
  });
});

describe("profile", () => {
  it("holds rates against what the adapter can do, unless told not to", async () => {
    const a = square(gpu, 8);
    const run = () => tidy(() => void exp(matmul(a, a)));
    const found = await profile(run, { device: gpu, clock: "wall" });
    const peaks = await measurePeaks(gpu);
    expect(found.peaks).toBe(peaks);
    expect(found.counters.dispatches).toBe(2);
    for (const { copyShare, fmaShare, ...rates } of [...found.kernels, found.total]) {
      expect(copyShare).toBeCloseTo(rates.gigabytesPerSecond / peaks.copyGBs, 9);
      if (rates.gigaflopsPerSecond === undefined) expect(fmaShare).toBeUndefined();
      else expect(fmaShare).toBeCloseTo(rates.gigaflopsPerSecond / peaks.fmaGflops, 9);
    }
    const { total, kernels } = found;
    expect(kernels.map(({ name }) => name).sort()).toEqual(["exp", "matmul"]);
    expect(total.flops).toBe(2 * side ** 3);
    expect(total.bytes).toBe(kernels[0].bytes + kernels[1].bytes);
    expect(total.count).toBe(2);
    expect(total.gigaflopsPerSecond).toBeCloseTo((2 * side ** 3) / found.kernelMs / 1e6, 6);
    const without = await profile(run, { device: gpu, clock: "wall", peaks: false });
    expect(without.peaks).toBeUndefined();
    expect(without.total.copyShare).toBeUndefined();
    expect(without.toString()).not.toContain("measured");
    a.dispose();
  });

  it("of nothing is empty", async () => {
    const found = await profile(() => {}, { device: gpu });
    expect(found.dispatches).toEqual([]);
    expect(found.kernels).toEqual([]);
    expect(found.toString()).toContain("0 dispatches");
  });

  it("refuses a second one at a time, and clocks it does not know", async () => {
    const first = profile(() => gpu.sync(), { device: gpu });
    await expect(profile(() => {}, { device: gpu })).rejects.toThrow(/another profile/);
    await first;
    await expect(profile(() => {}, { device: gpu, clock: "sun" as "wall" })).rejects.toThrow(ArgumentError);
  });

  it("times the CPU reference op by op", async () => {
    const cpu = await referenceDevice();
    const a = square(cpu, 7);
    const found = await profile(() => tidy(() => void exp(add(a, a))), { device: cpu });
    expect(found.clock).toBe("reference");
    expect(counts(found)).toEqual({ add: 1, exp: 1 });
    expectTimes(found);
    await expect(
      Promise.all([profile(() => cpu.sync(), { device: cpu }), profile(() => {}, { device: cpu })]),
    ).rejects.toThrow(/another profile/);
    a.dispose();
  });
});

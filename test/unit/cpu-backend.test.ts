// The CPU reference's memory: what is counted, what slices share, how values are rounded.

import { beforeEach, describe, expect, it } from "vitest";
import { CpuBackend } from "../../engine/backend/cpu.ts";
import type { Spec } from "../../engine/kernel/kernel.ts";

let backend: CpuBackend;
beforeEach(() => {
  backend = new CpuBackend();
});
const f32 = (...shape: number[]): Spec => ({ shape, dtype: "f32" });

describe("memory of the reference", () => {
  it("is counted while it lives, and at its most", () => {
    const [a, b] = [backend.allocate(f32(4), "a value"), backend.allocate(f32(2, 3), "a value")];
    expect(backend.memoryUse()).toEqual({ buffers: 2, bytes: 80, pooledBytes: 0, peakBytes: 80 });
    a.release();
    expect(backend.memoryUse()).toMatchObject({ buffers: 1, bytes: 48, peakBytes: 80 });
    backend.allocate(f32(1), "a value").release();
    b.release();
    expect(backend.memoryUse()).toEqual({ buffers: 0, bytes: 0, pooledBytes: 0, peakBytes: 80 });
  });

  it("is shared by slices, which keep it alive", async () => {
    const whole = backend.allocate(f32(12), "a value");
    backend.write(whole, f32(12), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const [first, second, third] = [0, 16, 32].map((offset) => backend.slice(whole, offset, f32(4)));
    expect([...(await backend.read(second, "f32", 4))]).toEqual([4, 5, 6, 7]);
    backend.write(third, f32(4), [-8, -9, -10, -11]);
    expect([...(await backend.read(whole, "f32", 12))].slice(7)).toEqual([7, -8, -9, -10, -11]);
    expect(backend.overlaps(first, second)).toBe(false);
    expect(backend.overlaps(second, first)).toBe(false);
    expect(backend.overlaps(first, third)).toBe(false);
    expect(backend.overlaps(third, first)).toBe(false);
    expect(backend.overlaps(whole, third)).toBe(true);
    expect(backend.overlaps(first, whole)).toBe(true);
    expect(backend.sharesBuffer(first, third)).toBe(true);
    expect(backend.sharesBuffer(first, backend.allocate(f32(4), "a value"))).toBe(false);
    whole.release();
    expect(backend.memoryUse().buffers).toBe(2);
    for (const part of [first, second, third]) part.release();
    expect(backend.memoryUse().buffers).toBe(1);
  });

  it("holds what the GPU would be given: f32 values, and bool as 0 and 1", async () => {
    const x = backend.allocate(f32(2), "a value");
    backend.write(x, f32(2), [0.1, 1e40]);
    expect([...(await backend.readFloat64(x, "f32", 2))]).toEqual([Math.fround(0.1), Infinity]);
    const flags = backend.allocate({ shape: [3], dtype: "bool" }, "flags");
    backend.write(flags, { shape: [3], dtype: "bool" }, [7, 0, -1]);
    expect([...(await backend.read(flags, "bool", 3))]).toEqual([1, 0, 1]);
    expect(backend.counters()).toMatchObject({ uploads: 2, readbacks: 1, submits: 0 });
  });
});

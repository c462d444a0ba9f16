// Slabs and the pool on a make-believe device: parts never overlap, neighbours that must be apart are, everything that is
// freed is free again, and the ceiling holds.

import { describe, expect, it } from "vitest";
import type { GpuMemory } from "../../engine/backend/webgpu/gpu-memory.ts";
import { BufferPool } from "../../engine/backend/webgpu/pool.ts";
import { idsOf } from "../../engine/backend/webgpu/slabs.ts";
import { LimitError } from "../../engine/index.ts";
import { draws } from "../support/draws.ts";

const MiB = 2 ** 20;
const limits = { maxBufferSize: 256 * MiB, maxStorageBufferBindingSize: 128 * MiB };

function openPool(ceiling = { buffers: 10_000, bytes: 1024 * MiB }) {
  const sizes = new Map<object, number>();
  const destroyed: [number, number][] = [];
  const device = {
    createBuffer: ({ size }: { size: number }) => {
      const buffer = { destroy: () => sizes.delete(buffer) };
      sizes.set(buffer, size);
      return buffer;
    },
  } as unknown as GPUDevice;
  const pool = new BufferPool(device, limits, ceiling, (...ids) => destroyed.push(ids));
  return { pool, sizes, destroyed };
}

const endOf = ({ byteOffset, byteLength }: GpuMemory) => byteOffset + byteLength;

describe("parts of slabs", () => {
  it("taken and freed in any order never overlap, lie in their buffers at whole 256 bytes, apart from what they must", () => {
    const { pool, sizes } = openPool();
    const { below } = draws(7);
    const live: GpuMemory[] = [];
    let expected = 0;
    const roomOf = ({ byteLength }: GpuMemory) => Math.ceil(byteLength / 256) * 256;
    for (let step = 0; step < 4000; step++) {
      // Grows and shrinks in turns.
      if (live.length > 0 && below(100) < (step % 1000 < 500 ? 30 : 70)) {
        const [freed] = live.splice(below(live.length), 1);
        expected -= roomOf(freed);
        freed.release();
      } else {
        const apart = Array.from({ length: Math.min(live.length, below(5)) }, () => live[below(live.length)]);
        const made = pool.allocate(16 * (1 + below(256)), "a test", apart);
        expected += roomOf(made);
        expect(apart.map(({ buffer }) => buffer)).not.toContain(made.buffer);
        expect(made.byteOffset % 256).toBe(0);
        expect(endOf(made)).toBeLessThanOrEqual(sizes.get(made.buffer)!);
        const neighbours = live.filter(({ buffer }) => buffer === made.buffer);
        const isClash = (other: GpuMemory) =>
          other.bufferId !== made.bufferId ||
          (endOf(other) > made.byteOffset && endOf(made) > other.byteOffset);
        expect(neighbours.find(isClash)).toBeUndefined();
        live.push(made);
      }
      expect(pool.use().bytes).toBe(expected);
    }
    expect(new Set(live.map(({ regionId }) => regionId)).size).toBe(live.length);
    for (const memory of live) memory.release();
    const { bytes, pooledBytes } = pool.use();
    expect(bytes).toBe(0);
    expect(pooledBytes).toBe([...sizes.values()].reduce((sum, size) => sum + size, 0));
  });

  it("have region ids of their own, which no other buffer's id or part's is, and are all told when a buffer goes", () => {
    const { pool, sizes, destroyed } = openPool();
    const taken = new Map<number, object>();
    const all = Array.from({ length: 900 }, (_, i) =>
      i % 3 === 0 ? pool.allocate(8192 * (1 + (i % 4)), "a test") : pool.allocate(16 + i * 4, "a test", []),
    );
    for (const memory of all) {
      const { buffer, bufferId, regionId } = memory;
      const end = bufferId + idsOf(sizes.get(buffer)!);
      for (let id = bufferId; id < end; id++) {
        expect(taken.get(id) ?? buffer).toBe(buffer);
        taken.set(id, buffer);
      }
      expect(regionId >= bufferId && regionId < end).toBe(true);
    }
    for (const memory of all) memory.release();
    // A large one that is freed pushes all others out of the budget.
    for (const memory of [1, 2, 3].map(() => pool.allocate(100 * MiB, "a test"))) memory.release();
    for (const [first, end] of destroyed) {
      for (let id = first; id < end; id++) expect(taken.get(id) ?? taken.get(first)).toBe(taken.get(first));
    }
    expect(destroyed.length).toBeGreaterThan(100);
  });

  it("of 20,000 small values are some dozens of buffers, and few are left when all are free", () => {
    const { pool } = openPool();
    const made = Array.from({ length: 20_000 }, () => pool.allocate(16, "a test", []));
    expect(pool.buffersInUse).toBeLessThan(100);
    for (const memory of made) memory.release();
    expect(pool.buffersInUse).toBeLessThanOrEqual(3);
  });

  it("of a loop are in the same places every time", () => {
    const { pool } = openPool();
    const run = () => {
      const a = pool.allocate(64, "a test", []);
      const b = pool.allocate(64, "a test", [a]);
      a.release();
      const c = pool.allocate(64, "a test", [b]);
      const d = pool.allocate(640, "a test", [b, c]);
      b.release();
      const places = [a, b, c, d].map(({ bufferId, byteOffset }) => `${bufferId}:${byteOffset}`);
      d.release();
      c.release();
      return places;
    };
    const first = run();
    for (let i = 0; i < 10; i++) expect(run()).toEqual(first);
    expect(pool.use().buffers).toBeLessThan(5);
  });

  it("take little where there are few: one value of a size is 4 to 16 KiB", () => {
    const { pool } = openPool();
    pool.allocate(16, "a test", []);
    expect(pool.use().peakBytes).toBe(4096);
    pool.allocate(4096, "a test", []);
    expect(pool.use().peakBytes).toBe(4096 + 16384);
  });
});

describe("the ceiling", () => {
  it("on buffers gives up what is kept for reuse, then refuses, and counts what lives", () => {
    const { pool, destroyed } = openPool({ buffers: 8, bytes: Number.POSITIVE_INFINITY });
    const made = [1, 2, 3, 4, 5, 6, 7, 8].map((k) => pool.allocate(8192 * k, "a test"));
    made.slice(0, 3).forEach((memory) => {
      memory.release();
    });
    // Of sizes that none of the kept ones has.
    const more = [9, 10, 11].map((k) => pool.allocate(8192 * k, "a test"));
    expect(destroyed).toHaveLength(3);
    const another = () => pool.allocate(MiB, "the result of add (f32 [262144])");
    expect(another).toThrow(LimitError);
    expect(another).toThrow(
      /^the result of add \(f32 \[262144\]\).*1048576 bytes.*8 buffers of \d+ bytes.*at most 8 buffers.*tidy\(\).*dispose\(\)/,
    );
    more[0].release();
    another().release();
  });

  it("on bytes counts what is kept for reuse, and gives that up before it refuses", () => {
    const { pool } = openPool({ buffers: 1000, bytes: 10 * MiB });
    const held = pool.allocate(4 * MiB, "a test");
    pool.allocate(5 * MiB, "a test").release();
    const large = pool.allocate(6 * MiB, "a test");
    expect(pool.use()).toMatchObject({ bytes: 10 * MiB, pooledBytes: 0, peakBytes: 10 * MiB });
    expect(() => pool.allocate(16, "a test", [])).toThrow(/at most 10485760 bytes.*memoryLimit/);
    held.release();
    large.release();
    expect(pool.use().bytes).toBe(0);
  });

  it("leaves its count right when a value was refused", () => {
    const { pool } = openPool({ buffers: 1000, bytes: MiB });
    const before = pool.use();
    for (let i = 0; i < 3; i++) expect(() => pool.allocate(2 * MiB, "a test")).toThrow(LimitError);
    expect(pool.use()).toEqual(before);
  });
});

describe("the peak", () => {
  it("is found anew from what there is when it is reset", () => {
    const { pool } = openPool();
    const held = pool.allocate(MiB, "a test");
    pool.allocate(100 * MiB, "a test").release();
    const { peakBytes: peak } = pool.use();
    expect(peak).toBeGreaterThanOrEqual(101 * MiB);
    // What is more than the pool keeps is destroyed again.
    for (const memory of [1, 2, 3].map(() => pool.allocate(90 * MiB, "a test"))) memory.release();
    pool.resetPeak();
    const { bytes, pooledBytes, peakBytes } = pool.use();
    expect(peakBytes).toBe(bytes + pooledBytes);
    expect(peakBytes).toBeLessThan(371 * MiB);
    pool.allocate(128 * MiB, "a test");
    expect(pool.use().peakBytes).toBe(peakBytes + 128 * MiB);
    held.release();
  });
});

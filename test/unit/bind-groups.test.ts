// The cache of bind groups, on a device that notes what is made: one for each pipeline, sizes and places of memory.

import { beforeEach, describe, expect, it } from "vitest";
import { BindGroups } from "../../engine/backend/webgpu/bind-groups.ts";
import type { GpuMemory } from "../../engine/backend/webgpu/gpu-memory.ts";
import type { Pipeline } from "../../engine/backend/webgpu/pipelines.ts";
import { fakeGpu } from "../support/fake-gpu.ts";
import { collectGarbage } from "../support/garbage.ts";

const pipeline = (id: number, operands: readonly object[] = [{}, {}]) =>
  ({ id, layout: { of: id }, operands }) as unknown as Pipeline;
const sizes = (id: number) => ({ id, buffer: { of: id } as unknown as GPUBuffer });
const memory = (bufferId: number, byteOffset = 0, byteLength = 256) =>
  ({ buffer: { of: bufferId }, bufferId, byteOffset, byteLength }) as unknown as GpuMemory;

describe("bind groups", () => {
  let gpu: ReturnType<typeof fakeGpu>;
  let groups: BindGroups;
  beforeEach(() => {
    gpu = fakeGpu();
    groups = new BindGroups(gpu.device);
  });

  it("bind the sizes first, then each memory's own stretch, in order", () => {
    groups.get(pipeline(1), sizes(-1), [memory(1), memory(2, 512, 64)]);
    expect(gpu.made.createBindGroup).toEqual([
      {
        layout: { of: 1 },
        entries: [
          { binding: 0, resource: { buffer: { of: -1 } } },
          { binding: 1, resource: { buffer: { of: 1 }, offset: 0, size: 256 } },
          { binding: 2, resource: { buffer: { of: 2 }, offset: 512, size: 64 } },
        ],
      },
    ]);
  });

  it("bind a part of a memory where the kernel wants no more", () => {
    const part = { offset: 256, size: 512 };
    groups.get(pipeline(1, [{}, { part }]), sizes(-1), [memory(1), memory(2, 1024, 2048)]);
    const [{ entries }] = gpu.made.createBindGroup as { entries: { resource: object }[] }[];
    expect(entries.slice(1).map(({ resource }) => resource)).toEqual([
      { buffer: { of: 1 }, offset: 0, size: 256 },
      { buffer: { of: 2 }, offset: 1280, size: 512 },
    ]);
  });

  it("are found again for the same, and made for whatever differs", () => {
    const calls: Parameters<BindGroups["get"]>[] = [
      [pipeline(1), sizes(-1), [memory(1), memory(2)]],
      [pipeline(2), sizes(-1), [memory(1), memory(2)]],
      [pipeline(1), sizes(-2), [memory(1), memory(2)]],
      [pipeline(1), sizes(-1), [memory(2), memory(1)]],
      [pipeline(1), sizes(-1), [memory(1, 256), memory(2)]],
      [pipeline(1), sizes(-1), [memory(1, 0, 128), memory(2)]],
      [pipeline(1), sizes(-1), [memory(1)]],
    ];
    const first = calls.map((call) => groups.get(...call));
    expect(new Set(first).size).toBe(calls.length);
    calls.forEach((call, i) => {
      expect(groups.get(...call)).toBe(first[i]);
    });
    expect(groups.made).toBe(calls.length);
  });

  it("are found again where there are many, but not made", () => {
    const calls: Parameters<BindGroups["get"]>[] = [
      [pipeline(1), sizes(-1), [memory(1)]],
      [pipeline(1), sizes(-1), [memory(2)]],
    ];
    const [first] = calls.map((call) => groups.getIfRoom(...call));
    expect(first).toBeDefined();
    expect(groups.getIfRoom(...calls[0])).toBe(first);
    expect(groups.alive).toBe(2);
    groups.made = 40_000;
    expect(groups.getIfRoom(...calls[0])).toBe(first);
    expect(groups.getIfRoom(pipeline(1), sizes(-1), [memory(3)])).toBeUndefined();
    expect(groups.made).toBe(40_000);
  });

  it("are forgotten with any buffer that they bind, that of the sizes too", () => {
    const call = () => groups.get(pipeline(1), sizes(-7), [memory(1), memory(2)]);
    let last = call();
    for (const id of [1, 2, -7]) {
      groups.drop(id);
      const next = call();
      expect(next).not.toBe(last);
      last = next;
    }
    groups.drop(3);
    expect(call()).toBe(last);
  });

  it("are alive until they are collected", async () => {
    for (let i = 0; i < 10; i++) groups.get(pipeline(i), sizes(-1), [memory(1)]);
    gpu.made.createBindGroup.length = 0;
    await collectGarbage();
    expect(groups.alive).toBe(10);
    groups.drop(1);
    await collectGarbage();
    expect(groups.alive).toBe(0);
    expect(groups.made).toBe(10);
  });

  it("are bounded: the oldest half goes", () => {
    for (let i = 0; i <= 16384; i++) groups.get(pipeline(i), sizes(-1), [memory(1)]);
    const { made } = groups;
    groups.get(pipeline(16384), sizes(-1), [memory(1)]);
    groups.get(pipeline(9000), sizes(-1), [memory(1)]);
    expect(groups.made).toBe(made);
    groups.get(pipeline(0), sizes(-1), [memory(1)]);
    groups.get(pipeline(8000), sizes(-1), [memory(1)]);
    expect(groups.made).toBe(made + 2);
  });
});

// What the WebGPU backend prepares and keeps, on a device that notes what is made.

import { beforeEach, describe, expect, it } from "vitest";
import type { DeviceInfo } from "../../engine/backend/backend.ts";
import { WebgpuBackend } from "../../engine/backend/webgpu/webgpu.ts";
import { input, output, type Spec, shader } from "../../engine/kernel/kernel.ts";
import type { KernelOp } from "../../engine/kernel/kernel-op.ts";
import { fakeGpu } from "../support/fake-gpu.ts";

const infoOf = (limits: Record<string, number>): DeviceInfo => ({
  backend: "webgpu",
  adapter: "made up",
  driver: "",
  vendor: "",
  isSoftware: true,
  features: [],
  limits: {
    maxBufferSize: 2 ** 28,
    maxStorageBufferBindingSize: 2 ** 27,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeWorkgroupsPerDimension: 65535,
    minStorageBufferOffsetAlignment: 256,
    ...limits,
  },
});

describe("a plan of kernels", () => {
  let backend: WebgpuBackend;
  let planned: string[] = [];
  const op: KernelOp = {
    name: "noted",
    infer: ([x]) => [x],
    kernels: ({ inputs, outputs, attrs }) => {
      planned.push(JSON.stringify([inputs, outputs, String((attrs as { value?: number }).value)]));
      return {
        calls: [
          { shader: shader("noted", ""), sizes: [1], operands: [input(0), output(0)], workgroups: [1, 1, 1] },
        ],
      };
    },
    samples: [],
  };
  beforeEach(() => {
    backend = new WebgpuBackend(fakeGpu().device, infoOf({}));
    planned = [];
  });
  const run = (from: Spec, to: Spec, attrs: object = {}, which: KernelOp = op) => {
    const [x, y] = [from, to].map((spec) => backend.allocate(spec, "a test"));
    backend.run(which, attrs, { specs: [from], memories: [x] }, { specs: [to], memories: [y] });
  };
  const f32 = (...shape: number[]): Spec => ({ shape, dtype: "f32" });

  it("is made once for an op, its attributes, and the specs of what it takes and gives", () => {
    const calls: Parameters<typeof run>[] = [
      [f32(4), f32(4)],
      [f32(4), f32(2)],
      [f32(2), f32(4)],
      [f32(2, 2), f32(4)],
      [{ shape: [4], dtype: "i32" }, f32(4)],
      [f32(4), { shape: [4], dtype: "i32" }],
      [f32(4), f32(4), { value: 1 }],
      [f32(4), f32(4), { value: Number.NaN }],
      [f32(4), f32(4), { value: Number.POSITIVE_INFINITY }],
      [f32(4), f32(4), { value: Number.NEGATIVE_INFINITY }],
      [f32(4), f32(4), { value: null }],
      [f32(4), f32(4), { value: 0 }],
      [f32(4), f32(4), { value: -0 }],
      [f32(4), f32(4), {}, { ...op }],
    ];
    for (const call of calls) run(...call);
    expect(planned).toHaveLength(calls.length);
    for (const call of calls) run(...call);
    expect(planned).toHaveLength(calls.length);
  });
});

describe("what kernels may know of the adapter", () => {
  const open = (limits: Record<string, number>) => new WebgpuBackend(fakeGpu().device, infoOf(limits));

  it("is how many buffers a chain can bind, though the adapter bind more", () => {
    expect(open({}).profile.maxStorageBuffers).toBe(8);
    expect(open({ maxStorageBuffersPerShaderStage: 10 }).profile.maxStorageBuffers).toBeLessThanOrEqual(10);
    expect(open({ maxStorageBuffersPerShaderStage: 1000 }).profile.maxStorageBuffers).toBe(
      open({ maxStorageBuffersPerShaderStage: 2000 }).profile.maxStorageBuffers,
    );
  });

  it("is where a part of a buffer may begin: at no less than a vec4", () => {
    expect(open({ minStorageBufferOffsetAlignment: 256 }).sliceAlignment).toBe(256);
    expect(open({ minStorageBufferOffsetAlignment: 4 }).sliceAlignment).toBe(16);
  });
});

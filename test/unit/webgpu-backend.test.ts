// What the WebGPU backend prepares and keeps, on a device that notes what is made.

import { beforeEach, describe, expect, it } from "vitest";
import type { DeviceInfo } from "../../engine/backend/backend.ts";
import { WebgpuBackend } from "../../engine/backend/webgpu/webgpu.ts";
import { DeviceError, LimitError } from "../../engine/base/errors.ts";
import { input, output, type Spec, shader } from "../../engine/kernel/kernel.ts";
import type { KernelOp } from "../../engine/kernel/kernel-op.ts";
import { fakeGpu } from "../support/fake-gpu.ts";
import { collectGarbage } from "../support/garbage.ts";

const infoOf = (limits: Record<string, number>, isSoftware = true): DeviceInfo => ({
  backend: "webgpu",
  adapter: "made up",
  driver: "",
  vendor: "",
  isSoftware,
  features: [],
  limits: {
    maxBufferSize: 2 ** 28,
    maxStorageBufferBindingSize: 2 ** 27,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeWorkgroupsPerDimension: 65535,
    minStorageBufferOffsetAlignment: 256,
    minUniformBufferOffsetAlignment: 16,
    ...limits,
  },
});

const identity: KernelOp = {
  name: "identity",
  infer: ([x]) => [x],
  kernels: () => ({
    calls: [
      { shader: shader("identity", ""), sizes: [1], operands: [input(0), output(0)], workgroups: [1, 1, 1] },
    ],
  }),
  samples: [],
};

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

describe("what is counted and kept", () => {
  const f32 = (...shape: number[]): Spec => ({ shape, dtype: "f32" });

  it("uploads by their bytes on the device", () => {
    const backend = new WebgpuBackend(fakeGpu().device, infoOf({}));
    const memory = backend.allocate(f32(5), "a test");
    backend.write(memory, f32(5), [1, 2, 3, 4, 5]);
    backend.write(memory, f32(2), [1, 2]);
    backend.write(memory, f32(0), []);
    expect(backend.counters()).toMatchObject({ uploads: 2, uploadedBytes: 28 });
  });

  it("no bind group of a buffer that was destroyed", async () => {
    const gpu = fakeGpu();
    const groups: WeakRef<object>[] = [];
    const { createBindGroup } = gpu.device;
    gpu.device.createBindGroup = (descriptor) => {
      const group = createBindGroup(descriptor);
      groups.push(new WeakRef(group));
      return group;
    };
    // Of buffers of this size there is room for two: a third has the pool give up those that are free.
    const large = f32(2 ** 20);
    const backend = new WebgpuBackend(gpu.device, infoOf({}), {
      ceiling: { buffers: 100, bytes: 2.5 * 2 ** 22 },
    });
    const use = (spec: Spec) => {
      const [x, y] = [0, 1].map(() => backend.allocate(spec, "a test"));
      backend.run(identity, {}, { specs: [spec], memories: [x] }, { specs: [spec], memories: [y] });
      for (const memory of [x, y]) memory.release();
    };
    use(large);
    backend.flush();
    await collectGarbage();
    expect(groups.map((group) => group.deref() !== undefined)).toEqual([true]);
    backend.allocate(f32(2 ** 21), "a larger one").release();
    await collectGarbage();
    expect(gpu.made.destroy.length).toBeGreaterThan(0);
    expect(groups.map((group) => group.deref() !== undefined)).toEqual([false]);
    use(large);
    expect(groups).toHaveLength(2);
  });
});

describe("what kernels may know of the adapter", () => {
  const open = (limits: Record<string, number>, isSoftware?: boolean) =>
    new WebgpuBackend(fakeGpu().device, infoOf(limits, isSoftware));

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
    // Only kernels of software adapters bind parts as uniforms.
    const uniforms = { minStorageBufferOffsetAlignment: 32, minUniformBufferOffsetAlignment: 64 };
    expect(open(uniforms).sliceAlignment).toBe(64);
    expect(open(uniforms, false).sliceAlignment).toBe(32);
  });
});

describe("a GPU without memory left", () => {
  class GPUOutOfMemoryError extends Error {}
  class GPUValidationError extends Error {}
  const opened = () => {
    const { device } = fakeGpu();
    const backend = new WebgpuBackend(device, infoOf({}));
    const printed: string[] = [];
    const report = (error: Error) => {
      let isPrinted = true;
      const event = { error, preventDefault: () => (isPrinted = false) };
      device.onuncapturederror!(event as unknown as GPUUncapturedErrorEvent);
      if (isPrinted) printed.push(error.message);
    };
    return { backend, report, printed };
  };
  const spec: Spec = { shape: [1024], dtype: "f32" };

  it.each(["sync", "reading"])(
    "is a LimitError at the next %s, with what lives and the remedy, once",
    async (how) => {
      const { backend, report, printed } = opened();
      const memory = backend.allocate(spec, "a test");
      report(new GPUOutOfMemoryError("Failed to allocate 4096 bytes"));
      // What comes of the missing buffer.
      report(new GPUValidationError("[Invalid Buffer] is invalid"));
      const waited = how === "sync" ? backend.sync() : backend.read(memory, "f32", 1024);
      const error: unknown = await Promise.resolve(waited).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(LimitError);
      expect((error as Error).message).toMatch(
        /^the GPU has no memory left: 1 buffers of 4096 bytes live .*Failed to allocate 4096 bytes.*tidy\(\).*dispose\(\).*smaller batches.*memoryLimit/,
      );
      expect(printed).toEqual(["Failed to allocate 4096 bytes"]);
      await backend.sync();
    },
  );

  it("is told apart from a command that was refused", async () => {
    const { backend, report } = opened();
    report(new GPUValidationError("a binding is too large"));
    await expect(backend.sync()).rejects.toThrow(DeviceError);
  });
});

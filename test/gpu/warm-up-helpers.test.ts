// Compiling ahead with helpers: every pipeline is compiled by its own device, once, whatever the helpers do.

import { describe, expect, it } from "vitest";
import { create, globals } from "webgpu";
import { warmUp } from "../../engine/backend/webgpu/warm-up.ts";
import type { WarmUpJob } from "../../engine/backend/webgpu/warm-up-jobs.ts";
import { input, output, shader } from "../../engine/kernel/kernel.ts";

const source = (k: number) => `struct Sizes { count: u32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out0: array<f32>;
@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < sizes.count) { out0[id.x] = in0[id.x] + ${k}.0; }
}`;

/** Jobs that take as long as a cold pipeline, all but the first until `opened` too, and say when they ran. */
function makeJobs(count: number, text: (k: number) => string = source, opened = Promise.resolve()) {
  const ran: number[] = [];
  const jobs = Array.from({ length: count }, (_, k): WarmUpJob => {
    const call = {
      shader: shader(`warm-up-${k}`, text(k)),
      sizes: [1],
      operands: [input(0), output(0)],
      workgroups: [1, 1, 1] as const,
    };
    const run = async () => {
      await new Promise((resolve) => setTimeout(resolve, 120));
      if (k > 0) await opened;
      ran.push(k);
    };
    return { name: `job ${k}`, call, run };
  });
  return { jobs, ran };
}

Object.assign(globalThis, globals);
// Dawn frees its adapters with it.
const gpu = create([]) as GPU;

async function openDevice(): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter();
  return adapter!.requestDevice();
}

const all = (count: number) => Array.from({ length: count }, (_, k) => k);

describe("warm-up", () => {
  it("shares the work with a helper, which is closed afterwards", async () => {
    let helperIsThere = () => {};
    const { jobs, ran } = makeJobs(6, source, new Promise((resolve) => (helperIsThere = resolve)));
    const opened: GPUDevice[] = [];
    const compiled: string[] = [];
    let done = 0;
    const openHelper = async () => {
      const device = await openDevice();
      const make = device.createComputePipelineAsync.bind(device);
      device.createComputePipelineAsync = (descriptor) => {
        compiled.push(descriptor.label!);
        return make(descriptor);
      };
      opened.push(device);
      helperIsThere();
      return device;
    };
    await warmUp(jobs, () => done++, openHelper);
    expect(done).toBe(6);
    expect([...ran].sort()).toEqual(all(6));
    expect(opened.length).toBeGreaterThan(0);
    expect(compiled.length).toBeGreaterThan(0);
    for (const device of opened) expect((await device.lost).reason).toBe("destroyed");
  });

  it.each([
    ["cannot be opened", () => Promise.reject(new Error("no adapter"))],
    ["is not to be had", () => Promise.resolve(undefined)],
  ])("does without a helper that %s", async (_, openHelper) => {
    const { jobs, ran } = makeJobs(5);
    await warmUp(jobs, () => {}, openHelper);
    expect([...ran].sort()).toEqual(all(5));
  });

  it("does without a helper that refuses every shader", async () => {
    const { jobs, ran } = makeJobs(5, () => "this is no WGSL");
    await warmUp(jobs, () => {}, openDevice);
    expect([...ran].sort()).toEqual(all(5));
  });

  it("opens none for a few pipelines, or where the driver's cache is filled", async () => {
    const never = () => expect.unreachable("opened a helper");
    const few = makeJobs(3);
    await warmUp(few.jobs, () => {}, never);
    expect([...few.ran].sort()).toEqual(all(3));
    const { jobs } = makeJobs(6);
    await warmUp(
      jobs.map((job) => ({ ...job, run: async () => {} })),
      () => {},
      never,
    );
  });

  it("tells what it compiles, and ends with what the listener throws, the rest left out", async () => {
    const { jobs, ran } = makeJobs(40);
    const told: (string | undefined)[] = [];
    const onDone = (next?: string) => {
      told.push(next);
      if (told.length === 3) throw new Error("enough");
    };
    let helper: GPUDevice | undefined;
    const openHelper = async () => (helper = await openDevice());
    await expect(warmUp(jobs, onDone, openHelper)).rejects.toThrow("enough");
    expect(ran).toEqual([0, 1, 2]);
    expect(told).toEqual(["job 1", "job 2", "job 3"]);
    expect((await helper!.lost).reason).toBe("destroyed");
  });

  it("without a helper, lets what has begun end before it fails", async () => {
    const { jobs, ran } = makeJobs(3);
    const failing = { ...jobs[0], run: () => Promise.reject(new Error("device lost")) };
    await expect(warmUp([failing, ...jobs], () => {})).rejects.toThrow("device lost");
    expect(ran).toEqual([0, 1, 2]);
  });

  it("fails as its own device does, with the helper closed", async () => {
    const { jobs } = makeJobs(6);
    let helper: GPUDevice | undefined;
    const failing = { ...jobs[1], run: () => Promise.reject(new Error("device lost")) };
    const openHelper = async () => (helper = await openDevice());
    await expect(warmUp([jobs[0], failing, ...jobs.slice(2)], () => {}, openHelper)).rejects.toThrow(
      "device lost",
    );
    expect((await helper!.lost).reason).toBe("destroyed");
  });
});

// The caches of pipelines and size buffers, on a device that notes what is made; and what a refused shader says.

import { beforeEach, describe, expect, it } from "vitest";
import { PipelineCache, SizeBuffers } from "../../engine/backend/webgpu/pipelines.ts";
import { input, type KernelCall, output, shader } from "../../engine/kernel/kernel.ts";
import { fakeGpu } from "../support/fake-gpu.ts";

const callOf = (more: Partial<KernelCall> = {}): KernelCall => ({
  shader: shader("double", "fn main() { /* of a test */ }"),
  sizes: [1],
  operands: [input(0), output(0)],
  workgroups: [1, 1, 1],
  ...more,
});

describe("pipelines", () => {
  let gpu: ReturnType<typeof fakeGpu>;
  let pipelines: PipelineCache;
  let reports: Promise<Error | undefined>[] = [];
  beforeEach(() => {
    gpu = fakeGpu();
    reports = [];
    pipelines = new PipelineCache(gpu.device, (report) => void reports.push(report));
  });

  it("are found again for the same kernel, whatever its sizes, and made for whatever differs", () => {
    const calls = [
      callOf(),
      callOf({ operands: [input(0), input(1)] }),
      callOf({ operands: [output(0), input(0)] }),
      callOf({ constants: { width: 4 } }),
      callOf({ constants: { width: 8 } }),
      callOf({ shader: shader("double", "fn main() { /* of another */ }") }),
    ];
    const first = calls.map((call) => pipelines.get(call, "an op"));
    expect(new Set(first.map(({ id }) => id)).size).toBe(calls.length);
    for (const [i, call] of calls.entries())
      expect(pipelines.get({ ...call, sizes: [7], workgroups: [9, 1, 1] }, "another op")).toBe(first[i]);
    expect(pipelines.count).toBe(calls.length);
  });

  it("bind what is read and what is written as such", () => {
    pipelines.get(callOf({ operands: [input(0), output(0), input(1)] }), "an op");
    expect(gpu.made.createBindGroupLayout).toEqual([
      {
        entries: ["uniform", "read-only-storage", "storage", "read-only-storage"].map((type, binding) => ({
          binding,
          visibility: 4,
          buffer: { type },
        })),
      },
    ]);
    // The same for another kernel that binds alike.
    pipelines.get(
      callOf({ operands: [input(5), output(1), input(0)], shader: shader("b", "fn main() {}") }),
      "an op",
    );
    expect(gpu.made.createBindGroupLayout).toHaveLength(1);
  });

  it("are compiled ahead once, also where they are asked for twice or made meanwhile", async () => {
    const [a, b] = [callOf(), callOf({ constants: { width: 4 } })].map((call) => ({ call, name: "an op" }));
    const [first, second] = await Promise.all([pipelines.compile([a, a, b]), pipelines.compile([b, a])]);
    expect(first).toHaveLength(2);
    expect(second).toEqual([]);
    expect(await pipelines.compile([a, b])).toEqual([]);
    expect(gpu.made.createComputePipeline).toHaveLength(2);
    expect(pipelines.get(a.call, "an op")).toBe(first[0]);
    const c = { call: callOf({ constants: { width: 16 } }), name: "an op" };
    const ahead = pipelines.compile([c]);
    const made = pipelines.get(c.call, "an op");
    expect(await ahead).toEqual([made]);
    expect(pipelines.count).toBe(3);
  });

  it("that the driver refuses in a long line are told with what stands near the mistake", async () => {
    const source = `one\n${"word ".repeat(60)}mistake${" word".repeat(60)}`;
    const messages = [{ lineNum: 2, linePos: 301, message: "no such word" }];
    Object.assign(gpu.device, {
      createShaderModule: () => ({ getCompilationInfo: async () => ({ messages }) }),
      popErrorScope: async () => ({ message: "refused" }),
    });
    pipelines.get(callOf({ shader: shader("broken", source) }), "an op");
    const lines = (await reports[0])!.message.split("\n").slice(2);
    expect(lines[0]).toBe("   1 | ");
    expect(lines[1]).toMatch(/^ {3}2 \| .{79}mistake.{34}$/);
    expect(lines[2].indexOf("^")).toBe(lines[1].indexOf("mistake"));
  });

  it("that the driver refuses are told with the lines around each mistake, and remembered as such", async () => {
    const source = ["one", "two", "  mistake", "four", "five", "six", "seven"].join("\n");
    const { device } = gpu;
    const module = {
      getCompilationInfo: async () => ({ messages: [{ lineNum: 3, linePos: 3, message: "no such word" }] }),
    };
    Object.assign(device, {
      createShaderModule: () => module,
      popErrorScope: async () => ({ message: "refused" }),
    });
    const call = callOf({ shader: shader("broken", source) });
    const made = pipelines.get(call, "an op");
    const error = await reports[0];
    expect(error?.message).toMatch(
      /^an op \(broken\.wgsl\): the shader was refused\n {2}line 3:3: no such word\n/,
    );
    expect(error?.message.split("\n").slice(2, 9)).toEqual([
      "   1 | one",
      "   2 | two",
      "   3 |   mistake",
      "     |   ^",
      "   4 | four",
      "   5 | five",
      "   6 | six",
    ]);
    expect(made.failure).toBe(error);
    Object.assign(device, {
      createComputePipelineAsync: () => Promise.reject(new Error("refused")),
      popErrorScope: async () => null,
    });
    const ahead = { call: callOf({ shader: shader("ahead", `${source}\n`) }), name: "an op" };
    const refusals = await Promise.allSettled([pipelines.compile([ahead]), pipelines.compile([ahead])]);
    for (const refusal of refusals)
      expect(String((refusal as PromiseRejectedResult).reason)).toMatch(
        /ahead\.wgsl\): the shader was refused/,
      );
    // It is asked again, and may be had then.
    Object.assign(device, { createComputePipelineAsync: async () => ({}) });
    expect(await pipelines.compile([ahead])).toHaveLength(1);
  });
});

describe("size buffers", () => {
  it("are one for each content, and forgotten with their bind groups", () => {
    const gpu = fakeGpu();
    const dropped: number[] = [];
    const sizes = new SizeBuffers(gpu.device, (id) => void dropped.push(id));
    const lists = [[1], [2], [1, 2], [12], [{ f32: 1 }], [{ f32: -0 }], [0]];
    const made = lists.map((list) => sizes.get(list));
    expect(new Set(made.map(({ id }) => id)).size).toBe(lists.length);
    lists.forEach((list, i) => {
      expect(sizes.get(list)).toBe(made[i]);
    });
    expect(made.every(({ id }) => id < 0)).toBe(true);
    const { memory } = made[2].buffer as unknown as { memory: ArrayBuffer };
    expect([...new Uint32Array(memory)].slice(0, 2)).toEqual([1, 2]);
    sizes.clear();
    expect(dropped.sort()).toEqual(made.map(({ id }) => id).sort());
    expect(gpu.made.destroy).toHaveLength(lists.length);
    expect(sizes.count).toBe(0);
    expect(sizes.get([1])).not.toBe(made[0]);
  });
});

// Warm-up: all of a program's kernels are compiled before its first run, and nothing is run by it. And fit does so
// before its first step.

import { beforeAll, describe, expect, it } from "vitest";
import {
  add,
  type Device,
  exp,
  jit,
  matmul,
  mul,
  ShaderError,
  setDevice,
  sum,
  type Tensor,
  tensor,
  tidy,
  variable,
} from "../../engine/index.ts";
import { input, output, shader } from "../../engine/kernel/kernel.ts";
import { defineOp } from "../../engine/tensor/define.ts";
import { Dense, Sequential } from "../../nn/index.ts";
import { gpuDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

let gpu: Device;
beforeAll(async () => {
  gpu = await gpuDevice();
});

/** Adds `constant`, by a kernel that no other test has: the source names it. */
const fresh = (name: string, body: string) =>
  defineOp({
    name,
    call: (x: Tensor) => ({ inputs: [x], attrs: {} }),
    infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
    saves: {},
    vjp: { notDifferentiable: "a test" },
    samples: [],
    kernels: ({ inputs }) => ({
      calls: [
        {
          shader: shader(
            name,
            `struct Sizes { count: u32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < sizes.count) { ${body} }
}`,
          ),
          sizes: [inputs[0].shape.reduce((a, b) => a * b, 1)],
          operands: [input(0), output(0)],
          workgroups: [1, 1, 1],
        },
      ],
    }),
  });

let unique = 0;
/** A kernel that this process has not compiled yet. */
const plus = (amount: number) =>
  fresh(`plus${unique}`, `out[id.x] = x[id.x] + ${amount}.0; /* ${unique++}, ${Date.now()} */`);

describe("warmUp", () => {
  it("compiles everything, runs nothing, and the first call finds all it needs", async () => {
    const [one, two] = [plus(1), plus(2)];
    const total = variable([0, 0, 0], { device: gpu });
    const step = jit((x: Tensor) => {
      const y = two(mul(one(x), 3));
      total.assign(add(total, y));
      return y;
    });
    const x = tensor([1, 2, 3], { device: gpu });
    const before = gpu.counters();
    const seen: { done: number; total: number }[] = [];
    const kernels = new Set<string | undefined>();
    const { pipelines, ms } = await step.warmUp(x, ({ done, total, kernel }) => {
      seen.push({ done, total });
      kernels.add(kernel);
    });
    const warm = gpu.counters();
    expect(pipelines).toBeGreaterThanOrEqual(2);
    expect(warm.pipelines - before.pipelines).toBe(pipelines);
    expect(warm.dispatches).toBe(before.dispatches);
    expect(ms).toBeGreaterThan(0);
    expect(seen).toEqual(Array.from({ length: pipelines + 1 }, (_, done) => ({ done, total: pipelines })));
    // Named where the driver compiles one after another; and nothing is being compiled at the end.
    expect(kernels.has(undefined)).toBe(true);
    expect([...kernels].every((name) => name === undefined || /^\w/.test(name))).toBe(true);
    expect([...(await total.data())]).toEqual([0, 0, 0]);

    const y = step(x);
    expect([...(await y.data())]).toEqual([8, 11, 14]);
    expect([...(await total.data())]).toEqual([8, 11, 14]);
    expect(gpu.counters().pipelines).toBe(warm.pipelines);
    expect(step.programs.size).toBe(1);
    expect(await step.warmUp(x)).toMatchObject({ pipelines: 0 });
    step.dispose();
    x.dispose();
    total.dispose();
  });

  it("leaves no memory behind, whether the program is used, replaced by a call or disposed meanwhile", async () => {
    const once = async (meanwhile: (step: (x: Tensor) => Tensor, dispose: () => void) => void) => {
      const op = plus(4);
      const step = jit((x: Tensor) => sum(op(x)));
      const x = tensor([1, 2, 3], { device: gpu });
      const warming = step.warmUp(x);
      meanwhile(step, () => step.dispose());
      x.dispose();
      await warming;
      const programs = step.programs.size;
      step.dispose();
      await gpu.sync();
      return programs;
    };
    const call = (step: (x: Tensor) => Tensor) => {
      const x = tensor([1, 2, 3], { device: gpu });
      step(x).dispose();
      x.dispose();
    };
    await once(() => {});
    await collectGarbage();
    const before = gpu.memory();
    expect(await once(() => {})).toBe(1);
    expect(await once((step) => call(step))).toBe(1);
    expect(await once((_, dispose) => dispose())).toBe(0);
    const after = gpu.memory();
    expect(after.tensors).toBe(before.tensors);
    expect(after.bytes).toBeLessThanOrEqual(before.bytes);
  });

  it("shares what two of them need", async () => {
    const op = plus(5);
    const [a, b] = [jit((x: Tensor) => op(x)), jit((x: Tensor) => op(op(x)))];
    const x = tensor([1], { device: gpu });
    const before = gpu.counters().pipelines;
    const both = await Promise.all([a.warmUp(x), b.warmUp(x)]);
    expect(both.map(({ pipelines }) => pipelines)).toEqual([1, 0]);
    // Also where one program needs it twice: it is compiled, and counted, once.
    const twice = plus(7);
    const c = jit((y: Tensor) => twice(twice(y)));
    const seen: number[] = [];
    expect(await c.warmUp(x, ({ done, total }) => seen.push(done, total))).toMatchObject({ pipelines: 1 });
    expect(seen).toEqual([0, 1, 1, 1]);
    c.dispose();
    expect(gpu.counters().pipelines).toBe(before + 2);
    expect([...(await b(x).data())]).toEqual([11]);
    expect([...(await a(x).data())]).toEqual([6]);
    a.dispose();
    b.dispose();
    x.dispose();
  });

  it("takes an argument that the program overwrites", async () => {
    const w = variable([1, 2, 3, 4], { device: gpu });
    const op = plus(6);
    const step = jit((x: Tensor) => {
      w.assign(op(x));
    });
    await step.warmUp(w);
    step(w);
    expect([...(await w.data())]).toEqual([7, 8, 9, 10]);
    step.dispose();
    w.dispose();
  });

  it("rejects with the ShaderError of a refused shader, and the device goes on", async () => {
    const op = fresh(`wrong${Date.now()}`, "out[id.x] = y[id.x];");
    const step = jit((x: Tensor) => mul(op(x), 2));
    const x = tensor([1], { device: gpu });
    await collectGarbage();
    const before = gpu.memory();
    const error = await step.warmUp(x).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ShaderError);
    expect((error as Error).message).toMatch(
      /^wrong\d+ \(wrong\d+\.wgsl\): the shader was refused\n {2}line 7:/,
    );
    expect(step.programs.size).toBe(0);
    await gpu.sync();
    expect(gpu.memory()).toEqual(before);
    expect([...(await exp(mul(x, 0)).data())]).toEqual([1]);
    step.dispose();
    x.dispose();
  });

  it("does nothing on the CPU reference", async () => {
    const { referenceDevice } = await import("../support/devices.ts");
    const x = tensor([1], { device: await referenceDevice() });
    const step = jit((t: Tensor) => mul(t, 2));
    expect(await step.warmUp(x)).toMatchObject({ pipelines: 0 });
    expect([...(await step(x).data())]).toEqual([2]);
    x.dispose();
  });
});

describe("fit", () => {
  it("compiles before its first step, for the short last batch too", async () => {
    setDevice(gpu);
    // Sizes and activations that no other test has together.
    using model = new Sequential([
      new Dense(7, { activation: "tanh", inputShape: [13] }),
      new Dense(3, { activation: "softmax" }),
    ]);
    model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy", metrics: "accuracy" });
    const x = Float32Array.from({ length: 13 * 50 }, (_, i) => Math.sin(i));
    const y = Uint8Array.from({ length: 50 }, (_, i) => i % 3);
    const pipelines: number[] = [];
    const before = gpu.counters().pipelines;
    const history = await model.fit(tensor(x, [50, 13]), tensor(y), {
      batchSize: 16,
      epochs: 2,
      verbose: 0,
      onEpochEnd: () => {
        pipelines.push(gpu.counters().pipelines);
      },
    });
    expect(history.compiledPipelines).toBeGreaterThan(0);
    expect(history.compiledPipelines).toBeLessThanOrEqual(pipelines[0] - before);
    expect(history.firstStepMs).toBeGreaterThan(0);
    expect(history.firstStepMs).toBeLessThan(history.epochSeconds[0] * 1000);
    expect(pipelines[1]).toBe(pipelines[0]);
    // All of the kernels are there now.
    const again = await model.fit(tensor(x, [50, 13]), tensor(y), { batchSize: 16, verbose: 0 });
    expect(again.compiledPipelines).toBe(0);
    expect(gpu.counters().pipelines).toBe(pipelines[1]);
  });

  it("reports none where it runs op by op and all is compiled", async () => {
    setDevice(gpu);
    using model = new Sequential([new Dense(3, { inputShape: [2] })]);
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const [x, y] = tidy(() => [new Float32Array(8), new Float32Array(12)]);
    const data = [tensor(x, [4, 2]), tensor(y, [4, 3])] as const;
    await model.fit(...data, { jit: false, verbose: 0 });
    const history = await model.fit(...data, { jit: false, verbose: 0 });
    expect(history.compiledPipelines).toBe(0);
    for (const one of data) one.dispose();
  });
});

describe("a matmul with what rides on it", () => {
  it("is compiled ahead too", async () => {
    const step = jit((a: Tensor, b: Tensor) => exp(matmul(a, b)));
    const [a, b] = [
      tensor([1, 0, 0, 1], { shape: [2, 2], device: gpu }),
      tensor([0, 0, 0, 0], { shape: [2, 2], device: gpu }),
    ];
    await step.warmUp(a, b);
    const before = gpu.counters().pipelines;
    expect([...(await step(a, b).data())]).toEqual([1, 1, 1, 1]);
    expect(gpu.counters().pipelines).toBe(before);
    step.dispose();
    a.dispose();
    b.dispose();
  });
});

// The device's life on this adapter: lost and opened again, two side by side, closed twice, shaders refused. Each
// test opens devices of its own; the one that other files share stays as it is.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WebgpuBackend } from "../../engine/backend/webgpu/webgpu.ts";
import {
  add,
  type Device,
  DeviceError,
  DeviceLostError,
  DisposedError,
  device as defaultDevice,
  dispose,
  exp,
  float16Products,
  GradgpuError,
  init,
  jit,
  matmul,
  mul,
  profile,
  ShaderError,
  setDevice,
  sum,
  type Tensor,
  TraceError,
  tensor,
  tidy,
  variable,
} from "../../engine/index.ts";
import { showVariants } from "../../engine/inspect/show-variants.ts";
import { input, output, shader } from "../../engine/kernel/kernel.ts";
import { unary } from "../../engine/ops/elementwise/elementwise.ts";
import { defineOp } from "../../engine/tensor/define.ts";
import { notDifferentiable } from "../../engine/tensor/op.ts";
import { Dense, Input, Sequential } from "../../nn/index.ts";
import { Adam } from "../../optim/index.ts";
import { gpuDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

let shared: Device;
const opened: Device[] = [];

beforeEach(async () => {
  shared = await gpuDevice();
});
afterEach(() => {
  for (const device of opened.splice(0)) device.dispose();
  setDevice(shared);
});

async function open(seed = 1): Promise<Device> {
  const device = await init({ device: "webgpu", seed });
  opened.push(device);
  return device;
}

const lose = (device: Device) => (device.backend as WebgpuBackend).loseDevice();

/** Lets the driver's news of the loss arrive. */
async function untilLost(device: Device): Promise<void> {
  await device.backend.lost;
  expect(device.lostReason).toBeTypeOf("string");
}

/** What a promise rejects with. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    return { resolvedTo: await promise };
  } catch (error) {
    return error;
  }
}

describe("a lost device", () => {
  it("rejects what is pending with a DeviceLostError, and everything asked for later", async () => {
    const device = await open();
    const x = tensor([1, 2, 3]);
    const w = variable([1, 2, 3], { name: "w" });
    const y = exp(mul(x, w));
    const pending = [y.data(), sum(y).item(), y.array(), device.sync()];
    lose(device);
    const errors = await Promise.all(pending.map(rejection));
    for (const error of errors) {
      expect(error).toBeInstanceOf(DeviceLostError);
      expect((error as Error).message).toMatch(
        /was lost \(.+\), and all values on it; await device\.recover\(\)/,
      );
    }
    await untilLost(device);
    for (const use of [
      () => exp(x),
      () => add(x, 1),
      () => tensor([1]),
      () => variable([1]),
      () => w.assign(x),
      () => w.set([1, 2, 3]),
      () => setDevice(device),
    ]) {
      expect(use).toThrow(DeviceLostError);
    }
    expect(await rejection(x.data())).toBeInstanceOf(DeviceLostError);
    expect(await rejection(Promise.resolve().then(() => device.sync()))).toBeInstanceOf(DeviceLostError);
    // Freeing goes on working, and so does closing.
    for (const made of [x, w, y]) made.dispose();
    device.dispose();
    expect(() => exp(x)).toThrow(GradgpuError);
  });

  it("rejects work whose shaders were still being compiled, and nothing goes unhandled", async () => {
    const device = await open();
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", note);
    const a = tensor(new Float32Array(12), [3, 4]);
    const c = matmul(a, tensor(new Float32Array(20), [4, 5]));
    lose(device);
    expect(await rejection(c.data())).toBeInstanceOf(DeviceLostError);
    await untilLost(device);
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  it.each(["timestamps", "wall"] as const)(
    "ends a profile by its %s, and nothing goes unhandled",
    async (clock) => {
      const device = await open();
      if (clock === "timestamps" && !device.info.features.includes("timestamp-query")) return;
      const unhandled: unknown[] = [];
      const note = (error: unknown) => unhandled.push(error);
      process.on("unhandledRejection", note);
      const profiled = profile(
        async () => {
          const y = exp(tensor([1, 2]));
          const pending = [y.data(), mul(y, 2).data()];
          // The driver is at work, and what it has to tell is lost with it.
          lose(device);
          await Promise.allSettled(pending);
          await new Promise((resolve) => setTimeout(resolve, 50));
        },
        { clock },
      );
      expect(await rejection(profiled)).toBeInstanceOf(DeviceLostError);
      process.off("unhandledRejection", note);
      expect(unhandled).toEqual([]);
    },
  );

  it("leaves the others alone", async () => {
    const first = await open();
    const x = tensor([1, 2]);
    const second = await open();
    const y = tensor([3, 4]);
    lose(first);
    await untilLost(first);
    expect(() => exp(x)).toThrow(DeviceLostError);
    expect([...(await mul(y, y).data())]).toEqual([9, 16]);
    expect(second.lostReason).toBeUndefined();
  });

  it("is followed by init(), and training resumes from the weights last read", async () => {
    const rows = 24;
    const x = Float32Array.from({ length: rows * 4 }, (_, i) => Math.sin(i * 1.7));
    const y = Float32Array.from({ length: rows }, (_, i) => (x[4 * i] + x[4 * i + 2] > 0 ? 1 : 0));
    const make = () => {
      const model = new Sequential([
        new Input([4]),
        new Dense(8, { activation: "tanh" }),
        new Dense(1, { activation: "sigmoid" }),
      ]);
      return model.compile({ optimizer: new Adam({ learningRate: 0.05 }), loss: "binaryCrossentropy" });
    };
    const options = { epochs: 6, batchSize: 8, verbose: 0 } as const;
    const first = await open();
    const model = make();
    await model.fit(x, y, options);
    const snapshot = await model.getWeights();
    const [reached] = await model.evaluate(x, y);
    const training = model.fit(x, y, { ...options, epochs: 1000 });
    await Promise.resolve();
    lose(first);
    expect(await rejection(training)).toBeInstanceOf(DeviceLostError);
    await untilLost(first);
    expect(await rejection(model.getWeights())).toBeInstanceOf(DeviceLostError);
    expect(await rejection(model.fit(x, y, options))).toBeInstanceOf(DeviceLostError);
    model.dispose();
    first.dispose();

    await open();
    const resumed = make();
    resumed.setWeights(snapshot);
    const [same] = await resumed.evaluate(x, y);
    expect(same).toBe(reached);
    const { history } = await resumed.fit(x, y, { ...options, epochs: 12 });
    expect(history.loss[11]).toBeLessThan(reached);
    resumed.dispose();
  });
});

it("is not cloned, nor is what holds it: a copy would do nothing", () => {
  const x = variable([1], { device: shared });
  for (const each of [shared, x, { deep: [x] }])
    expect(() => structuredClone(each)).toThrow(/a gradgpu Device/);
  x.dispose();
});

describe("a closed device", () => {
  it("may be closed twice; its tensors say so, and reading under way is rejected with a typed error", async () => {
    const device = await open();
    const x = tensor([[1, 2]]);
    const w = variable([1], { name: "w" });
    const pending = [mul(x, 2).data(), device.sync()];
    device.dispose();
    device.dispose();
    dispose();
    expect(device.isDisposed).toBe(true);
    for (const error of await Promise.all(pending.map(rejection))) {
      expect(error).toBeInstanceOf(DisposedError);
      expect((error as Error).message).toMatch(/belongs to a device that was closed; open one with init\(\)/);
    }
    await device.backend.lost;
    expect(device.lostReason).toBeUndefined();
    expect(() => exp(x)).toThrow(DisposedError);
    expect(() => exp(x)).toThrow(/tensor f32 \[1, 2\] belongs to a device that was closed; .*init\(\)/);
    expect(() => w.set([2])).toThrow(/variable "w".*device that was closed/);
    expect(() => device.sync()).toThrow(DisposedError);
    expect(() => setDevice(device)).toThrow(DisposedError);
    x.dispose();
    w.dispose();
  });

  it("ends a fit as closed, not as lost: nothing is opened again", async () => {
    const device = await open();
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const model = new Sequential([new Input([2]), new Dense(1)]);
    model.compile({ optimizer: new Adam(), loss: "meanSquaredError" });
    const onEpochEnd = () => device.dispose();
    const fit = model.fit(new Float32Array(8), new Float32Array(4), { epochs: 3, verbose: 0, onEpochEnd });
    expect(await rejection(fit)).toBeInstanceOf(DisposedError);
    expect(warn.mock.calls).toEqual([]);
    warn.mockRestore();
    model.dispose();
  });

  it("stays open where a traced function would close it", async () => {
    const device = await open();
    const f = jit((x: Tensor) => {
      device.dispose();
      return exp(x);
    });
    const x = tensor([0]);
    expect(() => f(x)).toThrow(TraceError);
    expect(device.isDisposed).toBe(false);
    expect(defaultDevice()).toBe(device);
    expect([...(await exp(x).data())]).toEqual([1]);
  });

  it("is collected, with all that was made on it", async () => {
    // A function of its own: a frame that is still running may hold what it made.
    const openAndClose = async () => {
      const device = await init({ device: "webgpu" });
      const x = tensor([1, 2]);
      // The device keeps the number 2, for later calls.
      await mul(exp(x), 2).data();
      device.dispose();
      await device.realBackend.lost;
      return [device, device.realBackend, x].map((made) => new WeakRef<object>(made));
    };
    const made = await openAndClose();
    await collectGarbage();
    expect(made.map((reference) => reference.deref())).toEqual([undefined, undefined, undefined]);
  });

  it("is no default any more", async () => {
    const device = await open();
    expect(defaultDevice()).toBe(device);
    device.dispose();
    expect(() => defaultDevice()).toThrow(DeviceError);
    expect(() => tensor([1])).toThrow(/call `await init\(\)` first/);
  });
});

describe("two devices side by side", () => {
  it("keep their tensors, counters and memory apart", async () => {
    const first = await open();
    const x = tensor([1, 2]);
    const second = await open();
    const y = tensor([3, 4]);
    const before = first.counters();
    expect(y.device).toBe(second);
    // Ops follow their inputs, whatever the default is; numbers go where the tensors are.
    const [a, b] = [add(x, 1), add(y, 1)];
    expect(a.device).toBe(first);
    expect(b.device).toBe(second);
    expect([...(await a.data())]).toEqual([2, 3]);
    expect([...(await b.data())]).toEqual([4, 5]);
    expect(first.counters().dispatches - before.dispatches).toBe(1);
    expect(first.memory().tensors).toBe(3); // x, a, the number 1
    expect(second.memory().tensors).toBe(3);
    setDevice(first);
    expect(tensor([1]).device).toBe(first);
    second.dispose();
    expect(() => exp(y)).toThrow(DisposedError);
    expect([...(await mul(a, x).data())]).toEqual([2, 6]);
  });

  it("refuse to meet in one call", async () => {
    const first = await open();
    const x = tensor([1, 2]);
    await open();
    const y = tensor([3, 4]);
    const w = variable([0, 0], { name: "w" });
    for (const mix of [() => add(x, y), () => matmul(x, y), () => w.assign(x)]) {
      expect(mix).toThrow(DeviceError);
    }
    expect(() => add(x, y)).toThrow(/add: the inputs are on two devices \(webgpu( \d+)? and webgpu \d+\)/);
    expect(first.memory().tensors).toBe(1);
  });

  it("draw the same under the same seed", async () => {
    const weights = async (seed: number) => {
      const device = await open(seed);
      const model = new Sequential([new Input([3]), new Dense(4)]);
      const values = (await model.getWeights()).map((weight) => [...weight.values]);
      model.dispose();
      device.dispose();
      return values;
    };
    const first = await weights(5);
    expect(await weights(5)).toEqual(first);
    expect(await weights(6)).not.toEqual(first);
  });
});

describe("init", () => {
  it("refuses unknown devices and seeds", async () => {
    expect(String(await rejection(init({ device: "webgl" as "cpu" })))).toMatch(
      /unknown device "webgl".*webgpu/,
    );
    for (const seed of [-1, 1.5, Number.NaN, 2 ** 60]) {
      expect(String(await rejection(init({ seed })))).toMatch(/seed must be a whole number/);
    }
  });

  it("takes float16 for products as a permission: software adapters, which have no matrix units, stay exact", async () => {
    expect(String(await rejection(init({ matmulPrecision: "f16" as "float32" })))).toMatch(
      /matmulPrecision.*float32.*float16Products.*f16/,
    );
    const device = await init({ device: "webgpu", matmulPrecision: float16Products });
    opened.push(device);
    expect(device.info.matrixUnit).toBeUndefined();
    expect(showVariants(device)).not.toContain("matrix-");
    // 2049 is no number of f16.
    const x = tensor([[2049]], { device });
    expect([...(await matmul(x, x).data())]).toEqual([2049 * 2049]);
  });

  it("tells the adapter, its limits and features", async () => {
    const { info } = await open();
    expect(info.backend).toBe("webgpu");
    expect(info.adapter).not.toBe("");
    expect(info.driver).not.toBe("");
    expect(info.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 * 2 ** 20);
  });
});

describe("a shader that does not compile", () => {
  const broken = (name: string, body: string) =>
    defineOp({
      name,
      saves: {},
      samples: [],
      vjp: notDifferentiable("a test"),
      call: (x: Tensor) => ({ inputs: [x], attrs: {} }),
      infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
      reference: () => {},
      kernels: () => ({
        calls: [
          {
            shader: shader(
              "broken",
              `struct Sizes { count: u32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1)
fn main() {
  ${body}
}`,
            ),
            sizes: [1],
            operands: [input(0), output(0)],
            workgroups: [1, 1, 1],
          },
        ],
      }),
    });

  it.each([
    ["a type error", "out[0] = x[0] + sizes.count;"],
    ["a syntax error", "out[0] = x[0] +;"],
    ["an unknown name", "out[0] = y[0];"],
  ])("(%s) is told with the lines around it and the op, and the device goes on", async (_, body) => {
    const device = await open();
    const x = tensor([1, 2]);
    await collectGarbage();
    const before = device.memory();
    const bad = broken("brokenOp", body)(x);
    const error = (await rejection(bad.data())) as Error;
    expect(error).toBeInstanceOf(ShaderError);
    expect(error.message).toMatch(/^brokenOp \(broken\.wgsl\): the shader was refused\n/);
    expect(error.message).toMatch(/line 7:\d+: /);
    expect(error.message).toContain(`   7 |   ${body}`);
    expect(error.message).toMatch(/\n {3}7 \| [^\n]*\n {5}\| *\^\n/);
    expect(error.message).not.toContain("struct Sizes");
    expect((error as ShaderError).source).toContain("struct Sizes { count: u32 }");
    bad.dispose();
    // One error for one mistake, then all is well.
    expect([...(await mul(x, x).data())]).toEqual([1, 4]);
    await device.sync();
    expect(device.lostReason).toBeUndefined();
    expect(device.memory().tensors).toBe(before.tensors + 1);
    expect(device.memory().bytes).toBe(before.bytes + 256);
  });

  it("is told by sync() too, and at the call from then on", async () => {
    const device = await open();
    const x = tensor([1, 2]);
    const op = broken("brokenOp", "out[0] = y[0];");
    tidy(() => {
      op(x);
    });
    expect(await rejection(device.sync())).toBeInstanceOf(ShaderError);
    await collectGarbage();
    const before = device.memory();
    for (let i = 0; i < 2; i++) {
      expect(() => op(x)).toThrow(ShaderError);
      expect(() => op(x)).toThrow(/brokenOp \(broken\.wgsl\): the shader was refused/);
    }
    expect(device.memory()).toEqual(before);
    await device.sync();
  });

  it("is told where the entry point asks for more than the adapter has", async () => {
    const device = await open();
    const limit = device.info.limits.maxComputeInvocationsPerWorkgroup;
    const wide = defineOp({
      ...broken("wideOp", "out[0] = x[0];").op,
      call: (x: Tensor) => ({ inputs: [x], attrs: {} }),
      kernels: () => ({
        calls: [
          {
            shader: shader(
              "wide",
              `struct Sizes { count: u32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(${limit * 2})
fn main() { out[0] = x[0] * f32(sizes.count); }`,
            ),
            sizes: [1],
            operands: [input(0), output(0)],
            workgroups: [1, 1, 1] as const,
          },
        ],
      }),
    });
    const error = (await rejection(wide(tensor([1])).data())) as Error;
    expect(error).toBeInstanceOf(ShaderError);
    expect(error.message).toMatch(/^wideOp \(wide\.wgsl\)/);
  });
});

describe("two ops of one name", () => {
  it("keep their own kernels, eager and under jit", async () => {
    const device = await open();
    const times = (factor: number) =>
      unary({
        name: "scaled",
        wgsl: `a * ${factor}.0`,
        reference: ([a]) => a * factor,
        vjp: notDifferentiable("a test"),
        samples: [],
      });
    const [double, triple] = [times(2), times(3)];
    const x = tensor([1, 2], { device });
    expect([...(await double(x).data())]).toEqual([2, 4]);
    expect([...(await triple(x).data())]).toEqual([3, 6]);
    const both = jit((y: Tensor) => [double(y), triple(y)]);
    const [a, b] = both(x);
    expect([...(await a.data()), ...(await b.data())]).toEqual([2, 4, 3, 6]);
  });
});

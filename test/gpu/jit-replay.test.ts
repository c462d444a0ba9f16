// How a program replays: copies between its dispatches keep their place in runs of many steps, and a kernel that the
// driver refuses is named, by the run that needs it and by all later ones.

import { afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  add,
  type Device,
  init,
  jit,
  mul,
  ShaderError,
  setDevice,
  sum,
  type Tensor,
  tensor,
  variable,
} from "../../engine/index.ts";
import { input, output, shader } from "../../engine/kernel/kernel.ts";
import { defineOp } from "../../engine/tensor/define.ts";
import { notDifferentiable } from "../../engine/tensor/op.ts";
import { gpuDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

let shared: Device;
const opened: Device[] = [];

beforeAll(async () => {
  shared = await gpuDevice();
  setDevice(shared);
});
afterEach(() => {
  for (const device of opened.splice(0)) device.dispose();
  setDevice(shared);
});

describe("a chain of 1,000 adds", () => {
  it("is one dispatch", async () => {
    const chain = jit((x: Tensor) => {
      let y = x;
      for (let i = 0; i < 1000; i++) y = add(y, 1);
      return y;
    });
    const x = tensor([1, 2, 3, 4]);
    expect([...(await chain(x).data())]).toEqual([1001, 1002, 1003, 1004]);
    const before = shared.counters().dispatches;
    chain(x).dispose();
    expect(shared.counters().dispatches - before).toBe(1);
    chain.dispose();
    x.dispose();
  });
});

describe("a jitted function that is dropped without dispose()", () => {
  it("gives back what its programs hold, but not while anything of it can be called", async () => {
    const device = await init({ device: "webgpu" });
    opened.push(device);
    const kept: { run?: (x: Tensor) => Tensor; result?: Tensor } = {};
    const w = variable([1, 2, 3, 4], { name: "w" });
    const x = tensor([1, 2, 3, 4]);
    // A function of its own: a frame that is still running may hold what it made.
    const make = () => {
      const constant = tensor([5, 6, 7, 8]);
      const { run } = jit((x: Tensor) => {
        w.assign(mul(w, 2));
        return sum(mul(add(x, constant), w), 0, { keepDims: true });
      });
      kept.run = (x) => run({ steps: 1 }, x);
      kept.result = kept.run(x);
      constant.dispose();
    };
    await collectGarbage();
    const before = device.memory();
    make();
    const running = device.memory().bytes;
    expect(running).toBeGreaterThan(before.bytes);
    const [first] = await (kept.result as Tensor).data();
    await collectGarbage();
    expect(device.memory().bytes).toBe(running);
    const second = kept.run!(x);
    expect([...(await second.data())]).toEqual([2 * first]);
    kept.run = undefined;
    kept.result = second;
    await collectGarbage();
    expect([...(await second.data())]).toEqual([2 * first]);
    kept.result = undefined;
    second.dispose();
    await collectGarbage();
    const { tensors, bytes } = device.memory();
    expect({ tensors, bytes }).toEqual({ tensors: before.tensors, bytes: before.bytes });
  });
});

describe("copies in a program", () => {
  it("happen in every step of a run, before and after its dispatches", async () => {
    const run = async (together: boolean) => {
      const [a, b, total] = [variable([1, 2]), variable([3, 5]), variable(0)];
      // Swapping needs a copy of an old value first, and copies at the end.
      const step = jit(() => {
        const next = add(mul(a, 0.5), b);
        total.assign(add(total, sum(mul(next, b))));
        b.assign(a);
        a.assign(next);
      });
      const before = shared.counters();
      if (together) step.run({ steps: 5 });
      else for (let i = 0; i < 5; i++) step();
      const after = shared.counters();
      const [program] = step.programs.values();
      const copies = program.plan.steps.filter(({ kind }) => kind === "copy").length;
      expect(copies).toBeGreaterThan(0);
      expect(after.copies - before.copies).toBe(5 * copies);
      expect(after.dispatches - before.dispatches).toBe(5 * (program.plan.steps.length - copies));
      if (together) expect(after.submits - before.submits).toBe(1);
      const values = [...(await a.data()), ...(await b.data()), await total.item()];
      for (const held of [step, a, b, total]) held.dispose();
      return values;
    };
    let [a, b, total] = [[1, 2], [3, 5], 0];
    for (let i = 0; i < 5; i++) {
      const next = a.map((value, k) => value * 0.5 + b[k]);
      total += next[0] * b[0] + next[1] * b[1];
      [b, a] = [a, next];
    }
    for (const together of [true, false]) {
      const got = await run(together);
      [...a, ...b, total].forEach((value, i) => {
        expect(got[i]).toBeCloseTo(value, 3);
      });
    }
  });

  it("an upload into what the program's copies use waits for them", async () => {
    const [a, b] = [variable([1, 2]), variable([0, 0])];
    const step = jit(() => {
      b.assign(a);
    });
    step();
    a.set([7, 8]);
    expect([...(await b.data())]).toEqual([1, 2]);
    step();
    b.set([0, 0]);
    expect([...(await b.data())]).toEqual([0, 0]);
    for (const held of [step, a, b]) held.dispose();
  });
});

describe("an upload right after a program has run", () => {
  it("waits for what the program does with its arguments and with what it captures", async () => {
    const [held, given] = [variable([1, 2]), variable([3, 4])];
    const step = jit((x: Tensor) => [sum(held), mul(x, 10)] as const);
    const [total, tens] = step(given);
    held.set([50, 60]);
    expect(await total.item()).toBe(3);
    const [again, other] = step(given);
    given.set([7, 8]);
    expect([...(await other.data())]).toEqual([30, 40]);
    expect(await again.item()).toBe(110);
    for (const each of [step, held, given, total, tens]) each.dispose();
  });
});

describe("a kernel that the driver refuses", () => {
  const source = `struct Sizes { count: u32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1) fn main() { out[0] = nothing[0]; }`;
  const broken = defineOp<[x: Tensor], object>({
    name: "brokenOp",
    call: (x) => ({ inputs: [x], attrs: {} }),
    infer: ([x]) => [x],
    kernels: () => ({
      calls: [
        {
          shader: shader("broken", source),
          sizes: [1],
          operands: [input(0), output(0)],
          workgroups: [1, 1, 1],
        },
      ],
    }),
    reference: () => {},
    vjp: notDifferentiable("it is broken"),
    saves: {},
    samples: [],
  });
  const named = /brokenOp \(broken\.wgsl\): the shader was refused[\s\S]*nothing\[0\]/;

  it.each([
    ["with an argument", true],
    ["without", false],
  ])("is told by the run's result and at every later call, %s", async (_, hasArgument) => {
    const device = await init({ device: "webgpu", seed: 1 });
    opened.push(device);
    const x = tensor([1, 2]);
    const held = variable([1, 2]);
    const step = hasArgument ? jit((y: Tensor) => broken(mul(y, 2))) : jit(() => broken(mul(held, 2)));
    const result = step(x);
    const error = await result.data().then(
      () => undefined,
      (refusal: unknown) => refusal,
    );
    expect(error).toBeInstanceOf(ShaderError);
    expect((error as Error).message).toMatch(named);
    result.dispose();
    for (let i = 0; i < 2; i++) {
      expect(() => step(x)).toThrow(ShaderError);
      expect(() => step.run({ steps: 3 }, x)).toThrow(named);
    }
    // All else goes on.
    expect([...(await mul(x, x).data())]).toEqual([1, 4]);
    await device.sync();
  });
});

// Autograd on the adapter: what backward means inside jit, deep chains, values that a program overwrites.

import { beforeAll, describe, expect, it } from "vitest";
import {
  backward,
  type Device,
  grad,
  hvp,
  jit,
  jvp,
  mul,
  record,
  registerHook,
  setDevice,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  TraceError,
  tanh,
  tensor,
  tidy,
  valueAndGrad,
  variable,
  zeroGrad,
} from "../../engine/index.ts";
import { explain } from "../../engine/inspect/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

let gpu: Device;
let reference: Device;

beforeAll(async () => {
  reference = await referenceDevice();
  gpu = await gpuDevice();
  setDevice(gpu);
});

const valuesOf = async (x: Tensor | null) => (x === null ? null : [...(await x.dataFloat64())]);

describe("backward inside jit", () => {
  it("starts from nothing at each call, ends with it, and leaves the outside alone", async () => {
    for (const device of [reference, gpu]) {
      setDevice(device);
      const w = variable([2, 3], { device, name: "w" });
      const step = jit(() => {
        const seen = w.grad;
        backward(record(() => sum(square(w))));
        const first = w.grad as Tensor;
        const twice = mul(first, 1);
        backward(record(() => sum(mul(w, 5))));
        const total = w.grad as Tensor;
        w.assign(sub(w, mul(total, 0.5)));
        return { total, twice, started: seen === null ? tensor(1) : tensor(0) };
      });
      // A gradient outside is neither seen nor changed.
      backward(record(() => sum(mul(w, 100))));
      for (let i = 0; i < 3; i++) {
        const before = (await valuesOf(w)) as number[];
        const { total, twice, started } = step();
        expect(await valuesOf(started)).toEqual([1]);
        expect(await valuesOf(twice)).toEqual(before.map((v) => 2 * v));
        expect(await valuesOf(total)).toEqual(before.map((v) => 2 * v + 5));
        expect(await valuesOf(w)).toEqual(before.map((v) => v - (2 * v + 5) / 2));
        expect(await valuesOf(w.grad)).toEqual([100, 100]);
      }
      step.dispose();
      zeroGrad(w);
    }
    setDevice(gpu);
  });

  it("hooks and stopGradient are part of the program; stopGradient costs no dispatch", async () => {
    const x = tensor([1, 2, 3], { device: gpu });
    const traced = jit((v: Tensor) => {
      return grad((u) => {
        const y = square(u);
        registerHook(y, (g) => mul(g, 10));
        return sum(mul(y, stopGradient(u)));
      })(v)[0];
    });
    expect(await valuesOf(traced(x))).toEqual([20, 80, 180]);
    traced.dispose();
    const alone = jit((v: Tensor) => mul(stopGradient(v), 2));
    expect(await valuesOf(alone(x))).toEqual([2, 4, 6]);
    expect([...alone.programs.values()][0].plan.steps).toHaveLength(1);
    alone.dispose();
  });

  it("products with derivatives trace, too", async () => {
    const x = tensor([0.5, -1], { device: gpu });
    const f = (v: Tensor) => mul(tanh(v), v);
    const traced = jit((v: Tensor) => [
      jvp(f, [v], [v]).tangent,
      hvp((u) => sum(f(u)), [v], [v]).products[0],
    ]);
    const results = traced(x);
    const wanted = [jvp(f, [x], [x]).tangent, hvp((u) => sum(f(u)), [x], [x]).products[0]];
    for (let k = 0; k < 2; k++) {
      const [a, b] = [await valuesOf(results[k]), await valuesOf(wanted[k])];
      b?.forEach((w, i) => {
        expect(a?.[i]).toBeCloseTo(w, 5);
      });
    }
    traced.dispose();
  });
});

describe("values that a program overwrites", () => {
  it("are refused in a backward that needs them", () => {
    const x = tensor([2], { device: gpu });
    const program = jit((v: Tensor) => mul(v, 3));
    const made = program(x);
    const loss = record(() => sum(square(mul(x, made))), { watch: [x] });
    program(tensor([5], { device: gpu }));
    expect(() => backward(loss)).toThrow(TraceError);
    program.dispose();
  });
});

describe("deep chains", () => {
  it("20,000 ops, eager: recorded, walked, freed", async () => {
    const x = tensor([1], { device: gpu });
    await collectGarbage();
    const before = gpu.memory().tensors;
    const loss = record(
      () =>
        tidy(() => {
          let value: Tensor = x;
          for (let i = 0; i < 20_000; i++) value = mul(value, i % 2 === 0 ? 2 : 0.5);
          return sum(value);
        }),
      { watch: [x] },
    );
    backward(loss);
    expect(await valuesOf(x.grad)).toEqual([1]);
    loss.dispose();
    zeroGrad(x);
    // Two scalars that the device keeps.
    expect(gpu.memory().tensors - before).toBeLessThanOrEqual(3);
  });

  it("2,000 ops in jit: traced, fused into kernels of bounded length, explained", async () => {
    const traced = jit((v: Tensor) => {
      const { value, grads } = valueAndGrad((u) => {
        let last = u;
        for (let i = 0; i < 2000; i++) last = mul(last, i % 2 === 0 ? 2 : 0.5);
        return sum(square(last));
      })(v);
      return [value, grads[0]];
    });
    const [value, gradient] = traced(tensor([3], { device: gpu }));
    expect(await valuesOf(value)).toEqual([9]);
    expect(await valuesOf(gradient)).toEqual([6]);
    const [program] = traced.programs.values();
    expect(program.fused.units.length).toBeLessThan(100);
    expect(Math.max(...program.fused.units.map(({ nodes }) => nodes.length))).toBeLessThanOrEqual(1024);
    expect(explain(traced).split("\n").length).toBeGreaterThan(4000);
    traced.dispose();
  });
});

// checkpoint: the same gradients with less memory, eager and in jit; the same random masks; nothing assigned twice.

import { beforeAll, describe, expect, it } from "vitest";
import {
  add,
  backward,
  checkpoint,
  type Device,
  dropout,
  GradientError,
  grad,
  hvp,
  init,
  jit,
  matmul,
  mul,
  noGrad,
  randomUniform,
  record,
  setDevice,
  square,
  sum,
  Tape,
  type Tensor,
  tanh,
  tensor,
  tidy,
  type Variable,
  variable,
  variableGrads,
} from "../../engine/index.ts";
import { advance } from "../../engine/internal.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

let gpu: Device;
let reference: Device;

beforeAll(async () => {
  reference = await referenceDevice();
  gpu = await gpuDevice();
});

const both = () => [reference, gpu] as const;
const valuesOf = async (x: Tensor) => [...(await x.dataFloat64())];
const expectSame = async (got: readonly Tensor[], want: readonly Tensor[]) => {
  expect(got.length).toBe(want.length);
  for (let k = 0; k < want.length; k++) {
    const [a, b] = [await valuesOf(got[k]), await valuesOf(want[k])];
    b.forEach((w, i) => {
      expect(Math.abs(a[i] - w), `gradient ${k}, element ${i}: ${a[i]} against ${w}`).toBeLessThan(
        2e-5 * (1 + Math.abs(w)),
      );
    });
  }
};

const matrix = (rows: number, columns: number, device: Device, shift = 0) =>
  tensor(
    Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * 1.7 + shift) / 2),
    { shape: [rows, columns], device },
  );

describe("gradients", () => {
  it("equal those without it: arguments, captured variables and captured values; nested; several results", async () => {
    for (const device of both()) {
      const w1 = variable(matrix(5, 7, device), { name: "w1" });
      const w2 = variable(matrix(7, 3, device, 1), { name: "w2" });
      const x = matrix(4, 5, device, 2);
      const loss = (wrap: typeof checkpoint) => {
        const scale = square(w2);
        const inner = wrap((h: Tensor) => tanh(matmul(h, mul(w2, scale))));
        const block = wrap((v: Tensor, power: number) => {
          const h = tanh(matmul(v, w1));
          return [inner(h), power === 2 ? square(h) : h];
        });
        const [a, b] = block(x, 2);
        return add(sum(square(a)), sum(mul(b, 0.1)));
      };
      const plain = (fn: unknown) => fn as never;
      const ask = (wrap: typeof checkpoint) => {
        const tape = new Tape().watch(x);
        const total = tape.record(() => loss(wrap));
        const gradients = tape.gradient(total, [x, w1, w2]);
        tape.dispose();
        return gradients;
      };
      await expectSame(ask(checkpoint), ask(plain as typeof checkpoint));
      // And through jit.
      const traced = jit(() => {
        const { value, grads } = variableGrads(() => loss(checkpoint), [w1, w2]);
        return [value, ...grads];
      });
      setDevice(device);
      const [, d1, d2] = traced();
      const want = variableGrads(() => loss(plain as typeof checkpoint), [w1, w2]);
      await expectSame([d1, d2], want.grads);
      traced.dispose();
    }
    setDevice(gpu);
  });

  it("of gradients, too", async () => {
    for (const device of both()) {
      const w = variable(matrix(3, 3, device), { name: "w" });
      const x = matrix(2, 3, device, 1);
      const f = (wrap: typeof checkpoint) => (v: Tensor) => sum(wrap((u: Tensor) => tanh(matmul(u, w)))(v));
      const plain = ((fn: unknown) => fn) as typeof checkpoint;
      const [got, want] = [checkpoint, plain].map((wrap) => hvp(f(wrap), [x], [x]).products);
      await expectSame(got, want);
    }
  });

  it("do not run where nobody records", async () => {
    let runs = 0;
    const block = checkpoint((v: Tensor) => {
      runs++;
      return mul(v, 2);
    });
    const x = tensor([3], { device: reference });
    expect(await valuesOf(block(x))).toEqual([6]);
    expect(runs).toBe(1);
    const [dx] = grad((v) => sum(block(v)))(x);
    expect(await valuesOf(dx)).toEqual([2]);
    expect(runs).toBe(3);
  });

  it("handle results that are arguments or captured", async () => {
    const x = tensor([3], { device: reference });
    const y = tensor([5], { device: reference });
    const tape = new Tape().watch(x, y);
    const loss = tape.record(() => {
      const [same, other] = checkpoint((v: Tensor) => [v, y])(x);
      return sum(mul(same, square(other)));
    });
    const [dx, dy] = tape.gradient(loss, [x, y]);
    expect(await valuesOf(dx)).toEqual([25]);
    expect(await valuesOf(dy)).toEqual([30]);
    tape.dispose();
  });

  it("take results that depend on nothing that is wanted for constants", async () => {
    const [x, y] = [3, 5].map((value) => tensor([value], { device: reference }));
    const [dx] = grad((v) => {
      const [part, constant] = checkpoint((u: Tensor) => [square(u), mul(y, 2)])(v);
      return sum(mul(part, constant));
    })(x);
    expect(await valuesOf(dx)).toEqual([60]);
  });

  it("name what can't run again", async () => {
    const x = tensor([3], { device: reference });
    const captured = tensor([3], { device: reference });
    const loss = record(() => sum(checkpoint((v: Tensor) => mul(square(v), captured))(x)), { watch: [x] });
    captured.dispose();
    expect(() => backward(loss)).toThrow(
      /checkpoint: the block can't run again: tensor f32 \[1\] was disposed/,
    );
    let size = 0;
    const fickle = record(() => sum(checkpoint((v: Tensor) => (size++ === 0 ? mul(v, 2) : sum(v)))(x)), {
      watch: [x],
    });
    expect(() => backward(fickle)).toThrow(/other results when it ran again/);
    expect(() => record(() => checkpoint(() => 3 as never)(), { watch: [x] })).toThrow(
      /must return a Tensor/,
    );
    const w = variable([2], { device: reference, name: "w" });
    const frozen = variable([2], { device: reference, name: "frozen", trainable: false });
    const late = record(() => sum(checkpoint((v: Tensor) => mul(mul(square(v), w), frozen))(x)), {
      watch: [x],
    });
    frozen.set([3]);
    expect(() => backward(late, { retainGraph: true })).toThrow(
      /checkpoint: variable "frozen" .* was assigned after the block read it/,
    );
    w.set([3]);
    expect(() => backward(late)).toThrow(GradientError);
  });
});

describe("randomness", () => {
  /** A dropout layer as nn's: the state advances on the device, at each call. */
  const layer = (state: Variable) => (v: Tensor) => {
    const next = noGrad(() => advance(state));
    const out = dropout(v, 0.5, state);
    state.assign(next);
    return out;
  };

  it("draws the same mask again, and advances the state once a call, eager and in jit", async () => {
    for (const device of both()) {
      setDevice(device);
      const state = variable(Uint32Array.of(1, 2, 3, 4), { dtype: "u32", trainable: false, device });
      const drop = layer(state);
      const x = matrix(8, 33, device);
      // The gradient of the sum of what is kept is the mask; twice through, the product of two masks.
      const run = (v: Tensor) => {
        const tape = new Tape({ watchVariables: false }).watch(v);
        const [out, loss] = tape.record(() => {
          const out = checkpoint((u: Tensor) => drop(checkpoint(drop)(drop(u))))(v);
          return [out, sum(out)];
        });
        const [mask] = tape.gradient(loss, [v]);
        tape.dispose();
        return [out, mask];
      };
      const traced = jit((v: Tensor) => run(v));
      for (const call of [run, run, traced, traced]) {
        const before = (await state.data())[2];
        const [out, mask] = call(x);
        const [values, factors, inputs] = await Promise.all([valuesOf(out), valuesOf(mask), valuesOf(x)]);
        expect(new Set(factors)).toEqual(new Set([0, 8]));
        values.forEach((value, i) => {
          expect(value).toBeCloseTo(inputs[i] * factors[i], 5);
        });
        expect((await state.data())[2]).toBe(before + 3);
      }
      traced.dispose();
    }
    setDevice(gpu);
  });

  it("asks the host's streams in the same order", async () => {
    setDevice(reference);
    const x = tensor([1, 2, 3, 4], { device: reference });
    const draw = (v: Tensor) =>
      mul(v, randomUniform(tensor(reference.random.state(), { dtype: "u32" }), [4]));
    let out: Tensor | undefined;
    const before = reference.random.position;
    const [dx] = grad((v) => {
      out = checkpoint(draw)(v);
      // Drawn behind the block: running it again must not give this one out a second time.
      reference.random.state();
      return sum(out);
    })(x);
    expect(reference.random.position).toBe(before + 2);
    void out;
    reference.random.position = before;
    expect(await valuesOf(dx)).toEqual(await valuesOf(draw(tensor([1, 1, 1, 1], { device: reference }))));
    setDevice(gpu);
  });

  it("assigns once, also other variables, and other blocks see their own values", async () => {
    for (const device of both()) {
      const count = variable([10], { device, trainable: false, name: "count" });
      const x = tensor([1], { device });
      const block = checkpoint((v: Tensor) => {
        const out = mul(v, count);
        count.assign(noGrad(() => add(count, 1)));
        return mul(out, count);
      });
      // (10·11)(11·12)x
      const [dx] = grad((v) => sum(block(block(v))))(x);
      expect(await valuesOf(dx)).toEqual([10 * 11 * 11 * 12]);
      expect(await valuesOf(count)).toEqual([12]);
      const traced = jit((u: Tensor) => grad((v) => sum(block(block(v))))(u)[0]);
      for (const now of [12, 14]) {
        expect(await valuesOf(traced(x))).toEqual([now * (now + 1) * (now + 1) * (now + 2)]);
        expect(await valuesOf(count)).toEqual([now + 2]);
      }
      traced.dispose();
    }
  });

  it("shows each of several variables that the block assigns its own old value", async () => {
    for (const device of both()) {
      const [a, b] = [10, 20].map((value) => variable([value], { device, trainable: false }));
      const x = tensor([1], { device });
      const block = checkpoint((v: Tensor) => {
        const out = mul(v, add(mul(a, 100), b));
        a.assign(noGrad(() => add(a, 1)));
        b.assign(noGrad(() => add(b, 2)));
        return out;
      });
      expect(await valuesOf(grad((v) => sum(block(v)))(x)[0])).toEqual([1020]);
    }
  });
});

describe("memory", () => {
  const depth = 24;
  const network = (wrap: typeof checkpoint) => (v: Tensor) => {
    const block = wrap((u: Tensor) => {
      let h = u;
      for (let i = 0; i < depth / 4; i++) h = tanh(add(mul(h, 1.1), 0.1));
      return h;
    });
    return sum(block(block(block(block(v)))));
  };
  const plain = ((fn: unknown) => fn) as typeof checkpoint;
  const size = 4096;
  const values = Float32Array.from({ length: size }, (_, i) => Math.sin(i));

  it("eager: the peak falls", async () => {
    const peak = async (wrap: typeof checkpoint) => {
      const device = await init({ device: "cpu" });
      const x = tensor(values, { device });
      const made = grad(network(wrap))(x);
      const result = await valuesOf(made[0]);
      const { peakBytes } = device.memory();
      device.dispose();
      return { peakBytes, result };
    };
    const [with_, without] = [await peak(checkpoint), await peak(plain)];
    setDevice(gpu);
    expect(with_.result).toEqual(without.result);
    expect(with_.peakBytes).toBeLessThan(without.peakBytes * 0.55);
  });

  it("jit: the program's buffers are fewer, and the work is done again", async () => {
    const x = tensor(values, { device: gpu });
    const matrixOf = (v: Tensor) => matmul(v, v);
    // Structured kernels, so that no fusing saves the memory anyway.
    const deep = (wrap: typeof checkpoint) => (v: Tensor) => {
      const block = wrap((u: Tensor) => {
        let h = u;
        for (let i = 0; i < 4; i++) h = tanh(mul(matrixOf(h), 0.01));
        return h;
      });
      return sum(block(block(block(block(v)))));
    };
    const measure = async (wrap: typeof checkpoint) => {
      const traced = jit((v: Tensor) => grad(deep(wrap))(v)[0]);
      const square = tensor(values, { shape: [64, 64], device: gpu });
      const result = await valuesOf(traced(square));
      const [program] = traced.programs.values();
      const slots = program.plan.slots.reduce((total, slot) => total + slot.bytes, 0);
      const products = program.graph.nodes.filter(({ op }) => op.name === "matmul").length;
      traced.dispose();
      return { result, slots, products };
    };
    const [with_, without] = [await measure(checkpoint), await measure(plain)];
    with_.result.forEach((value, i) => {
      expect(Math.abs(value - without.result[i])).toBeLessThan(1e-6 * (1 + Math.abs(without.result[i])));
    });
    expect(with_.slots).toBeLessThan(without.slots * 0.7);
    expect(with_.products).toBeGreaterThan(without.products);
    x.dispose();
  });

  it("leaves nothing behind", async () => {
    for (const device of both()) {
      const w = variable(matrix(3, 3, device));
      const state = variable(Uint32Array.of(1, 2, 3, 4), { dtype: "u32", trainable: false, device });
      const x = matrix(2, 3, device);
      const run = () =>
        tidy(() => {
          const block = checkpoint((v: Tensor) => {
            state.assign(noGrad(() => advance(state)));
            return dropout(tanh(matmul(v, w)), 0.5, state);
          });
          backward(record(() => sum(block(block(x)))));
          w.grad?.dispose();
        });
      run();
      await collectGarbage();
      const before = device.memory();
      run();
      const after = device.memory();
      expect({ tensors: after.tensors, bytes: after.bytes }).toEqual({
        tensors: before.tensors,
        bytes: before.bytes,
      });
    }
  });
});

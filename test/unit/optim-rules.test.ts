// Optimizers against their formulas written out here in plain float64, on the CPU reference.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, ShapeError } from "../../engine/errors.ts";
import {
  type Device,
  init,
  mul,
  sub,
  sum,
  type Tensor,
  tensor,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { Adam, type Optimizer, optimizers, SGD } from "../../optim/index.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

/** Five gradients of two variables, of 3 and 1 elements. */
const gradients = [
  [0.5, -0.25, 1e-3, 2],
  [0.4, 0.3, -1e-3, -1],
  [-0.7, 0.1, 0, 0.5],
  [0.2, -0.9, 2e-3, 0.25],
  [0.1, 0.6, 1e-3, -3],
];
const start = [0.5, -0.3, 0.2, 1];

/** The values after each of the five steps, as the optimizer makes them. */
async function run(optimizer: Optimizer): Promise<number[][]> {
  const a = variable(start.slice(0, 3), { name: "a" });
  const b = variable([start.slice(3)], { name: "b" });
  optimizer.build([a, b]);
  const path: number[][] = [];
  for (const g of gradients) {
    optimizer.apply([tensor(g.slice(0, 3)), tensor([g.slice(3)])]);
    path.push([...(await a.dataFloat64()), ...(await b.dataFloat64())]);
  }
  return path;
}

/** The same by a rule for one weight: (weight, gradient, memory, step from 1) -> new weight. */
function expected<M>(
  memory: () => M,
  rule: (w: number, g: number, memory: M, t: number) => number,
): number[][] {
  const memories = start.map(memory);
  let weights = [...start];
  return gradients.map((g, k) => {
    weights = weights.map((w, i) => rule(w, g[i], memories[i], k + 1));
    return weights;
  });
}

function expectPath(got: number[][], want: number[][]): void {
  got.forEach((row, k) => {
    row.forEach((value, i) => {
      // The reference computes in float64 from constants rounded to f32.
      expect(Math.abs(value - want[k][i]), `step ${k + 1}, weight ${i}`).toBeLessThan(
        2e-7 * (1 + Math.abs(want[k][i])),
      );
    });
  });
}

const adamRule =
  (rate: number, beta1: number, beta2: number, epsilon: number, amsgrad: boolean) =>
  (w: number, g: number, memory: { m: number; v: number; max: number }, t: number) => {
    memory.m = beta1 * memory.m + (1 - beta1) * g;
    memory.v = beta2 * memory.v + (1 - beta2) * g * g;
    memory.max = Math.max(memory.max, memory.v);
    const v = amsgrad ? memory.max : memory.v;
    const alpha = (rate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
    return w - (alpha * memory.m) / (Math.sqrt(v) + epsilon);
  };
const adamMemory = () => ({ m: 0, v: 0, max: 0 });

describe("five steps by the formula", () => {
  it("SGD", async () => {
    expectPath(
      await run(new SGD()),
      expected(
        () => 0,
        (w, g) => w - 0.01 * g,
      ),
    );
  });

  it("SGD with momentum", async () => {
    const want = expected(
      () => ({ v: 0 }),
      (w, g, memory) => {
        memory.v = 0.9 * memory.v - 0.1 * g;
        return w + memory.v;
      },
    );
    expectPath(await run(new SGD({ learningRate: 0.1, momentum: 0.9 })), want);
  });

  it("SGD with Nesterov momentum", async () => {
    const want = expected(
      () => ({ v: 0 }),
      (w, g, memory) => {
        memory.v = 0.9 * memory.v - 0.1 * g;
        return w + 0.9 * memory.v - 0.1 * g;
      },
    );
    expectPath(await run(new SGD({ learningRate: 0.1, momentum: 0.9, nesterov: true })), want);
  });

  it("Adam with its defaults", async () => {
    expectPath(await run(new Adam()), expected(adamMemory, adamRule(0.001, 0.9, 0.999, 1e-7, false)));
  });

  it("Adam with other settings", async () => {
    const options = { learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-3 };
    expectPath(await run(new Adam(options)), expected(adamMemory, adamRule(0.05, 0.8, 0.95, 1e-3, false)));
  });

  it("AMSGrad", async () => {
    const options = { learningRate: 0.05, beta2: 0.5, amsgrad: true };
    expectPath(await run(new Adam(options)), expected(adamMemory, adamRule(0.05, 0.9, 0.5, 1e-7, true)));
  });

  it("time decay, under older Keras's names", async () => {
    const want = expected(
      () => 0,
      (w, g, _, t) => w - (0.1 / (1 + 0.5 * (t - 1))) * g,
    );
    expectPath(await run(new SGD({ lr: 0.1, decay: 0.5 })), want);
  });

  it("Adam over 10,000 steps of a noisy bowl", async () => {
    const w = variable([1, -2], { name: "w" });
    const optimizer = new Adam({ learningRate: 0.01 }).build([w]);
    const rule = adamRule(Math.fround(0.01), 0.9, 0.999, 1e-7, false);
    const memories = [adamMemory(), adamMemory()];
    let want = [1, -2];
    for (let t = 1; t <= 10_000; t++) {
      const noise = [Math.sin(t), Math.cos(3 * t)];
      const g = want.map((value, i) => value + noise[i]);
      want = want.map((value, i) => rule(value, g[i], memories[i], t));
      const gradient = tensor(Float32Array.from(g));
      optimizer.apply([gradient]);
      gradient.dispose();
    }
    const got = await w.dataFloat64();
    expect(Math.abs(got[0] - want[0])).toBeLessThan(1e-5);
    expect(Math.abs(got[1] - want[1])).toBeLessThan(1e-5);
  });
});

describe("the defaults", () => {
  it("are those of Keras", () => {
    expect(new SGD().config()).toEqual({ learningRate: 0.01, decay: 0, momentum: 0, nesterov: false });
    const adam = { learningRate: 0.001, decay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, amsgrad: false };
    expect(new Adam().config()).toEqual(adam);
    expect(new Adam({ epsilon: null }).config()).toEqual(adam);
  });
});

describe("the registry", () => {
  it("finds by name in any case, and gives optimizers back", () => {
    expect(optimizers.get("adam")).toBeInstanceOf(Adam);
    expect(optimizers.get("SGD")).toBeInstanceOf(SGD);
    const own = new SGD({ momentum: 0.5 });
    expect(optimizers.get(own)).toBe(own);
  });

  it("suggests the nearest name", () => {
    expect(() => optimizers.get("adm")).toThrow(/unknown optimizer "adm"\. Did you mean "adam"\?/);
    expect(() => optimizers.get(undefined as unknown as string)).toThrow(ArgumentError);
  });
});

describe("what the optimizer holds", () => {
  const make = (values: number[], name = "w") => variable(values, { name });
  const bowl = (w: Variable) => () => sum(mul(w, w));

  it("minimizes, and counts its steps on the device", async () => {
    const w = make([1, -1]);
    const optimizer = new SGD({ learningRate: 0.1 });
    let loss: Tensor | undefined;
    for (let i = 0; i < 30; i++) {
      loss?.dispose();
      loss = optimizer.minimize(bowl(w), [w]);
    }
    expect(await loss?.item()).toBeLessThan(1e-5);
    expect(await optimizer.iterations?.item()).toBe(30);
  });

  it("leaves nothing behind a step", () => {
    const w = make([1, 2, 3]);
    const optimizer = new Adam();
    const step = () => optimizer.minimize(bowl(w), [w]).dispose();
    step();
    const before = device.memory();
    for (let i = 0; i < 50; i++) step();
    const after = device.memory();
    expect([after.tensors, after.buffers, after.bytes]).toEqual([
      before.tensors,
      before.buffers,
      before.bytes,
    ]);
  });

  it("takes a new learning rate at once", async () => {
    const w = make([1]);
    const optimizer = new SGD({ learningRate: 0.5 });
    optimizer.minimize(bowl(w), [w]);
    expect(await w.item()).toBe(0);
    w.set([1]);
    optimizer.learningRate = 0.25;
    optimizer.minimize(bowl(w), [w]);
    expect(await w.item()).toBe(0.5);
    expect(optimizer.learningRate).toBe(0.25);
  });

  it("sets moments that have almost vanished to zero", async () => {
    const w = make([1, 1]);
    const optimizer = new Adam({ beta1: 0.5, beta2: 0.5 }).build([w]);
    optimizer.apply([tensor([1e-3, 1])]);
    for (let i = 0; i < 150; i++) optimizer.apply([tensor([0, 1])]);
    const { slots } = await optimizer.getState();
    expect(slots.firstMoment[0][0]).toBe(0);
    expect(slots.secondMoment[0][0]).toBe(0);
    expect(slots.firstMoment[0][1]).toBeCloseTo(1);
    const sgd = new SGD({ momentum: 0.5 }).build([w]);
    sgd.apply([tensor([1e-3, 1])]);
    for (let i = 0; i < 150; i++) sgd.apply([tensor([0, 1])]);
    expect((await sgd.getState()).slots.velocity[0][0]).toBe(0);
  });

  it("goes on from a saved state as if nothing had happened", async () => {
    const values = [0.5, -0.25, 2];
    const a = make(values);
    const first = new Adam({ learningRate: 0.1 });
    for (let i = 0; i < 3; i++) first.minimize(bowl(a), [a]);
    const state = await first.getState();
    expect(state.iterations).toBe(3);
    const b = variable(await a.data(), { name: "b" });
    const second = new Adam();
    second.setState(state);
    for (let i = 0; i < 3; i++) {
      first.minimize(bowl(a), [a]);
      second.minimize(bowl(b), [b]);
    }
    expect(second.learningRate).toBe(0.1);
    const [want, got] = [await a.data(), await b.data()];
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(want[i], 6);
    });
    expect(() => new SGD({ momentum: 0.9 }).build([a]).setState(state)).toThrow(/no slot "velocity"/);
  });

  it("shares variables with another optimizer, each with its own memory", async () => {
    const [a, b] = [make([1], "a"), make([1], "b")];
    const both = new SGD({ learningRate: 0.25 });
    const one = new SGD({ learningRate: 0.25 });
    const loss = () => sum(mul(sub(a, b), sub(a, b)));
    both.minimize(() => sum(mul(a, b)), [a, b]);
    expect([await a.item(), await b.item()]).toEqual([0.75, 0.75]);
    one.minimize(loss, [b]);
    a.set([1.75]);
    one.minimize(loss, [b]);
    expect([await a.item(), await b.item()]).toEqual([1.75, 1.25]);
    both.minimize(() => sum(a), [a, b]);
    expect([await a.item(), await b.item()]).toEqual([1.5, 1.25]);
    both.dispose();
    one.dispose();
    expect([await a.item(), await b.item()]).toEqual([1.5, 1.25]);
  });

  it("frees everything", () => {
    const w = make([1, 2]);
    const before = device.memory();
    const optimizer = new Adam({ amsgrad: true });
    optimizer.minimize(bowl(w), [w]).dispose();
    optimizer.dispose();
    optimizer.dispose();
    expect(device.memory().tensors).toBe(before.tensors);
    w.dispose();
    // Scalar constants stay with the device.
    expect(device.memory().bytes).toBeLessThan(before.bytes + 16 * 64);
  });
});

describe("errors name the optimizer, the value and the remedy", () => {
  it("hyperparameters", () => {
    expect(() => new SGD({ learningRate: -1 })).toThrow(
      "SGD: learningRate must be a finite number of at least 0, got -1",
    );
    expect(() => new SGD({ momentum: 1 })).toThrow(/momentum must be from 0 up to 1/);
    expect(() => new Adam({ beta2: 1.5 })).toThrow(/beta2/);
    expect(() => new Adam({ lr: 1, learningRate: 1 })).toThrow(/both given/);
    expect(() => {
      new SGD().learningRate = Number.NaN;
    }).toThrow(ArgumentError);
  });

  it("gradients and variables", () => {
    const [a, b] = [variable([1, 2], { name: "a" }), variable([1], { name: "b" })];
    const optimizer = new SGD();
    expect(() => optimizer.apply([])).toThrow(/needs variables/);
    expect(() => optimizer.build([])).toThrow(/got no variables/);
    optimizer.build([a]);
    expect(() => optimizer.build([b])).toThrow(/works on 1 other variables already \("a"\)/);
    expect(() => optimizer.apply([])).toThrow(/got 0 gradients for 1 variables/);
    expect(() => optimizer.apply([tensor([1])])).toThrow(ShapeError);
    optimizer.apply([tensor([1, 1])]);
  });
});

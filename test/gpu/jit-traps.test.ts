// The traps of jit, one test each: what a traced function freezes, what it refuses, what it shares. docs/jit.md says
// the same in words.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  ArgumentError,
  add,
  clip,
  type Device,
  DeviceError,
  DisposedError,
  device as defaultDevice,
  dropout,
  exp,
  expand,
  GradientError,
  jit,
  keep,
  LimitError,
  less,
  matmul,
  max,
  mul,
  noLeaks,
  ones,
  randomUniform,
  relu,
  reshape,
  ShapeError,
  setDevice,
  square,
  sub,
  sum,
  Tape,
  type Tensor,
  TraceError,
  tanh,
  tensor,
  transpose,
  Variable,
  valueAndGrad,
  variable,
  where,
} from "../../engine/index.ts";
import { advance, packVariables } from "../../engine/internal.ts";
import { optimizerState, SGD, setOptimizerState } from "../../optim/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

let gpu: Device;
let cpu: Device;
let before: Device;

beforeAll(async () => {
  cpu = await referenceDevice();
  gpu = await gpuDevice();
  before = defaultDevice();
});
beforeEach(() => setDevice(gpu));
// What a test leaves wrong on the device comes out here, not in the next one.
afterEach(() => gpu.sync());
afterAll(() => setDevice(before));

const numbers = async (x: Tensor) => [...(await x.data())];

/** What a call throws or rejects with. */
async function errorOf(fn: () => unknown): Promise<Error> {
  try {
    await fn();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

describe("what is frozen when a function is traced", () => {
  it("numbers from outside stay as they were", async () => {
    let factor = 2;
    const f = jit((x: Tensor) => mul(x, factor));
    const x = tensor([1, 2]);
    expect(await numbers(f(x))).toEqual([2, 4]);
    factor = 3;
    expect(await numbers(f(x))).toEqual([2, 4]);
    f.dispose();
    expect(await numbers(f(x))).toEqual([3, 6]);
  });

  it("JavaScript that is not about tensors runs at tracing only", () => {
    let calls = 0;
    const f = jit((x: Tensor) => {
      calls++;
      return mul(x, 2);
    });
    const x = tensor([1]);
    for (let i = 0; i < 3; i++) f(x);
    expect(calls).toBe(1);
  });

  it("static arguments are part of the signature: another value is traced anew", async () => {
    const f = jit((x: Tensor, factor: number, options?: { flip: boolean }) =>
      mul(x, options?.flip ? -factor : factor),
    );
    const x = tensor([1, 2]);
    expect(await numbers(f(x, 2))).toEqual([2, 4]);
    expect(await numbers(f(x, 3))).toEqual([3, 6]);
    expect(await numbers(f(x, 3, { flip: true }))).toEqual([-3, -6]);
    expect(await numbers(f(x, 2))).toEqual([2, 4]);
    expect(f.programs.size).toBe(3);
  });

  it("static numbers that JSON does not know are told apart", async () => {
    const f = jit((x: Tensor, factor: unknown) =>
      mul(x, factor === null ? 7 : Object.is(factor, -0) ? 8 : (factor as number)),
    );
    const x = tensor([1]);
    const factors = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, null, -0, 0];
    const results: number[] = [];
    for (const factor of factors) results.push((await numbers(f(x, factor)))[0]);
    expect(results).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 7, 8, 0]);
  });

  it.each([
    ["a function", () => 1, "function"],
    ["a Map", new Map(), "Map"],
    ["a typed array", new Float32Array(2), "Float32Array"],
    ["a bigint", 1n, "bigint"],
    ["an array that holds a Set", [1, new Set()], "Set"],
  ])("%s is no argument", (_, argument, name) => {
    const f = jit((_x: unknown) => ones([1]));
    expect(() => f(argument)).toThrow(ArgumentError);
    expect(() => f(argument)).toThrow(name);
  });

  it("tensors inside arrays and objects are inputs, told apart by shape and place", async () => {
    let traces = 0;
    const f = jit((of: { readonly list: readonly Tensor[]; readonly scale: number }) => {
      traces++;
      return { sum: add(of.list[0], of.list[1]), scaled: mul(of.list[1], of.scale) };
    });
    const [x, y] = [tensor([1, 2]), tensor([10, 20])];
    for (const list of [
      [x, y],
      [y, x],
    ]) {
      const { sum, scaled } = f({ list, scale: 2 });
      expect(await numbers(sum)).toEqual([11, 22]);
      expect(await numbers(scaled)).toEqual((await numbers(list[1])).map((v) => 2 * v));
    }
    expect(traces).toBe(1);
    f({ list: [x, y], scale: 3 });
    f({ list: [tensor([1]), tensor([2])], scale: 3 });
    expect(traces).toBe(3);
    expect(() => f({ list: [x, new Map() as never], scale: 3 })).toThrow(/holds a Map/);
  });

  it("other shapes and dtypes are traced anew, known ones are not", async () => {
    let traces = 0;
    const f = jit((x: Tensor) => {
      traces++;
      return add(x, x);
    });
    const inputs = [tensor([1, 2]), tensor([[1, 2, 3]]), tensor(Int32Array.of(4))];
    for (const x of [...inputs, ...inputs])
      expect(await numbers(f(x))).toEqual((await numbers(x)).map((v) => 2 * v));
    expect(traces).toBe(3);
    expect(f.programs.size).toBe(3);
    // The dtype alone differs, of one shape.
    for (const x of [tensor([1.5, -2]), tensor(Int32Array.of(3, -4)), tensor(Uint32Array.of(5, 2 ** 31))]) {
      const y = f(x);
      expect(y.dtype).toBe(x.dtype);
      expect(await numbers(y)).toEqual(await numbers(add(x, x)));
    }
    expect(traces).toBe(5);
  });

  it("captured tensors are constants", async () => {
    let c = tensor([10, 20]);
    const first = c;
    const f = jit((x: Tensor) => add(x, c));
    const x = tensor([1, 2]);
    expect(await numbers(f(x))).toEqual([11, 22]);
    c = tensor([0, 0]);
    expect(await numbers(f(x))).toEqual([11, 22]);
    expect(await numbers(first)).toEqual([10, 20]);
  });

  it("a captured tensor may be disposed after tracing: the program keeps its value", async () => {
    const c = tensor([10, 20]);
    const f = jit((x: Tensor) => add(x, c));
    const x = tensor([1, 2]);
    f(x);
    c.dispose();
    const others = Array.from({ length: 8 }, () => tensor([5, 5]));
    expect(await numbers(f(x))).toEqual([11, 22]);
    for (const other of others) other.dispose();
    f.dispose();
  });

  it("a Variable that was disposed is refused, as it is outside", async () => {
    const [v, w] = [variable([1]), variable([2])];
    const f = jit(() => {
      v.assign(add(v, 1));
      return mul(v, w);
    });
    expect(await numbers(f())).toEqual([4]);
    w.dispose();
    expect(() => f()).toThrow(DisposedError);
    v.dispose();
    expect(() => f()).toThrow(DisposedError);
    f.dispose();
  });

  it("a view of what a Variable held, taken before it was disposed, is a constant like any other", async () => {
    const v = variable([1, 2]);
    const view = reshape(v, [2, 1]);
    v.dispose();
    let traces = 0;
    const f = jit((x: Tensor) => {
      traces++;
      return add(x, view);
    });
    const x = tensor([[1], [1]]);
    for (let i = 0; i < 3; i++) expect(await numbers(f(x))).toEqual([2, 3]);
    expect(traces).toBe(1);
    f.dispose();
    x.dispose();
    view.dispose();
  });

  it("an optimizer that was disposed does not go on with the slots it had", async () => {
    const v = variable([1]);
    const optimizer = new SGD({ learningRate: 0.1, momentum: 0.9 }).build([v]);
    const step = jit(() => optimizer.minimize(() => sum(square(v)), [v]));
    const start = await optimizerState(optimizer);
    for (let i = 0; i < 3; i++) step();
    optimizer.dispose();
    setOptimizerState(optimizer, start);
    v.set([1]);
    expect(() => step()).toThrow(
      /SGD: was not built, or was disposed since.* call build\(variables\) before/,
    );
    optimizer.build([v]);
    step();
    // One step from the start, with no momentum: 1 - 0.1 * 2.
    expect(await numbers(v)).toEqual([expect.closeTo(0.8, 6)]);
    optimizer.dispose();
    step.dispose();
    v.dispose();
  });

  it("and so may one that the function itself disposes", async () => {
    const c = tensor([10, 20]);
    const f = jit((x: Tensor) => {
      const y = add(x, c);
      c.dispose();
      return y;
    });
    const x = tensor([1, 2]);
    for (let i = 0; i < 3; i++) expect(await numbers(f(x))).toEqual([11, 22]);
  });

  it("captured Variables are read at each run", async () => {
    const v = variable([1, 2]);
    const f = jit((x: Tensor) => mul(x, v));
    const x = tensor([3, 3]);
    expect(await numbers(f(x))).toEqual([3, 6]);
    v.set([5, 6]);
    expect(await numbers(f(x))).toEqual([15, 18]);
    v.assign(x);
    expect(await numbers(f(x))).toEqual([9, 9]);
  });
});

describe("values do not exist while tracing", () => {
  it("a branch on data throws, naming the last op", async () => {
    const f = jit((async (x: Tensor) => {
      const y = tanh(x);
      return (await y.item()) > 0 ? y : relu(y);
    }) as unknown as (x: Tensor) => Tensor);
    const error = await errorOf(() => f(tensor([1])));
    expect(error).toBeInstanceOf(TraceError);
    expect(error.message).toMatch(/after tanh.*where\(\)/s);
    expect(await numbers(relu(tensor([-1, 2])))).toEqual([0, 2]);
  });

  it("data() rejects in a synchronous function, which goes on", async () => {
    const errors: Error[] = [];
    const note = (error: Error) => void errors.push(error);
    const f = jit((x: Tensor) => {
      const y = exp(x);
      y.data().catch(note);
      y.array().catch(note);
      y.dataFloat64().catch(note);
      x.device.sync().catch(note);
      return y;
    });
    expect((await numbers(f(tensor([0]))))[0]).toBeCloseTo(1, 6);
    expect(errors).toHaveLength(4);
    for (const error of errors) expect(error).toBeInstanceOf(TraceError);
    expect(errors.filter((error) => error.message.includes("after exp"))).toHaveLength(3);
  });

  it("an async function is refused even if it reads nothing", () => {
    const f = jit((async (x: Tensor) => mul(x, 2)) as unknown as (x: Tensor) => Tensor);
    expect(() => f(tensor([1]))).toThrow(TraceError);
    expect(() => f(tensor([1]))).toThrow("synchronous");
  });

  it("where() decides on the device", async () => {
    const f = jit((x: Tensor) => where(less(x, 0), mul(x, 10), x));
    expect(await numbers(f(tensor([-1, 2])))).toEqual([-10, 2]);
    expect(await numbers(f(tensor([3, -4])))).toEqual([3, -40]);
  });
});

describe("results", () => {
  it("are overwritten by the next run, and refused when read stale", async () => {
    const f = jit((x: Tensor) => mul(x, 2));
    const first = f(tensor([1]));
    const second = f(tensor([5]));
    expect(await errorOf(() => first.data())).toBeInstanceOf(TraceError);
    expect(() => add(first, 1)).toThrow(/has run again/);
    expect(await numbers(second)).toEqual([10]);
  });

  it("need no disposing in a loop", async () => {
    const f = jit((x: Tensor) => [mul(x, 2), { total: sum(x) }] as const);
    const x = tensor([1, 2]);
    f(x);
    await collectGarbage();
    const before = gpu.memory();
    for (let i = 0; i < 20; i++) f(x);
    expect(gpu.memory()).toEqual(before);
    await noLeaks(() => {
      f(x);
    });
    f.dispose();
    x.dispose();
  });

  it("count as tensors once their program is gone", async () => {
    const x = tensor([1, 2]);
    const left: Tensor[] = [];
    const run = () => {
      const f = jit((v: Tensor) => mul(v, 2));
      f(x);
      left.push(f(x));
      f.dispose();
    };
    run();
    await collectGarbage();
    const before = gpu.memory().tensors;
    run();
    expect(gpu.memory().tensors).toBe(before + 1);
    await expect(noLeaks(run)).rejects.toThrow(/1 tensor was left behind: f32 \[2\]/);
    expect(await numbers(left[0])).toEqual([2, 4]);
    for (const each of left) each.dispose();
    await collectGarbage();
    expect(gpu.memory().tensors).toBe(before - 1);
    x.dispose();
  });

  it("of another signature stay good", async () => {
    const f = jit((x: Tensor) => mul(x, 2));
    const first = f(tensor([1]));
    f(tensor([1, 2]));
    expect(await numbers(first)).toEqual([2]);
  });

  it("are read as they were if reading began before the next run", async () => {
    const f = jit((x: Tensor) => mul(x, 2));
    const reading = f(tensor([1])).data();
    f(tensor([5]));
    expect([...(await reading)]).toEqual([2]);
  });

  it("can be copied to stay", async () => {
    const f = jit((x: Tensor) => mul(x, 2));
    const copy = mul(f(tensor([1])), 1);
    f(tensor([5]));
    expect(await numbers(copy)).toEqual([2]);
  });

  it("stay readable after the program is disposed", async () => {
    const f = jit((x: Tensor) => mul(x, 2));
    const y = f(tensor([1]));
    f.dispose();
    // Neither small tensors nor those that have a buffer of their own, as the program's slot was, take its place.
    const others = [tensor([9]), variable([9])];
    expect(await numbers(y)).toEqual([2]);
    for (const other of others) other.dispose();
  });

  it("may be an argument of the next run of the same program", async () => {
    const f = jit((x: Tensor) => add(mul(x, 2), sum(x)));
    let y = f(tensor([1, 0]));
    for (let i = 0; i < 4; i++) y = f(y);
    let want = [1, 0];
    for (let i = 0; i < 5; i++) want = want.map((v) => 2 * v + want[0] + want[1]);
    expect(await numbers(y)).toEqual(want);
  });

  it("and is read as it was by every step of a run", async () => {
    const f = jit((x: Tensor) => add(mul(x, 2), 1));
    const x = tensor([1, 2]);
    expect(await numbers(f.run({ steps: 3 }, f(x)))).toEqual([7, 11]);
    expect(await numbers(f.run({ steps: 2 }, x))).toEqual([3, 5]);
    // A variable is read anew by each step, and each step is taken.
    const v = variable([1]);
    const count = jit((y: Tensor) => {
      v.assign(add(v, 1));
      return mul(y, 100);
    });
    expect(await numbers(count.run({ steps: 3 }, v))).toEqual([300]);
    expect(await v.item()).toBe(4);
  });

  it("and with several results, of which one comes back as it went in", async () => {
    const f = jit((a: Tensor, b: Tensor) => [b, add(a, b)]);
    let [a, b] = [tensor([0]), tensor([1])];
    for (let i = 0; i < 10; i++) [a, b] = f(a, b);
    expect([await numbers(a), await numbers(b)]).toEqual([[55], [89]]);
  });

  it("an argument returned as it is lives on without the argument", async () => {
    const f = jit((x: Tensor) => [x, reshape(x, [2, 1])]);
    const x = tensor([1, 2]);
    const [same, column] = f(x);
    x.dispose();
    const other = tensor([7, 7]);
    expect(await numbers(same)).toEqual([1, 2]);
    expect(await column.array()).toEqual([[1], [2]]);
    other.dispose();
  });

  it("a Variable returned comes back as a tensor on its memory, and shows what the variable holds", async () => {
    const v = variable([1]);
    const f = jit(() => v as Tensor);
    const y = f();
    expect(y).not.toBeInstanceOf(Variable);
    v.set([2]);
    expect(await numbers(y)).toEqual([2]);
  });

  it("keep the shape that they are returned in", async () => {
    const f = jit((x: Tensor) => ({ sum: sum(x), parts: [neg(x), { none: undefined }] as const }));
    const result = f(tensor([1, 2]));
    expect(await numbers(result.sum)).toEqual([3]);
    expect(await numbers(result.parts[0])).toEqual([-1, -2]);
    expect(result.parts[1]).toEqual({ none: undefined });
  });

  it("other than tensors are refused", () => {
    const f = jit((() => 3) as unknown as () => Tensor);
    expect(() => f()).toThrow(/must return tensors.*number/);
  });
});

const neg = (x: Tensor) => mul(x, -1);

describe("variables", () => {
  it("read after an assignment have the new value, before it the old one", async () => {
    const v = variable([1, 2]);
    const f = jit(() => {
      const old = add(v, 0);
      const twice = mul(v, 2);
      v.assign(add(v, 10));
      return { old, twice, now: mul(v, 1), across: transpose(reshape(v, [1, 2])) };
    });
    for (const start of [1, 11]) {
      const { old, twice, now, across } = f();
      expect(await numbers(old)).toEqual([start, start + 1]);
      expect(await numbers(twice)).toEqual([2 * start, 2 * start + 2]);
      expect(await numbers(now)).toEqual([start + 10, start + 11]);
      expect(await numbers(across)).toEqual([start + 10, start + 11]);
    }
    expect(await numbers(v)).toEqual([21, 22]);
  });

  it("assigned twice keep the last value", async () => {
    const v = variable([1]);
    const f = jit(() => {
      v.assign(mul(v, 2));
      const between = add(v, 0);
      v.assign(add(v, 5));
      return between;
    });
    expect(await numbers(f())).toEqual([2]);
    expect(await numbers(v)).toEqual([7]);
    expect(await numbers(f())).toEqual([14]);
    expect(await numbers(v)).toEqual([19]);
  });

  it("can be swapped, and rotated", async () => {
    const [a, b, c] = [variable([1]), variable([2]), variable([3])];
    const f = jit(() => {
      const [x, y, z] = [a, b, c].map((v) => add(v, 0));
      a.assign(y);
      b.assign(z);
      c.assign(x);
    });
    f();
    expect([await a.item(), await b.item(), await c.item()]).toEqual([2, 3, 1]);
    f.run({ steps: 2 });
    expect([await a.item(), await b.item(), await c.item()]).toEqual([1, 2, 3]);
  });

  it("assigned from another one take the value that it had then", async () => {
    const [a, b] = [variable([1]), variable([2])];
    const f = jit(() => {
      a.assign(b);
      b.assign(add(b, 1));
    });
    f();
    f();
    expect([await a.item(), await b.item()]).toEqual([3, 4]);
  });

  it("updated across their elements are not read half written", async () => {
    const v = variable(
      Float32Array.from({ length: 70 * 70 }, (_, i) => i),
      { shape: [70, 70] },
    );
    const f = jit(() => {
      v.assign(transpose(v));
      v.assign(sub(v, max(v, 1, { keepDims: true })));
    });
    f();
    const got = await v.data();
    for (const [i, j] of [
      [0, 69],
      [3, 5],
      [69, 0],
    ])
      expect(got[i * 70 + j]).toBe(j * 70 + i - (69 * 70 + i));
  });

  it("as arguments are plain tensors inside: the value at the call, even if the function assigns to it", async () => {
    const v = variable([1]);
    let isVariable: boolean | undefined;
    const f = jit((x: Tensor) => {
      isVariable = x instanceof Variable;
      v.assign(add(v, 1));
      return mul(x, 100);
    });
    expect(await numbers(f(v))).toEqual([100]);
    expect(await numbers(f(v))).toEqual([200]);
    expect(await v.item()).toBe(3);
    expect(isVariable).toBe(false);
  });

  it("can't be made, set or packed inside", async () => {
    const v = variable([1, 2]);
    await collectGarbage();
    const { tensors, bytes } = gpu.memory();
    const attempts: [string, () => unknown][] = [
      ["can't be made inside", () => variable([1, 2])],
      ["can't be made inside", () => variable(mul(v, 2))],
      ["set() replaces", () => v.set([3, 4])],
      ["inside a traced function", () => packVariables([v])],
    ];
    for (const [message, attempt] of attempts) {
      const f = jit(() => {
        attempt();
        return mul(v, 2);
      });
      const error = await errorOf(() => f());
      expect(error).toBeInstanceOf(TraceError);
      expect(error.message).toContain(message);
    }
    expect(await numbers(v)).toEqual([1, 2]);
    expect(gpu.memory()).toMatchObject({ tensors, bytes });
  });

  it("updated in place by a product are not read half written by what goes before it", async () => {
    const size = 96;
    const values = (phase: number) =>
      Float32Array.from({ length: size * size }, (_, i) => Math.sin(i + phase));
    const b = tensor(values(2), [size, size]);
    const start = tensor(values(1), [size, size]);
    const [traced, eager] = [variable(start), variable(start)];
    const update = (w: Variable) => void w.assign(add(matmul(mul(w, 2), b), 1));
    const f = jit(() => update(traced));
    for (let i = 0; i < 2; i++) {
      f();
      update(eager);
      const [got, want] = [await numbers(traced), await numbers(eager)];
      const scale = Math.max(...want.map(Math.abs));
      expect(Math.max(...got.map((x, k) => Math.abs(x - want[k])))).toBeLessThan(1e-5 * scale);
    }
  });

  it("updated in place leave a result that is the same value alone", async () => {
    const v = variable([1, 2, 3, 4]);
    const f = jit(() => {
      const next = mul(v, 2);
      v.assign(next);
      return next;
    });
    const result = f();
    v.assign(tensor([9, 9, 9, 9]));
    expect(await numbers(result)).toEqual([2, 4, 6, 8]);
    expect(await numbers(v)).toEqual([9, 9, 9, 9]);
  });

  it("updated in place have late readers of the old value read it before, and of the new one after", async () => {
    const [v, w] = [variable([1, 2, 3, 4]), variable([0, 0, 0, 0])];
    const f = jit((x: Tensor) => {
      const old = sum(matmul(reshape(v, [2, 2]), x), 0);
      v.assign(add(v, 1));
      w.assign(mul(v, w));
      w.assign(add(w, v));
      return { old, now: sum(matmul(reshape(v, [2, 2]), x), 0) };
    });
    const x = tensor([
      [1, 0],
      [0, 1],
    ]);
    for (const [old, now, held] of [
      [
        [4, 6],
        [6, 8],
        [2, 3, 4, 5],
      ],
      [
        [6, 8],
        [8, 10],
        [3 * 2 + 3, 4 * 3 + 4, 5 * 4 + 5, 6 * 5 + 6],
      ],
    ]) {
      const result = f(x);
      expect(await numbers(result.old)).toEqual(old);
      expect(await numbers(result.now)).toEqual(now);
      expect(await numbers(w)).toEqual(held);
    }
  });

  it("packed ones updated in place, one from the other's new value", async () => {
    const size = 64;
    const [a, b, c] = [1, 2, 3].map((x) => variable(new Float32Array(size).fill(x)));
    packVariables([a, b, c]);
    const f = jit(() => {
      a.assign(add(a, 1));
      b.assign(mul(b, a));
      c.assign(add(c, b));
    });
    let [x, y, z] = [1, 2, 3];
    for (let i = 0; i < 3; i++) {
      f();
      x += 1;
      y *= x;
      z += y;
      for (const [variable, value] of [
        [a, x],
        [b, y],
        [c, z],
      ] as const)
        expect(await numbers(variable)).toEqual(new Array(size).fill(value));
    }
  });

  it("packed ones updated in place are read by products that update others", async () => {
    const [a, b, c] = [1, 2, 3].map((x) => variable(new Float32Array(256).fill(x), { shape: [16, 16] }));
    const pack = packVariables([a, b, c]);
    const y = mul(ones([16, 16]), 1 / 16);
    const f = jit(() => {
      a.assign(add(a, 1));
      b.assign(matmul(a, y));
      c.assign(add(matmul(b, y), c));
    });
    for (const want of [
      [2, 2, 5],
      [3, 3, 8],
    ]) {
      f();
      for (const [i, variable] of [a, b, c].entries())
        expect(new Set(await numbers(variable))).toEqual(new Set([want[i]]));
    }
    expect(pack.total).toBe(768);
  });

  it("packed ones can be assigned from one another, and both the same value", async () => {
    const [a, b] = [variable([1, 2, 3]), variable([4, 5, 6])];
    packVariables([a, b]);
    const swap = jit(() => {
      const old = add(a, 0);
      a.assign(b);
      b.assign(old);
    });
    swap();
    expect([await numbers(a), await numbers(b)]).toEqual([
      [4, 5, 6],
      [1, 2, 3],
    ]);
    const both = jit(() => {
      const total = add(a, b);
      a.assign(total);
      b.assign(total);
      return mul(a, b);
    });
    expect(await numbers(both())).toEqual([25, 49, 81]);
    expect([await numbers(a), await numbers(b)]).toEqual([
      [5, 7, 9],
      [5, 7, 9],
    ]);
  });

  it("packed ones are read and assigned beside an assignment to the whole", async () => {
    const [v, w] = [variable([1, 2, 3]), variable([4, 5])];
    const pack = packVariables([v, w]);
    const read = jit(() => {
      pack.values.assign(mul(pack.values, 2));
      return [mul(v, 1), mul(w, 1), sum(pack.values)];
    });
    const seen = read();
    expect(await numbers(seen[0])).toEqual([2, 4, 6]);
    expect(await numbers(seen[1])).toEqual([8, 10]);
    expect(await numbers(seen[2])).toEqual([30]);
    const assigned = jit(() => {
      pack.values.assign(mul(pack.values, 2));
      v.assign(ones([3]));
      return sum(pack.values);
    });
    expect(await numbers(assigned())).toEqual([39]);
    expect([await numbers(v), await numbers(w)]).toEqual([
      [1, 1, 1],
      [16, 20],
    ]);
    const parts = jit(() => {
      w.assign(mul(w, 0.5));
      const total = sum(pack.values);
      pack.values.assign(add(pack.values, 1));
      return total;
    });
    expect(await numbers(parts())).toEqual([21]);
    expect([await numbers(v), await numbers(w)]).toEqual([
      [2, 2, 2],
      [9, 11],
    ]);
    for (const program of [read, assigned, parts]) program.dispose();
  });

  it("gradients packed with gaps leave zeros in the gaps", async () => {
    const vs = [variable(new Float32Array(10)), variable(new Float32Array(3))];
    const pack = packVariables(vs);
    // exp(0) is 1: what is computed past a value's end would show in the sum.
    const total = () => sum(pack.gather(vs.map((v) => exp(v))));
    const f = jit(total);
    for (let i = 0; i < 2; i++) expect(await f().item()).toBeCloseTo(13, 5);
  });

  it("gradients packed where their kernels write leave zeros in the gaps, run after run", async () => {
    const vs = [variable(new Float32Array(3)), variable(new Float32Array(5))];
    const pack = packVariables(vs);
    const [a, b] = [ones([4, 3]), ones([4, 5])];
    const x = tensor(
      Float32Array.from({ length: 12 }, (_, i) => i + 1),
      [3, 4],
    );
    const f = jit(() => {
      // Sums write exactly what is theirs, so that the pack needs no kernel.
      const gathered = pack.gather([sum(a, 0), sum(b, 0)]);
      const total = sum(square(gathered));
      // As large as the pack's memory, and made when nobody reads that any more.
      const product = matmul(mul(x, total), ones([4, 4]));
      return [total, sum(matmul(ones([4, 3]), product))];
    });
    // What the pack's memory held before: a program's slots have buffers of their own, as variables have.
    const soil = [64, 128, 192].flatMap((size) =>
      Array.from({ length: 16 }, () => variable(new Float32Array(size).fill(Number.NaN))),
    );
    for (const each of soil) each.dispose();
    for (let run = 0; run < 3; run++) expect(await f()[0].item()).toBe(8 * 16);
  });
});

describe("tensors that leave the function otherwise", () => {
  it("are disposed with its scope", async () => {
    let leaked: Tensor | undefined;
    const f = jit((x: Tensor) => {
      leaked = mul(x, 2);
      return add(leaked, 1);
    });
    f(tensor([1]));
    expect(await errorOf(() => leaked?.data())).toBeInstanceOf(DisposedError);
  });

  it("have no value even if kept", async () => {
    let leaked: Tensor | undefined;
    const f = jit((x: Tensor) => {
      leaked = keep(mul(x, 2));
      return add(leaked, 1);
    });
    f(tensor([1]));
    expect(await errorOf(() => leaked?.data())).toBeInstanceOf(TraceError);
    expect(() => add(leaked as Tensor, 1)).toThrow(/return it from the function/);
    leaked?.dispose();
  });
});

describe("gradients", () => {
  it("are taken inside: a tape around the call does not see into it", async () => {
    const f = jit((x: Tensor) => sum(square(x)));
    const x = tensor([1, 2]);
    expect(() => valueAndGrad((y) => f(y))(x)).toThrow(GradientError);
    const inside = jit((y: Tensor) => valueAndGrad((z) => sum(square(z)))(y).grads);
    expect(await numbers(inside(x)[0])).toEqual([2, 4]);
  });
});

describe("nested jit", () => {
  it("is inlined", async () => {
    const inner = jit((x: Tensor) => mul(x, 2));
    const outer = jit((x: Tensor) => add(inner(inner(x)), inner.run({ steps: 2 }, x)));
    const x = tensor([1, 2]);
    outer(x);
    const { dispatches } = gpu.counters();
    expect(await numbers(outer(x))).toEqual([6, 12]);
    expect(gpu.counters().dispatches - dispatches).toBe(1);
    expect(inner.programs.size).toBe(0);
  });
});

describe("random numbers", () => {
  it("are drawn anew at each run from a state that is a Variable and advances", async () => {
    const state = variable(gpu.random.state(), { dtype: "u32", trainable: false });
    const f = jit((x: Tensor) => {
      const uniform = randomUniform(state, [5]);
      const dropped = dropout(x, 0.5, state);
      state.assign(advance(state));
      return { uniform, dropped };
    });
    const x = ones([64]);
    const seen = new Set<string>();
    for (let i = 0; i < 4; i++) {
      const { uniform, dropped } = f(x);
      seen.add(`${await numbers(uniform)}`).add(`${await numbers(dropped)}`);
    }
    expect(seen.size).toBe(8);
    expect((await state.data())[2]).toBe(4);
  });

  it("are always the same from a captured state that is a plain tensor", async () => {
    const state = tensor(Uint32Array.from(gpu.random.state()));
    const f = jit(() => randomUniform(state, [5]));
    const first = await numbers(f());
    expect(await numbers(f())).toEqual(first);
  });
});

describe("errors", () => {
  it("thrown inside leave the device usable and nothing behind", async () => {
    const v = variable([1, 2]);
    const c = tensor([3, 4]);
    const x = tensor([5, 6]);
    await gpu.sync();
    await collectGarbage();
    const { tensors, bytes } = gpu.memory();
    let attempts = 0;
    const f = jit((y: Tensor) => {
      const z = add(mul(y, v), mul(c, tensor([1, 2])));
      v.assign(z);
      if (attempts++ < 2) throw new RangeError("mine");
      return z;
    });
    expect(() => f(x)).toThrow(RangeError);
    expect(() => f(x)).toThrow("mine");
    expect(gpu.memory()).toMatchObject({ tensors, bytes });
    expect(f.programs.size).toBe(0);
    expect(gpu.isTracing).toBe(false);
    expect(await numbers(v)).toEqual([1, 2]);
    expect(await numbers(f(x))).toEqual([8, 20]);
  });

  it("of shapes are thrown at the call that traces", () => {
    const f = jit((a: Tensor, b: Tensor) => matmul(a, b));
    expect(() => f(ones([2, 3]), ones([2, 3]))).toThrow(ShapeError);
  });

  it("buffers beyond the adapter's limits are refused with the plan's figures", async () => {
    const x = ones([1]);
    const v = variable([1]);
    await gpu.sync();
    await collectGarbage();
    const { tensors, bytes } = gpu.memory();
    const limit = Math.min(gpu.info.limits.maxStorageBufferBindingSize, gpu.info.limits.maxBufferSize);
    const rows = Math.floor(limit / 4 / 1024) + 1;
    // The limit may exceed what indices reach: then no tensor can be too large.
    if (rows * 1024 >= 2 ** 31) return;
    const f = jit((y: Tensor) => {
      v.assign(add(v, 1));
      return [add(y, 1), transpose(expand(y, [rows, 1024]))];
    });
    const error = await errorOf(() => f(x));
    expect(error).toBeInstanceOf(LimitError);
    expect(error.message).toMatch(/steps needs \d+ buffers of \d+ bytes/);
    expect(gpu.memory()).toMatchObject({ tensors, bytes });
    expect(await v.item()).toBe(1);
  });

  it("steps must be a whole number of at least 1", () => {
    const f = jit(() => ones([1]));
    for (const steps of [0, -1, 1.5, Number.NaN]) expect(() => f.run({ steps })).toThrow(ArgumentError);
  });
});

describe("devices", () => {
  it("arguments on two devices are refused", () => {
    const f = jit((a: Tensor, b: Tensor) => add(a, b));
    expect(() => f(tensor([1], { device: gpu }), tensor([1], { device: cpu }))).toThrow(DeviceError);
  });

  it("so are results on another device than the program's", () => {
    const v = variable([1], { device: cpu });
    const f = jit((x: Tensor) => [mul(x, 2), v]);
    expect(() => f(tensor([1], { device: gpu }))).toThrow(/another device \(cpu( \d+)?\)/);
  });

  it("so are ops on another device, which would run at tracing only, jitted or not", () => {
    const other = tensor([1], { device: cpu });
    const x = tensor([1], { device: gpu });
    const inner = jit((y: Tensor) => add(y, 1));
    for (const f of [(y: Tensor) => add(y, 1), inner]) {
      const traced = jit((y: Tensor) => {
        f(other);
        return mul(y, 2);
      });
      expect(() => traced(x)).toThrow(TraceError);
      expect(() => traced(x)).toThrow(
        /add: runs on cpu( \d+)? inside a function that is traced for another device/,
      );
    }
    // Nothing is left of it: each runs by itself.
    for (const y of [other, x]) inner(y).dispose();
    for (const held of [other, x, inner]) held.dispose();
  });

  it("programs follow their arguments' device, not the default one", async () => {
    setDevice(cpu);
    const f = jit((x: Tensor) => add(mul(x, 2), 1));
    expect(await numbers(f(tensor([1], { device: gpu })))).toEqual([3]);
    expect(f.programs.size).toBe(1);
  });

  it("the CPU reference simply runs the function each time", async () => {
    setDevice(cpu);
    let calls = 0;
    const v = variable([0]);
    const f = jit((x: Tensor) => {
      calls++;
      v.assign(add(v, x));
      return mul(x, calls);
    });
    const x = tensor([1]);
    const first = f(x);
    expect(await numbers(f(x))).toEqual([2]);
    expect(await numbers(first)).toEqual([1]);
    expect(await numbers(f.run({ steps: 3 }, x))).toEqual([5]);
    expect(await v.item()).toBe(5);
    expect(f.programs.size).toBe(0);
  });
});

describe("memory", () => {
  it("dispose() frees what a program holds, captured tensors included", async () => {
    const x = ones([100, 100]);
    await gpu.sync();
    await collectGarbage();
    const { tensors, bytes } = gpu.memory();
    const c = ones([100, 100]);
    const f = jit((y: Tensor) =>
      matmul(
        add(y, c),
        tensor(
          Float32Array.from({ length: 10_000 }, (_, i) => i),
          [100, 100],
        ),
      ),
    );
    const y = f(x);
    y.dispose();
    c.dispose();
    expect(gpu.memory().bytes).toBeGreaterThan(bytes + 40_000);
    f.dispose();
    expect(gpu.memory()).toMatchObject({ tensors, bytes });
  });

  it("results that are dropped do not pile up", async () => {
    const f = jit((x: Tensor) => mul(x, 2));
    const x = ones([100]);
    f(x).dispose();
    await collectGarbage();
    const { bytes, buffers, tensors } = gpu.memory();
    for (let i = 0; i < 100; i++) f(x).dispose();
    expect(gpu.memory()).toMatchObject({ bytes, buffers, tensors });
  });

  it("copies of results that come back as arguments do not pile up", async () => {
    const f = jit((x: Tensor) => mul(x, 2));
    let y = f(ones([3000]));
    for (let i = 0; i < 3; i++) y = f(y);
    await collectGarbage();
    const { bytes, buffers } = gpu.memory();
    for (let i = 0; i < 20; i++) y = f(y);
    await collectGarbage();
    expect(gpu.memory()).toMatchObject({ bytes, buffers });
    expect((await numbers(y))[2999]).toBe(2 ** 24);
    f.dispose();
  });
});

describe("constants", () => {
  it("that are not finite, after a matmul and a reduction as well as alone", async () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
    const body = (x: Tensor) => {
      const product = matmul(x, x);
      return [
        where(less(product, 3), inf, product),
        clip(add(product, 0.5), -inf, 4),
        where(less(sum(x, 1), 0), nan, sum(x, 1)),
        add(where(less(x, 0), -inf, x), 1),
        clip(x, -inf, -inf),
        clip(x, inf, inf),
      ];
    };
    const x = tensor([
      [1, -2, 0, 1],
      [0, 1, 3, 1],
      [2, -2, -3, 1],
      [1, 0, 1, 1],
    ]);
    const got = jit(body)(x);
    const want = body(x);
    for (let i = 0; i < want.length; i++) expect(await numbers(got[i])).toEqual(await numbers(want[i]));
  });
});

describe("a tape that is open across a replay", () => {
  it("notices that the program assigned what it saved", () => {
    const w = variable([1, 2]);
    const step = jit(() => {
      w.assign(mul(w, 2));
    });
    step();
    const tape = new Tape();
    const loss = tape.record(() => sum(square(w)));
    step();
    expect(() => tape.gradient(loss, [w])).toThrow(GradientError);
    tape.dispose();
  });
});

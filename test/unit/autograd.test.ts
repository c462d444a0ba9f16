// backward and what stands around it, on the CPU reference: whose gradients they are, who frees them, what is refused.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  add,
  argMax,
  backward,
  cast,
  checkpoint,
  customGradient,
  type Device,
  DisposedError,
  exp,
  GradgpuError,
  GradientError,
  grad,
  hessian,
  hvp,
  init,
  jacobian,
  jit,
  jvp,
  matmul,
  mul,
  noGrad,
  record,
  registerHook,
  relu,
  reshape,
  retainGrad,
  scan,
  setDevice,
  sin,
  square,
  stopGradient,
  sub,
  sum,
  Tape,
  type Tensor,
  tanh,
  tensor,
  tidy,
  valueAndGrad,
  variable,
  variableGrads,
  vjp,
  zeroGrad,
} from "../../engine/index.ts";
import { collectGarbage } from "../support/garbage.ts";

let device: Device;

beforeAll(async () => {
  device = await init({ device: "cpu" });
});
afterAll(() => device.dispose());

const valuesOf = async (x: Tensor | null) => (x === null ? null : [...(await x.dataFloat64())]);

/** What the second of two runs leaves: scalars stay from their first use. */
async function leftBy(fn: () => unknown): Promise<{ tensors: number; bytes: number }> {
  await fn();
  await collectGarbage();
  const before = device.memory();
  await fn();
  const after = device.memory();
  return { tensors: after.tensors - before.tensors, bytes: after.bytes - before.bytes };
}

const nothing = { tensors: 0, bytes: 0 };
const cube = (x: Tensor) => sum(mul(square(x), x));

describe("backward", () => {
  it("adds up on watched tensors and trainable variables, over several calls", async () => {
    const w = variable([2, 3], { name: "w" });
    const frozen = variable([1, 1], { trainable: false });
    const x = tensor([5, 7]);
    const unused = variable([1]);
    const step = () => backward(record(() => sum(mul(mul(square(w), x), frozen)), { watch: [x] }));
    expect(w.grad).toBeNull();
    step();
    expect(await valuesOf(w.grad)).toEqual([20, 42]);
    expect(await valuesOf(x.grad)).toEqual([4, 9]);
    expect(frozen.grad).toBeNull();
    expect(unused.grad).toBeNull();
    step();
    expect(await valuesOf(w.grad)).toEqual([40, 84]);
    zeroGrad(w, [x]);
    expect([w.grad, x.grad]).toEqual([null, null]);
    step();
    expect(await valuesOf(w.grad)).toEqual([20, 42]);
  });

  it("takes a seed, and refuses a loss of many values without one, or one of another shape", async () => {
    const x = tensor([1, 2, 3]);
    const y = record(() => square(x), { watch: [x] });
    expect(() => backward(y)).toThrow(
      /backward: the loss is tensor f32 \[3\].*sum\(\) or mean\(\), or pass a seed/,
    );
    expect(() => backward(y, { seed: tensor([1, 2]) })).toThrow(GradientError);
    expect(x.grad).toBeNull();
    backward(y, { seed: tensor([1, 10, 100]) });
    expect(await valuesOf(x.grad)).toEqual([2, 40, 600]);
  });

  it("finds the tape by the loss, however it left the tape, also after others were opened", async () => {
    const x = tensor([3]);
    const tape = new Tape().watch(x);
    let inside: Tensor | undefined;
    tape.record(() => {
      inside = sum(square(x));
    });
    const nested = tape.record(() => ({ deep: [sum(mul(x, 5))] }));
    const other = new Tape().watch(x);
    other.record(() => sum(x));
    backward(inside as Tensor);
    expect(await valuesOf(x.grad)).toEqual([6]);
    backward(nested.deep[0]);
    expect(await valuesOf(x.grad)).toEqual([11]);
    tape.dispose();
    other.dispose();
  });

  it("refuses a loss that no tape recorded, by how it came to that", () => {
    const x = tensor([3]);
    const w = variable([3], { name: "w" });
    expect(() => backward(sum(x))).toThrow(
      /backward: no open tape has recorded tensor f32 \[\]; compute it inside/,
    );
    expect(() => backward(w)).toThrow(/variable "w" .* is not computed from anything/);
    expect(() => backward(3 as unknown as Tensor)).toThrow(GradgpuError);
    const tape = new Tape().watch(x);
    const loss = tape.record(() => sum(x));
    tape.dispose();
    expect(() => backward(loss)).toThrow(/the tape that recorded tensor f32 \[\] was disposed/);
    // Gradient functions' own tapes are not to be had.
    grad((v) => {
      const inner = sum(square(v));
      expect(() => backward(inner)).toThrow(/no open tape/);
      return inner;
    })(x);
    const constant = record(() => sum(tensor([1, 2])));
    expect(() => backward(constant)).toThrow(/does not depend on anything/);
    const cut = record(() => sum(cast(argMax(x, 0), "f32")), { watch: [x] });
    expect(() => backward(cut)).toThrow(/argMax, on the way to the loss, is not differentiable/);
    expect(() => record(() => sum(x), { watch: [tensor([1], { dtype: "i32" })] })).toThrow(GradientError);
  });

  it("frees the graph as it goes, unless that is to be retained", async () => {
    const x = tensor([2]);
    const make = () => record(() => sum(exp(square(x))), { watch: [x] });
    const loss = make();
    await collectGarbage();
    const held = device.memory().tensors;
    backward(loss, { retainGraph: true });
    // One gradient more.
    expect(device.memory().tensors).toBe(held + 1);
    backward(loss);
    expect(device.memory().tensors).toBeLessThan(held);
    const before = await valuesOf(x.grad);
    expect(() => backward(loss)).toThrow(/freed what sum saved.*retainGraph: true/);
    expect(await valuesOf(x.grad)).toEqual(before);
  });

  it("leaves other losses of the tape alone, and refuses where they share what was freed", () => {
    const x = tensor([2]);
    const tape = new Tape().watch(x);
    const [a, b, c] = tape.record(() => {
      const shared = exp(x);
      return [sum(square(x)), sum(shared), sum(mul(shared, 2))];
    });
    backward(a);
    backward(b);
    expect(() => backward(c)).toThrow(/freed what exp saved/);
    tape.dispose();
  });

  it("changes no gradient when it fails", async () => {
    const w = variable([2], { name: "w" });
    const v = variable([3], { name: "v" });
    const loss = record(() => sum(add(mul(v, 2), square(w))));
    w.set([1]);
    expect(() => backward(loss)).toThrow(/backward: variable "w" .* was assigned after square read it/);
    expect([w.grad, v.grad]).toEqual([null, null]);
  });

  it("refuses tensors of a closed device", async () => {
    const own = await init({ device: "cpu" });
    const x = tensor([1]);
    const loss = record(() => sum(square(x)), { watch: [x] });
    own.dispose();
    setDevice(device);
    expect(() => backward(loss)).toThrow(DisposedError);
    expect(() => backward(loss)).toThrow(/backward: the loss belongs to a device that was closed/);
  });

  it("works when the tensors on the way are disposed, and refuses to compute with disposed ones", async () => {
    const x = tensor([3]);
    const loss = record(
      () =>
        tidy(() => {
          const y = square(x);
          const total = sum(y);
          y.dispose();
          return total;
        }),
      { watch: [x] },
    );
    backward(loss);
    expect(await valuesOf(x.grad)).toEqual([6]);
    x.dispose();
    expect(() => record(() => sum(x))).toThrow(DisposedError);
  });
});

describe("whose gradients they are", () => {
  it("no scope frees them, their tensor does", async () => {
    const w = variable([2, 3]);
    const run = () => {
      const x = tensor([1, 2]);
      tidy(() => backward(record(() => sum(mul(square(w), x)), { watch: [x] })));
      tidy(() => {
        // Reading it in a scope does not give it to the scope.
        add(w.grad as Tensor, 1);
        return w.grad;
      });
      expect(w.grad?.isDisposed).toBe(false);
      expect(x.grad?.isDisposed).toBe(false);
      const given = x.grad as Tensor;
      x.dispose();
      expect(given.isDisposed).toBe(true);
      zeroGrad(w);
    };
    expect(await leftBy(run)).toEqual(nothing);
    backward(record(() => sum(square(w))));
    const last = w.grad as Tensor;
    w.dispose();
    expect(last.isDisposed).toBe(true);
  });

  it("one that its user disposed reads as null, and starts anew", async () => {
    const w = variable([2]);
    const step = () => backward(record(() => sum(square(w))));
    step();
    w.grad?.dispose();
    expect(w.grad).toBeNull();
    step();
    expect(await valuesOf(w.grad)).toEqual([4]);
  });

  it("a thousand steps leave nothing behind", async () => {
    const w = variable([2, 3]);
    const run = () => {
      for (let i = 0; i < 1000; i++) {
        tidy(() => backward(record(() => sum(mul(tanh(w), w)))));
        if (i % 3 === 0) zeroGrad(w);
      }
      zeroGrad(w);
    };
    expect(await leftBy(run)).toEqual(nothing);
  });

  it("a tape that is dropped without dispose() is freed by the collector", async () => {
    const x = tensor([2, 3]);
    const run = () => {
      for (let i = 0; i < 50; i++) tidy(() => void record(() => sum(exp(square(x))), { watch: [x] }));
    };
    run();
    await collectGarbage();
    const before = device.memory().tensors;
    run();
    await collectGarbage();
    // The last may still be on the stack.
    expect(device.memory().tensors).toBeLessThanOrEqual(before + 8);
  });
});

describe("retainGrad", () => {
  it("keeps gradients of values on the way", async () => {
    const x = tensor([2, 3]);
    let hidden: Tensor | undefined;
    const loss = record(
      () => {
        hidden = retainGrad(square(x));
        return sum(mul(hidden, 5));
      },
      { watch: [x] },
    );
    backward(loss, { retainGraph: true });
    expect(await valuesOf(hidden?.grad ?? null)).toEqual([5, 5]);
    backward(loss);
    expect(await valuesOf(hidden?.grad ?? null)).toEqual([10, 10]);
    expect(() => retainGrad(tensor([1]))).toThrow(/retainGrad: no tape has recorded tensor f32 \[1\]/);
  });
});

describe("registerHook", () => {
  it("sees the whole gradient once, of leaves and of values on the way", async () => {
    const x = tensor([2]);
    const seen: (readonly [string, Promise<number[] | null>])[] = [];
    const loss = record(
      () => {
        const y = square(x);
        registerHook(y, (g) => void seen.push(["y", valuesOf(mul(g, 1))]));
        return sum(add(mul(y, 3), mul(y, 4)));
      },
      { watch: [x] },
    );
    registerHook(x, (g) => void seen.push(["x", valuesOf(mul(g, 1))]));
    backward(loss);
    expect(await Promise.all(seen.map(async ([name, values]) => [name, await values]))).toEqual([
      ["y", [7]],
      ["x", [28]],
    ]);
  });

  it("replaces it, for all that comes before and for grad functions too; removed, it does nothing", async () => {
    const w = variable([2], { name: "w" });
    const handle = registerHook(w, (g) => mul(g, 10));
    const second = registerHook(w, (g) => add(g, 1));
    const ask = async () => valuesOf(variableGrads(() => sum(square(w)), [w]).grads[0]);
    expect(await ask()).toEqual([41]);
    handle.remove();
    handle.remove();
    expect(await ask()).toEqual([5]);
    second[Symbol.dispose]();
    expect(await ask()).toEqual([4]);
    const [dx] = grad((x) => {
      const y = square(x);
      registerHook(y, (g) => mul(g, 0.5));
      return sum(mul(y, 6));
    })(tensor([5]));
    expect(await valuesOf(dx)).toEqual([30]);
  });

  it("changes a gradient once, of a value on the way that is watched as well", async () => {
    const x = tensor([2]);
    const tape = new Tape().watch(x);
    const [loss, y] = tape.record(() => {
      const y = square(x);
      registerHook(y, (g) => mul(g, 10));
      tape.watch(y);
      return [sum(mul(y, 3)), y] as const;
    });
    const [dy, dx] = tape.gradient(loss, [y, x]);
    expect([await valuesOf(dy), await valuesOf(dx)]).toEqual([[30], [120]]);
    tape.dispose();
  });

  it("changes a variable's gradient once, though a checkpointed block that reads it has a walk of its own", async () => {
    const w = variable([2, 3], { name: "w" });
    let calls = 0;
    using _hook = registerHook(w, (g) => {
      calls++;
      return mul(g, 10);
    });
    const ask = async (loss: () => Tensor) => valuesOf(variableGrads(loss, [w]).grads[0]);
    const captured = checkpoint((v: Tensor) => mul(v, w));
    const given = checkpoint((v: Tensor) => mul(v, 5));
    expect(await ask(() => sum(captured(tensor([5, 7]))))).toEqual([50, 70]);
    expect(await ask(() => sum(given(w)))).toEqual([50, 50]);
    expect(calls).toBe(2);
  });

  it("is no part of the tape that walks, though that records meanwhile", async () => {
    const x = tensor([2]);
    const tape = new Tape().watch(x);
    const [dx] = tape.record(() => {
      const y = square(x);
      registerHook(y, (g) => mul(g, x));
      const loss = sum(y);
      const gradients = tape.gradient(loss, [x]);
      expect(tape.nodes.map(({ op }) => op.name)).toEqual(["square", "sum"]);
      return gradients;
    });
    expect(await valuesOf(dx)).toEqual([8]);
    tape.dispose();
  });

  it("refuses what is no gradient of the value, and values that no tape knows", () => {
    const w = variable([2, 3], { name: "w" });
    const ask = () => variableGrads(() => sum(square(w)), [w]);
    const wrong = registerHook(w, () => tensor([1, 2, 3]));
    expect(ask).toThrow(/hook of variable "w".* returned f32 \[3\]; a gradient keeps its shape/);
    wrong.remove();
    const none = registerHook(w, () => 3 as unknown as Tensor);
    expect(ask).toThrow(GradientError);
    none.remove();
    expect(() => registerHook(tensor([1]), () => {})).toThrow(/registerHook: no tape has recorded/);
  });

  it("leaves nothing behind", async () => {
    const w = variable([2, 3]);
    const outside = tensor([7, 7]);
    const run = () => {
      using _first = registerHook(w, (g) => mul(add(g, 1), 2));
      using _second = registerHook(w, () => outside);
      tidy(() => backward(record(() => sum(square(w)))));
      zeroGrad(w);
    };
    expect(await leftBy(run)).toEqual(nothing);
    expect(outside.isDisposed).toBe(false);
  });
});

describe("stopGradient", () => {
  it("is a constant for every derivative, and the same memory", async () => {
    const x = tensor([3]);
    const [dx] = grad((v) => sum(mul(v, stopGradient(square(v)))))(x);
    expect(await valuesOf(dx)).toEqual([9]);
    const { tangent } = jvp((v) => mul(v, stopGradient(v)), [x], [tensor([1])]);
    expect(await valuesOf(tangent)).toEqual([3]);
    await collectGarbage();
    const before = device.memory().bytes;
    stopGradient(x);
    expect(device.memory().bytes).toBe(before);
    expect(() => grad((v) => sum(stopGradient(v)))(x)).toThrow(/stopGradient, on the way to the loss/);
  });

  it("shows in steps, where the gradient ends", () => {
    const x = tensor([3]);
    const tape = new Tape({ retain: true }).watch({ x });
    const loss = tape.record(() => sum(mul(x, exp(stopGradient(square(x))))));
    const steps = [...tape.steps(loss)];
    expect(steps.map(({ op }) => op)).toEqual(["sum", "mul", "stopGradient"]);
    expect(steps[2].outputGradients).toEqual([null]);
    expect(steps[2].inputGradients).toEqual([null]);
    tape.dispose();
  });

  it("of a variable shows the new value after an assignment, which is refused where the old is needed", () => {
    const w = variable([2], { name: "w" });
    const x = tensor([1]);
    const loss = record(() => sum(mul(x, stopGradient(w))), { watch: [x] });
    w.set([5]);
    expect(() => backward(loss)).toThrow(/variable "w".* was assigned after mul read it/);
  });
});

describe("gradient functions", () => {
  it("leave an input that the function returns as it is to its owner", async () => {
    const [x, w] = [tensor(3), variable(2)];
    const same = (v: Tensor) => v;
    grad(same)(x)[0].dispose();
    jacobian(same, x).dispose();
    const ofInput = valueAndGrad(same)(x);
    const ofVariable = variableGrads(() => w, [w]);
    expect([await ofInput.value.item(), await ofVariable.value.item()]).toEqual([3, 2]);
    for (const { value, grads } of [ofInput, ofVariable]) {
      value.dispose();
      expect(await grads[0].item()).toBe(1);
    }
    expect([await x.item(), await w.item()]).toEqual([3, 2]);
  });

  it("take argnums: positions, in their order", async () => {
    const f = (a: Tensor, b: Tensor, c: Tensor) => sum(mul(mul(a, b), c));
    const inputs = [tensor([2]), tensor([3]), tensor([5])] as const;
    const some = grad(f, { argnums: [2, 0] })(...inputs);
    expect(await Promise.all(some.map(valuesOf))).toEqual([[6], [15]]);
    const one = grad(f, { argnums: 1 })(...inputs);
    expect(await Promise.all(one.map(valuesOf))).toEqual([[10]]);
    expect(() => grad(f, { argnums: 3 })(...inputs)).toThrow(
      /argnums names argument 3 of 3, which is missing/,
    );
    const integers = tensor([1], { dtype: "i32" });
    expect(() => grad((a) => sum(cast(a, "f32")), { argnums: 0 })(integers)).toThrow(/i32/);
  });

  it("hand on aux, alive, and free the rest", async () => {
    const f = valueAndGrad((x) => [sum(square(x)), { doubled: mul(x, 2), note: "text" }] as const, {
      hasAux: true,
    });
    const x = tensor([3]);
    const { value, grads, aux } = f(x);
    expect([await value.item(), await valuesOf(grads[0]), await valuesOf(aux.doubled), aux.note]).toEqual([
      9,
      [6],
      [6],
      "text",
    ]);
    const run = () => {
      const made = f(x);
      for (const one of [made.value, ...made.grads, made.aux.doubled]) one.dispose();
    };
    expect(await leftBy(run)).toEqual(nothing);
    expect(() => valueAndGrad(((v: Tensor) => sum(v)) as never, { hasAux: true })(x)).toThrow(
      /\[loss, aux\]/,
    );
  });

  it("compute only what leads to the targets", async () => {
    const x = tensor([2]);
    const w = variable([3]);
    const tape = new Tape().watch(x);
    const loss = tape.record(() => sum(mul(exp(w), square(x))));
    let asked = 0;
    registerHook(w, () => void asked++);
    expect(await valuesOf(tape.gradient(loss, [x])[0])).toEqual([4 * Math.exp(3)]);
    expect(asked).toBe(0);
    tape.gradient(loss, [w]);
    expect(asked).toBe(1);
    tape.dispose();
  });
});

describe("vjp", () => {
  it("gives the value and a pullback that can be called again and again", async () => {
    const x = tensor([1, 2]);
    const w = tensor([
      [1, 2],
      [3, 4],
    ]);
    using linear = vjp((v, m) => matmul(reshape(v, [1, 2]), m), x, w);
    expect(await valuesOf(linear.value)).toEqual([7, 10]);
    for (const [a, b] of [
      [1, 0],
      [0, 1],
      [2, 3],
    ]) {
      const [dx, dw] = linear.pullback(tensor([[a, b]]));
      expect(await valuesOf(dx)).toEqual([a + 2 * b, 3 * a + 4 * b]);
      expect(await valuesOf(dw)).toEqual([a, b, 2 * a, 2 * b]);
    }
  });

  it("takes functions of several outputs, and zeros for what does not depend", async () => {
    const x = tensor([2]);
    using both = vjp((v) => [square(v), mul(v, 3), tensor([1])], x);
    const [dx] = both.pullback([tensor([1]), tensor([10]), tensor([5])]);
    expect(await valuesOf(dx)).toEqual([34]);
    expect(() => both.pullback([tensor([1])])).toThrow(/1 cotangents for 3 outputs/);
    expect(() => both.pullback([tensor([1, 2]), tensor([1]), tensor([1])])).toThrow(/seed's shape/);
    const { pullback, dispose } = vjp((v) => sum(cube(v)), x);
    expect(await valuesOf(pullback()[0])).toEqual([12]);
    dispose();
    expect(() => pullback()).toThrow(/disposed/);
    expect(() => vjp((v) => argMax(v, 0), x)).toThrow(/only f32 tensors have derivatives/);
  });

  it("leaves nothing behind, also when the function throws", async () => {
    const x = tensor([2, 3]);
    const run = () => {
      const made = vjp((v) => tanh(square(v)), x);
      const [dx] = made.pullback(x);
      made.dispose();
      for (const one of [made.value, dx]) one.dispose();
      expect(() =>
        vjp((v) => {
          exp(v);
          throw new RangeError("mine");
        }, x),
      ).toThrow(RangeError);
    };
    expect(await leftBy(run)).toEqual(nothing);
  });
});

describe("jvp", () => {
  it("is the directional derivative, of several inputs and outputs", async () => {
    const [x, y] = [tensor([0.5, -1]), tensor([2, 3])];
    const f = (a: Tensor, b: Tensor) => [mul(sin(a), b), add(a, b)];
    const { value, tangent } = jvp(f, [x, y], [tensor([1, 2]), tensor([10, 0])]);
    expect(value).toHaveLength(2);
    const [first, second] = await Promise.all(tangent.map(valuesOf));
    const want = [Math.cos(0.5) * 2 + Math.sin(0.5) * 10, Math.cos(-1) * 2 * 3];
    first?.forEach((got, i) => {
      expect(got).toBeCloseTo(want[i], 12);
    });
    expect(second).toEqual([11, 2]);
  });

  it("is zero where the function is constant, and nests", async () => {
    const x = tensor([2]);
    const flat = jvp(() => tensor([7]), [x], [x]);
    expect(await valuesOf(flat.tangent)).toEqual([0]);
    const second = jvp((v) => jvp((u) => mul(square(u), u), [v], [tensor([1])]).tangent, [x], [tensor([1])]);
    expect(await valuesOf(second.tangent)).toEqual([12]);
    const mixed = grad((v) => sum(jvp((u) => mul(square(u), u), [v], [tensor([1])]).tangent))(x);
    expect(await valuesOf(mixed[0])).toEqual([12]);
  });

  it("refuses tangents that do not fit", () => {
    const x = tensor([1, 2]);
    expect(() => jvp(square, [x], [])).toThrow(/0 tangents for 1 f32 inputs/);
    expect(() => jvp(square, [x], [tensor([1])])).toThrow(/tangent 0 has shape \[1\]/);
    expect(() => jvp(square, [x], [tensor([1, 2], { dtype: "i32" })])).toThrow(/must be an f32 tensor/);
  });

  it("leaves nothing behind", async () => {
    const x = tensor([2, 3]);
    const run = () => {
      const { value, tangent } = jvp((v) => mul(tanh(v), v), [x], [x]);
      const { value: v2, grads, products } = hvp((v) => cube(v), [x], [x]);
      for (const one of [value, tangent, v2, ...grads, ...products]) one.dispose();
    };
    expect(await leftBy(run)).toEqual(nothing);
  });
});

describe("second derivatives", () => {
  it("hvp: the Hessian times a vector", async () => {
    const [x, y] = [tensor([1, 2]), tensor([3, 4])];
    // Σ x²y: the Hessian is [[2y, 2x], [2x, 0]].
    const made = hvp((a, b) => sum(mul(square(a), b)), [x, y], [tensor([1, 10]), tensor([2, 20])]);
    expect(await made.value.item()).toBe(3 + 16);
    expect(await Promise.all(made.grads.map(valuesOf))).toEqual([
      [6, 16],
      [1, 4],
    ]);
    expect(await Promise.all(made.products.map(valuesOf))).toEqual([
      [6 + 4, 80 + 80],
      [2, 40],
    ]);
    const linear = hvp((v) => sum(mul(v, 3)), [x], [x]);
    expect(await valuesOf(linear.products[0])).toEqual([0, 0]);
    const kinked = hvp((v) => sum(relu(v)), [x], [x]);
    expect(await valuesOf(kinked.products[0])).toEqual([0, 0]);
  });

  it("jacobian and hessian, whole", async () => {
    const x = tensor([1, 2]);
    const w = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const j = jacobian((v) => matmul(reshape(v, [1, 2]), w), x);
    expect(j.shape).toEqual([1, 3, 2]);
    expect(await valuesOf(j)).toEqual([1, 4, 2, 5, 3, 6]);
    const h = hessian(cube, x);
    expect(h.shape).toEqual([2, 2]);
    expect(await valuesOf(h)).toEqual([6, 0, 0, 12]);
    expect((await jacobian((v) => sum(v), tensor(2)).array()) as unknown).toBe(1);
    expect(jacobian((v) => v, tensor([], { shape: [0] })).shape).toEqual([0, 0]);
  });

  it("through backward: an outer tape sees the walk", async () => {
    const w = variable([3], { name: "w" });
    const tape = new Tape();
    const penalty = tape.record(() => {
      backward(record(() => cube(w)));
      const result = sum(square(w.grad as Tensor));
      return result;
    });
    // (3w²)² = 9w⁴: 36w³
    const [dw] = tape.gradient(penalty, [w]);
    expect(await valuesOf(dw)).toEqual([36 * 27]);
    tape.dispose();
    zeroGrad(w);
  });
});

describe("deep and shared graphs", () => {
  it("20,000 ops in a row: backward, jvp, dispose", async () => {
    const x = tensor([1]);
    const chain = (v: Tensor) => {
      let value = v;
      for (let i = 0; i < 20_000; i++) value = i % 2 === 0 ? mul(value, 2) : sub(mul(value, 0.5), 0);
      return sum(value);
    };
    const run = () => {
      const loss = tidy(() => record(() => tidy(() => chain(x)), { watch: [x] }));
      backward(loss);
      loss.dispose();
    };
    run();
    expect(await valuesOf(x.grad)).toEqual([1]);
    zeroGrad(x);
    expect(
      await leftBy(() => {
        run();
        zeroGrad(x);
      }),
    ).toEqual(nothing);
    const { tangent } = jvp(chain, [x], [tensor([3])]);
    expect(await valuesOf(tangent)).toEqual([3]);
  });

  it("a diamond of depth 200 is walked once a node, not 2^200 times", async () => {
    const x = tensor([1]);
    const tape = new Tape().watch(x);
    const loss = tape.record(() => {
      let value: Tensor = x;
      for (let i = 0; i < 200; i++) value = mul(add(value, value), 0.5);
      return value;
    });
    expect([...tape.steps(loss)]).toHaveLength(400);
    backward(loss);
    expect(await valuesOf(x.grad)).toEqual([1]);
    tape.dispose();
  });
});

describe("noGrad around a retained block", () => {
  it("cuts what is inside", async () => {
    const w = variable([3]);
    backward(
      record(() =>
        sum(
          mul(
            w,
            noGrad(() => square(w)),
          ),
        ),
      ),
    );
    expect(await valuesOf(w.grad)).toEqual([9]);
  });
});

/** What is given a function and wants its value at once. */
const wantValuesAtOnce: Record<string, (fn: (...args: Tensor[]) => never) => unknown> = {
  grad: (fn) => grad(fn)(tensor([1, 2])),
  "valueAndGrad with hasAux": (fn) => valueAndGrad(fn, { hasAux: true })(tensor([1, 2])),
  jvp: (fn) => jvp(fn, [tensor([1, 2])], [tensor([1, 1])]),
  hvp: (fn) => hvp(fn, [tensor([1, 2])], [tensor([1, 1])]),
  checkpoint: (fn) => grad((x: Tensor) => sum(checkpoint(fn)(x)))(tensor([1, 2])),
  customGradient: (fn) => grad((x: Tensor) => sum(customGradient(fn, () => [null])(x)))(tensor([1, 2])),
  "a backward rule": (fn) =>
    grad((x: Tensor) =>
      sum(
        customGradient(
          (y: Tensor) => square(y),
          ({ grad }) => fn(grad()),
        )(x),
      ),
    )(tensor([1, 2])),
  scan: (fn) => scan(fn, tensor([1, 2]), tensor([1, 2])),
  "a result of jit's function": (fn) => jit((x: Tensor) => [fn(x)])(tensor([1, 2])),
};

it.each(Object.keys(wantValuesAtOnce))(
  "%s refuses an async function, and what comes of its promise troubles nobody",
  async (name) => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", note);
    const later = async (x: Tensor) => {
      await Promise.resolve();
      return sum(mul(x, x));
    };
    const failing = async (_: Tensor) => {
      throw new Error("of its own");
    };
    for (const fn of [later, failing])
      expect(() => wantValuesAtOnce[name](fn as never)).toThrow(/got a Promise; await it/);
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  },
);

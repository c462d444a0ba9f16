// The gradient tape: what it records, what it sums, what it refuses, what it frees. On the CPU reference.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  add,
  argMax,
  cast,
  customGradient,
  type Device,
  DisposedError,
  div,
  exp,
  GradgpuError,
  GradientError,
  grad,
  greater,
  init,
  keep,
  log,
  matmul,
  mean,
  mul,
  noGrad,
  relu,
  reshape,
  sigmoid,
  square,
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
} from "../../engine/index.ts";
import { packVariables } from "../../engine/internal.ts";

let device: Device;

beforeAll(async () => {
  device = await init({ device: "cpu" });
});
afterAll(() => device.dispose());

const valuesOf = async (x: Tensor) => [...(await x.dataFloat64())];

/** Runs `fn` twice and tells how many tensors and bytes the second run left: scalars stay from their first use. */
async function leftBy(fn: () => unknown): Promise<{ tensors: number; bytes: number }> {
  await fn();
  const before = device.memory();
  await fn();
  const after = device.memory();
  return { tensors: after.tensors - before.tensors, bytes: after.bytes - before.bytes };
}

const nothing = { tensors: 0, bytes: 0 };

describe("what gradients sum", () => {
  it("broadcast axes, in front and in between, back to each input's shape", async () => {
    const a = tensor([[1], [2], [3]]); // [3, 1]
    const b = tensor([[[10, 20]], [[30, 40]]]); // [2, 1, 2]
    const [da, db] = grad((x, y) => sum(mul(x, y)))(a, b);
    expect(da.shape).toEqual([3, 1]);
    expect(db.shape).toEqual([2, 1, 2]);
    // Every element of a meets all of b, and the other way around.
    expect(await valuesOf(da)).toEqual([100, 100, 100]);
    expect(await valuesOf(db)).toEqual([6, 6, 6, 6]);
  });

  it("a scalar under a matrix, and a vector of ones under a matrix of one row", async () => {
    const [ds, dm] = grad((s, m) => sum(mul(s, m)))(tensor(3), tensor([[1, 2, 3]]));
    expect(ds.shape).toEqual([]);
    expect(await valuesOf(ds)).toEqual([6]);
    expect(await valuesOf(dm)).toEqual([3, 3, 3]);
    const [dv] = grad((v) => sum(add(v, tensor([[1, 2, 3]]))))(tensor([5]));
    expect(dv.shape).toEqual([1]);
    expect(await valuesOf(dv)).toEqual([3]);
  });

  it("the uses of a value that is used twice in one op", async () => {
    const [dx] = grad((x) => sum(mul(x, x)))(tensor([3, -4]));
    expect(await valuesOf(dx)).toEqual([6, -8]);
    const [dy] = grad((y) => sum(sub(y, y)))(tensor([3, -4]));
    expect(await valuesOf(dy)).toEqual([0, 0]);
  });

  it("the branches of a shared subgraph, each once", async () => {
    // y = x², z = y + 3y·y: dz/dx = (1 + 6y)·2x
    const [dx] = grad((x) => {
      const y = square(x);
      return sum(add(y, mul(mul(y, 3), y)));
    })(tensor([2]));
    expect(await valuesOf(dx)).toEqual([(1 + 6 * 4) * 4]);
  });

  it("a chain of thirty doublings: shared values are walked once, not 2^30 times", async () => {
    const tape = new Tape();
    const x = tensor(1);
    tape.watch(x);
    const out = tape.record(() => {
      let value = x;
      for (let i = 0; i < 30; i++) value = add(value, value);
      return value;
    });
    expect(tape.nodes).toHaveLength(30);
    expect(await valuesOf(tape.gradient(out, [x])[0])).toEqual([2 ** 30]);
    tape.dispose();
  });

  it("what a rule gives for two inputs at once, be it one tensor, each for itself", async () => {
    const total = customGradient(
      (x: Tensor, y: Tensor) => add(x, y),
      ({ grad }) => {
        const both = mul(grad(), 2);
        return [both, both];
      },
    );
    const gradients = grad((x, y) => sum(total(mul(x, 3), mul(y, 5))));
    // Behind the op each goes a way of its own, and is freed there.
    const [dx, dy] = gradients(tensor([1, 2]), tensor([3, 4]));
    expect([await valuesOf(dx), await valuesOf(dy)]).toEqual([
      [6, 6],
      [10, 10],
    ]);
  });

  it("nothing for a result that the loss does not read: its gradient is zeros to a rule that asks", async () => {
    const parts = customGradient(
      (x: Tensor) => [mul(x, 2), mul(x, 3)],
      ({ grad }) => [add(mul(grad(0), 2), mul(grad(1), 3))],
    );
    const [dx] = grad((x) => sum(parts(x)[0]))(tensor([1, 2]));
    expect(await valuesOf(dx)).toEqual([2, 2]);
  });

  it("the views of a value", async () => {
    const [dx] = grad((x) => sum(mul(reshape(x, [4]), tensor([1, 2, 3, 4]))))(
      tensor([
        [0, 0],
        [0, 0],
      ]),
    );
    expect(dx.shape).toEqual([2, 2]);
    expect(await valuesOf(dx)).toEqual([1, 2, 3, 4]);
  });
});

describe("what a tape records", () => {
  it("only ops that depend on something watched, while it records", () => {
    const x = tensor([1, 2]);
    const y = tensor([3, 4]);
    const tape = new Tape().watch(x);
    exp(x);
    tape.record(() => {
      mul(y, y);
      exp(x);
      noGrad(() => log(x));
    });
    exp(x);
    expect(tape.nodes.map(({ op }) => op.name)).toEqual(["exp"]);
    tape.dispose();
  });

  it("trainable variables by themselves, others not", async () => {
    const w = variable([2, 3], { name: "w" });
    const frozen = variable([5, 7], { name: "frozen", trainable: false });
    const count = variable(new Int32Array([1, 1]), { dtype: "i32", name: "count" });
    const tape = new Tape();
    const loss = tape.record(() => sum(mul(mul(w, frozen), cast(count, "f32"))));
    const [dw, dFrozen] = tape.gradient(loss, [w, frozen]);
    expect(await valuesOf(dw)).toEqual([5, 7]);
    // Not watched, though a variable: zeros.
    expect(await valuesOf(dFrozen)).toEqual([0, 0]);
    for (const node of tape.nodes) expect(node.op.name).not.toBe("cast");
    tape.dispose();
    const onlyFrozen = new Tape();
    const other = onlyFrozen.record(() => sum(square(frozen)));
    expect(onlyFrozen.nodes).toHaveLength(0);
    expect(() => onlyFrozen.gradient(other, [frozen])).toThrow(
      /does not depend on anything this tape watches/,
    );
    // Asked for, a frozen variable gets its gradient.
    const asked = new Tape().watch(frozen);
    const third = asked.record(() => sum(square(frozen)));
    expect(await valuesOf(asked.gradient(third, [frozen])[0])).toEqual([10, 14]);
    asked.dispose();
  });

  it("no variables with watchVariables: false", () => {
    const w = variable([2, 3]);
    const tape = new Tape({ watchVariables: false });
    tape.record(() => sum(square(w)));
    expect(tape.nodes).toHaveLength(0);
  });

  it("what backward needs, and everything with retain", () => {
    const x = tensor([1, 2]);
    const held = (retain: boolean) => {
      const tape = new Tape({ retain }).watch(x);
      tape.record(() => tidy(() => sum(exp(add(x, 1)))));
      const kept = tape.nodes.map(({ inputs, outputs }) =>
        [...inputs, ...outputs].map((t) => t !== undefined),
      );
      tape.dispose();
      return kept;
    };
    expect(held(true).flat()).not.toContain(false);
    // add saves nothing, exp its output, sum nothing.
    expect(held(false)).toEqual([
      [false, false, false],
      [false, true],
      [false, false],
    ]);
  });

  it("values that live on for backward although the scope that made them closed", async () => {
    const x = tensor([0.5, -0.25]);
    const tape = new Tape().watch(x);
    const loss = tape.record(() => tidy(() => sum(sigmoid(tanh(mul(x, 2))))));
    const [dx] = tape.gradient(loss, [x]);
    const want = [0.5, -0.25].map((v) => {
      const t = Math.tanh(2 * v);
      const s = 1 / (1 + Math.exp(-t));
      return s * (1 - s) * (1 - t * t) * 2;
    });
    (await valuesOf(dx)).forEach((value, i) => {
      expect(Math.abs(value - want[i])).toBeLessThan(1e-12);
    });
    tape.dispose();
  });

  it("nothing after the function threw", () => {
    const x = tensor([1]);
    const tape = new Tape().watch(x);
    expect(() =>
      tape.record(() => {
        throw new RangeError("mine");
      }),
    ).toThrow(RangeError);
    exp(x);
    expect(tape.nodes).toHaveLength(0);
  });
});

describe("gradient()", () => {
  it("gives zeros for a target that the loss does not depend on", async () => {
    const [dx, dy] = grad((x, _y) => sum(square(x)))(tensor([3]), tensor([[1, 2]]));
    expect(await valuesOf(dx)).toEqual([6]);
    expect(dy.shape).toEqual([1, 2]);
    expect(await valuesOf(dy)).toEqual([0, 0]);
  });

  it("gives gradients of values on the way, the loss itself included", async () => {
    const x = tensor([2, 3]);
    const tape = new Tape().watch(x);
    const [y, loss] = tape.record(() => {
      const inner = square(x);
      return [inner, sum(mul(inner, 5))];
    });
    const [dx, dy, dLoss, again] = tape.gradient(loss, [x, y, loss, x]);
    expect(await valuesOf(dx)).toEqual([20, 30]);
    expect(await valuesOf(dy)).toEqual([5, 5]);
    expect(await valuesOf(dLoss)).toEqual([1]);
    // Two handles on one result, each disposed on its own.
    dx.dispose();
    expect(await valuesOf(again)).toEqual([20, 30]);
    tape.dispose();
  });

  it("can be asked again, for another loss too", async () => {
    const x = tensor([2]);
    const tape = new Tape().watch(x);
    const [a, b] = tape.record(() => [sum(square(x)), sum(mul(x, 7))]);
    expect(await valuesOf(tape.gradient(a, [x])[0])).toEqual([4]);
    expect(await valuesOf(tape.gradient(b, [x])[0])).toEqual([7]);
    expect(await valuesOf(tape.gradient(a, [x])[0])).toEqual([4]);
    tape.dispose();
  });

  it("starts from a seed of the loss's shape", async () => {
    const x = tensor([1, 2, 3]);
    const tape = new Tape().watch(x);
    const y = tape.record(() => square(x));
    const seed = tensor([1, 10, 100]);
    expect(await valuesOf(tape.gradient(y, [x], { seed })[0])).toEqual([2, 40, 600]);
    expect(seed.isDisposed).toBe(false);
    expect(() => tape.gradient(y, [x])).toThrow(/single value.*sum\(\) or mean\(\), or pass a seed/);
    expect(() => tape.gradient(y, [x], { seed: tensor([1, 2]) })).toThrow(/seed's shape \[2\].*\[3\]/);
    expect(() => tape.gradient(y, [x], { seed: tensor(new Int32Array([1, 2, 3])) })).toThrow(GradientError);
    tape.dispose();
  });

  it("refuses a target that was not watched, by name", () => {
    const x = tensor([1, 2]);
    const other = tensor([[1, 2]]);
    const tape = new Tape().watch(x);
    const loss = tape.record(() => sum(mul(x, other)));
    const ask = () => tape.gradient(loss, [other]);
    expect(ask).toThrow(GradientError);
    expect(ask).toThrow(/tensor f32 \[1, 2\] was not watched.*tape\.watch/);
    tape.dispose();
  });

  it("refuses to watch what has no gradient", () => {
    expect(() => new Tape().watch(tensor(new Int32Array([1])))).toThrow(GradientError);
  });

  it("refuses after dispose()", () => {
    const x = tensor([1]);
    const tape = new Tape().watch(x);
    const loss = tape.record(() => sum(square(x)));
    tape.dispose();
    tape.dispose();
    expect(() => tape.gradient(loss, [x])).toThrow(/the tape was disposed/);
    expect(() => [...tape.steps(loss)]).toThrow(/the tape was disposed/);
    expect(() => tape.record(() => x)).toThrow(/the tape was disposed/);
  });

  it("refuses a variable whose value it needs and that was assigned since", async () => {
    const w = variable([2, 3], { name: "w" });
    const x = tensor([5, 7]);
    const tape = new Tape();
    const loss = tape.record(() => sum(square(mul(w, x))));
    // d/dw needs x and w·x: w itself is not read.
    const linear = new Tape();
    const onlyW = linear.record(() => sum(mul(w, x)));
    w.assign(tensor([0, 0]));
    const ask = () => tape.gradient(loss, [w]);
    // square reads its own input, an intermediate: fine. mul saved w for the gradient of x, which nobody wants.
    expect(ask).not.toThrow();
    expect(await valuesOf(linear.gradient(onlyW, [w])[0])).toEqual([5, 7]);
    tape.dispose();
    linear.dispose();

    const second = new Tape();
    const squared = second.record(() => sum(square(w)));
    w.set([1, 1]);
    const refused = () => second.gradient(squared, [w]);
    expect(refused).toThrow(GradientError);
    expect(refused).toThrow(/variable "w" \(f32 \[2\]\) was assigned after square read it/);
    expect(() => [...second.steps(squared)]).toThrow(GradientError);
    second.dispose();
  });

  it("refuses a view of a variable that was assigned since: it shows the new value", () => {
    const w = variable([2, 3], { name: "w" });
    const tape = new Tape();
    const loss = tape.record(() => sum(square(reshape(reshape(w, [2, 1]), [1, 2]))));
    w.set([10, 10]);
    const ask = () => tape.gradient(loss, [w]);
    expect(ask).toThrow(GradientError);
    expect(ask).toThrow(/variable "w" \(f32 \[2\]\) was assigned after square read it/);
    tape.dispose();
  });

  it("refuses a view that was made before the tape, too", () => {
    const w = variable([2, 3], { name: "w" });
    const view = reshape(reshape(w, [2, 1]), [1, 2]);
    const tape = new Tape().watch(view);
    const loss = tape.record(() => sum(square(view)));
    expect(tape.gradient(loss, [view])[0].shape).toEqual([1, 2]);
    w.set([10, 10]);
    expect(() => tape.gradient(loss, [view])).toThrow(/variable "w".* was assigned after square read it/);
    tape.dispose();
    view.dispose();
  });

  it("refuses a variable that was assigned through the vector it is packed in", () => {
    const w = variable([2, 3], { name: "w" });
    const pack = packVariables([w]);
    const tape = new Tape();
    const loss = tape.record(() => sum(square(w)));
    tidy(() => pack.values.assign(mul(pack.values, 2)));
    expect(() => tape.gradient(loss, [w])).toThrow(/variable "w".* was assigned after square read it/);
    tape.dispose();
    w.dispose();
    pack.dispose();
  });
});

describe("ops without a gradient", () => {
  it("name themselves on the way to the loss, however far back", () => {
    const x = tensor([[1, 5, 2]]);
    const tape = new Tape().watch(x);
    const loss = tape.record(() => sum(mul(cast(argMax(x, 1), "f32"), 2)));
    const ask = () => tape.gradient(loss, [x]);
    expect(ask).toThrow(GradientError);
    expect(ask).toThrow(/argMax, on the way to the loss, is not differentiable/);
    tape.dispose();
  });

  it("do not stand in the way of another path", async () => {
    const [dx] = grad((x) => sum(mul(x, cast(greater(x, 0), "f32"))))(tensor([3, -4]));
    expect(await valuesOf(dx)).toEqual([1, 0]);
  });
});

describe("steps()", () => {
  const make = () => {
    const x = tensor([1, 2]);
    const y = tensor([3, 4]);
    const tape = new Tape({ retain: true }).watch(x, y);
    const loss = tape.record(() => tidy(() => sum(exp(mul(x, square(y))))));
    const close = () => {
      for (const made of [x, y, tape, loss]) made.dispose();
    };
    return { tape, loss, close };
  };

  it("walks back once over what the loss depends on", () => {
    const { tape, loss, close } = make();
    tape.record(() => exp(tensor([1])));
    expect([...tape.steps(loss)].map(({ op }) => op)).toEqual(["sum", "exp", "mul", "square"]);
    close();
  });

  it("shows no gradient of an input that needs none, though the rule gives one", () => {
    const total = customGradient(
      (x: Tensor, y: Tensor) => add(x, y),
      ({ grad }) => [grad(), grad()],
      { name: "total" },
    );
    const [x, constant] = [tensor([1, 2]), tensor([3, 4])];
    const tape = new Tape().watch(x);
    const loss = tape.record(() => sum(total(x, constant)));
    const given = [...tape.steps(loss)].map(({ op, inputGradients }) => [
      op,
      inputGradients.map((g) => g !== null),
    ]);
    expect(given).toEqual([
      ["sum", [true]],
      ["total", [true, false]],
    ]);
    tape.dispose();
  });

  it("frees everything it made at the end", async () => {
    const run = () => {
      const { tape, loss, close } = make();
      for (const _ of tape.steps(loss)) {
        // only walking
      }
      close();
    };
    expect(await leftBy(run)).toEqual(nothing);
  });

  it.each([1, 2, 3, 4])("frees everything it made when the loop breaks at step %i", async (at) => {
    const run = () => {
      const { tape, loss, close } = make();
      let count = 0;
      for (const step of tape.steps(loss)) {
        expect(step.inputGradients[0]?.isDisposed).toBe(false);
        if (++count === at) break;
      }
      close();
    };
    expect(await leftBy(run)).toEqual(nothing);
  });

  it("frees everything it made when the loop's body throws", async () => {
    const run = () => {
      const { tape, loss, close } = make();
      expect(() => {
        for (const step of tape.steps(loss)) if (step.op === "mul") throw new RangeError("mine");
      }).toThrow(RangeError);
      close();
    };
    expect(await leftBy(run)).toEqual(nothing);
  });

  it("shows gradients that stay valid until the walk goes on", () => {
    const { tape, loss, close } = make();
    let before: Tensor | null | undefined;
    for (const step of tape.steps(loss)) {
      if (step.op === "exp") before = step.outputGradients[0];
      if (step.op === "mul") expect(before?.isDisposed).toBe(true);
      for (const gradient of step.outputGradients) expect(gradient?.isDisposed).toBe(false);
    }
    close();
  });
});

describe("tapes inside tapes", () => {
  it("give second and third derivatives", async () => {
    const cube = (x: Tensor) => sum(mul(mul(x, x), x));
    const first = grad(cube);
    const second = grad((x) => sum(first(x)[0]));
    const third = grad((x) => sum(second(x)[0]));
    const x = tensor([2, -1]);
    expect(await valuesOf(first(x)[0])).toEqual([12, 3]);
    expect(await valuesOf(second(x)[0])).toEqual([12, -6]);
    expect(await valuesOf(third(x)[0])).toEqual([6, 6]);
  });

  it("give second derivatives through variableGrads", async () => {
    const w = variable([3, -2], { name: "w" });
    const { value, grads } = variableGrads(() => {
      const inner = variableGrads(() => sum(mul(square(w), w)), [w]);
      // A gradient penalty: Σ (3w²)²; its gradient is 36 w³.
      return sum(square(inner.grads[0]));
    }, [w]);
    expect(await value.item()).toBe(27 ** 2 + 12 ** 2);
    expect(await valuesOf(grads[0])).toEqual([36 * 27, 36 * -8]);
  });

  it("with variableGrads inside an open tape", async () => {
    const w = variable([3], { name: "w" });
    const x = tensor([5]);
    const tape = new Tape().watch(x);
    // d/dw (w²x) = 2wx, and of that d/dx = 2w, d/dw = 2x.
    const loss = tape.record(() => sum(variableGrads(() => sum(mul(square(w), x)), [w]).grads[0]));
    const [dx, dw] = tape.gradient(loss, [x, w]);
    expect(await valuesOf(dx)).toEqual([6]);
    expect(await valuesOf(dw)).toEqual([10]);
    tape.dispose();
  });

  it("refuse a variable assigned after the inner walk back used it", () => {
    const w = variable([3], { name: "w" });
    const y = tensor([5]);
    const tape = new Tape({ watchVariables: false }).watch(y);
    // d/dx (x w y) = w y: the outer tape meets w in the inner backward rule only.
    const inner = tape.record(() => sum(grad((x) => sum(mul(mul(x, w), y)))(tensor([7]))[0]));
    w.set([100]);
    expect(() => tape.gradient(inner, [y])).toThrow(/variable "w".* was assigned after mul read it/);
    tape.dispose();
  });

  it("do not see each other's backward walk, unless they surround it", () => {
    const x = tensor([2]);
    const outer = new Tape().watch(x);
    outer.record(() => {
      const inner = new Tape().watch(x);
      const loss = inner.record(() => sum(square(x)));
      const before = inner.nodes.length;
      inner.gradient(loss, [x]);
      expect(inner.nodes).toHaveLength(before);
      inner.dispose();
    });
    // The walk back, which the outer tape differentiates.
    expect(outer.nodes.length).toBeGreaterThan(2);
    outer.dispose();
  });

  it("leave nothing behind", async () => {
    const w = variable([3, -2]);
    const run = () => {
      const x = tensor([2, 5]);
      const second = grad((v) => sum(grad((u) => sum(mul(mul(u, u), u)))(v)[0]))(x);
      const { value, grads } = variableGrads(() => {
        const inner = variableGrads(() => sum(mul(square(w), x)), [w]);
        return sum(square(inner.grads[0]));
      }, [w]);
      for (const made of [x, value, ...second, ...grads]) made.dispose();
    };
    expect(await leftBy(run)).toEqual(nothing);
    w.dispose();
  });
});

describe("noGrad", () => {
  it("cuts what is inside out of the graph", async () => {
    const [dx] = grad((x) =>
      sum(
        mul(
          x,
          noGrad(() => square(x)),
        ),
      ),
    )(tensor([3]));
    expect(await valuesOf(dx)).toEqual([9]);
  });

  it("lets a tape opened inside record", async () => {
    const dx = noGrad(() => grad((x) => sum(square(x)))(tensor([3]))[0]);
    expect(await valuesOf(dx)).toEqual([6]);
  });
});

describe("long and wide graphs", () => {
  it("20,000 ops in a row are walked without overflowing the stack", async () => {
    const x = tensor([1]);
    const tape = new Tape().watch(x);
    const loss = tape.record(() =>
      tidy(() => {
        let value: Tensor = x;
        for (let i = 0; i < 20_000; i++) value = mul(value, i % 2 === 0 ? 2 : 0.5);
        return sum(value);
      }),
    );
    const [dx] = tape.gradient(loss, [x]);
    expect(await valuesOf(dx)).toEqual([1]);
    tape.dispose();
  });
});

describe("nothing is lost", () => {
  it("by gradient functions", async () => {
    const w = variable([[1, 2]], { name: "w" });
    const run = () => {
      const x = tensor([[3], [4]]);
      const first = valueAndGrad((v) => mean(relu(matmul(v, w))))(x);
      const second = variableGrads(() => mean(div(matmul(x, w), 2)), [w]);
      for (const made of [x, first.value, ...first.grads, second.value, ...second.grads]) made.dispose();
    };
    expect(await leftBy(run)).toEqual(nothing);
    w.dispose();
  });

  it("by gradient functions that fail: in the function, on the way back, for a loss that is none", async () => {
    const w = variable([1, 2], { name: "w" });
    const run = () => {
      const x = tensor([3, 4]);
      expect(() =>
        grad((v) => {
          exp(v);
          throw new RangeError("mine");
        })(x),
      ).toThrow(RangeError);
      expect(() => grad((v) => square(v))(x)).toThrow(GradientError);
      expect(() => grad((_x) => 3 as unknown as Tensor)(x)).toThrow(GradgpuError);
      expect(() =>
        variableGrads(() => {
          const loss = sum(exp(square(w)));
          w.set([5, 6]);
          return loss;
        }, [w]),
      ).toThrow(/assigned after square/);
      x.dispose();
    };
    expect(await leftBy(run)).toEqual(nothing);
    w.dispose();
  });
});

describe("disposed values", () => {
  it("are named when a function uses them", () => {
    const x = tensor([[1, 2, 3]]);
    x.dispose();
    expect(() => grad((v) => sum(v))(x)).toThrow(DisposedError);
    expect(() => exp(x)).toThrow(/tensor f32 \[1, 3\] was disposed/);
  });

  it("that the loss was computed from do not matter: the tape holds what it needs", async () => {
    const x = tensor([3]);
    const tape = new Tape().watch(x);
    const y = tape.record(() => square(x));
    const loss = tape.record(() => sum(y));
    y.dispose();
    expect(await valuesOf(tape.gradient(loss, [keep(x)])[0])).toEqual([6]);
    tape.dispose();
  });
});

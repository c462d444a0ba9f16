// Optimizers against their formulas written out here in plain float64, on the CPU reference.

import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, ShapeError } from "../../engine/base/errors.ts";
import {
  type Device,
  disposeAll,
  init,
  mul,
  sub,
  sum,
  type Tensor,
  tensor,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { packVariables } from "../../engine/internal.ts";
import {
  Adadelta,
  Adagrad,
  Adam,
  AdamW,
  Nadam,
  Optimizer,
  optimizerState,
  optimizers,
  RMSprop,
  SGD,
  setOptimizerState,
  type UpdateContext,
  type UpdateResult,
} from "../../optim/index.ts";
import type { Rule } from "../../optim/rule.ts";
import { cases } from "../support/optim-sources.ts";
import { expected, expectPath, run } from "../support/optimizer-paths.ts";
import "../../nn/names.ts";

const root = path.resolve(import.meta.dirname, "../..");

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

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

/** What the files of optimizers state themselves. */
const files = fs.readdirSync(path.join(root, "optim")).filter((file) => file.endsWith(".ts"));
const modules: { rules?: readonly Rule[] }[] = await Promise.all(
  files.map((file) => import(path.join(root, "optim", file))),
);
const rules = modules.flatMap(({ rules = [] }) => rules);

describe("five steps by the formula", () => {
  it.each(rules.map((rule) => [rule.make().constructor.name, rule.make().config(), rule] as const))(
    "%s of %o",
    async (_, _config, { make, memory, step }) => {
      expectPath(await run(make()), expected(memory, step));
    },
  );

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

  it("AdamW", async () => {
    const rule = adamRule(0.05, 0.9, 0.999, 1e-7, false);
    const decayed =
      (decay: number) => (w: number, g: number, memory: ReturnType<typeof adamMemory>, t: number) =>
        rule(w - 0.05 * decay * w, g, memory, t);
    expectPath(await run(new AdamW({ learningRate: 0.05 })), expected(adamMemory, decayed(0.004)));
    const strong = new AdamW({ learningRate: 0.05, weightDecay: 0.5 });
    expectPath(await run(strong), expected(adamMemory, decayed(0.5)));
  });

  it("Adadelta", async () => {
    const rule =
      (rate: number, rho: number, epsilon: number) =>
      (w: number, g: number, memory: { a: number; d: number }) => {
        memory.a = rho * memory.a + (1 - rho) * g * g;
        const step = (g * Math.sqrt(memory.d + epsilon)) / Math.sqrt(memory.a + epsilon);
        memory.d = rho * memory.d + (1 - rho) * step * step;
        return w - rate * step;
      };
    const memory = () => ({ a: 0, d: 0 });
    expectPath(await run(new Adadelta()), expected(memory, rule(0.001, 0.95, 1e-7)));
    const options = { learningRate: 1, rho: 0.8, epsilon: 1e-3 };
    expectPath(await run(new Adadelta(options)), expected(memory, rule(1, 0.8, 1e-3)));
  });

  it.each([
    ["with its defaults", { learningRate: 0.001, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false }],
    ["with momentum", { learningRate: 0.02, rho: 0.8, momentum: 0.7, epsilon: 1e-4, centered: false }],
    ["centered", { learningRate: 0.02, rho: 0.8, momentum: 0, epsilon: 1e-3, centered: true }],
    [
      "centered with momentum",
      { learningRate: 0.02, rho: 0.9, momentum: 0.5, epsilon: 1e-3, centered: true },
    ],
  ])("RMSprop %s", async (_, options) => {
    const { learningRate, rho, momentum, epsilon, centered } = options;
    const want = expected(
      () => ({ a: 0, mean: 0, v: 0 }),
      (w, g, memory) => {
        memory.a = rho * memory.a + (1 - rho) * g * g;
        memory.mean = rho * memory.mean + (1 - rho) * g;
        const spread = centered ? memory.a - memory.mean ** 2 : memory.a;
        memory.v = momentum * memory.v + (learningRate * g) / Math.sqrt(spread + epsilon);
        return w - memory.v;
      },
    );
    expectPath(await run(_ === "with its defaults" ? new RMSprop() : new RMSprop(options)), want);
  });

  it.each([
    ["with its defaults", { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }],
    ["with other settings", { learningRate: 0.05, beta1: 0.7, beta2: 0.9, epsilon: 1e-3 }],
  ])("Nadam %s", async (_, options) => {
    const { learningRate, beta1, beta2, epsilon } = options;
    const momentumAt = (t: number) => beta1 * (1 - 0.5 * 0.96 ** t);
    const want = expected(
      () => ({ m: 0, v: 0, product: 1 }),
      (w, g, memory, t) => {
        memory.m = beta1 * memory.m + (1 - beta1) * g;
        memory.v = beta2 * memory.v + (1 - beta2) * g * g;
        memory.product *= momentumAt(t);
        const [now, next] = [momentumAt(t), momentumAt(t + 1)];
        const ahead =
          (next * memory.m) / (1 - memory.product * next) + ((1 - now) * g) / (1 - memory.product);
        return w - (learningRate * ahead) / (Math.sqrt(memory.v / (1 - beta2 ** t)) + epsilon);
      },
    );
    expectPath(await run(_ === "with its defaults" ? new Nadam() : new Nadam(options)), want);
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
    expect(new AdamW().config()).toEqual({ ...adam, weightDecay: 0.004 });
    const adaptive = { learningRate: 0.001, decay: 0, epsilon: 1e-7 };
    expect(new Adagrad().config()).toEqual({ ...adaptive, initialAccumulatorValue: 0.1 });
    expect(new Adadelta().config()).toEqual({ ...adaptive, rho: 0.95 });
    expect(new RMSprop().config()).toEqual({ ...adaptive, rho: 0.9, momentum: 0, centered: false });
    expect(new Nadam().config()).toEqual({ ...adaptive, beta1: 0.9, beta2: 0.999 });
  });
});

describe("the registry", () => {
  it("has none whose rule is not followed, above, in its file, or against another source", () => {
    const own = fs.readFileSync(import.meta.filename, "utf8");
    const followed = new Set([
      ...[...own.matchAll(/await run\([^)]*?new (\w+)\(/g)].map(([, name]) => name),
      ...rules.map(({ make }) => make().constructor.name),
      ...cases.map(({ optimizer }) => optimizer),
    ]);
    const missing = optimizers.names.filter((name) => !followed.has(optimizers.get(name).constructor.name));
    expect(missing).toEqual([]);
  });

  it("finds by name in any case, and gives optimizers back", () => {
    expect(optimizers.get("adam")).toBeInstanceOf(Adam);
    expect(optimizers.get("SGD")).toBeInstanceOf(SGD);
    expect(optimizers.get("RMSprop")).toBeInstanceOf(RMSprop);
    for (const name of optimizers.names)
      expect(optimizers.get(name).name.toLowerCase(), name).toBe(name.toLowerCase());
    const own = new SGD({ momentum: 0.5 });
    expect(optimizers.get(own)).toBe(own);
  });

  it("suggests the nearest name", () => {
    expect(() => optimizers.get("adm")).toThrow(/unknown optimizer "adm"\. Did you mean "adam"\?/);
    expect(() => optimizers.get("rmsprob")).toThrow(/Did you mean "rmsprop"\?/);
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
    const { slots } = await optimizerState(optimizer);
    expect(slots.firstMoment[0][0]).toBe(0);
    expect(slots.secondMoment[0][0]).toBe(0);
    expect(slots.firstMoment[0][1]).toBeCloseTo(1);
    const sgd = new SGD({ momentum: 0.5 }).build([w]);
    sgd.apply([tensor([1e-3, 1])]);
    for (let i = 0; i < 150; i++) sgd.apply([tensor([0, 1])]);
    expect((await optimizerState(sgd)).slots.velocity[0][0]).toBe(0);
  });

  it("goes on from a saved state as if nothing had happened", async () => {
    const values = [0.5, -0.25, 2];
    const a = make(values);
    const first = new Adam({ learningRate: 0.1 });
    for (let i = 0; i < 3; i++) first.minimize(bowl(a), [a]);
    const state = await optimizerState(first);
    expect(state.iterations).toBe(3);
    const b = variable(await a.data(), { name: "b" });
    const second = new Adam();
    setOptimizerState(second, state);
    for (let i = 0; i < 3; i++) {
      first.minimize(bowl(a), [a]);
      second.minimize(bowl(b), [b]);
    }
    expect(second.learningRate).toBe(0.1);
    const [want, got] = [await a.data(), await b.data()];
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(want[i], 6);
    });
    expect(() => setOptimizerState(new SGD({ momentum: 0.9 }).build([a]), state)).toThrow(
      'the state is of "Adam", this optimizer is "SGD"',
    );
  });

  it("refuses what is no state of its own, at once, and changes nothing", async () => {
    const w = make([1, 2], "w");
    const adam = new Adam({ learningRate: 0.1 });
    adam.minimize(() => sum(mul(w, w)), [w]);
    const state = await optimizerState(adam);
    const json = JSON.parse(
      JSON.stringify(state, (_, value) => (value instanceof Float32Array ? [...value] : value)),
    );
    const slot = (parts: unknown) => ({ ...state, slots: { ...state.slots, firstMoment: parts } });
    const wrongs: readonly (readonly [unknown, RegExp])[] = [
      [undefined, /takes what optimizerState\(optimizer\) gave, got undefined/],
      ["abc", /got the string "abc"/],
      [[], /got an array/],
      [{}, /the state has no "name" \(it holds nothing\)/],
      [{ ...state, slots: null }, /slots must be an object by name, got null/],
      [{ ...state, iterations: -5 }, /iterations must be a whole number from 0 to 2\^31 - 1, got -5/],
      [{ ...state, iterations: 1.5 }, /got 1.5/],
      [{ ...state, iterations: "3" }, /got the string "3"/],
      [{ ...state, learningRate: null }, /learningRate must be a finite number of at least 0, got null/],
      [{ ...state, name: "Nadam" }, /the state is of "Nadam", this optimizer is "Adam"/],
      [
        { ...state, slots: {} },
        /no slot "firstMoment": it holds none, this optimizer remembers firstMoment, second/,
      ],
      [{ ...state, slots: { ...state.slots, velocity: [] } }, /a slot "velocity" too many/],
      [slot("abc"), /slot "firstMoment" must be a list with one array of numbers a variable, got the string/],
      [slot([null]), /holds null for variable 0 where an array of numbers belongs/],
      [slot([["a", "b"]]), /holds the string "a" at 0 of variable 0/],
      [slot([[null, 1]]), /holds null at 0 of variable 0 .* JSON writes NaN and infinities as null/],
      [slot([[1, 2, 3]]), /no slot "firstMoment" for 1 variables of these sizes/],
      [{ ...state, scalars: { more: 1 } }, /a scalar "more" too many/],
    ];
    for (const [wrong, told] of wrongs) {
      expect(() => setOptimizerState(adam, wrong as never)).toThrow(ArgumentError);
      expect(() => setOptimizerState(adam, wrong as never)).toThrow(told);
    }
    // So before it knows its variables, but for their sizes.
    for (const [wrong] of wrongs.filter(([, told]) => !told.source.includes("sizes")))
      expect(() => setOptimizerState(new Adam(), wrong as never)).toThrow(ArgumentError);
    expect(() => setOptimizerState(new SGD(), state)).toThrow(
      'the state is of "Adam", this optimizer is "SGD"',
    );
    expect(() => setOptimizerState(new SGD({ name: "Adam" }), state)).toThrow(
      "this optimizer remembers none",
    );
    expect(() => setOptimizerState(new Adam({ amsgrad: true }), state)).toThrow(
      'no slot "largestSecondMoment"',
    );
    const scheduled = new Adam({ learningRate: (step) => mul(step, 0.1) });
    expect(() => setOptimizerState(scheduled, state)).toThrow(
      "follows a schedule; make the optimizer as it was",
    );
    expect(await optimizerState(adam)).toEqual(state);
    setOptimizerState(adam, json);
    expect(await optimizerState(adam)).toEqual(state);
  });

  it("goes on from a saved state with scalars, too, and does not without them", async () => {
    const a = make([0.5, -0.25, 2]);
    const first = new Nadam({ learningRate: 0.1 });
    for (let i = 0; i < 3; i++) first.minimize(bowl(a), [a]);
    const state = await optimizerState(first);
    expect(state.scalars?.momentumProduct).toBeGreaterThan(0);
    expect(state.scalars?.momentumProduct).toBeLessThan(0.9 ** 3);
    const b = variable(await a.data(), { name: "b" });
    const second = new Nadam();
    setOptimizerState(second, state);
    for (let i = 0; i < 3; i++) {
      first.minimize(bowl(a), [a]);
      second.minimize(bowl(b), [b]);
    }
    const [want, got] = [await a.data(), await b.data()];
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(want[i], 6);
    });
    const { scalars, ...without } = state;
    expect(() => setOptimizerState(second, without)).toThrow(/no scalar "momentumProduct"/);
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

  it("options that it has none of, which would be ignored", () => {
    const odd = (options: object) => options as Record<string, never>;
    expect(() => new Adam(odd({ learning_rate: 0.1 }))).toThrow(
      'unknown Adam option "learning_rate". Did you mean "learningRate"?',
    );
    expect(() => new SGD(odd({ Nesterov: true }))).toThrow('Did you mean "nesterov"?');
    // A rule of one's own says which options are its own, or has none refused.
    class Halving extends Optimizer {
      protected readonly slotStarts = {};
      constructor(options: { rounds: number }) {
        super("Halving", 1, options as object);
      }
      protected update({ value }: UpdateContext) {
        return { value: mul(value, 0.5) };
      }
      protected ruleConfig() {
        return {};
      }
    }
    expect(() => new Halving({ rounds: 3 })).not.toThrow();
  });

  it("a variable that comes twice", () => {
    const [a, b] = [variable([3, 4], { name: "a" }), variable([1])];
    expect(() => new SGD().build([a, b, a])).toThrow(/SGD: got variable "a" .* twice.*new Set/);
    expect(() => packVariables([a, a])).toThrow(/packVariables: got variable "a" .* twice/);
    disposeAll([a, b]);
  });

  it("a rule of one's own that would be lost in silence", async () => {
    class Own extends Optimizer {
      protected readonly slotStarts: Record<string, number>;
      readonly result: (context: UpdateContext) => unknown;
      readonly starts: Record<string, number>;
      constructor(slots: unknown, result: (context: UpdateContext) => unknown = ({ value }) => ({ value })) {
        super("Own", 1, {});
        this.slotStarts = slots as Record<string, number>;
        this.result = result;
        this.starts = { count: 0 };
      }
      protected override get scalarStarts() {
        return this.starts;
      }
      protected update(context: UpdateContext) {
        return this.result(context) as UpdateResult;
      }
      protected ruleConfig() {
        return {};
      }
    }
    const v = variable([1, 2]);
    for (const slots of [undefined, null, 3])
      expect(() => new Own(slots).build([v])).toThrow(/Own: slotStarts must give .* finite number .* got/);
    expect(() => new Own({ m: "0" }).build([v])).toThrow(/got the string "0" for "m"/);
    expect(() => new Own(undefined).build([v])).toThrow(ArgumentError);
    const step = (slots: object, result: (context: UpdateContext) => unknown) => () =>
      new Own(slots, result).build([v]).apply([tensor([1, 1])]);
    const doubled = ({ value }: UpdateContext) => mul(value, 2);
    expect(step({ m: 0 }, (c) => ({ value: doubled(c), slots: { momentum: c.gradient } }))).toThrow(
      'Own: update returned a slot "momentum" that slotStarts does not declare; it declares m',
    );
    expect(step({}, (c) => ({ value: doubled(c), slots: { m: c.gradient } }))).toThrow(/it declares none/);
    expect(step({}, (c) => ({ value: doubled(c), scalars: { n: c.learningRate } }))).toThrow(
      'returned a scalar "n" that scalarStarts does not declare; it declares count',
    );
    expect(step({}, doubled)).toThrow(/update must return \{ value: .* got a Tensor/);
    expect(step({}, () => undefined)).toThrow(/got undefined$/);
    expect(step({}, () => ({ value: 3 }))).toThrow(/got the number 3 as value/);
    expect(step({}, () => ({}))).toThrow(ArgumentError);
    // Nothing has changed, and what is not returned stays.
    expect([...(await v.data())]).toEqual([1, 2]);
    step({ m: 0 }, (c) => ({ value: doubled(c) }))();
    expect([...(await v.data())]).toEqual([2, 4]);
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

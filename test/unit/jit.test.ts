// What jit makes of a function, without an adapter: which kernels, in which order, in how much memory. And the CPU
// reference, where functions simply run.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Place, Plan } from "../../engine/backend/program.ts";
import {
  add,
  backward,
  checkpoint,
  type Device,
  device as defaultDevice,
  exp,
  grad,
  init,
  jit,
  less,
  matmul,
  mul,
  noLeaks,
  ones,
  record,
  relu,
  reshape,
  setDevice,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  tidy,
  transpose,
  type Variable,
  variable,
  where,
} from "../../engine/index.ts";
import type { Tree } from "../../engine/jit/jit.ts";
import { signature } from "../../engine/jit/signature.ts";
import { mostBuffers, planningDevice, programsOf } from "../support/planning-device.ts";

let before: Device | undefined;
let planning: Device;
let cpu: Device;

beforeAll(async () => {
  cpu = await init({ device: "cpu", seed: 1 });
  before = defaultDevice();
  planning = planningDevice();
});
beforeEach(() => setDevice(planning));
afterAll(() => {
  if (before?.isUsable) setDevice(before);
  planning.dispose();
});

/** What a function is planned as. */
function planOf<P extends Tensor[]>(fn: (...args: P) => Tree, ...args: P) {
  const jitted = jit(fn);
  jitted(...args);
  const [{ plan, fused }] = jitted.programs.values();
  checkPlaces(plan);
  const names = plan.steps.map(({ name }) => name);
  return { plan, names, refusals: fused.refusals };
}

const isSlot = (place: Place) => place.kind === "slot";

/** Nothing is read from a slot before something has written there, and no kernel binds more than an adapter does. */
function checkPlaces({ steps, slots, outputs }: Plan): void {
  const written = new Set<number>();
  const read = (place: Place) => {
    expect(place).toBeDefined();
    if (place.kind !== "slot" || slots[place.slot].isZeroed) return;
    expect(written, "a slot is read that nothing wrote").toContain(place.slot);
  };
  const write = (place: Place) => place.kind === "slot" && written.add(place.slot);
  for (const step of steps) {
    if (step.kind === "copy") {
      read(step.from);
      write(step.to);
      continue;
    }
    expect(step.places.length).toBeLessThanOrEqual(mostBuffers);
    expect(step.call.workgroups.every((count) => count > 0)).toBe(true);
    step.places.forEach((place, k) => {
      if (step.call.operands[k].access === "read") read(place);
    });
    step.places.forEach((place, k) => {
      if (step.call.operands[k].access !== "read") write(place);
    });
  }
  for (const { place, spec } of outputs) if (!spec.shape.includes(0)) read(place);
}

/** How many buffers each dispatch binds. */
const bound = ({ steps }: Plan) => steps.map((step) => (step.kind === "dispatch" ? step.places.length : 0));

const filled = (...shape: number[]) => ones(shape, { device: planning });

describe("what is not computed", () => {
  it("is what nobody reads", () => {
    const { names } = planOf(
      (x) => {
        softmax(exp(matmul(x, x)));
        return mul(x, 2);
      },
      filled(4, 4),
    );
    expect(names).toEqual(["mul"]);
  });

  it("is a sum over an axis of length 1, a factor of 1, and what is known beforehand", () => {
    const { names, plan } = planOf(
      (x) => {
        const known = mul(add(tensor(0.1), 0.2), 3);
        return add(mul(reshape(sum(x, 1), [3]), 1), known);
      },
      filled(3, 1),
    );
    expect(names).toEqual(["add"]);
    // In f32 at each step, as the device would.
    const f = Math.fround;
    const value = f(f(f(0.1) + f(0.2)) * 3);
    expect(JSON.stringify(plan.steps)).toContain(`${value}f`);
  });

  it("is what is computed twice", () => {
    expect(planOf((x, y) => add(matmul(x, y), matmul(x, y)), filled(4, 4), filled(4, 4)).names).toHaveLength(
      1,
    );
    // Not the same: read under another shape, or of other attributes.
    const { names } = planOf((x) => [sum(x, 0), sum(x, 1), sum(reshape(x, [8, 2]), 0)], filled(4, 4));
    expect(names).toHaveLength(3);
  });

  it("is nothing where there is nothing to compute", () => {
    expect(planOf((x) => matmul(x, ones([3, 4])), filled(0, 3)).names).toEqual([]);
  });
});

describe("the order", () => {
  it("is the function's own, where nothing asks for another", () => {
    const { names } = planOf(
      (x) => {
        const parts = [sum(x, 0), softmax(x), matmul(x, x), transpose(x)];
        return parts.reverse();
      },
      filled(8, 8),
    );
    expect(names).toEqual(["sum", "softmax", "matmul", "transpose"]);
  });

  it("has what is read before those that read it, along several ways", () => {
    const { names } = planOf(
      (x) => {
        const a = matmul(x, x);
        const b = softmax(a);
        const c = matmul(b, a);
        return matmul(matmul(c, b), a);
      },
      filled(8, 8),
    );
    expect(names).toEqual(["matmul", "softmax", "matmul", "matmul", "matmul"]);
  });
});

describe("slots", () => {
  const slotBytes = ({ slots }: Plan) => slots.map(({ bytes }) => bytes).sort((a, b) => a - b);

  it("of a long chain of products are two in turn, and the result's", () => {
    const { plan } = planOf(
      (x) => {
        let y: Tensor = x;
        for (let i = 0; i < 10; i++) y = matmul(softmax(y), x);
        return y;
      },
      filled(8, 8),
    );
    expect(slotBytes(plan)).toEqual([256, 256]);
  });

  it("are given back by what nobody reads, and by what a kernel needs meanwhile", () => {
    const { plan } = planOf(
      (x) => {
        let y: Tensor = x;
        for (let i = 0; i < 5; i++) y = add(mul(x, sum(y)), 1);
        return sum(y);
      },
      filled(400, 400),
    );
    const large = plan.slots.filter(({ bytes }) => bytes === 640_000);
    expect(large.length).toBeLessThanOrEqual(2);
    // Parts of sums lie in slots of their own, which the next sum has again.
    expect(plan.slots.length).toBeLessThanOrEqual(4);
  });

  it("are as large as what lies in them, and a small value takes no large one", () => {
    const { plan } = planOf(
      (x, small) => {
        const large = softmax(matmul(x, x));
        return [sum(large), softmax(matmul(small, small)), softmax(matmul(softmax(small), small))];
      },
      filled(100, 100),
      filled(4, 4),
    );
    for (const step of plan.steps) {
      if (step.kind !== "dispatch") continue;
      for (const place of step.places) {
        if (place.kind !== "slot") continue;
        const { bytes } = plan.slots[place.slot];
        expect(place.byteOffset + place.bytes).toBeLessThanOrEqual(bytes);
        expect(bytes).toBeLessThanOrEqual(place.bytes * 4 + 4096);
      }
    }
  });

  it("hold one value at a time, while someone will read it", () => {
    const { plan } = planOf(
      (x) => {
        const early = softmax(x);
        let y: Tensor = x;
        for (let i = 0; i < 5; i++) y = softmax(matmul(y, x));
        return [add(matmul(early, y), 1), early, y];
      },
      filled(8, 8),
    );
    const places = plan.outputs.map(({ place }) => place).filter(isSlot);
    expect(new Set(places.map((place) => place.slot)).size).toBe(3);
  });
});

describe("copies", () => {
  it("are made of old values that are returned or assigned elsewhere, and of no others", () => {
    const [a, b] = [variable([1, 2]), variable([3, 4])];
    const kinds = (plan: Plan) => plan.steps.map(({ kind }) => kind);
    expect(kinds(planOf(() => a as Tensor).plan)).toEqual([]);
    expect(kinds(planOf(() => [a as Tensor, mul(b, 2)]).plan)).toEqual(["dispatch"]);
    const swapped = planOf(() => {
      const old = add(a, 0);
      a.assign(b);
      b.assign(old);
    });
    // Both old values first, then each to its new place.
    expect(swapped.names).toEqual(["keep", "keep", "assign", "assign"]);
    // The value that it has already.
    expect(planOf(() => void a.assign(a)).names).toEqual([]);
  });

  it("are not needed for updates in place", () => {
    const w = variable([1, 2, 3, 4]);
    const { plan, names } = planOf((g) => void w.assign(sub(w, mul(g, 0.1))), filled(4));
    expect(names).toEqual(["mul+sub"]);
    expect(bound(plan)).toEqual([2]);
    expect(plan.slots).toHaveLength(0);
  });
});

describe("what a kernel binds", () => {
  const many = (count: number) => Array.from({ length: count }, () => filled(5, 7));

  it("is as much as an adapter does, and never more", () => {
    const total = (...all: Tensor[]) => all.reduce((x, y) => add(x, y));
    expect(bound(planOf(total, ...many(mostBuffers - 1)).plan)).toEqual([mostBuffers]);
    expect(planOf(total, ...many(mostBuffers)).names).toHaveLength(2);
    expect(planOf((...all: Tensor[]) => all.map((x) => exp(x)), ...many(20)).names.length).toBeLessThan(20);
    // Each reads the first, so that they would like to be one.
    planOf((...all: Tensor[]) => all.slice(1).map((x) => mul(all[0], x)), ...many(20));
    planOf(
      (...all: Tensor[]) => add(total(...all.slice(1)), matmul(all[0], all[0])),
      filled(7, 7),
      ...Array.from({ length: 12 }, () => filled(7, 7)),
    );
  });

  it("leaves out what is written down, and the results that only its own code reads", () => {
    expect(bound(planOf((x) => add(mul(exp(x), 2), ones([5, 7])), filled(5, 7)).plan)).toEqual([2]);
  });

  it("holds several results, and variables that it updates only once", () => {
    const vs = Array.from({ length: 7 }, () => variable(new Float32Array(35)));
    const updates = (scale: Tensor) => {
      for (const v of vs) v.assign(mul(v, scale));
    };
    expect(bound(planOf(updates, filled(35)).plan)).toEqual([mostBuffers]);
  });
});

describe("what lies between two ops", () => {
  it("keeps them apart: one kernel can't be before and behind another", () => {
    const { names, refusals } = planOf(
      (x) => {
        const a = exp(x);
        return sub(a, sum(a, 1, { keepDims: true }));
      },
      filled(8, 8),
    );
    expect(names.length).toBeGreaterThanOrEqual(2);
    expect(refusals.join()).toMatch(/another kernel lies between|needed elsewhere/);
  });

  it("may be a third op that begins earlier and ends later than both", () => {
    planOf(
      (x, y) => {
        const a = exp(x);
        const s = softmax(a);
        const b = tanh(y);
        const c = add(a, b);
        const d = softmax(mul(c, s));
        return [add(d, b), sub(c, d), add(a, s)];
      },
      filled(8, 8),
      filled(8, 8),
    );
  });
});

describe("numbers made inside a function", () => {
  it("are written down where they are all the same, and kept one by one where they are not", () => {
    const bindings = (values: number[]) => bound(planOf((x) => add(x, tensor(values)), filled(3)).plan);
    expect(bindings([2, 2, 2])).toEqual([2]);
    expect(bindings([2, 2, 3])).toEqual([3]);
    expect(bindings([0, -0, 0])).toEqual([3]);
    expect(bindings([Number.NaN, Number.NaN, Number.NaN])).toEqual([2]);
  });
});

describe("blocks that run again", () => {
  it("are stages of their own, each told from the others and from what comes after", () => {
    const block = checkpoint((u: Tensor) => tanh(matmul(u, u)));
    const f = jit((x: Tensor) => {
      const [first] = grad((v: Tensor) => sum(block(block(v))))(x);
      return [first, matmul(x, x)];
    });
    f(filled(8, 8));
    const [{ graph, fused }] = f.programs.values();
    const products = graph.nodes.filter(({ op }) => op.name === "matmul");
    // What comes after is what the first run computed.
    expect(graph.outputs[1].value).toBe(products[0].outputs[0]);
    expect(products[0].recomputation).toBe(0);
    const again = new Set(graph.nodes.map(({ recomputation }) => recomputation));
    expect(again.size).toBe(3);
    const stages = graph.nodes.map(({ stage }) => stage);
    expect(new Set(stages).size).toBe(3);
    expect([...stages].sort()).toEqual(stages);
    for (const { nodes } of fused.units) expect(new Set(nodes.map(({ stage }) => stage)).size).toBe(1);
    f.dispose();
  });
});

describe("a function that throws while it is traced", () => {
  it("gives back what it captured", () => {
    const captured = ones([3]);
    const { buffers } = planning.memory();
    const f = jit((x: Tensor) => {
      mul(add(x, captured), tensor([1, 2, 3]));
      throw new Error("in the middle");
    });
    expect(() => f(filled(3))).toThrow("in the middle");
    captured.dispose();
    // Its argument is here; the tensor that it captured is not.
    expect(planning.memory().buffers).toBe(buffers);
  });
});

describe("one kernel", () => {
  it("is what a product with bias and activation makes, and stores only what is asked for", () => {
    const layer = (x: Tensor, w: Tensor, b: Tensor) => relu(add(matmul(x, w), b));
    const args = [filled(6, 8), filled(8, 8), filled(8)] as const;
    expect(bound(planOf(layer, ...args).plan)).toEqual([4]);
    const both = planOf(
      (x, w, b) => {
        const z = matmul(x, w);
        return [z, relu(add(z, b))];
      },
      ...args,
    );
    expect(bound(both.plan)).toEqual([5]);
  });

  it("is what small chains beside each other make, where none needs another", () => {
    const small = planOf((a, b, c) => [exp(a), tanh(b), relu(c)], filled(3), filled(5), filled(7));
    expect(small.names).toHaveLength(1);
    const large = planOf((a, b) => [exp(a), tanh(b)], filled(5000), filled(6000));
    expect(large.names).toHaveLength(2);
    const chained = planOf(
      (a, b) => {
        const s = sum(exp(a));
        return [s, mul(b, sum(tanh(mul(filled(4), s)))), tanh(b)];
      },
      filled(9, 9),
      filled(5),
    );
    expect(chained.names.length).toBeGreaterThanOrEqual(3);
  });

  it("is not made of chains that take too long to compile", () => {
    const chain = (length: number) => (x: Tensor) => {
      let y = x;
      for (let i = 0; i < length; i++) y = mul(add(y, 1), 0.5);
      return y;
    };
    expect(planOf(chain(520), filled(9)).names).toHaveLength(2);
  });

  it("computes a mask where it is read, not where it comes from", () => {
    const { plan } = planOf(
      (x, y) => {
        const z = softmax(x);
        return [where(less(z, 0.5), y, 0), z];
      },
      filled(8, 8),
      filled(8, 8),
    );
    // A mask that is kept takes memory of its own.
    expect(plan.slots.filter(({ bytes }) => bytes >= 64)).toHaveLength(2);
  });

  it("is named after its ops, the first ones where there are many", () => {
    const { names } = planOf((x) => tanh(exp(relu(mul(square(add(x, 1)), 2)))), filled(9));
    expect(names).toEqual(["add+square+mul+relu+exp+tanh"]);
    const longer = planOf((x) => sub(tanh(exp(relu(mul(square(add(x, 1)), 2)))), x), filled(9));
    expect(longer.names).toEqual(["add+square+mul+relu+exp+...(7)"]);
  });
});

describe("a signature", () => {
  it("tells apart all that a program depends on, and nothing else", () => {
    const texts = (list: readonly unknown[][]) => list.map((args) => signature(args, "f"));
    const calls: unknown[][] = [
      [ones([6])],
      [ones([2, 3])],
      [ones([3, 2])],
      [ones([1, 6])],
      [ones([])],
      [tensor(new Int32Array(6))],
      [tensor(new Uint32Array(6))],
      [ones([6]), 1],
      [ones([6]), "1"],
      [ones([6]), true],
      [ones([6]), "true"],
      [1, ones([6])],
      [0],
      [-0],
      [Number.NaN],
      [Number.POSITIVE_INFINITY],
      [null],
      ["null"],
      [undefined],
      ["undefined"],
      [],
      [[]],
      [{}],
      [""],
      [["a", "b"]],
      [["a,b"]],
      [['a","b']],
      ["a", "b"],
      ["a;b"],
      [{ a: 1 }],
      [{ b: 1 }],
      [{ a: 1, b: 2 }],
      [{ a: 2, b: 1 }],
      [{ "a:1,b": 2 }],
      [{ a: { b: 1 } }],
      [{ a: [{ b: 1 }] }],
    ];
    expect(new Set(texts(calls)).size).toBe(calls.length);
    expect(texts([[ones([2, 3]), { a: [1, "x"] }]])).toEqual(
      texts([[tensor(new Float32Array(6), [2, 3]), { a: [1, "x"] }]]),
    );
  });
});

describe("programs", () => {
  it("are a device's own; one that takes another's place frees it, with what it captured", () => {
    const other = planningDevice();
    const [here, there] = [planning, other].map((device) => ones([3], { device }));
    const captured = ones([3], { device: planning });
    const { buffers } = planning.memory();
    const made = programsOf(planning);
    const f = jit((x: Tensor) => (x.device === planning ? add(x, captured) : mul(x, 2)));
    for (let i = 0; i < 3; i++) {
      const results = [f(here), f(there)];
      expect(results.map(({ device }) => device)).toEqual([planning, other]);
      for (const result of results) result.dispose();
      expect(f.programs.size).toBe(1);
      expect([programsOf(planning), programsOf(other)]).toEqual([made, 1]);
    }
    captured.dispose();
    expect(planning.memory().buffers).toBe(buffers - 1);
    f.dispose();
    expect(programsOf(other)).toBe(0);
    other.dispose();
  });

  it("are bounded: past 64 signatures the oldest goes", () => {
    const made = programsOf(planning);
    let traces = 0;
    const f = jit((x: Tensor, factor: number) => {
      traces++;
      return mul(x, factor);
    });
    const x = ones([2]);
    for (let i = 1; i <= 70; i++) f(x, i + 1).dispose();
    expect([f.programs.size, programsOf(planning) - made, traces]).toEqual([64, 64, 70]);
    f(x, 71).dispose();
    f(x, 8).dispose();
    expect(traces).toBe(70);
    f(x, 2).dispose();
    expect(traces).toBe(71);
    f.dispose();
    expect(programsOf(planning)).toBe(made);
  });
});

describe("on the CPU reference", () => {
  beforeEach(() => setDevice(cpu));

  it("run() takes as many steps as it is told", async () => {
    const v: Variable = variable([1]);
    const step = jit(() => {
      v.assign(mul(v, 2));
      return mul(v, 1);
    });
    const result = step.run({ steps: 3 });
    expect([...(await result.data())]).toEqual([8]);
    expect(await v.item()).toBe(8);
  });

  it("gradients of backward end with the call", async () => {
    const w = variable([1, 2, 3]);
    const step = jit(() =>
      tidy(() => {
        backward(record(() => sum(square(w))));
        return mul(w.grad!, 2);
      }),
    );
    await noLeaks(() => step().dispose(), { device: cpu });
    expect(w.grad).toBeNull();
    const kept = jit(() =>
      tidy(() => {
        backward(record(() => sum(square(w))));
        return w.grad!;
      }),
    );
    const gradient = kept();
    expect([...(await gradient.data())]).toEqual([2, 4, 6]);
    gradient.dispose();
  });
});

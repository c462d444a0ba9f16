// What jit makes of a function, without an adapter: which kernels, in which order, in how much memory. And the CPU
// reference, where functions simply run.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Place, Plan } from "../../engine/backend/program.ts";
import {
  add,
  backward,
  batchNorm,
  checkpoint,
  conv2d,
  type Device,
  device as defaultDevice,
  dropout,
  dynamicSlice,
  exp,
  gather,
  grad,
  init,
  jit,
  leakyRelu,
  less,
  matmul,
  maxPool2d,
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
import { type Diagram, explain, toDiagram } from "../../engine/inspect/index.ts";
import { refusalText } from "../../engine/inspect/refusals.ts";
import { packVariables } from "../../engine/internal.ts";
import type { JitResult } from "../../engine/jit/jitted.ts";
import { signature } from "../../engine/jit/signature.ts";
import { input, output, shader } from "../../engine/kernel/kernel.ts";
import { defineOp } from "../../engine/tensor/define.ts";
import { notDifferentiable } from "../../engine/tensor/op.ts";
import {
  measuredBy,
  measuringDevice,
  mostBuffers,
  planningDevice,
  programsOf,
} from "../support/planning-device.ts";

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
function planOf<P extends Tensor[]>(fn: (...args: P) => JitResult, ...args: P) {
  const jitted = jit(fn);
  jitted(...args);
  const [{ plan, fused }] = jitted.programs.values();
  checkPlaces(plan, mostBuffers);
  const names = plan.steps.map(({ name }) => name);
  return { plan, names, refusals: fused.refusals.map(refusalText) };
}

/** Whether two places are parts of one buffer of a variable's. */
const shareBuffer = (a: Place, b: Place) =>
  a.kind === "memory" && b.kind === "memory" && planning.backend.sharesBuffer(a.memory, b.memory);

const isSlot = (place: Place) => place.kind === "slot";

/**
 * Nothing is read from a slot before something has written there, no kernel binds more than an adapter does, and none
 * reads a buffer that it writes, which WebGPU refuses.
 */
function checkPlaces({ steps, slots, outputs }: Plan, most: number): void {
  const written = new Set<number>();
  const read = (place: Place) => {
    expect(place).toBeDefined();
    if (place.kind === "slot")
      expect(place.byteOffset + place.bytes).toBeLessThanOrEqual(slots[place.slot].bytes);
    if (place.kind !== "slot" || slots[place.slot].isZeroed) return;
    expect(written, "a slot is read that nothing wrote").toContain(place.slot);
  };
  const write = (place: Place) => place.kind === "slot" && written.add(place.slot);
  for (const step of steps) {
    if (step.kind === "copy") {
      read(step.from);
      write(step.to);
      expect(shareBuffer(step.from, step.to), "a copy within one buffer").toBe(false);
      continue;
    }
    expect(step.places.length).toBeLessThanOrEqual(most);
    expect(step.call.workgroups.every((count) => count > 0)).toBe(true);
    step.places.forEach((place, k) => {
      if (step.call.operands[k].access === "read") read(place);
    });
    step.places.forEach((place, k) => {
      if (step.call.operands[k].access === "read") return;
      write(place);
      const others = step.places.filter((_, other) => other !== k);
      expect(
        others.some((other) => shareBuffer(place, other)),
        "a buffer is read and written",
      ).toBe(false);
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
        const known = sub(add(tensor(2 ** 24), 1), 2 ** 24 - 5);
        return add(mul(reshape(sum(x, 1), [3]), 1), known);
      },
      filled(3, 1),
    );
    expect(names).toEqual(["add"]);
    // In f32 at each step, as the device would: the 1 is lost.
    expect(JSON.stringify(plan.steps)).toContain("vec4f(5.0f)");
  });

  it("is what is computed twice", () => {
    expect(planOf((x, y) => add(matmul(x, y), matmul(x, y)), filled(4, 4), filled(4, 4)).names).toHaveLength(
      1,
    );
    // Not the same: read under another shape, or of other attributes.
    const { names } = planOf((x) => [sum(x, 0), sum(x, 1), sum(reshape(x, [8, 2]), 0)], filled(4, 4));
    expect(names).toHaveLength(3);
    const nodes = (fn: (x: Tensor) => JitResult) => {
      const f = jit(fn);
      f(filled(3));
      const [{ graph }] = f.programs.values();
      f.dispose();
      return graph.nodes.length;
    };
    // Numbers that print alike.
    expect(nodes((x) => [mul(x, 0), mul(x, -0)])).toBe(2);
    expect(nodes((x) => [mul(x, 0), mul(x, 0)])).toBe(1);
    expect(nodes((x) => [leakyRelu(x, 0), leakyRelu(x, -0), leakyRelu(x, 0.5), leakyRelu(x, 0)])).toBe(3);
  });

  it("is nothing where there is nothing to compute", () => {
    expect(planOf((x) => matmul(x, ones([3, 4])), filled(0, 3)).names).toEqual([]);
    // Also by an op that does not think of it.
    const copied = defineOp<[x: Tensor], object>({
      name: "copied",
      call: (x) => ({ inputs: [x], attrs: {} }),
      infer: ([x]) => [x],
      kernels: ({ inputs: [{ shape }] }) => ({
        calls: [
          {
            shader: shader("copied", ""),
            sizes: [],
            operands: [input(0), output(0)],
            workgroups: [shape[0], 1, 1],
          },
        ],
      }),
      reference: () => {},
      vjp: notDifferentiable("it is for a test"),
      saves: {},
      samples: [],
    });
    expect(planOf((x) => copied(x), filled(3)).names).toEqual(["copied"]);
    expect(planOf((x) => copied(x), filled(0)).names).toEqual([]);
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

  it("hold no product that only what rides on it reads", () => {
    const riding = (isKept: boolean) =>
      planOf(
        (x) => {
          const product = matmul(x, x);
          return isKept ? [exp(product), product] : exp(product);
        },
        filled(8, 8),
      ).plan;
    expect(riding(false).steps).toHaveLength(1);
    expect(slotBytes(riding(false))).toEqual([256]);
    expect(slotBytes(riding(true))).toEqual([256, 256]);
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

  it("are given back by results that nobody reads, and taken by what fits", () => {
    const { plan } = planOf(
      (x, scale) => {
        let y: Tensor = x;
        for (let i = 0; i < 6; i++) [y] = batchNorm(y, scale, scale);
        return y;
      },
      filled(5, 8),
      filled(8),
    );
    expect(plan.slots.length).toBeLessThanOrEqual(4);
    // Each a little larger than the one before.
    planOf(
      (x) => {
        let y: Tensor = x;
        for (let columns = 9; columns < 14; columns++) y = softmax(matmul(y, ones([columns - 1, columns])));
        return y;
      },
      filled(4, 8),
    );
  });

  /** The dispatches that write a slot, by name. */
  const writersOf = ({ steps }: Plan, slot: number) =>
    steps
      .filter(
        (step) =>
          step.kind === "dispatch" &&
          step.places.some(
            (place, k) =>
              place.kind === "slot" && place.slot === slot && step.call.operands[k].access !== "read",
          ),
      )
      .map(({ name }) => name);

  it("hold what is returned to the end, though nothing else reads it", () => {
    const { plan } = planOf(
      (x) => {
        const early = transpose(softmax(x));
        let y: Tensor = x;
        for (let i = 0; i < 4; i++) y = softmax(matmul(y, x));
        return [early, sum(y)];
      },
      filled(8, 8),
    );
    const [{ place }] = plan.outputs;
    if (place.kind !== "slot") throw new Error("it lies in a slot");
    expect(writersOf(plan, place.slot).at(-1)).toBe("transpose");
  });

  it("hold what is assigned at the end until then", () => {
    const v = variable(new Float32Array(64).fill(1), { shape: [8, 8] });
    const { plan } = planOf(
      (x) => {
        const old = add(v, 0);
        const next = softmax(v);
        v.assign(next);
        let y = matmul(next, old);
        for (let i = 0; i < 4; i++) y = softmax(matmul(y, x));
        return y;
      },
      filled(8, 8),
    );
    const copy = plan.steps.at(-1)!;
    if (copy.kind !== "copy" || copy.from.kind !== "slot") throw new Error("it is copied from a slot");
    const { slot } = copy.from;
    expect(writersOf(plan, slot)).toEqual(["softmax"]);
  });

  it("of a pack have in them what is packed, where that can be written there", () => {
    const pack = packVariables([variable(new Float32Array(4)), variable(new Float32Array(4))]);
    const packed = (fn: (x: Tensor) => Tensor[]) =>
      planOf((x) => pack.gather(fn(x)), filled(1, 4)).names.includes("pack");
    const flat = (x: Tensor) => reshape(x, [4]);
    expect(packed((x) => [flat(softmax(x)), flat(tanh(softmax(mul(x, 2))))])).toBe(false);
    expect(
      packed((x) => {
        const y = exp(flat(x));
        return [y, mul(y, 2)];
      }),
    ).toBe(false);
    // Not twice the same, not from each other, not what is there before.
    expect(
      packed((x) => {
        const y = flat(softmax(x));
        return [y, y];
      }),
    ).toBe(true);
    expect(
      packed((x) => {
        const y = softmax(x);
        return [flat(y), flat(softmax(y))];
      }),
    ).toBe(true);
    expect(packed((x) => [flat(x), flat(softmax(x))])).toBe(true);
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
    // Returned as it was, by the variable that took it.
    const taken = planOf(() => {
      b.assign(a);
      a.assign(add(a, 1));
      return b as Tensor;
    });
    expect(taken.plan.outputs[0].place.kind).toBe("slot");
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

describe("assignments in place", () => {
  const square4 = () => variable(new Float32Array(16).fill(1), { shape: [4, 4] });

  it("wait for who reads the old value, though it was asked for later", () => {
    const v = square4();
    const { names } = planOf(
      (x) => {
        const old = add(v, 0);
        v.assign(add(v, 1));
        return matmul(old, x);
      },
      filled(4, 4),
    );
    expect(names).toEqual(["matmul", "add"]);
    const pack = packVariables([variable(new Float32Array(4)), variable(new Float32Array(8))]);
    const [a] = pack.variables;
    const whole = planOf(() => {
      const old = add(pack.values, 0);
      a.assign(add(a, 1));
      return sum(old);
    });
    expect(whole.names).toEqual(["sum", "add"]);
  });

  it("are copies where someone reads old and new together, or the kernel itself reads elsewhere", () => {
    const [v, w] = [square4(), square4()];
    const together = planOf(() => {
      const old = add(v, 0);
      const next = softmax(v);
      v.assign(next);
      return matmul(next, old);
    });
    expect(together.names).toEqual(["softmax", "matmul", "assign"]);
    const read = planOf(() => {
      const old = add(v, 0);
      const next = exp(v);
      v.assign(next);
      return matmul(next, old);
    });
    expect(read.names).toEqual(["exp", "matmul", "assign"]);
    const behind = planOf(
      (x) => {
        const old = add(v, 0);
        const z = matmul(x, x);
        v.assign(z);
        return add(z, old);
      },
      filled(4, 4),
    );
    expect(behind.names.at(-1)).toBe("assign");
    const rows = tensor(Int32Array.of(3, 2, 1, 0));
    for (const update of [
      () => softmax(v),
      () => transpose(v),
      () => matmul(mul(v, 2), w),
      () => add(gather(v, rows), 1),
      () => add(gather(v, rows), matmul(w, w)),
    ]) {
      const { plan } = planOf(() => void v.assign(update()));
      expect(plan.steps.at(-1)!.kind, String(update)).toBe("copy");
    }
  });

  it("stay apart from small chains that read the old value under another shape", () => {
    const v = variable([1, 2, 3, 4]);
    for (const isFirst of [true, false]) {
      const { names, plan } = planOf(() => {
        const old = add(v, 0);
        const early = isFirst ? exp(reshape(old, [2, 2])) : undefined;
        v.assign(mul(v, 2));
        return early ?? exp(reshape(old, [2, 2]));
      });
      expect(names).toEqual(["exp", "mul"]);
      expect(bound(plan)).toEqual([2, 1]);
    }
  });

  it("of packed variables bind their buffer once", () => {
    const pack = packVariables(Array.from({ length: 3 }, square4));
    const [a, b, c] = pack.variables;
    const y = filled(4, 4);
    for (const update of [
      () => b.assign(mul(b, c)),
      () => {
        const total = add(y, 1);
        a.assign(total);
        b.assign(total);
      },
      () => {
        a.assign(add(a, 1));
        b.assign(matmul(a, y));
      },
      () => {
        b.assign(matmul(y, y));
        a.assign(matmul(b, y));
        c.assign(matmul(a, b));
      },
      () => {
        const next = add(c, 1);
        a.assign(matmul(next, y));
        c.assign(next);
      },
    ])
      expect(() => planOf(() => void update()), String(update)).not.toThrow();
  });
});

describe("rows that are taken", () => {
  const take = (x: Tensor, start: Tensor) => dynamicSlice(x, start, 4);

  it("are read where they lie by products alone, as the rows that they are", () => {
    const [x, w] = [filled(10, 6), filled(6, 3)];
    const start = tensor(0, { dtype: "i32" });
    const read = planOf((x, start, w) => matmul(take(x, start), w), x, start, w);
    expect(read.names.join()).not.toContain("dynamicSlice");
    const v = variable(new Float32Array(24), { shape: [4, 6] });
    const copied: ((x: Tensor, start: Tensor, w: Tensor) => JitResult)[] = [
      (x, start) => matmul(reshape(take(x, start), [8, 3]), ones([3, 2])),
      (x, start, w) => {
        const rows = take(x, start);
        v.assign(rows);
        return matmul(rows, w);
      },
      (x, start, w) => {
        const rows = take(x, start);
        return [rows, matmul(rows, w)];
      },
      (x, start) => matmul(ones([2, 4]), take(x, start)),
    ];
    for (const fn of copied) expect(planOf(fn, x, start, w).names.join()).toContain("dynamicSlice");
  });
});

describe("what a kernel binds", () => {
  const many = (count: number) => Array.from({ length: count }, () => filled(5, 7));

  it("leaves out numbers, which are written down as WGSL has them", () => {
    const code = (fn: (x: Tensor) => JitResult, x: Tensor) => JSON.stringify(planOf(fn, x).plan.steps);
    const i32 = tensor(Int32Array.of(1, 2));
    expect(code((x) => add(x, tensor(Int32Array.of(-(2 ** 31), -(2 ** 31)))), i32)).toContain(
      "vec4i(-2147483647i - 1i)",
    );
    expect(code((x) => add(x, tensor(Int32Array.of(-7, -7))), i32)).toContain("vec4i(-7i)");
    const isSmall = (flag: number) => (x: Tensor) =>
      where(tensor(Uint8Array.of(flag, flag), { dtype: "bool" }), x, 3);
    expect(code(isSmall(1), filled(2))).toContain("vec4<bool>(true)");
    expect(code(isSmall(0), filled(2))).toContain("vec4<bool>(false)");
    // A compiler would take 0 times anything for 0.
    expect(code((x) => mul(x, -0), filled(2))).toContain("non_finite(0x80000000u)");
    expect(code((x) => mul(x, 0), filled(2))).toContain("non_finite(0u)");
  });

  it("is as much as an adapter does, and never more", () => {
    const total = (...all: Tensor[]) => all.reduce((x, y) => add(x, y));
    expect(bound(planOf(total, ...many(mostBuffers - 1)).plan)).toEqual([mostBuffers]);
    expect(planOf(total, ...many(mostBuffers)).names).toHaveLength(2);
    const scaled = (...all: Tensor[]) => total(...all.map((x, i) => mul(x, i + 2)));
    expect(bound(planOf(scaled, ...many(mostBuffers - 1)).plan)).toEqual([mostBuffers]);
    expect(planOf((...all: Tensor[]) => all.map((x) => exp(x)), ...many(20)).names.length).toBeLessThan(20);
    // Each reads the first, so that they would like to be one.
    planOf((...all: Tensor[]) => all.slice(1).map((x) => mul(all[0], x)), ...many(20));
    planOf(
      (...all: Tensor[]) => add(total(...all.slice(1)), matmul(all[0], all[0])),
      filled(7, 7),
      ...Array.from({ length: 12 }, () => filled(7, 7)),
    );
  });

  it("leaves room for a product: of chains that read it, as many as fit ride on it", () => {
    const { names } = planOf(
      (x, ...all) => {
        const product = matmul(x, x);
        return all.map((factor) => mul(product, factor));
      },
      filled(7, 7),
      ...Array.from({ length: 10 }, () => filled(7, 7)),
    );
    // A chain binds the product, three factors and three results; one rides on the product, which others read.
    expect(names).toEqual(["matmul+mul", "mul", "mul", "mul"]);
  });

  it("is one value twice, where it is read in two ways", () => {
    const outer = (v: Tensor, x: Tensor) => mul(add(x, reshape(v, [7, 1])), v);
    expect(bound(planOf(outer, filled(7), filled(7, 7)).plan)).toEqual([4]);
    expect(bound(planOf((v, x) => mul(add(x, v), v), filled(7), filled(7, 7)).plan)).toEqual([3]);
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

  it("stays within it where a variable can't be updated in place after all", () => {
    const vs = Array.from({ length: mostBuffers }, () => variable(new Float32Array(36), { shape: [6, 6] }));
    const { plan } = planOf(() => {
      const [old] = vs.map((v) => {
        const before = add(v, 0);
        v.assign(mul(v, 2));
        return before;
      });
      // Needs what the first variable was, and what it is.
      return matmul(old, vs[0]);
    });
    expect(Math.max(...bound(plan))).toBeLessThanOrEqual(mostBuffers);
    expect(plan.steps.some(({ name }) => name === "assign")).toBe(true);
    for (const v of vs) v.dispose();
  });

  it("stays within it where a new value can't lie in its variable, alone or behind a product", () => {
    const total = (...all: Tensor[]) => all.reduce((x, y) => add(x, y));
    // Returned too, they are written to memory of their own.
    const update = (count: number, newValues: (x: Tensor, vs: readonly Variable[]) => Tensor[]) => {
      const vs = Array.from({ length: count }, () => variable(new Float32Array(36), { shape: [6, 6] }));
      planOf(
        (x) => {
          const next = newValues(x, vs);
          next.forEach((value, k) => {
            vs[k].assign(value);
          });
          return next;
        },
        filled(6, 6),
      );
      for (const v of vs) v.dispose();
    };
    update(mostBuffers, (_, vs) => [total(...vs)]);
    update(mostBuffers - 2, (x, vs) => [total(matmul(x, x), ...vs)]);
    update(mostBuffers - 3, (x, vs) => {
      const next = total(matmul(x, x), ...vs);
      return [next, mul(next, 2)];
    });
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

describe("chains on both sides of a reshape", () => {
  const [x, row, column] = [() => filled(8, 8), () => filled(8), () => filled(8, 1)];
  const kernels = (fn: (x: Tensor, other: Tensor) => Tensor, other: Tensor) =>
    planOf(fn, x(), other).names.length;

  it("are one kernel where neither broadcasts, or both only rows of one width", () => {
    expect(kernels((x, y) => exp(reshape(mul(tanh(x), y), [64])), x())).toBe(1);
    expect(kernels((x, y) => exp(reshape(mul(tanh(x), y), [16, 4])), x())).toBe(1);
    expect(kernels((x, row) => mul(reshape(add(x, row), [2, 4, 8]), row), row())).toBe(1);
  });

  it("are two where one broadcasts what the other's shape would place elsewhere", () => {
    expect(kernels((x, column) => exp(reshape(add(x, column), [2, 4, 8])), column())).toBe(2);
    expect(
      kernels((x, column) => mul(reshape(exp(x), [2, 4, 8]), reshape(column, [2, 4, 1])), column()),
    ).toBe(2);
    expect(kernels((x, row) => exp(reshape(add(x, row), [16, 4])), row())).toBe(2);
  });
});

describe("chains that read the same", () => {
  it("stay apart where one waits for the other by way of chains that were joined before", () => {
    const { plan } = planOf(
      (x, y) => {
        const early = exp(x);
        const product = matmul(early, early);
        const other = tanh(y);
        // Joins exp(x), since both read x. So the first product waits for the second, and add(y, ...) for tanh(y).
        const late = mul(x, matmul(other, other));
        return [late, add(y, product), sum(late, 0)];
      },
      filled(8, 8),
      filled(8, 8),
    );
    expect(plan.steps.length).toBeGreaterThan(3);
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

describe("what runs again", () => {
  it("shares no dispatch with what runs for the first time, however small both are", () => {
    const block = checkpoint((u: Tensor) => matmul(transpose(exp(u)), transpose(tanh(u))));
    const f = jit((x: Tensor, y: Tensor) => {
      const [gradient] = grad((v: Tensor) => sum(block(block(v))))(x);
      return [gradient, exp(y)];
    });
    f(filled(8, 8), filled(4, 4));
    const [{ graph, fused }] = f.programs.values();
    expect(new Set(graph.nodes.map(({ stage }) => stage)).size).toBeGreaterThan(1);
    const chains = fused.units.filter(({ anchor }) => anchor === undefined);
    expect(chains.length).toBeGreaterThan(1);
    for (const { nodes } of chains) expect(new Set(nodes.map(({ stage }) => stage)).size).toBe(1);
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

describe("any graph", () => {
  it("is planned so that every kernel finds what it reads", () => {
    let word = 7;
    const draw = (limit: number) => {
      word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
      return Math.floor((word / 2 ** 32) * limit);
    };
    const one: ((x: Tensor) => Tensor)[] = [
      (x) => exp(x),
      (x) => tanh(x),
      (x) => softmax(x),
      (x) => (x.shape[0] === 8 ? transpose(x) : relu(x)),
      (x) => sum(x, 0, { keepDims: true }),
      (x) => mul(x, 0.5),
      (x) => where(less(x, 0), x, 1),
    ];
    const two: ((x: Tensor, y: Tensor) => Tensor)[] = [
      (x, y) => add(x, y),
      (x, y) => sub(x, y),
      (x, y) => mul(x, y),
      (x, y) => (x.shape[0] === 8 && y.shape[0] === 8 ? matmul(x, y) : mul(x, y)),
    ];
    for (let graph = 0; graph < 120; graph++) {
      const variables = [0, 1].map(() => variable(new Float32Array(64), { shape: [8, 8] }));
      // Drawn before: a function is traced once, but nobody counts on it.
      const seed = word;
      planOf(
        (x) => {
          word = seed;
          const made: Tensor[] = [x, ...variables];
          const any = () => made[draw(made.length)];
          const count = 6 + draw(14);
          for (let i = 0; i < count; i++) {
            const last = draw(2) === 0 ? one[draw(one.length)](any()) : two[draw(two.length)](any(), any());
            made.push(last);
            if (draw(6) === 0 && last.shape[0] === 8) variables[draw(2)].assign(last);
          }
          return made.slice(3).filter(() => draw(3) === 0);
        },
        filled(8, 8),
      );
    }
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

  it("is what a layer's gradients make: weights, bias, and what is done with them", () => {
    const { names } = planOf(
      (x, dy) => [mul(matmul(x, dy, { transposeA: true }), 0.1), sum(dy, 0)],
      filled(16, 8),
      filled(16, 8),
    );
    expect(names).toHaveLength(1);
    // Unless the product waits for the sum.
    const waiting = planOf(
      (x, dy) => {
        const total = sum(dy, 0);
        return [matmul(mul(x, total), dy, { transposeA: true }), total];
      },
      filled(16, 8),
      filled(16, 8),
    );
    expect(waiting.names).toEqual(["sum", "mul", "matmul"]);
    // What is done with the bias's gradient is no part of the kernel, which has no place for it.
    const updated = planOf(
      (x, dy, bias) => [matmul(x, dy, { transposeA: true }), sub(bias, sum(dy, 0))],
      filled(16, 8),
      filled(16, 8),
      filled(8),
    );
    expect(updated.names).toHaveLength(2);
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

  it("is not made of a small chain and a larger one, where others read the small one too", () => {
    const small = (x: Tensor, row: Tensor) => add(x, tanh(row));
    expect(planOf(small, filled(4, 8), filled(8)).names).toEqual(["tanh+add"]);
    const kept = planOf(
      (x, row) => {
        const t = tanh(row);
        return [add(x, t), t];
      },
      filled(4, 8),
      filled(8),
    );
    expect(kept.names).toEqual(["tanh", "add"]);
    const read = planOf(
      (x, row) => {
        const t = tanh(row);
        return [add(x, t), softmax(t)];
      },
      filled(4, 8),
      filled(8),
    );
    expect(read.names).toEqual(["tanh", "add", "softmax"]);
  });

  it("is not made of ops that call different functions by one name", () => {
    const op = (factor: number) =>
      defineOp<[x: Tensor], object>({
        name: `times${factor}`,
        call: (x) => ({ inputs: [x], attrs: {} }),
        infer: ([x]) => [x],
        pointwise: {
          expression: () => "scaled(a)",
          helpers: { scaled: `fn scaled(x: vec4f) -> vec4f { return x * ${factor}.0; }` },
        },
        reference: () => {},
        vjp: notDifferentiable("it is for a test"),
        saves: {},
        samples: [],
      });
    const [two, three] = [op(2), op(3)];
    for (const fn of [
      (x: Tensor) => [two(x), three(x)],
      (x: Tensor) => [three(two(x))],
      (x: Tensor) => [add(two(x), three(x))],
    ]) {
      for (const step of planOf(fn, filled(5000)).plan.steps) {
        const code = JSON.stringify(step);
        expect(code.includes("x * 2.0") && code.includes("x * 3.0")).toBe(false);
      }
    }
    expect(planOf((x) => [two(x), two(add(x, 1))], filled(9)).names).toHaveLength(1);
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
    const later = planOf(
      (x) => {
        const z = exp(x);
        return where(less(z, 0.5), softmax(z), 0);
      },
      filled(8, 8),
    );
    expect(bound(later.plan)[0]).toBe(2);
    // A mask that is kept takes memory of its own.
    expect(plan.slots.filter(({ bytes }) => bytes >= 64)).toHaveLength(2);
  });

  it("computes nothing of what dropout drops for certain: NaN would be NaN, whatever it is multiplied by", () => {
    const state = tensor(Uint32Array.of(1, 2, 3, 4));
    const codeAt = (rate: number) => {
      const { plan, names } = planOf((x) => add(dropout(x, rate, state), 1), filled(9));
      expect(names).toEqual(["dropout+add"]);
      const [step] = plan.steps;
      const functions = step.kind === "dispatch" ? step.call.hooks?.functions : undefined;
      return Object.entries(functions!).flatMap(([name, code]) => (name === "philox" ? [] : [code]));
    };
    const draws = (codes: string[]) => codes.some((code) => code.includes("random_words("));
    expect(draws(codeAt(0.5))).toBe(true);
    expect(draws(codeAt(1))).toBe(false);
    state.dispose();
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

describe("a graph that ops rewrite for the device", () => {
  const pooled = () =>
    jit((images: Tensor, weights: Tensor, bias: Tensor) =>
      maxPool2d(relu(add(conv2d(images, weights), bias)), 2),
    );
  const args = () => [filled(2, 8, 8, 8), filled(3, 3, 8, 16), filled(16)] as const;
  const groupsOf = (diagram: Diagram) =>
    diagram.nodes.filter(({ kind }) => kind === "op").map(({ group }) => group);

  it("is the one that is shown: its nodes are those that the kernels compute", () => {
    const program = pooled();
    program(...args());
    const [{ graph, fused }] = program.programs.values();
    expect(graph.nodes.map(({ op }) => op.name)).toEqual(["pooledProduct"]);
    expect(fused.units.flatMap(({ nodes }) => nodes)).toEqual(graph.nodes);
    expect(groupsOf(toDiagram(program))).toEqual(["kernel 1: pooledProduct"]);
    expect(explain(program)).toMatch(/4 ops traced, 1 after clean-up, 1 kernels, 1 dispatches/);
    program.dispose();
  });

  it("has numbers of its own, whatever was traced before", () => {
    const [first, second] = [pooled(), pooled()];
    for (const program of [first, second]) program(...args());
    expect(explain(second)).toBe(explain(first));
    expect(explain(first)).toMatch(/\n {2}r1: f32 .* = pooledProduct\(/);
    for (const program of [first, second]) program.dispose();
  });

  it("counts its nodes up, several in the place of one as well", () => {
    const program = jit((bytes: Tensor, ids: Tensor) => gather(sub(exp(bytes), 3), ids));
    const ids = tensor(Int32Array.of(1, 0));
    program(filled(64, 4), ids);
    const [{ graph }] = program.programs.values();
    expect(graph.nodes.map(({ op }) => op.name)).toEqual(["gather", "exp", "sub", "zeroOutside"]);
    graph.nodes.forEach(({ id }, i) => {
      if (i > 0) expect(id).toBeGreaterThan(graph.nodes[i - 1].id);
    });
    program.dispose();
    ids.dispose();
  });

  it("keeps apart what is of two stages: what comes behind a block that ran again has a kernel of its own", () => {
    const block = checkpoint((u: Tensor) => tanh(matmul(u, u)));
    const program = jit((images: Tensor, weights: Tensor, x: Tensor) => {
      const convolved = conv2d(images, weights);
      const [gradient] = grad((v: Tensor) => sum(block(v)))(x);
      return [gradient, maxPool2d(convolved, 2)];
    });
    program(filled(2, 8, 8, 8), filled(3, 3, 8, 16), filled(8, 8));
    const [{ graph }] = program.programs.values();
    const names = graph.nodes.map(({ op }) => op.name);
    expect(names).not.toContain("pooledProduct");
    expect(names).toEqual(expect.arrayContaining(["windowProduct", "maxPool"]));
    program.dispose();
  });

  it("is made anew of the plain one where a warm-up measured its calls", async () => {
    const device = measuringDevice();
    setDevice(device);
    const program = pooled();
    const inputs = [ones([2, 8, 8, 8]), ones([3, 3, 8, 16]), ones([16])] as const;
    await program.warmUp(...inputs);
    expect(measuredBy(device)).toEqual(["windowProduct"]);
    const [{ graph, fused }] = program.programs.values();
    expect(graph.nodes.map(({ op }) => op.name)).toEqual(["pooledProduct"]);
    expect(fused.units.flatMap(({ nodes }) => nodes)).toEqual(graph.nodes);
    for (const each of [program, ...inputs]) each.dispose();
    setDevice(planning);
    device.dispose();
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

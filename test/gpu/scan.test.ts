// scan: a traced loop, forwards and back, against the same steps one after the other on the float64 reference.

import { beforeAll, describe, expect, it } from "vitest";
import {
  add,
  cast,
  type Device,
  debug,
  dropout,
  grad,
  jit,
  log,
  matmul,
  mean,
  mul,
  profile,
  registerHook,
  type ScanOptions,
  ShapeError,
  scan,
  setDevice,
  sigmoid,
  slice,
  square,
  sub,
  sum,
  Tape,
  type Tensor,
  tanh,
  tensor,
  variable,
  variableGrads,
  zeros,
} from "../../engine/index.ts";
import { explain } from "../../engine/inspect/index.ts";
import { advance } from "../../engine/internal.ts";
import { Adam } from "../../optim/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { isDue } from "../support/sampled.ts";

let gpu: Device;
let reference: Device;

beforeAll(async () => {
  reference = await referenceDevice();
  gpu = await gpuDevice();
});

const values = (shape: readonly number[], device: Device, shift = 0) =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7 + shift) / 2),
    { shape: [...shape], device },
  );

const expectClose = async (what: string, got: readonly Tensor[], want: readonly Tensor[]) => {
  expect(got.length).toBe(want.length);
  for (let k = 0; k < want.length; k++) {
    expect(got[k].shape).toEqual(want[k].shape);
    const [a, b] = [await got[k].data(), await want[k].data()];
    const largest = [...b].reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    for (let i = 0; i < b.length; i++)
      if (!(Math.abs(a[i] - b[i]) <= 1e-5 * largest))
        expect.fail(`${what}: tensor ${k}, element ${i}: ${a[i]} against ${b[i]}`);
  }
};

/** A loss and its gradients by all arguments. */
function pulled(fn: (...args: Tensor[]) => Tensor, args: readonly Tensor[]): Tensor[] {
  const tape = new Tape().watch(...args);
  const loss = tape.record(() => fn(...args));
  const gradients = tape.gradient(loss, args);
  tape.dispose();
  return [loss, ...gradients];
}

type Fn = (...args: Tensor[]) => Tensor | Tensor[];
const listOf = (result: Tensor | Tensor[]) => (Array.isArray(result) ? result : [result]);

/** Values and, of the sum of all, gradients: traced and op by op on the adapter against the reference. */
async function agree(fn: Fn, shapes: readonly (readonly number[])[], most = Number.POSITIVE_INFINITY) {
  const on = (device: Device) => shapes.map((shape, k) => values(shape, device, k));
  const total = (...args: Tensor[]) =>
    listOf(fn(...args))
      .map((part, k) => sum(mul(square(part), k + 1)))
      .reduce((a, b) => add(a, b));
  const run = (device: Device, traced: boolean) => {
    setDevice(device);
    const args = on(device);
    const forward = (...given: Tensor[]) => listOf(fn(...given));
    const back = (...given: Tensor[]) => pulled(total, given);
    if (!traced) return [...forward(...args), ...back(...args)];
    const [f, b] = [jit(forward), jit(back)];
    const results = [...f(...args), ...b(...args)];
    expect(dispatchesOf(b)).toBeLessThanOrEqual(most);
    return results;
  };
  const want = run(reference, false);
  await expectClose("op by op", run(gpu, false), want);
  await expectClose("traced", run(gpu, true), want);
  setDevice(gpu);
}

const dispatchesOf = (jitted: Parameters<typeof explain>[0]) =>
  Number(/ (\d+) dispatches/.exec(explain(jitted))?.[1]);

const rnn =
  (options: ScanOptions = {}): Fn =>
  (xs, h, w, u, b) => {
    const [last, all] = scan(
      (before: Tensor, x: Tensor) => {
        const next = tanh(add(add(matmul(x, w), matmul(before, u)), b));
        return [next, next];
      },
      h,
      xs,
      options,
    );
    return [last, all];
  };

describe("scan", () => {
  it.each([
    [5, 4, 8, 16, false],
    [1, 4, 8, 16, false],
    [2, 1, 3, 33, true],
    [3, 32, 8, 64, true],
  ])("a recurrent net: %i steps, batch %i, %i features, %i units, reversed %s", async (...sizes) => {
    const [steps, batch, features, units, reverse] = sizes;
    const shapes = [[steps, batch, features], [batch, units], [features, units], [units, units], [units]];
    await agree(rnn({ reverse }), shapes, 4 * steps + 24);
  });

  it("trees of carries and rows, an output that is no carry, a carry that stays, one that is a row", async () => {
    const fn: Fn = (xs, zs, a, b, w) => {
      const [last, out] = scan(
        (carry: { a: Tensor; b: readonly Tensor[] }, x: readonly Tensor[]) => {
          const mixed = sigmoid(matmul(carry.a, w));
          return [
            { a: add(mixed, x[0]), b: [x[1], carry.b[1]] },
            { mixed, same: carry.b[0], row: x[1], product: mul(mixed, carry.b[1]) },
          ];
        },
        { a, b: [b, mul(b, 2)] },
        [xs, zs],
      );
      return [last.a, ...last.b, out.mixed, out.same, out.row, out.product];
    };
    await agree(fn, [
      [6, 3, 5],
      [6, 3, 5],
      [3, 5],
      [3, 5],
      [5, 5],
    ]);
  });

  it("slices of a product, as gates are, and sums that are no product", async () => {
    const fn: Fn = (xs, h, c, u, scale) => {
      const units = h.shape[1];
      const [[last, cell], all] = scan(
        ([h, c]: readonly Tensor[], x: Tensor) => {
          const z = add(x, matmul(h, u));
          const gate = (k: number) => slice(z, [0, k * units], [undefined, (k + 1) * units]);
          const next = add(mul(sigmoid(gate(0)), c), mul(sigmoid(gate(1)), tanh(gate(2))));
          const out = mul(mul(sigmoid(gate(3)), tanh(next)), scale);
          return [[out, next], out];
        },
        [h, c],
        xs,
      );
      return [last, cell, all];
    };
    await agree(fn, [
      [4, 3, 24],
      [3, 6],
      [3, 6],
      [6, 24],
      [3, 6],
    ]);
    await agree(fn, [[4, 2, 64], [2, 16], [2, 16], [16, 64], []]);
  });

  it("copies rows where a kernel may move fewer", async () => {
    const profile = gpu.backend.profile as { maxMovingBuffers?: number };
    const most = profile.maxMovingBuffers;
    profile.maxMovingBuffers = 1;
    try {
      const shapes = [[3, 2, 4], [2, 8], [4, 8], [8, 8], [8]];
      await agree(rnn(), shapes);
    } finally {
      profile.maxMovingBuffers = most;
    }
  });

  it("no xs, but a length; no outputs", async () => {
    const fn: Fn = (h, u) => {
      const [last, none] = scan((h: Tensor) => [tanh(matmul(h, u))], h, undefined, { length: 4 });
      expect(none).toBeUndefined();
      return last;
    };
    await agree(fn, [
      [2, 7],
      [7, 7],
    ]);
  });

  it("a loop within a loop", async () => {
    const fn: Fn = (xs, h, u) => {
      const [last, all] = scan(
        (h: Tensor, x: Tensor) => {
          const [inner, rows] = scan(
            (g: Tensor, row: Tensor) => {
              const next = tanh(add(matmul(g, u), row));
              return [next, mul(next, 2)];
            },
            h,
            x,
          );
          return [inner, rows];
        },
        h,
        xs,
      );
      return [last, all];
    };
    await agree(fn, [
      [3, 4, 2, 5],
      [2, 5],
      [5, 5],
    ]);
  });

  it("steps that assign a Variable: each draws a mask of its own, the same in its gradient", async () => {
    setDevice(gpu);
    const start = new Uint32Array([1, 2, 3, 4]);
    const state = variable(start, { trainable: false, dtype: "u32", device: gpu });
    const fn = (x: Tensor) => {
      const [, all] = scan(
        (h: Tensor, row: Tensor) => {
          const next = advance(state);
          state.assign(next);
          const masked = dropout(row, 0.5, next);
          return [add(h, masked), masked];
        },
        values([40], gpu),
        x,
      );
      return all;
    };
    const x = values([6, 40], gpu, 3);
    const back = (x: Tensor) => pulled((x) => sum(fn(x)), [x])[1];
    const eager = [await fn(x).data(), [...(await state.data())]] as const;
    state.set(start);
    const eagerGradient = await back(x).data();
    state.set(start);
    const forward = jit(fn);
    expect(await forward(x).data()).toEqual(eager[0]);
    expect([...(await state.data())]).toEqual(eager[1]);
    state.set(start);
    expect(await jit(back)(x).data()).toEqual(eagerGradient);
    expect([...(await state.data())]).toEqual(eager[1]);
  });

  it("steps that train: packed Variables are read as an optimizer, or an assignment of one of them, left them", async () => {
    const train = async (device: Device, isTraced: boolean) => {
      setDevice(device);
      const ws = [
        variable(values([3, 4], device, 0.5)),
        variable(values([4], device, 0.5)),
        variable(values([4, 2], device)),
      ];
      const optimizer = new Adam({ learningRate: 0.05 }).build(ws);
      const step = (total: Tensor, x: Tensor) => {
        const loss = optimizer.minimize(
          () => mean(square(matmul(tanh(add(matmul(x, ws[0]), ws[1])), ws[2]))),
          ws,
        );
        // As a constraint does, on one of the three.
        ws[1].assign(mul(ws[1], 0.5));
        return [add(total, loss), loss] as const;
      };
      const run = (xs: Tensor) => scan(step, tensor(0, { device }), xs);
      const runs = isTraced ? jit(run) : run;
      const found: number[] = [];
      for (let i = 0; i < 2; i++) {
        const [total, losses] = runs(values([5, 6, 3], device));
        for (const result of [total, losses]) found.push(...(await result.data()));
      }
      for (const w of ws) found.push(...(await w.data()));
      return found;
    };
    const want = await train(reference, false);
    expectCloseArrays(await train(gpu, true), want, 1e-5, "traced");
    expectCloseArrays(await train(gpu, false), want, 1e-5, "op by op");
    setDevice(gpu);
  });

  it.runIf(isDue(2))("gradients of gradients", async () => {
    const fn: Fn = (xs, h, u) => {
      const penalty = (h: Tensor) => {
        const [last] = scan((h: Tensor, x: Tensor) => [tanh(add(matmul(h, u), x))], h, xs);
        return sum(square(last));
      };
      const gradient = pulled(penalty, [h])[1];
      return sum(square(gradient));
    };
    await agree(fn, [
      [3, 2, 4],
      [2, 4],
      [4, 4],
    ]);
  });

  it("2,000 steps: bind groups and pipelines do not grow with the length", async () => {
    setDevice(gpu);
    const made = (steps: number) => {
      const args = [[steps, 2, 4], [2, 8], [4, 8], [8, 8], [8]].map((shape, k) => values(shape, gpu, k));
      const before = gpu.counters();
      const run = jit((...args: Tensor[]) => pulled((...given) => mean(listOf(rnn()(...given))[1]), args));
      const [loss] = run(...args);
      const after = gpu.counters();
      return {
        loss,
        groups: after.bindGroups - before.bindGroups,
        pipelines: after.pipelines - before.pipelines,
      };
    };
    const few = made(500);
    const many = made(2000);
    expect(many.groups).toBeLessThanOrEqual(few.groups + 2);
    // What sums the whole sequence up may be another variant.
    expect(many.pipelines).toBeLessThanOrEqual(1);
    expect(Number.isFinite(await many.loss.item())).toBe(true);
  });

  it("run({ steps }) goes on from what the run before left", async () => {
    setDevice(gpu);
    const h = variable(values([2, 4], gpu), { trainable: false });
    const xs = values([3, 2, 4], gpu, 1);
    const step = jit(() => {
      const [last] = scan((h: Tensor, x: Tensor) => [sub(mul(h, 0.5), x)], h, xs);
      h.assign(last);
    });
    step.run({ steps: 5 });
    const traced = await h.data();
    h.assign(values([2, 4], gpu));
    for (let i = 0; i < 5; i++) h.assign(scan((h: Tensor, x: Tensor) => [sub(mul(h, 0.5), x)], h, xs)[0]);
    await expectClose("run", [tensor(traced, { shape: [2, 4] })], [h]);
  });

  it("hooks on a variable that the steps read see its whole gradient, once", async () => {
    setDevice(gpu);
    const w = variable(values([2, 4], gpu));
    const h = zeros([2, 4], { device: gpu });
    const xs = values([3, 2, 4], gpu, 1);
    let calls = 0;
    using _hook = registerHook(w, (g) => {
      calls++;
      return mul(g, 10);
    });
    const loss = () => sum(scan((h: Tensor, x: Tensor) => [tanh(add(mul(h, w), x))], h, xs)[0]);
    const ask = () => variableGrads(loss, [w]).grads[0];
    const step = jit(ask);
    const traced = await step().data();
    expect(calls).toBe(1);
    await expectClose("hooks", [tensor(traced, { shape: [2, 4] })], [ask()]);
    step.dispose();
  });

  it("bytes and whole numbers among the rows", async () => {
    setDevice(gpu);
    const bytes = tensor(
      Uint8Array.from({ length: 3 * 20 }, (_, i) => i),
      { shape: [3, 20], dtype: "u8" },
    );
    const counts = tensor([[1], [2], [3]], { dtype: "i32" });
    const fn = (h: Tensor, bytes: Tensor, counts: Tensor) =>
      scan(
        (h: Tensor, [b, n]: readonly Tensor[]) => {
          const next = add(h, mul(cast(b, "f32"), cast(n, "f32")));
          return [next, n];
        },
        h,
        [bytes, counts],
      );
    const h = values([20], gpu);
    const [want, wantRows] = fn(h, bytes, counts);
    const [got, rows] = jit(fn)(h, bytes, counts);
    await expectClose("rows", [got, rows], [want, wantRows]);
  });

  it("refuses what does not fit, op by op and traced", () => {
    setDevice(gpu);
    const [h, xs] = [values([2, 3], gpu), values([4, 2, 3], gpu)];
    const refused = (fn: () => unknown, error: RegExp) => {
      expect(fn).toThrow(error);
      expect(() => jit(() => fn() as undefined)()).toThrow(error);
    };
    refused(
      () => scan((h: Tensor) => [slice(h, 0, 1)], h, xs),
      /a step returned f32 \[1, 3\] for the carry, which is f32 \[2, 3\]/,
    );
    refused(() => scan((h: Tensor) => [h], h, [xs, values([3, 2], gpu)]), /number of steps: 4 and 3/);
    refused(() => scan((h: Tensor) => [h], h, values([0, 2], gpu)), /no rows/);
    refused(() => scan((h: Tensor) => [h], h, undefined), /pass length/);
    refused(() => scan((h: Tensor) => [{ h }] as never, h, xs), /another form/);
    refused(() => scan(((h: Tensor) => h) as never, h, xs), /must return \[carry, outputs\]/);
    refused(
      () => scan((async (h: Tensor) => [h]) as never, h, xs),
      /must return \[carry, outputs\], got a Promise/,
    );
    expect(() => scan((h: Tensor) => [h], h, tensor(1))).toThrow(ShapeError);
  });

  it("is seen through by debug, steps, explain and profile", async () => {
    setDevice(gpu);
    const xs = tensor([[1], [2], [-3], [4]]);
    const run = (rows: Tensor, options: ScanOptions = {}) =>
      scan((h: Tensor, x: Tensor) => [tanh(add(h, log(x)))], zeros([1]), rows, options)[0];
    const back = (rows: Tensor, options?: ScanOptions) => pulled((x) => sum(run(x, options)), [rows])[1];
    debug({ numerics: true });
    try {
      for (const fn of [
        run,
        jit((rows: Tensor) => run(rows)),
        jit((rows: Tensor) => back(rows)),
        jit((rows: Tensor) => back(rows, { checkpoint: 2 })),
        (rows: Tensor) => back(rows, { checkpoint: 3 }),
      ])
        await expect(async () => await fn(xs).data()).rejects.toThrow(/log \(.*step 2.* of -3/);
    } finally {
      debug({ numerics: false });
    }
    const good = tensor([[1], [2], [3]]);
    const tape = new Tape({ retain: true }).watch(good);
    const loss = tape.record(() => sum(run(good)));
    const scopes = [...tape.steps(loss)].filter(({ op }) => op === "tanh").map(({ scope }) => scope);
    tape.dispose();
    expect(scopes).toEqual(["step 2", "step 1", "step 0"]);
    const jitted = jit((rows: Tensor) => back(rows));
    jitted(good);
    expect(explain(jitted)).toMatch(/3 times:\n.*log/);
    const { dispatches } = await profile(() => jitted(good), { peaks: false });
    expect(dispatches).toHaveLength(dispatchesOf(jitted));
    expect(dispatches.filter(({ name }) => /tanh/.test(name)).length).toBeGreaterThanOrEqual(3);
  });

  it("is seen by grad in jit", async () => {
    setDevice(gpu);
    const xs = values([4, 2, 3], gpu);
    const loss = (h: Tensor) => sum(scan((h: Tensor, x: Tensor) => [mul(h, x)], h, xs)[0]);
    const h = values([2, 3], gpu, 2);
    const [a, b] = [grad(loss)(h), jit((h: Tensor) => grad(loss)(h))(h)];
    await expectClose("grad", [b].flat() as Tensor[], [a].flat() as Tensor[]);
  });
});

// What debugging and noLeaks promise, for the reference and for every adapter alike.

import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { GarbageWatch } from "../../engine/debug/garbage.ts";
import {
  add,
  CheckError,
  type Device,
  debug,
  disposeAll,
  div,
  exp,
  type GarbageReport,
  grad,
  jit,
  log,
  matmul,
  mean,
  mul,
  NumericsError,
  noLeaks,
  relu,
  reshape,
  setDevice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  tidy,
  variable,
} from "../../engine/index.ts";
import { unary } from "../../engine/ops/elementwise/elementwise.ts";
import { Dense, Sequential } from "../../nn/index.ts";
import { SGD } from "../../optim/index.ts";
import { collectGarbage } from "./garbage.ts";

const here = "test/support/debug-cases.ts";

/** Stands in for ops that fail, since adapters differ in what they make of log(-1): NaN where `wgsl`, by bits, holds. */
const nanWhere = (name: string, wgsl: string, holds: (x: number) => boolean) =>
  unary({
    name,
    wgsl: `bitcast<vec4f>(select(bitcast<vec4u>(a), vec4u(non_finite(0x7fc00000u)), ${wgsl}))`,
    reference: ([x]) => (holds(x) ? Number.NaN : x),
    vjp: (c) => [c.grad()],
    samples: [],
  });
const strictLog = nanWhere("strictLog", "a < vec4f(0.0)", (x) => x < 0);
const strictSum = nanWhere(
  "strictSum",
  "(bitcast<vec4u>(a) & vec4u(0x7fffffffu)) == vec4u(0x7f800000u)",
  (x) => Math.abs(x) === Infinity,
);

/** The NumericsError that `run` ends with. */
async function caught(run: () => unknown): Promise<string> {
  const error = await (async () => run())().then(
    () => undefined,
    (found) => found,
  );
  expect(error).toBeInstanceOf(NumericsError);
  return (error as Error).message;
}

export function debugCases(open: () => Promise<Device>): void {
  let device: Device;
  beforeAll(async () => {
    device = await open();
    setDevice(device);
  });

  describe("debug({ numerics: true })", () => {
    afterEach(async () => {
      debug({ numerics: false, garbage: false });
      await collectGarbage();
    });

    it("names the op, its line, how many values, and what it was given", async () => {
      debug({ numerics: true });
      const x = tensor([
        [4, 0.5, -0.25],
        [2, 1, 3],
      ]);
      const y = relu(mul(strictLog(x), 2));
      expect(await caught(() => y.data())).toMatch(
        new RegExp(
          `^strictLog \\(${here}:\\d+\\) made 1 NaN of 6 values in its forward pass; its input was \\[2, 3\\] with minimum -0.25 and maximum 4$`,
        ),
      );
      // Said once; what was found is not in the way of what comes next.
      expect((await y.data()).length).toBe(6);
      expect(await add(x, 1).array()).toEqual([
        [5, 1.5, 0.75],
        [3, 2, 4],
      ]);
    });

    it("names the first of several, among values of any size", async () => {
      debug({ numerics: true });
      for (const size of [1, 3, 63, 64, 65, 1025, 70_001]) {
        const values = new Float32Array(size).fill(1);
        values[size - 1] = 100;
        const y = div(exp(tensor(values)), 1);
        const z = sub(y, y);
        const said = await caught(() => z.data());
        expect(said).toMatch(`made 1 infinity of ${size} value`);
        expect(said).toMatch(/^exp /);
        expect(said).toContain(
          size === 1 ? "its input was [1] of 100" : `its input was [${size}] with minimum 1 and maximum 100`,
        );
      }
    });

    it("does not blame infinities that are meant, but the NaN they turn into", async () => {
      debug({ numerics: true });
      const mask = tensor([
        [0, -Infinity],
        [-Infinity, -Infinity],
      ]);
      const masked = add(mask, 1);
      await masked.data();
      const said = await caught(() => strictSum(add(mask, 0)).data());
      expect(said).toMatch(/strictSum .*made 3 NaN of 4 values.* 0 holding 3 infinities of 4 values$/);
    });

    it("finds NaN that came in from outside", async () => {
      debug({ numerics: true });
      const w = variable([1, Number.NaN], { name: "w" });
      const said = await caught(() => matmul(tensor([[1, 2]]), reshape(w, [2, 1])).item());
      expect(said).toMatch(
        /^matmul \(.*\) was given 1 NaN of 2 values: its input 2, variable "w".*look at where/,
      );
      w.dispose();
    });

    it("names the op whose backward rule did it, with the forward line", async () => {
      debug({ numerics: true });
      const x = tensor([4, 0, 1]);
      const line = new Error().stack!;
      const [dx] = grad((a) => sum(sqrt(a)))(x);
      const said = await caught(() => dx.data());
      const number = Number(/debug-cases\.ts:(\d+)/.exec(line)![1]) + 1;
      expect(said).toMatch(
        new RegExp(
          `^the backward rule of sqrt \\(${here}:${number}\\) made 1 infinity of 3 values, in \\w+; its inputs? w`,
        ),
      );
    });

    it("watches traced functions too, and lets them go afterwards", async () => {
      const traced = jit((a: Tensor) => strictLog(sub(a, 2)));
      const x = tensor([3, 1]);
      const bad = traced(x);
      expect((await bad.data())[1]).toBeNaN();
      {
        using _ = debug({ numerics: true });
        expect(await caught(() => traced(x).data())).toMatch(/^strictLog .*made 1 NaN of 2/);
      }
      expect((await traced(x).data())[0]).toBe(1);
      traced.dispose();
      disposeAll([x, bad]);
    });

    it("fit stops with the layer that did it", async () => {
      const model = new Sequential([
        new Dense(4, { inputShape: [2], activation: "relu", name: "wide" }),
        new Dense(1, { name: "narrow" }),
      ]);
      model.compile({ optimizer: new SGD({ learningRate: 1e30 }), loss: "meanSquaredError" });
      const [x, y] = [new Float32Array(16).fill(1), new Float32Array(8).fill(3)];
      const data = [tensor(x, { shape: [8, 2] }), tensor(y, { shape: [8, 1] })] as const;
      debug({ numerics: true });
      const said = await caught(() => model.fit(...data, { batchSize: 4, epochs: 20, verbose: 0 }));
      expect(said).toMatch(/\((layer \w+, )?[\w./-]+:\d+\) made \d+ (NaN|infinit)/);
      debug({ numerics: false });
      model.dispose();
      disposeAll([...data]);
    });

    it("costs nothing when off: no dispatch, no memory", async () => {
      const x = tensor([1, 2, 3]);
      const run = async () => {
        const y = tidy(() => sum(exp(x)));
        await y.data();
        y.dispose();
      };
      await run();
      const before = { ...device.counters(), ...device.memory() };
      await run();
      const plain = device.counters().dispatches - before.dispatches;
      debug({ numerics: true });
      await run();
      debug({ numerics: false });
      const middle = device.counters().dispatches;
      expect(middle - before.dispatches).toBeGreaterThan(2 * plain);
      await run();
      expect(device.counters().dispatches - middle).toBe(plain);
      expect(device.memory().tensors).toBe(before.tensors);
      x.dispose();
    });

    it("refuses options it does not know", () => {
      expect(() => debug({ numeric: true } as never)).toThrow('Did you mean "numerics"?');
    });
  });

  describe("debug({ garbage })", () => {
    it("reports what the garbage collector freed, with its line", async () => {
      const reports: GarbageReport[] = [];
      const said = () => reports.filter(({ message }) => message.includes("debug-cases"));
      {
        using _ = debug({ garbage: (report) => reports.push(report) });
        const x = tensor([1, 2, 3]);
        const drop = () => {
          for (let i = 0; i < 5; i++) exp(x);
          tidy(() => log(x).shape);
        };
        drop();
        // One report as a rule; but a collection that was under way while they were made leaves some of them to the next.
        await vi.waitFor(
          async () => {
            await collectGarbage();
            expect(said().reduce((total, { count }) => total + count, 0)).toBe(5);
          },
          { timeout: 60_000 },
        );
        x.dispose();
      }
      for (const { message } of said())
        expect(message).toMatch(
          new RegExp(`^gradgpu: \\d tensors? f32 \\[3\\] made at ${here}:\\d+ went to the garbage collector`),
        );
    });

    it("says once what one collection freed of one line", async () => {
      const reports: GarbageReport[] = [];
      const watch = new GarbageWatch((report) => reports.push(report));
      const [x, y] = [tensor([1, 2, 3]), tensor([1, 2])];
      for (const origin of [x, x, x, x, x].map((each) => watch.made(each))) watch.collected(origin);
      watch.collected(watch.made(y));
      await vi.waitFor(() => expect(reports).toHaveLength(2), { timeout: 20_000 });
      expect(reports.map(({ count, description }) => [count, description])).toEqual([
        [5, "f32 [3]"],
        [1, "f32 [2]"],
      ]);
      expect(reports[0].message).toMatch(
        new RegExp(`^gradgpu: 5 tensors f32 \\[3\\] made at ${here}:\\d+ went to the garbage collector`),
      );
      disposeAll([x, y]);
    });
  });

  describe("noLeaks", () => {
    it("passes what frees what it makes, and gives its result", async () => {
      const x = tensor([1, 2, 3]);
      const step = jit((a: Tensor) => tidy(() => sum(square(a))));
      const read = await noLeaks(async () => {
        const loss = step(x);
        const value = await loss.item();
        loss.dispose();
        return value;
      });
      expect(read).toBe(14);
      const kept = await noLeaks(() => tidy(() => mean(x)));
      expect(await kept.item()).toBe(2);
      step.dispose();
      disposeAll([x, kept]);
    });

    it("says what leaked, how often, and where it was made", async () => {
      const x = tensor([[1, 2, 3]]);
      const left: Tensor[] = [];
      const leak = async () => {
        for (let i = 0; i < 2; i++) left.push(exp(x));
        await device.sync();
        left.push(variable([1], { name: "moment" }));
        return tidy(() => add(x, 1));
      };
      const error = await noLeaks(leak).catch((found) => found);
      expect(error).toBeInstanceOf(CheckError);
      expect(error.message).toMatch(
        new RegExp(
          `^noLeaks: 3 tensors were left behind: 2 x f32 \\[1, 3\\] made at ${here}:\\d+, variable "moment" .* made at ${here}:\\d+; dispose`,
        ),
      );
      disposeAll([x, ...left]);
      await collectGarbage();
    });

    it("finds programs that nobody frees", async () => {
      const x = tensor([1, 2, 3]);
      const made: { dispose(): void }[] = [];
      const leak = () => {
        const program = jit((a: Tensor) => tidy(() => sum(exp(sum(square(a))))));
        program(x).dispose();
        made.push(program);
      };
      if (device.kind === "webgpu")
        await expect(noLeaks(leak)).rejects.toThrow(/bytes were left behind by what is no tensor/);
      for (const program of made) program.dispose();
      x.dispose();
    });

    it("lets errors through and stops watching", async () => {
      await expect(
        noLeaks(() => {
          throw new Error("mine");
        }),
      ).rejects.toThrow("mine");
      await expect(noLeaks(() => 1, { warmUp: -1 })).rejects.toThrow("warmUp");
    });
  });
}

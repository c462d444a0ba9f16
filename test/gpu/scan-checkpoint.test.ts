// scan with `checkpoint`: steps that run again for their gradients give what kept ones give, in less memory.

import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  add,
  type Device,
  dropout,
  jit,
  matmul,
  mul,
  type ScanOptions,
  scan,
  setDevice,
  square,
  sum,
  Tape,
  type Tensor,
  tanh,
  tensor,
  variable,
} from "../../engine/index.ts";
import { explain } from "../../engine/inspect/index.ts";
import { advance } from "../../engine/internal.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

let gpu: Device;
let reference: Device;

beforeAll(async () => {
  reference = await referenceDevice();
  gpu = await gpuDevice();
});

const values = (shape: readonly number[], shift: number) =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7 + shift) / 3),
    { shape: [...shape] },
  );

/** A step that computes more than it hands on. */
const deep =
  (options: ScanOptions) =>
  ([xs, h, w, u]: readonly Tensor[]): Tensor => {
    const [last, all] = scan(
      (before: Tensor, x: Tensor) => {
        const first = tanh(add(matmul(x, w), matmul(before, u)));
        const next = tanh(matmul(tanh(matmul(first, u)), u));
        return [next, mul(next, 2)];
      },
      h,
      xs,
      options,
    );
    return add(sum(square(last)), sum(mul(all, all)));
  };

const argumentsOf = (steps: number) => [
  values([steps, 3, 5], 0),
  values([3, 16], 1),
  values([5, 16], 2),
  values([16, 16], 3),
];

const pulled = (loss: (args: readonly Tensor[]) => Tensor) => (args: readonly Tensor[]) => {
  const tape = new Tape().watch(...args);
  const result = tape.record(() => loss(args));
  const gradients = tape.gradient(result, args);
  tape.dispose();
  return [result, ...gradients];
};

const listed =
  (fn: (args: readonly Tensor[]) => Tensor[]) =>
  (...args: Tensor[]) =>
    fn(args);

const dataOf = (list: readonly Tensor[]) => Promise.all(list.map((each) => each.data()));

async function expectClose(got: readonly Tensor[], want: readonly Tensor[]): Promise<void> {
  const [a, b] = [await dataOf(got), await dataOf(want)];
  b.forEach((expected, k) => {
    const most = [...expected].reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
    expected.forEach((value, i) => {
      expect(Math.abs(a[k][i] - value), `tensor ${k}, element ${i}`).toBeLessThanOrEqual(1e-5 * most);
    });
  });
}

describe("scan with checkpoint", () => {
  it.each([
    [7, 3, false],
    [7, 3, true],
    [6, 1, false],
    [4, 2, true],
    [5, 9, false],
  ])(
    "%i steps, every %i, reversed %s: the gradients of the reference, the results of the kept form",
    async (steps, checkpoint, reverse) => {
      setDevice(reference);
      const want = pulled(deep({ reverse }))(argumentsOf(steps));
      setDevice(gpu);
      const args = argumentsOf(steps);
      const kept = jit(listed(pulled(deep({ reverse }))))(...args);
      const again = jit(listed(pulled(deep({ reverse, checkpoint }))))(...args);
      const opByOp = pulled(deep({ reverse, checkpoint }))(args);
      expect(await again[0].data()).toEqual(await kept[0].data());
      await expectClose(again, want);
      await expectClose(opByOp, want);
    },
  );

  it("draws the masks again that its steps drew, and leaves Variables as the kept form does", async () => {
    const xs = values([6, 4, 8], 0);
    const run = async (options: ScanOptions, isTraced: boolean) => {
      const state = variable(new Uint32Array([1, 2, 3, 4]), { dtype: "u32", trainable: false });
      const count = variable(0, { trainable: false });
      const loss = ([rows]: readonly Tensor[]): Tensor => {
        const [last] = scan(
          (h: Tensor, row: Tensor) => {
            const next = advance(state);
            state.assign(next);
            count.assign(add(count, 1));
            return [mul(dropout(add(h, row), 0.5, next), count)];
          },
          values([4, 8], 1),
          rows,
          options,
        );
        return sum(square(last));
      };
      const pull = listed(pulled(loss));
      const [value, gradient] = await dataOf(isTraced ? jit(pull)(xs) : pull(xs));
      return { value, gradient, state: await state.data(), count: await count.data() };
    };
    const kept = await run({}, true);
    expect(new Set([...kept.gradient].map((value) => value === 0)).size).toBe(2);
    expect([...kept.count]).toEqual([6]);
    for (const [checkpoint, isTraced] of [
      [2, true],
      [4, true],
      [4, false],
    ] as const)
      expect(await run({ checkpoint }, isTraced), `every ${checkpoint}, traced ${isTraced}`).toEqual(kept);
  });

  it("holds less memory, least where segments are the root of the length", async () => {
    const bytes = (options: ScanOptions) => {
      const jitted = jit(listed(pulled(deep(options))));
      jitted(...argumentsOf(100));
      return Number(/ slots, (\d+) bytes/.exec(explain(jitted))![1]);
    };
    const [kept, ten, all] = [bytes({}), bytes({ checkpoint: 10 }), bytes({ checkpoint: 100 })];
    expect(ten).toBeLessThan(kept / 2);
    expect(ten).toBeLessThan(all / 2);
  });

  it("does nothing where no gradient is recorded, and refuses what is no number of steps", async () => {
    const args = argumentsOf(5);
    const plans = [{}, { checkpoint: 2 }].map((options) => {
      const jitted = jit((...given: Tensor[]) => deep(options)(given));
      jitted(...args);
      return explain(jitted).split("\n")[1];
    });
    expect(plans[1]).toBe(plans[0]);
    for (const checkpoint of [0, 1.5, -1, Number.NaN])
      expect(() => deep({ checkpoint })(args)).toThrow(ArgumentError);
  });
});

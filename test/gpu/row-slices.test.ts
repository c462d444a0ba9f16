// Products that read a window of rows where it lies, against the same program with the window copied first.

import { beforeAll, describe, expect, it } from "vitest";
import {
  add,
  type Device,
  dynamicSlice,
  type Jitted,
  jit,
  matmul,
  mul,
  relu,
  reshape,
  sum,
  Tape,
  type Tensor,
  tensor,
  variable,
} from "../../engine/index.ts";
import { explain } from "../../engine/inspect/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice } from "../support/devices.ts";
import { uniforms } from "../support/op-cases.ts";

let device: Device;
beforeAll(async () => {
  device = await gpuDevice();
});

const draw = (shape: readonly number[], seed: number): Tensor => {
  const next = uniforms(seed);
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor(
    Float32Array.from({ length: size }, () => next() - 0.5),
    { shape: [...shape], device },
  );
};

const startOf = (row: number, dtype: "i32" | "u32" = "i32") => tensor([row], { dtype, device });

const stepsOf = (jitted: Pick<Jitted<never[], unknown>, "programs">) =>
  [...jitted.programs.values()][0].plan.steps.length;

describe("a window of rows that only products read", () => {
  it("is read where it lies, from every start, forward and for the weights' gradient", async () => {
    for (const [rows, size, inner, units] of [
      [40, 8, 12, 20],
      [40, 7, 5, 3],
      [9, 3, 34, 36],
      [70, 33, 37, 4],
      [5, 5, 6, 8],
    ]) {
      const [data, weight] = [draw([rows, inner], 3), draw([inner, units], 5)];
      const step = (x: Tensor, w: Tensor, start: Tensor) => {
        const batch = dynamicSlice(x, start, size);
        const tape = new Tape().watch(w);
        const { out, loss } = tape.record(() => {
          const made = relu(matmul(batch, w));
          return { out: made, loss: sum(made) };
        });
        return { out, gradient: tape.gradient(loss, [w])[0] };
      };
      const [windowed, copied] = [jit(step), jit(step, { rowSlices: false })];
      for (const dtype of ["i32", "u32"] as const) {
        for (const row of [0, 1, rows - size, rows + 3, dtype === "i32" ? -2 : 2]) {
          const start = startOf(row, dtype);
          const [got, want] = [windowed(data, weight, start), copied(data, weight, start)];
          const what = `${size} of ${rows}x${inner} from ${dtype} ${row}`;
          expectCloseArrays(await got.out.data(), Array.from(await want.out.data()), 1e-6, what);
          expectCloseArrays(await got.gradient.data(), Array.from(await want.gradient.data()), 1e-5, what);
        }
      }
      expect(explain(windowed)).toContain("slicedMatmul");
      expect(explain(copied)).not.toContain("slicedMatmul");
      windowed.dispose();
      copied.dispose();
    }
  });

  it("advances with a cursor that the program itself moves, without a copy", async () => {
    const [data, weight] = [draw([12, 6], 3), draw([6, 4], 5)];
    const whole = Array.from(await matmul(data, weight).data());
    const cursor = variable(0, { dtype: "i32", device });
    const step = jit((x: Tensor, w: Tensor) => {
      const out = matmul(dynamicSlice(x, cursor, 3), w);
      cursor.assign(add(cursor, 3));
      return out;
    });
    for (let batch = 0; batch < 4; batch++)
      expectCloseArrays(
        await step(data, weight).data(),
        whole.slice(batch * 12, batch * 12 + 12),
        1e-6,
        `batch ${batch}`,
      );
    expect(await cursor.item()).toBe(12);
    const [program] = step.programs.values();
    expect(program.plan.steps.every(({ kind }) => kind === "dispatch")).toBe(true);
    expect(stepsOf(step)).toBe(2);
    step.dispose();
    cursor.dispose();
  });

  it("may lie in more axes that are read as one, and begin at a number known before", async () => {
    const [data, weight] = [draw([10, 2, 3], 3), draw([6, 4], 5)];
    const start = startOf(4);
    const step = (fixed: boolean) => (x: Tensor, w: Tensor, given: Tensor) =>
      matmul(reshape(dynamicSlice(x, fixed ? start : given, 5), [5, 6]), w);
    const want = Array.from(await matmul(reshape(data, [10, 6]), weight).data()).slice(16, 36);
    for (const fixed of [false, true]) {
      const windowed = jit(step(fixed));
      expectCloseArrays(await windowed(data, weight, start).data(), want, 1e-6, `fixed: ${fixed}`);
      windowed.dispose();
    }
  });

  it("is copied where anything else reads it", async () => {
    const [data, weight] = [draw([10, 6], 3), draw([6, 4], 5)];
    const start = startOf(2);
    for (const read of [
      (x: Tensor, w: Tensor) => [matmul(x, w), x],
      (x: Tensor, w: Tensor) => [matmul(x, w), sum(x)],
      (x: Tensor, w: Tensor) => [matmul(x, w), matmul(mul(w, 2), x, { transposeA: true, transposeB: true })],
      (x: Tensor) => [matmul(reshape(x, [10, 3]), reshape(x, [3, 10]))],
    ]) {
      const fn = (x: Tensor, w: Tensor, from: Tensor) => read(dynamicSlice(x, from, 5), w);
      const [windowed, copied] = [jit(fn), jit(fn, { rowSlices: false })];
      const [got, want] = [windowed(data, weight, start), copied(data, weight, start)];
      for (const [i, tensor] of got.entries())
        expectCloseArrays(await tensor.data(), Array.from(await want[i].data()), 1e-6, `${i}`);
      expect(explain(windowed)).not.toContain("slicedMatmul");
      windowed.dispose();
      copied.dispose();
    }
  });
});

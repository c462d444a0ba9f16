// Gradient clipping and weight decay against their formulas in plain float64.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError } from "../../engine/base/errors.ts";
import { add, type Device, init, mul, type Tensor, tensor, variable } from "../../engine/index.ts";
import {
  type Clipping,
  clipNorm,
  clipValue,
  excludeFromWeightDecay,
  globalClipNorm,
  SGD,
} from "../../optim/index.ts";
import { collectGarbage } from "../support/garbage.ts";
import { expected, expectPath, gradients, run } from "../support/optimizer-paths.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const norm = (values: readonly number[]) => Math.hypot(...values);
/** SGD with each gradient scaled; weights 0 to 2 are one variable, weight 3 another. */
const scaledBy = (scale: (g: readonly number[], i: number) => number) => {
  const weights = [0, 1, 2, 3];
  let next = 0;
  return expected(
    () => weights[next++],
    (w, g, i, t) => w - 0.1 * g * scale(gradients[t - 1], i),
  );
};

describe("clipping", () => {
  it("by value", async () => {
    const want = expected(
      () => 0,
      (w, g) => w - 0.1 * Math.min(0.35, Math.max(-0.35, g)),
    );
    expectPath(await run(new SGD({ learningRate: 0.1, clipping: clipValue(0.35) })), want);
  });

  it("by each variable's norm", async () => {
    const want = scaledBy((g, i) => Math.min(1, 0.6 / norm(i < 3 ? g.slice(0, 3) : g.slice(3))));
    expectPath(await run(new SGD({ learningRate: 0.1, clipping: clipNorm(0.6) })), want);
  });

  it("by the norm over all", async () => {
    const want = scaledBy((g) => Math.min(1, 1.1 / norm(g)));
    expectPath(await run(new SGD({ learningRate: 0.1, clipping: globalClipNorm(1.1) })), want);
  });

  it("by a limit that a schedule gives, each way", async () => {
    const limits = [0.2, 0.4, 0.6, 0.8, 1];
    const growing = (step: Tensor) => mul(add(step, 1), 0.2);
    const heldTo = (limit: number, g: number) => Math.min(limit, Math.max(-limit, g));
    const byValue = expected(
      () => 0,
      (w, g, _, t) => w - 0.1 * heldTo(limits[t - 1], g),
    );
    const path = (clipping: Clipping) => run(new SGD({ learningRate: 0.1, clipping }));
    expectPath(await path(clipValue(growing)), byValue);
    const scaled = (normOf: (g: readonly number[], i: number) => number) => {
      const weights = [0, 1, 2, 3];
      let next = 0;
      return expected(
        () => weights[next++],
        (w, g, i, t) => w - 0.1 * g * Math.min(1, limits[t - 1] / normOf(gradients[t - 1], i)),
      );
    };
    expectPath(
      await path(clipNorm(growing)),
      scaled((g, i) => norm(i < 3 ? g.slice(0, 3) : g.slice(3))),
    );
    expectPath(
      await path(globalClipNorm(growing)),
      scaled((g) => norm(g)),
    );
  });

  // Parts end inside rows, fill them, and take several chunks of 64 rows.
  it.each([
    ["clipNorm", [1, 63, 64, 65], clipNorm],
    ["clipNorm", [5000, 3, 4096, 12_289], clipNorm],
    ["globalClipNorm", [5000, 3, 4096, 12_289], globalClipNorm],
  ] as const)("%s of variables of %j elements", async (_, sizes, kind) => {
    const rows = sizes.map((size, k) =>
      Float32Array.from({ length: size }, (_, i) => Math.sin(i + k) * 2 ** -k),
    );
    const variables = sizes.map((size, k) => variable(new Float32Array(size), { name: `w${k}` }));
    const limit = 2;
    const optimizer = new SGD({ learningRate: 1, clipping: kind(limit) }).build(variables);
    optimizer.apply(rows.map((row) => tensor(row)));
    const norms = rows.map((row) => norm([...row]));
    const all = norm(norms);
    for (const [k, row] of rows.entries()) {
      const scale = Math.min(1, limit / (kind === clipNorm ? norms[k] : all));
      const got = await variables[k].dataFloat64();
      row.forEach((g, i) => {
        if (Math.abs(got[i] + g * scale) > 1e-6) expect(got[i], `w${k}[${i}]`).toBe(-g * scale);
      });
    }
    optimizer.dispose();
  });

  it("leaves zero gradients zero", async () => {
    for (const clipping of [clipNorm(1), globalClipNorm(1)]) {
      const w = variable([1, 2], { name: "w" });
      new SGD({ clipping }).build([w]).apply([tensor([0, 0])]);
      expect([...(await w.data())]).toEqual([1, 2]);
    }
  });

  it("has a limit above 0, and says how it is written", () => {
    const make = (options: object) => () => new SGD(options);
    expect(() => globalClipNorm(0)).toThrow(
      "globalClipNorm: the limit must be a finite number above 0, got 0",
    );
    expect(() => clipNorm("1" as never)).toThrow(
      /clipNorm: .* as in clipping: clipNorm\(1\), got the string/,
    );
    for (const [theirs, ours] of [
      ["clipnorm", "clipNorm"],
      ["clipNorm", "clipNorm"],
      ["clip_value", "clipValue"],
      ["clipvalue", "clipValue"],
      ["global_clipnorm", "globalClipNorm"],
    ]) {
      expect(make({ [theirs]: 1 })).toThrow(ArgumentError);
      expect(make({ [theirs]: 1 })).toThrow(
        `SGD: write clipping: ${ours}(limit), imported from "gradgpu/optim"`,
      );
    }
    expect(make({ clipping: 1 })).toThrow(/SGD: clipping takes clipNorm\(1\).*got the number 1/);
    expect(make({ clipping: clipNorm })).toThrow(/got the function clipNorm/);
    expect(new SGD({ clipping: clipNorm(2) }).config()).toMatchObject({ clipNorm: 2 });
  });
});

describe("weight decay", () => {
  it("shrinks each weight by its share before the update, whatever the momentum", async () => {
    const want = expected(
      () => ({ v: 0 }),
      (w, g, memory) => {
        memory.v = 0.9 * memory.v - 0.1 * g;
        return w - 0.1 * 0.2 * w + memory.v;
      },
    );
    expectPath(await run(new SGD({ learningRate: 0.1, momentum: 0.9, weightDecay: 0.2 })), want);
  });

  it("spares the variables it is told to", async () => {
    const sizes = [3, 70, 2];
    const variables = sizes.map((size, k) => variable(new Float32Array(size).fill(1), { name: `w${k}` }));
    const optimizer = excludeFromWeightDecay(
      new SGD({ learningRate: 0.5, weightDecay: 0.5 }),
      ({ name }) => name === "w1",
    ).build(variables);
    for (let i = 0; i < 2; i++) optimizer.apply(sizes.map((size) => tensor(new Float32Array(size))));
    for (const [k, v] of variables.entries()) {
      for (const value of await v.data()) expect(value).toBeCloseTo(k === 1 ? 1 : 0.75 ** 2, 6);
    }
    expect(() => excludeFromWeightDecay(optimizer, () => true)).toThrow(ArgumentError);
    await collectGarbage();
    const before = device.memory().tensors;
    optimizer.dispose();
    // Packed values, iterations, rate; the indices of the parts, and who decays.
    expect(device.memory().tensors).toBe(before - 3 - 3);
  });
});

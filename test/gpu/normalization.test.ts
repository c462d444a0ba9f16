// Layer, group, instance and RMS normalization on the adapter against the float64 reference, in all variants: lengths
// around vec4s and workgroups, numbers on which one-pass statistics lose their digits. And embeddings.

import { beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  embedding,
  grad,
  groupNorm,
  instanceNorm,
  layerNorm,
  mul,
  rmsNorm,
  ShapeError,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "../../engine/index.ts";
import { rowNormGradient, rowNormGradients } from "../../engine/ops/normalize/row-norm-gradients.ts";
import { rowNormParameterGradient } from "../../engine/ops/normalize/row-norm-parameters.ts";
import { apply } from "../../engine/tensor/apply.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { compareForward, forced, type Pair, rowKernels } from "../support/gpu-cases.ts";
import { uniforms } from "../support/op-cases.ts";

let pair: Pair;
beforeAll(async () => {
  pair = { reference: await referenceDevice(), gpu: await gpuDevice() };
});

const attrs = (middle: number, groups: number, inner: number, centered = true) => ({
  ...{ middle, groups, inner, epsilon: 1e-3, centered },
});

const layouts = [
  ...[1, 2, 3, 5, 7, 63, 64, 65, 127, 129, 256, 1000].map((length) => ({
    shape: [5, length],
    attrs: attrs(1, 1, length),
  })),
  { shape: [67, 36], attrs: attrs(1, 1, 36, false) },
  { shape: [3, 77, 12], attrs: attrs(77, 3, 4) },
  { shape: [2, 70, 6], attrs: attrs(70, 2, 3) },
  { shape: [2, 130, 5], attrs: attrs(130, 5, 1) },
  { shape: [0, 8], attrs: attrs(1, 1, 8) },
];

const apart: (typeof rowKernels)[number] = [
  "apart, as on software adapters",
  (op, more) => forced(op, "apart", { isSoftware: true, ...more }),
];

describe.each([...rowKernels, apart])("%s", (_, variant) => {
  it("normalize", async () => {
    for (const { shape, attrs } of layouts) {
      const parameter = { shape: [attrs.groups * attrs.inner] };
      const inputs = [{ shape, low: -2, high: 3 }, parameter, parameter];
      await compareForward(variant(layerNorm.op), { inputs, attrs }, pair, 3, 4e-6);
    }
  });

  it("give gradients", async () => {
    for (const { shape, attrs } of layouts) {
      const rows = { shape: [shape.reduce((a, b) => a * b) / (attrs.middle * attrs.inner)] };
      const statistics = [rows, { ...rows, low: 0.5, high: 2 }];
      const x = [{ shape }, { shape }, ...statistics];
      const gamma = { shape: [attrs.groups * attrs.inner] };
      await compareForward(variant(rowNormGradient.op), { inputs: [...x, gamma], attrs }, pair, 3, 4e-6);
      await compareForward(variant(rowNormParameterGradient.op), { inputs: x, attrs }, pair, 3, 2e-5);
      for (const inputs of [x, [...x, gamma]])
        await compareForward(variant(rowNormGradients.op), { inputs, attrs }, pair, 3, 2e-5);
    }
  });
});

describe("statistics", () => {
  it("keep their digits far from 0 and beside an outlier", async () => {
    // A first element far off is what one-pass statistics, shifted by it, can't take.
    const rows = [
      Array.from({ length: 64 }, (_, i) => 10_000 + (i % 8) / 8),
      Array.from({ length: 64 }, (_, i) => (i === 0 ? 4000 : (i % 8) / 8)),
    ];
    const run = (device: Device) =>
      layerNorm(tensor(rows.flat(), { shape: [2, 64], device }), { epsilon: 1e-6 });
    const [got, want] = [run(pair.gpu), run(pair.reference)];
    // 10,000 has a spacing of 2^-10: the mean is rounded to half of it, of a deviation of 0.29.
    expectCloseArrays(await got.data(), await want.dataFloat64(), 2e-3, "layerNorm");
    const all = [...(await got.data())];
    for (const row of [all.slice(0, 64), all.slice(64)]) {
      const mean = row.reduce((a, b) => a + b) / 64;
      expect(row.reduce((a, b) => a + (b - mean) ** 2, 0) / 64).toBeCloseTo(1, 3);
    }
  });
});

describe("public functions", () => {
  const next = uniforms(5);
  const values = Float32Array.from({ length: 2 * 3 * 4 * 6 }, () => next() * 4 - 1);
  const parameters = Float32Array.from({ length: 6 }, () => next());

  /** y and the gradients of all inputs, of a normalization with and without gamma and beta. */
  const results = (device: Device) =>
    tidy(() => {
      const x = tensor(values, { shape: [2, 3, 4, 6], device });
      const gamma = tensor(parameters, { device });
      const beta = tensor([...parameters].reverse(), { device });
      const weights = tensor([...values].reverse(), { shape: [2, 3, 4, 6], device });
      const calls: ((x: Tensor, gamma: Tensor, beta: Tensor) => Tensor)[] = [
        (x, gamma, beta) => layerNorm(x, { gamma, beta }),
        (x, gamma) => rmsNorm(x, { gamma }),
        (x, gamma, beta) => groupNorm(x, 3, { gamma, beta }),
        (x, gamma, beta) => instanceNorm(x, { gamma, beta, epsilon: 1e-2 }),
        (x, _, beta) => layerNorm(x, { beta }),
        (x) => layerNorm(x, { axes: [-2, -1] }),
        (x) => groupNorm(x, 1),
      ];
      return calls.flatMap((call, k) => {
        const argnums = [[0, 1, 2], [0, 1], [0, 1, 2], [0, 1, 2], [0, 2], [0], [0]][k];
        const loss = (...inputs: Tensor[]) => {
          const all = [x, gamma, beta];
          argnums.forEach((at, i) => {
            all[at] = inputs[i];
          });
          return sum(mul(call(all[0], all[1], all[2]), weights));
        };
        const inputs = argnums.map((at) => [x, gamma, beta][at]);
        return [call(x, gamma, beta), ...grad(loss)(...inputs)];
      });
    });

  it("agree with the reference, gradients too", async () => {
    const [got, want] = [results(pair.gpu), results(pair.reference)];
    for (let i = 0; i < want.length; i++) {
      expect(got[i].shape).toEqual(want[i].shape);
      expectCloseArrays(await got[i].data(), await want[i].dataFloat64(), 1e-5, `result ${i}`);
    }
  });

  it("make few dispatches one by one: one forward, and one for each gradient", () => {
    const device = pair.gpu;
    const x = tensor(values, { shape: [24, 6], device });
    const gamma = tensor(parameters, { device });
    const count = (fn: () => unknown) => {
      const before = device.counters().dispatches;
      tidy(() => {
        fn();
      });
      return device.counters().dispatches - before;
    };
    expect(count(() => layerNorm(x, { gamma, beta: gamma }))).toBe(1);
    const attrs = { middle: 1, groups: 1, inner: 6, epsilon: 1e-3, centered: true };
    expect(
      count(() => {
        const [, mean, scale] = apply(layerNorm.op, [x, gamma], attrs);
        rowNormGradient(x, x, mean, scale, gamma, attrs);
        rowNormParameterGradient(x, x, mean, scale, attrs);
      }),
    ).toBe(3);
  });

  it("name what is wrong", () => {
    const x = tensor(values, { shape: [2, 3, 4, 6], device: pair.reference });
    const gamma = tensor(parameters, { device: pair.reference });
    expect(() => layerNorm(x, { gamma, axes: [-2, -1] })).toThrow(
      "layerNorm: gamma [6] must be of shape [4, 6] for x [2, 3, 4, 6]",
    );
    expect(() => layerNorm(x, { axes: 1 })).toThrow(
      /axes 1 of \[2, 3, 4, 6\] must be the last one or the last few/,
    );
    expect(() => groupNorm(x, 4)).toThrow(/groupNorm: groups is 4; .* divides the 6 channels/);
    expect(() => rmsNorm(x, { epsilon: -1 })).toThrow(/rmsNorm: epsilon must be/);
    expect(() => instanceNorm(gamma)).toThrow(ShapeError);
    expect(() => layerNorm(tensor([], { shape: [3, 0], device: pair.reference }))).toThrow(/no elements/);
  });
});

describe("embedding", () => {
  it("picks rows, and adds up their gradients, zeros for numbers out of range", async () => {
    const [count, features] = [50, 12];
    const table = Float32Array.from({ length: count * features }, (_, i) => (i % 97) - 48);
    const ids = Int32Array.from({ length: 300 }, (_, i) => ((i * 7919) % 60) - 5);
    const device = pair.gpu;
    const [y, dx] = tidy(() => {
      const t = tensor(table, { shape: [count, features], device });
      const at = tensor(ids, { shape: [30, 10], dtype: "i32", device });
      const loss = (w: Tensor) => sum(mul(embedding(w, at), embedding(w, at)));
      return [embedding(t, at), grad(loss)(t)[0]];
    });
    expect(y.shape).toEqual([30, 10, features]);
    const [got, gradient] = [await y.data(), await dx.data()];
    const want = new Float32Array(table.length);
    ids.forEach((id, i) => {
      for (let f = 0; f < features; f++) {
        const value = id >= 0 && id < count ? table[id * features + f] : 0;
        expect(got[i * features + f]).toBe(value);
        if (id >= 0 && id < count) want[id * features + f] += 2 * value;
      }
    });
    expect(gradient).toEqual(want);
    expect(() => embedding(tensor([1, 2], { device }), tensor([0], { dtype: "i32", device }))).toThrow(
      "embedding: the table must be [count, features], got [2]",
    );
  });
});

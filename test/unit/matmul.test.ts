// matmul on the float64 reference: values worked by hand, every flag against the plain definition, errors,
// gradients against differences, and the plans that say which kernel runs.

import { beforeAll, describe, expect, it } from "vitest";
import { type Device, DTypeError, ShapeError, type Tensor, tensor } from "../../engine/index.ts";
import type { AdapterProfile } from "../../engine/kernel/kernel.ts";
import { planMatmul } from "../../engine/ops/matmul/kernels.ts";
import { matmul } from "../../engine/ops/matmul/matmul.ts";
import type { Product } from "../../engine/ops/matmul/product.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { referenceDevice } from "../support/devices.ts";
import { chosen, differences, ruleGradients, weightedSum } from "../support/differences.ts";
import { drawAll, makeInputs, showSample, uniforms } from "../support/op-cases.ts";

let device: Device;
beforeAll(async () => {
  device = await referenceDevice();
});

const filled = (shape: readonly number[], seed = 1): Tensor => {
  const next = uniforms(seed);
  const values = Array.from({ length: shape.reduce((x, y) => x * y, 1) }, () => next() - 0.5);
  return tensor(values, { shape, device });
};

describe("matmul", () => {
  it("multiplies", async () => {
    const a = tensor([1, 2, 3, 4, 5, 6], { shape: [2, 3], device });
    const b = tensor([7, 8, 9, 10, 11, 12], { shape: [3, 2], device });
    expect([...(await matmul(a, b).data())]).toEqual([58, 64, 139, 154]);
    expect([...(await matmul(a, a, { transposeB: true }).data())]).toEqual([14, 32, 32, 77]);
    expect([...(await matmul(b, b, { transposeA: true }).data())]).toEqual([251, 278, 278, 308]);
  });

  it("broadcasts batch axes by NumPy's rules", async () => {
    const a = filled([2, 1, 3, 4]);
    const b = filled([5, 4, 2], 2);
    const c = matmul(a, b);
    expect(c.shape).toEqual([2, 5, 3, 2]);
    const [x, y, z] = await Promise.all([a.dataFloat64(), b.dataFloat64(), c.dataFloat64()]);
    for (let p = 0; p < 2; p++)
      for (let q = 0; q < 5; q++)
        for (let i = 0; i < 3; i++)
          for (let j = 0; j < 2; j++) {
            let sum = 0;
            for (let l = 0; l < 4; l++) sum += x[(p * 3 + i) * 4 + l] * y[(q * 4 + l) * 2 + j];
            expect(z[((p * 5 + q) * 3 + i) * 2 + j]).toBeCloseTo(sum, 12);
          }
  });

  it("gives zeros for K = 0 and nothing for M, N or a batch of 0", async () => {
    expect([...(await matmul(filled([2, 0]), filled([0, 3])).data())]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(matmul(filled([0, 2]), filled([2, 3])).shape).toEqual([0, 3]);
    expect(matmul(filled([0, 2, 4]), filled([4, 3])).shape).toEqual([0, 2, 3]);
  });

  it("names sizes, requirement and remedy in its errors", () => {
    expect(() => matmul(filled([32, 784]), filled([512, 10]))).toThrow(
      "matmul: a [32, 784] and b [512, 10] disagree: a's last dimension must equal b's second to last (784 vs 512)",
    );
    expect(() => matmul(filled([3, 2]), filled([4, 5]), { transposeA: true, transposeB: true })).toThrow(
      "a's second to last dimension (transposeA) must equal b's last (transposeB) (3 vs 5)",
    );
    // A vector is a row on the left and a column on the right.
    expect(() => matmul(filled([4]), filled([3, 2]))).toThrow(/a \[1, 4\] and b \[3, 2\] disagree/);
    expect(() => matmul(filled([2, 3]), filled([4]))).toThrow(/a \[2, 3\] and b \[4, 1\] disagree/);
    expect(() => matmul(filled([2, 3]), 2)).toThrow(ShapeError);
    expect(() => matmul(filled([2, 3, 4]), filled([3, 4, 5]))).toThrow(/batch axes.*\[2\] and \[3\]/);
    expect(() => matmul(filled([1, 2]), tensor([1, 2], { shape: [2, 1], dtype: "i32", device }))).toThrow(
      DTypeError,
    );
  });

  it.each(matmul.op.samples.map((sample) => [showSample(sample), sample] as const))(
    "has the gradient that differences show: %s",
    async (_, sample) => {
      const values = drawAll(sample);
      const rule = ruleGradients(matmul.op, sample, makeInputs(sample, values, device), [0, 1]);
      for (const k of [0, 1]) {
        const at = chosen(values[k].length, 6);
        const all = await rule[k].dataFloat64();
        const value = (inputs: readonly Tensor[]) => weightedSum(matmul.op, sample, inputs);
        const want = await differences(value, sample, values, k, at, device);
        const got = at.map((i) => all[i]);
        expectCloseArrays(got, want, 1e-6, `input ${k}`);
        expect(rule[k].shape).toEqual(sample.inputs[k].shape);
      }
    },
  );
});

describe("plans", () => {
  const profile: AdapterProfile = {
    isSoftware: true,
    subgroupSize: 8,
    hasF16: false,
    workgroupTarget: 64,
    maxWorkgroupsPerDimension: 65535,
    maxStorageBuffers: 8,
  };
  const product = (m: number, n: number, k: number, more: Partial<Product> = {}): Product => ({
    aBatch: [],
    bBatch: [],
    batch: [],
    m,
    n,
    k,
    transposeA: false,
    transposeB: false,
    ...more,
  });

  it("choose the subgroup tile on software adapters with subgroups of 4 or 8, the plain tile elsewhere", () => {
    const named = (change: Partial<AdapterProfile>) =>
      planMatmul(product(64, 64, 64), { ...profile, ...change }).calls[0].shader.name;
    expect(named({})).toBe("matmul-subgroup");
    expect(named({ subgroupSize: 4 })).toBe("matmul-subgroup");
    expect(named({ subgroupSize: 0 })).toBe("matmul-tile");
    expect(named({ isSoftware: false, subgroupSize: 32 })).toBe("matmul-tile");
  });

  it("fold a batch of matrices times one matrix into one product", () => {
    const batched = product(10, 64, 32, { aBatch: [7, 2], batch: [7, 2] });
    expect(planMatmul(batched, profile).calls[0].sizes.slice(0, 6)).toEqual([140, 64, 32, 5, 2, 10]);
  });

  it("share one pipeline among sizes, and one among all small ones of odd sizes", () => {
    const hooks = (p: Product) => planMatmul(p, profile).calls[0].hooks;
    expect(hooks(product(128, 64, 784))).toBe(hooks(product(105, 512, 10)));
    // Last tiles of one to four rows have code of their own, which others do without.
    expect(hooks(product(100, 64, 784))).not.toBe(hooks(product(128, 64, 784)));
    for (const m of [1, 4, 33, 36, 97]) expect(hooks(product(m, 512, 10))).toBe(hooks(product(100, 64, 784)));
    // And so have last tiles of one to four columns.
    expect(hooks(product(64, 100, 784))).not.toBe(hooks(product(64, 128, 784)));
    expect(hooks(product(64, 100, 784))).not.toBe(hooks(product(100, 64, 784)));
    for (const n of [4, 36, 100]) expect(hooks(product(512, n, 10))).toBe(hooks(product(64, 100, 784)));
    expect(hooks(product(128, 10, 64))).toBe(hooks(product(64, 10, 128, { transposeA: true })));
    expect(hooks(product(128, 10, 64))).not.toBe(hooks(product(128, 12, 64)));
  });

  it("spread more tiles than a dimension holds over two, and dispatch nothing for no elements", () => {
    const [x, y] = planMatmul(product(32 * 70_000, 1, 1), profile).calls[0].workgroups;
    expect(y).toBe(2);
    expect(x * y).toBeGreaterThanOrEqual(70_000);
    expect(planMatmul(product(0, 4, 4), profile).calls).toEqual([]);
  });
});

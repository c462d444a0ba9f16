// The matmul kernel for matrix units, which no software adapter has. Dawn's null backend, which executes nothing, has
// them: there the shader must be valid. What it computes is tested with them written out, in test/gpu/matmul.test.ts.

import { describe, expect, it } from "vitest";
import { create, globals } from "webgpu";
import { matrixUnitOf } from "../../engine/backend/webgpu/open.ts";
import type { AdapterProfile, MatrixShape } from "../../engine/kernel/kernel.ts";
import { output } from "../../engine/kernel/kernel.ts";
import { specialize } from "../../engine/kernel/specialize.ts";
import { planMatmul } from "../../engine/ops/matmul/kernels.ts";
import { float16Products, matrixVariant } from "../../engine/ops/matmul/matrix-units.ts";
import type { Product } from "../../engine/ops/matmul/product.ts";
import { matmulVariants } from "../../engine/ops/matmul/variants.ts";
import { columnSums } from "../../engine/ops/pointwise/epilogues.ts";
import { sum } from "../../engine/ops/reduce/reduce.ts";

const gpu: AdapterProfile = {
  isSoftware: false,
  subgroupSize: 32,
  hasF16: true,
  matrixUnit: { m: 16, n: 16, k: 16 },
  matrixProducts: float16Products,
  workgroupTarget: 2048,
  maxWorkgroupsPerDimension: 65535,
  maxStorageBuffers: 10,
};
/** As AMD's are: kernels ask for 32 lanes. */
const ofTwoSizes: AdapterProfile = { ...gpu, subgroupSize: 0, subgroupSizes: [32, 64] };
const product = (m: number, n: number, k: number, transposeA = false, transposeB = false): Product => ({
  aBatch: [],
  bBatch: [],
  batch: [],
  m,
  n,
  k,
  transposeA,
  transposeB,
});

describe("the kernel for matrix units", () => {
  it("is valid WGSL for every shape of matrices, reading and companion", async () => {
    Object.assign(globalThis, globals);
    const instance = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
    const adapter = await instance.requestAdapter();
    const features = [
      "shader-f16",
      "subgroups",
      "subgroup-size-control",
      "chromium-experimental-subgroup-matrix",
    ];
    const device = await adapter!.requestDevice({ requiredFeatures: features as GPUFeatureName[] });
    const refusal = async (code: string) => {
      device.pushErrorScope("validation");
      device.createShaderModule({ code });
      return (await device.popErrorScope())?.message;
    };
    const units: [64 | 128, MatrixShape][] = [
      [64, { m: 8, n: 8, k: 8 }],
      [64, { m: 16, n: 8, k: 16 }],
      [128, { m: 16, n: 16, k: 16 }],
    ];
    for (const [tile, unit] of units) {
      for (const [variant, readAny] of [
        [matrixVariant(tile, unit), false],
        [matrixVariant(tile, unit), true],
        [matrixVariant(tile, unit, ofTwoSizes), false],
      ] as const)
        for (const [transposeA, transposeB] of [
          [false, false],
          [true, false],
          [false, true],
        ]) {
          const plan = planMatmul(product(64, 64, 64, transposeA, transposeB), gpu, { variant, readAny });
          const plans = transposeA ? [plan, columnSums(() => sum.op).attach(plan, output(1), gpu)] : [plan];
          for (const { calls } of plans)
            expect(await refusal(specialize(calls[0].shader, calls[0].hooks))).toBeUndefined();
        }
    }
    // What the test can see: an unknown layout is refused.
    const broken = matrixVariant(64, { m: 8, n: 8, k: 8 }).shader.source.replace("col_major", "diagonal");
    expect(await refusal(broken)).toMatch(/subgroupMatrixLoad|diagonal/);
    device.destroy();
  });
});

describe("what Dawn tells of matrix units", () => {
  const config = (componentType: string, resultComponentType: string, M: number, N: number, K: number) => ({
    componentType,
    resultComponentType,
    M,
    N,
    K,
  });

  it("is read: the largest of those that add up f16 in f32", () => {
    const all = [
      config("f16", "f16", 32, 32, 32),
      config("f16", "f32", 16, 8, 8),
      config("f16", "f32", 16, 16, 16),
      config("i8", "i32", 32, 32, 32),
    ];
    expect(matrixUnitOf({ subgroupMatrixConfigs: all })).toEqual({ m: 16, n: 16, k: 16 });
    expect(matrixUnitOf({ subgroupMatrixConfigs: all.slice(0, 1) })).toBeUndefined();
    expect(matrixUnitOf({})).toBeUndefined();
  });
});

describe("the choice of a variant", () => {
  const names = (p: Product, change: Partial<AdapterProfile> = {}) =>
    matmulVariants(p, { ...gpu, ...change }).map(({ name }) => name);

  it("has matrix units first where f16 is allowed and there are tiles enough", () => {
    expect(names(product(4096, 4096, 4096))[0]).toBe("matrix-128x128");
    expect(names(product(1024, 1024, 1024))[0]).toBe("matrix-64x64");
    expect(names(product(64, 64, 64))).toContain("matrix-64x64");
    expect(names(product(4096, 4096, 4096), { matrixUnit: undefined }).join(" ")).not.toContain("matrix");
  });

  it("leaves out tiles that are not whole matrices of the adapter, and subgroups that are not of 32", () => {
    // Chunks of a tile of 128 are 16 long.
    expect(names(product(4096, 4096, 4096), { matrixUnit: { m: 8, n: 8, k: 32 } })[0]).toBe("matrix-64x64");
    expect(names(product(64, 64, 64), { matrixUnit: { m: 64, n: 64, k: 64 } }).join(" ")).not.toContain(
      "matrix",
    );
    expect(names(product(64, 64, 64), { subgroupSize: 64 }).join(" ")).not.toContain("matrix");
    // Where kernels may choose, they choose 32.
    expect(names(product(64, 64, 64), ofTwoSizes)).toContain("matrix-64x64");
    const ofMore = { subgroupSize: 0, subgroupSizes: [64, 128] as const };
    expect(names(product(64, 64, 64), ofMore).join(" ")).not.toContain("matrix");
  });
});

// The matmul kernel for matrix units, which no software adapter has. Dawn's null backend, which executes nothing, has
// them: there the shader must be valid. What it computes is tested with them written out, in test/gpu/matmul.test.ts.

import { describe, expect, it } from "vitest";
import { create, globals } from "webgpu";
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
      [128, { m: 8, n: 16, k: 16 }],
      [128, { m: 16, n: 16, k: 16 }],
      [128, { m: 16, n: 16, k: 32 }],
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

  const unitOf = (...configs: ReturnType<typeof config>[]) => float16Products.unitOf(configs);
  const f32Of = (m: number, n: number, k: number) => config("f16", "f32", m, n, k);

  it("is read: of those that add up f16 in f32, the largest that tiles are made of", () => {
    const all = [
      config("f16", "f16", 16, 16, 16),
      f32Of(16, 8, 8),
      f32Of(16, 16, 16),
      config("i8", "i32", 16, 16, 16),
    ];
    expect(unitOf(...all)).toEqual({ m: 16, n: 16, k: 16 });
    expect(unitOf(all[0], all[3])).toBeUndefined();
    expect(unitOf()).toBeUndefined();
  });

  it.each([
    ["8x8x8 alone, as Apple's", [f32Of(8, 8, 8)], [8, 8, 8]],
    ["8x16x16, as Intel's", [f32Of(8, 8, 8), f32Of(8, 16, 16)], [8, 16, 16]],
    ["16x16x16, as AMD's and NVIDIA's", [f32Of(16, 8, 8), f32Of(16, 8, 16), f32Of(16, 16, 16)], [16, 16, 16]],
    ["as large, but wider", [f32Of(16, 8, 16), f32Of(8, 16, 16)], [8, 16, 16]],
    [
      "what both tiles are made of, before what is larger",
      [f32Of(16, 16, 64), f32Of(16, 16, 16)],
      [16, 16, 16],
    ],
    [
      "what fits, where the largest doesn't",
      [f32Of(64, 64, 64), f32Of(32, 32, 16), f32Of(8, 8, 16)],
      [8, 8, 16],
    ],
    ["what one tile is made of, where there is no other", [f32Of(8, 8, 64)], [8, 8, 64]],
  ] as const)("is chosen: %s", (_, configs, [m, n, k]) => {
    expect(unitOf(...configs)).toEqual({ m, n, k });
  });

  it("is none where no tile is made of any", () => {
    expect(unitOf(f32Of(64, 64, 64), f32Of(5, 5, 5))).toBeUndefined();
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
    // Chunks of a tile of 128 are 32 long.
    expect(names(product(4096, 4096, 4096), { matrixUnit: { m: 8, n: 8, k: 64 } })[0]).toBe("matrix-64x64");
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

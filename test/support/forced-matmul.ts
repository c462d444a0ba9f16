// Products by a kernel of one's choice, in all ways in which operands may lie.

import type { Op } from "../../engine/index.ts";
import type { AdapterProfile, MatrixShape } from "../../engine/kernel/kernel.ts";
import { type MatmulChoice, planMatmul } from "../../engine/ops/matmul/kernels.ts";
import { matmul, productOf } from "../../engine/ops/matmul/matmul.ts";
import { matrixVariant } from "../../engine/ops/matmul/matrix-units.ts";
import type { MatmulVariant } from "../../engine/ops/matmul/variants.ts";
import { emulateMatrices } from "./matrix-emulation.ts";

export const transpositions = [0, 1, 2, 3].map((bits) => ({
  transposeA: (bits & 1) !== 0,
  transposeB: (bits & 2) !== 0,
}));

/**
 * For variants meant for GPUs, whose pipelines take seconds to compile on a software adapter, and each way of reading is
 * one: the two that have each operand read both ways.
 */
export const fewTranspositions = [transpositions[0], transpositions[3]];

/** matmul with the variant forced, by the adapter's profile or one that is changed. */
export const forcedMatmul = (choice: MatmulChoice, change: Partial<AdapterProfile> = {}): Op => ({
  ...matmul.op,
  kernels: ({ inputs, attrs, profile }) =>
    planMatmul(productOf(inputs, attrs), { ...profile, ...change }, choice),
});

/** The matrix variant without matrix units: in plain WGSL. */
export function emulatedMatrixVariant(tile: 64 | 128, unit: MatrixShape): MatmulVariant {
  const variant = matrixVariant(tile, unit);
  return { ...variant, shader: emulateMatrices(variant.shader) };
}

/** Whether the adapter has subgroups that the subgroup variant takes. */
export const hasSubgroupTile = ({ subgroupSize }: AdapterProfile) => subgroupSize === 4 || subgroupSize === 8;

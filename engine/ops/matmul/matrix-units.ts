// Products by a GPU's matrix units (tensor cores), which round their operands to f16: what init's `matmulPrecision` takes.

import matrixSource from "../../../shaders/matmul-matrix.wgsl";
import type { AdapterProfile, MatrixProducts, MatrixShape } from "../../kernel/kernel.ts";
import { mayHaveLanes, ofLanes } from "../../kernel/lanes.ts";
import { type MatmulVariant, productShader } from "./variants.ts";

const matrixShader = productShader("matmul-matrix", matrixSource);
const matrixShaderOf32 = ofLanes(matrixShader, 32);

/** 8 subgroups of 32 lanes with a tile of 64 or 128 rows and columns, by a GPU's matrix units, from f16. */
export const matrixVariant = (
  tile: 64 | 128,
  unit: MatrixShape,
  profile?: AdapterProfile,
): MatmulVariant => ({
  name: `matrix-${tile}x${tile}`,
  shader: profile !== undefined && mayHaveLanes(32, profile) ? matrixShaderOf32 : matrixShader,
  consts: { tile: `${tile}u`, unit_m: `${unit.m}u`, unit_n: `${unit.n}u`, unit_k: `${unit.k}u` },
  rows: tile,
  columns: tile,
});

/** Whether the tile's parts, chunks and subgroups are made of whole matrices of the unit. */
const fitsMatrixTile = (tile: number, { m, n, k }: MatrixShape): boolean =>
  (tile / 4) % m === 0 && (tile / 2) % n === 0 && (2048 / tile) % k === 0 && n % 4 === 0;

/** Those of the adapter's matrix units, as far as they fit. */
function matrixVariants(profile: AdapterProfile): MatmulVariant[] {
  const { matrixUnit } = profile;
  if (matrixUnit === undefined || (profile.subgroupSize !== 32 && !mayHaveLanes(32, profile))) return [];
  const tiles = ([128, 64] as const).filter((tile) => fitsMatrixTile(tile, matrixUnit));
  return tiles.map((tile) => matrixVariant(tile, matrixUnit, profile));
}

/**
 * Lets products (`matmul`, and layers and convolutions made of it) round their operands to 11 bits, beyond 65,504 infinite, below
 * 6e-8 zero, where the GPU has matrix units for that: `init({ matmulPrecision: float16Products })`.
 */
export const float16Products: MatrixProducts = {
  operands: "float16",
  source: matrixSource,
  variants: matrixVariants,
};

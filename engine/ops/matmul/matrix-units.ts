// Products by a GPU's matrix units (tensor cores), which round their operands to f16: what init's `matmulPrecision` takes.

import matrixSource from "../../../shaders/matmul-matrix.wgsl";
import type { AdapterProfile, MatrixConfig, MatrixProducts, MatrixShape } from "../../kernel/kernel.ts";
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

/** What a subgroup stages of a sum: eight of them and the chunks have less than 32 KB together. */
const mostStaged = 256;

/** Whether the tile's parts, chunks and subgroups are made of whole matrices of the unit, and have room. */
const fitsMatrixTile = (tile: number, { m, n, k }: MatrixShape): boolean =>
  m % 4 === 0 &&
  (tile / 4) % m === 0 &&
  (tile / 2) % n === 0 &&
  (4096 / tile) % k === 0 &&
  n % 4 === 0 &&
  m * n <= mostStaged;

/** The tiles that are made of the unit's matrices. */
const tilesOf = (unit: MatrixShape) => ([128, 64] as const).filter((tile) => fitsMatrixTile(tile, unit));

/**
 * Of the adapter's matrices of f16 that are summed in f32 the one that most tiles are made of, and of those the largest: it does most
 * with what it reads. Of two as large, the wider: its rows are stored.
 */
function unitOf(configs: Iterable<MatrixConfig>): MatrixShape | undefined {
  const [best] = [...configs]
    .filter((config) => config.componentType === "f16" && config.resultComponentType === "f32")
    .map(({ M, N, K }): MatrixShape => ({ m: M, n: N, k: K }))
    .filter((unit) => tilesOf(unit).length > 0)
    .sort((p, q) => tilesOf(q).length - tilesOf(p).length || q.m * q.n * q.k - p.m * p.n * p.k || q.n - p.n);
  return best;
}

/** Those of the adapter's matrix units, as far as they fit. */
function matrixVariants(profile: AdapterProfile): MatmulVariant[] {
  const { matrixUnit } = profile;
  if (matrixUnit === undefined || (profile.subgroupSize !== 32 && !mayHaveLanes(32, profile))) return [];
  return tilesOf(matrixUnit).map((tile) => matrixVariant(tile, matrixUnit, profile));
}

/**
 * Lets products (`matmul`, and layers and convolutions made of it) round their operands to 11 bits, beyond 65,504 infinite, below
 * 6e-8 zero, where the GPU has matrix units for that: `init({ matmulPrecision: float16Products })`.
 */
export const float16Products: MatrixProducts = {
  operands: "float16",
  source: matrixSource,
  variants: matrixVariants,
  unitOf,
};

// Which kernels there are for a product, and which of them an adapter's profile wants first.

import sharedSource from "../../../shaders/matmul-shared.wgsl";
import splitSumSource from "../../../shaders/matmul-split-sum.wgsl";
import subgroupSource from "../../../shaders/matmul-subgroup.wgsl";
import tileSource from "../../../shaders/matmul-tile.wgsl";
import productSource from "../../../shaders/product.wgsl";
import { sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import { type AdapterProfile, type Shader, shader } from "../../kernel/kernel.ts";
import { mayHaveLanes, ofLanes } from "../../kernel/lanes.ts";
import { longSumSource, manyTerms } from "../../kernel/long-sums.ts";
import { folded, type Product } from "./product.ts";

/** What all share stands behind, as files may begin with what they enable. */
export const productShader = (name: string, source: string): Shader =>
  shader(name, [source, productSource, longSumSource].join("\n"));

const subgroupShader = productShader("matmul-subgroup", subgroupSource);
const tileShader = productShader("matmul-tile", tileSource);
const sharedShader = productShader("matmul-shared", sharedSource);
const sharedShaderOf32 = ofLanes(sharedShader, 32);

/** A kernel family member: its file, its consts and the part of C that one workgroup computes. */
export interface MatmulVariant {
  /** The file's kind and the tile, rows by columns. */
  readonly name: string;
  readonly shader: Shader;
  readonly consts: Readonly<Record<string, string>>;
  readonly rows: number;
  readonly columns: number;
  /** Code for small last tiles and for several matrices is compiled where a product has them only: it takes seconds. */
  readonly leavesOut?: boolean;
  /** K is cut into parts that are multiplied side by side and added up by a second kernel. */
  readonly splitsK?: boolean;
}

/** One subgroup of `lanes` (4 or 8) for a square tile: fastest where lanes are the lanes of a CPU's vectors. */
export const subgroupVariant = (lanes: number): MatmulVariant => ({
  name: `subgroup-${4 * lanes}x${4 * lanes}`,
  shader: subgroupShader,
  consts: { lanes: `${lanes}u` },
  rows: 4 * lanes,
  columns: 4 * lanes,
  leavesOut: true,
});

/** 8 threads by `threadsY`, each with a tile of 4 or 8 rows and as many columns: runs anywhere. */
export const tileVariant = (blocks: 1 | 2, threadsY: 1 | 8): MatmulVariant => ({
  name: `tile-${4 * blocks * threadsY}x${4 * blocks * 8}`,
  shader: tileShader,
  // GPUs wait for what a thread loads; software adapters, for which the large block is, for nothing.
  consts: { blocks: `${blocks}u`, threads_y: `${threadsY}u`, ...(blocks === 1 ? { steps: "4u" } : {}) },
  rows: 4 * blocks * threadsY,
  columns: 4 * blocks * 8,
});

/**
 * 128 threads with a tile of 64 rows and columns, or 256 with one of 128, read through workgroup memory: for GPUs. RDNA 3
 * and 4 have two multiply-adds share an instruction in subgroups of 32 lanes only.
 */
export const sharedVariant = (across: 1 | 2, profile?: AdapterProfile): MatmulVariant => ({
  name: `shared-${64 * across}x${64 * across}`,
  shader: profile !== undefined && mayHaveLanes(32, profile) ? sharedShaderOf32 : sharedShader,
  consts: { across: `${across}u` },
  rows: 64 * across,
  columns: 64 * across,
});

/** The small shared tile where C has too few tiles to keep a GPU busy, and K is long. */
export const splitVariant = (profile?: AdapterProfile): MatmulVariant => ({
  ...sharedVariant(1, profile),
  name: "shared-64x64-split",
  splitsK: true,
});

const softwareTile = tileVariant(2, 1);
const smallTile = tileVariant(1, 8);

/** Workgroups that fill a GPU when each is of 256 threads, 16 times those of one wave. */
const enoughTiles = (profile: AdapterProfile): number => profile.workgroupTarget / 16;

export const tilesOf = ({ batch, m, n }: Product, { rows, columns }: MatmulVariant): number =>
  sizeOf(batch) * Math.ceil(m / rows) * Math.ceil(n / columns);

/** Whether sums over K are made of blocks of 32, which are added up with compensation. */
export const hasLongSums = ({ k }: Product): boolean => k >= manyTerms;

/**
 * The variants to choose from, the profile's favourite first. Each is right for every product that it is given for.
 *
 * @param otherwise what a GPU wants where there are too few tiles through workgroup memory to keep it busy: the smaller of
 *   those, or the one in registers
 */
export function matmulVariants(
  product: Product,
  profile: AdapterProfile,
  otherwise = (_: MatmulVariant, inRegisters: MatmulVariant): MatmulVariant => inRegisters,
): readonly MatmulVariant[] {
  if (!numbersOf(profile).sharesTiles) {
    // Tiles of 16 subgroup lanes and more would not fit registers.
    const hasTile = profile.subgroupSize === 4 || profile.subgroupSize === 8;
    return [...(hasTile ? [subgroupVariant(profile.subgroupSize)] : []), softwareTile, smallTile];
  }
  const enough = enoughTiles(profile);
  // Totals beside 8x8 accumulators a thread would not fit registers.
  const shared = [...(hasLongSums(product) ? [] : [sharedVariant(2, profile)]), sharedVariant(1, profile)];
  const byUnits = (profile.matrixProducts?.variants(profile) ?? []) as readonly MatmulVariant[];
  const large = [...byUnits, ...shared];
  // The largest tile of which there are enough to keep a GPU's cores busy.
  const favourite =
    large.find((variant) => tilesOf(product, variant) >= enough) ?? otherwise(large.at(-1)!, smallTile);
  const others = [...large, smallTile].filter((variant) => variant !== favourite);
  const split = splitVariant(profile);
  if (splitOf(product, split, profile) === undefined) return [favourite, ...others];
  // Where even the smallest tiles leave most of it idle, parts of K are what else there is to share out.
  return tilesOf(product, smallTile) * 2 <= enough && product.k >= longK
    ? [split, favourite, ...others]
    : [favourite, split, ...others];
}

export interface Split {
  readonly parts: number;
  /** Of K, in each part but the last, which has the rest. */
  readonly length: number;
}

/** K from which on parts of it save more than a further dispatch costs: a thread of a small tile waits K / 8 times for loads. */
const longK = 640;

/** Multiplies of the tiles' depth along K, so that parts begin where vec2s and vec4s do. */
const splitUnit = 16;
/** Partial products are held in memory: at most so many numbers. */
const mostPartials = 2 ** 24;

/** How K is cut into parts, if it can be. */
export function splitOf(whole: Product, variant: MatmulVariant, profile: AdapterProfile): Split | undefined {
  const { product, axes } = folded(whole);
  const { m, n, k, batch, transposeA } = product;
  if (axes.length > 3) return undefined;
  const elements = sizeOf(batch) * m * n;
  const missing = Math.ceil(enoughTiles(profile) / tilesOf(product, variant));
  // Sums that ride on A^T B are kept as if each part's were a row of one more C.
  const rows = transposeA ? m : missing;
  const wanted = Math.floor(Math.min(missing, rows, k / (4 * splitUnit), mostPartials / elements));
  if (wanted < 2) return undefined;
  const length = Math.ceil(k / wanted / splitUnit) * splitUnit;
  return { parts: Math.ceil(k / length), length };
}

/** How often each element of A and of B is read, about: by every tile beside it. */
export function rereads({ m, n }: Product, profile: AdapterProfile): readonly [a: number, b: number] {
  const tile = numbersOf(profile).productTile;
  return [Math.ceil(n / tile), Math.ceil(m / tile)];
}

/** All that decides what a variant computes and how fast. */
export const matmulSources: string = [
  longSumSource,
  productSource,
  sharedSource,
  splitSumSource,
  subgroupSource,
  tileSource,
].join("\n");

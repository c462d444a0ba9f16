// Which matmul kernel runs, how it is specialised and over what grid. It owns the choice of variant and of how
// the operands are read; it knows shapes and the adapter's profile, not tensors.

import matrixSource from "../../shaders/matmul-matrix.wgsl";
import sharedSource from "../../shaders/matmul-shared.wgsl";
import splitSumSource from "../../shaders/matmul-split-sum.wgsl";
import subgroupSource from "../../shaders/matmul-subgroup.wgsl";
import tileSource from "../../shaders/matmul-tile.wgsl";
import {
  type AdapterProfile,
  grid,
  type Hooks,
  input,
  type KernelCall,
  type KernelPlan,
  type MatrixShape,
  type Operand,
  output,
  type Shader,
  scratch,
  shader,
} from "../kernel.ts";
import { broadcastStrides, type Shape, sizeOf } from "../shape.ts";
import type { Variants } from "../variants/variants.ts";

const subgroupShader = shader("matmul-subgroup", subgroupSource);
const tileShader = shader("matmul-tile", tileSource);
const sharedShader = shader("matmul-shared", sharedSource);
const matrixShader = shader("matmul-matrix", matrixSource);
const splitSumShader = shader("matmul-split-sum", splitSumSource);

/** C [...batch, m, n] = op(A) op(B), op being transposition where its flag says so. */
export interface Product {
  /** The batch axes of A, of B, and what both broadcast to. */
  readonly aBatch: Shape;
  readonly bBatch: Shape;
  readonly batch: Shape;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** A lies as [k, m] instead of [m, k]. */
  readonly transposeA: boolean;
  /** B lies as [n, k] instead of [k, n]. */
  readonly transposeB: boolean;
}

/** A kernel family member: its file, its consts and the part of C that one workgroup computes. */
export interface MatmulVariant {
  /** The file's kind and the tile, rows by columns. */
  readonly name: string;
  readonly shader: Shader;
  readonly consts: Readonly<Record<string, string>>;
  readonly rows: number;
  readonly columns: number;
  /** Last tiles of four rows at most are computed in less time, by code that others need not compile. */
  readonly hasShortTile?: boolean;
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
  hasShortTile: true,
});

/** 8 threads by `threadsY`, each with a tile of 4 or 8 rows and as many columns: runs anywhere. */
export const tileVariant = (blocks: 1 | 2, threadsY: 1 | 8): MatmulVariant => ({
  name: `tile-${4 * blocks * threadsY}x${4 * blocks * 8}`,
  shader: tileShader,
  consts: { blocks: `${blocks}u`, threads_y: `${threadsY}u` },
  rows: 4 * blocks * threadsY,
  columns: 4 * blocks * 8,
});

/** 256 threads with a tile of 64 or 128 rows and columns, read through workgroup memory: for GPUs. */
export const sharedVariant = (blocks: 1 | 2): MatmulVariant => ({
  name: `shared-${64 * blocks}x${64 * blocks}`,
  shader: sharedShader,
  consts: { blocks: `${blocks}u` },
  rows: 64 * blocks,
  columns: 64 * blocks,
});

/** The small shared tile where C has too few tiles to keep a GPU busy, and K is long. */
export const splitVariant: MatmulVariant = { ...sharedVariant(1), name: "shared-64x64-split", splitsK: true };

/** 8 subgroups of 32 lanes with a tile of 64 or 128 rows and columns, by a GPU's matrix units, from f16. */
export const matrixVariant = (tile: 64 | 128, unit: MatrixShape): MatmulVariant => ({
  name: `matrix-${tile}x${tile}`,
  shader: matrixShader,
  consts: { tile: `${tile}u`, unit_m: `${unit.m}u`, unit_n: `${unit.n}u`, unit_k: `${unit.k}u` },
  rows: tile,
  columns: tile,
});

/** Whether the tile's parts, chunks and subgroups are made of whole matrices of the unit. */
const fitsMatrixTile = (tile: number, { m, n, k }: MatrixShape): boolean =>
  (tile / 4) % m === 0 && (tile / 2) % n === 0 && (2048 / tile) % k === 0 && n % 4 === 0;

const softwareTile = tileVariant(2, 1);
const smallTile = tileVariant(1, 8);

/** Workgroups that fill a GPU when each is of 256 threads, 16 times those of one wave. */
const enoughTiles = (profile: AdapterProfile): number => profile.workgroupTarget / 16;

const tilesOf = ({ batch, m, n }: Product, { rows, columns }: MatmulVariant): number =>
  sizeOf(batch) * Math.ceil(m / rows) * Math.ceil(n / columns);

/** The variants to choose from, the profile's favourite first. Each is right for every product that it is given for. */
export function matmulVariants(product: Product, profile: AdapterProfile): readonly MatmulVariant[] {
  if (profile.isSoftware) {
    // Tiles of 16 subgroup lanes and more would not fit registers.
    const hasTile = profile.subgroupSize === 4 || profile.subgroupSize === 8;
    return [...(hasTile ? [subgroupVariant(profile.subgroupSize)] : []), softwareTile, smallTile];
  }
  const enough = enoughTiles(profile);
  const all = [...matrixVariants(profile), sharedVariant(2), sharedVariant(1), smallTile];
  // The largest tile of which there are enough to keep a GPU's cores busy.
  const favourite = all.find((variant) => tilesOf(product, variant) >= enough) ?? smallTile;
  const others = all.filter((variant) => variant !== favourite);
  if (splitOf(product, splitVariant, profile) === undefined) return [favourite, ...others];
  // Where even the smallest tiles leave most of it idle, parts of K are what else there is to share out.
  return tilesOf(product, smallTile) * 2 <= enough
    ? [splitVariant, favourite, ...others]
    : [favourite, splitVariant, ...others];
}

/** Those of the adapter's matrix units, where f16 is allowed. */
function matrixVariants({ matrixUnit, subgroupSize }: AdapterProfile): MatmulVariant[] {
  if (matrixUnit === undefined || subgroupSize !== 32) return [];
  const tiles = ([128, 64] as const).filter((tile) => fitsMatrixTile(tile, matrixUnit));
  return tiles.map((tile) => matrixVariant(tile, matrixUnit));
}

interface Split {
  readonly parts: number;
  /** Of K, in each part but the last, which has the rest. */
  readonly length: number;
}

/** Multiplies of the tiles' depth along K, so that parts begin where vec2s and vec4s do. */
const splitUnit = 16;
/** Partial products are held in memory: at most so many numbers. */
const mostPartials = 2 ** 24;

/** How K is cut into parts, if it can be. A product that `companion`s may ride on (A^T B) is left whole. */
function splitOf(whole: Product, variant: MatmulVariant, profile: AdapterProfile): Split | undefined {
  const { product, axes } = folded(whole);
  const { m, n, k, batch, transposeA } = product;
  if (transposeA || axes.length > 3) return undefined;
  const elements = sizeOf(batch) * m * n;
  const wanted = Math.ceil(enoughTiles(profile) / Math.max(1, tilesOf(product, variant)));
  const most = Math.min(Math.floor(k / (4 * splitUnit)), Math.floor(mostPartials / Math.max(1, elements)));
  if (Math.min(wanted, most) < 2) return undefined;
  const length = Math.ceil(k / Math.min(wanted, most) / splitUnit) * splitUnit;
  const parts = Math.ceil(k / length);
  return parts < 2 ? undefined : { parts, length };
}

/**
 * How an operand is read, four neighbours across K at k and k + 1:
 * - `pairs`: K is its inner axis and even; one vec2 for each neighbour.
 * - `fours`: the other axis is the inner one and a multiple of 4; one vec4 for each k.
 * - `any`: element by element, at strides from the size buffer; every layout, at 1.5 times the cost on lavapipe.
 */
type Reading = "pairs" | "fours" | "any";

/** Multiply-adds from which on a pipeline for just this mixture of readings is worth its compile time (0.3 s). */
const largeProduct = 2 ** 25;

/** Reading of A, of B, and whether rows of C are whole vec4s. */
type Readings = readonly [a: Reading, b: Reading, c: "fours" | "any"];
const readAny: Readings = ["any", "any", "any"];

/** Few mixtures are used, because each is a pipeline: the four of `pairs` and `fours`, and `any` for all the rest. */
function chooseReadings({ batch, m, n, k, transposeA, transposeB }: Product): Readings {
  const read = (alongK: boolean, across: number): Reading => {
    if (alongK) return k % 2 === 0 ? "pairs" : "any";
    return across % 4 === 0 ? "fours" : "any";
  };
  const own: Readings = [read(!transposeA, m), read(transposeB, n), n % 4 === 0 ? "fours" : "any"];
  const isLarge = sizeOf(batch) * m * n * k >= largeProduct;
  return own.includes("any") && !isLarge ? readAny : own;
}

const elementTypes = { pairs: "vec2f", fours: "vec4f", any: "f32" } as const;

/** address_a and load_a, or address_b and load_b, for a reading. `extent` and `stride` are fields of Sizes. */
function loadFunctions(name: "a" | "b", reading: Reading): Record<string, string> {
  const [extent, across] = name === "a" ? ["sizes.m", "sizes.a_row"] : ["sizes.n", "sizes.b_column"];
  const signature = `fn address_${name}(start: u32, first: u32) -> vec4u`;
  const clamped = `min(vec4u(first, first + 1u, first + 2u, first + 3u), vec4u(${extent} - 1u))`;
  const head = `fn load_${name}(address: vec4u, k: u32) -> Pair`;
  switch (reading) {
    case "pairs":
      return {
        [`address_${name}`]: `${signature} {
  return (start + ${clamped} * ${across}) / 2u;
}`,
        [`load_${name}`]: `${head} {
  let at = address + k / 2u;
  let p = ${name}[at.x];
  let q = ${name}[at.y];
  let r = ${name}[at.z];
  let s = ${name}[at.w];
  return Pair(vec4f(p.x, q.x, r.x, s.x), vec4f(p.y, q.y, r.y, s.y));
}`,
      };
    case "fours":
      return {
        [`address_${name}`]: `${signature} {
  return vec4u((start + min(first, ${extent} - 4u)) / 4u);
}`,
        [`load_${name}`]: `${head} {
  let step = ${extent} / 4u;
  return Pair(${name}[address.x + k * step], ${name}[address.x + min(k + 1u, sizes.k - 1u) * step]);
}`,
      };
    case "any":
      return {
        [`address_${name}`]: `${signature} {
  return start + ${clamped} * ${across};
}`,
        [`load_${name}`]: `${head} {
  let p = address + k * sizes.${name}_k;
  let q = address + min(k + 1u, sizes.k - 1u) * sizes.${name}_k;
  return Pair(
    vec4f(${name}[p.x], ${name}[p.y], ${name}[p.z], ${name}[p.w]),
    vec4f(${name}[q.x], ${name}[q.y], ${name}[q.z], ${name}[q.w]),
  );
}`,
      };
  }
}

const storeAny = `fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if (row < sizes.m && column < sizes.n) {
    let at = (matrix * sizes.m + row) * sizes.n + column;
    let count = min(sizes.n - column, 4u);
    c[at] = value.x;
    if (count > 1u) { c[at + 1u] = value.y; }
    if (count > 2u) { c[at + 2u] = value.z; }
    if (count > 3u) { c[at + 3u] = value.w; }
  }
}`;

const hooksByKey = new Map<string, Hooks>();

/** The same object for the same specialisation, so that caches may go by identity. */
function hooksOf(variant: MatmulVariant, isShort: boolean, [a, b, c]: Readings): Hooks {
  const { shader } = variant;
  const consts = isShort ? { ...variant.consts, has_short_tile: "true" } : variant.consts;
  const key = `${shader.name} ${JSON.stringify(consts)} ${a} ${b} ${c}`;
  let hooks = hooksByKey.get(key);
  if (hooks === undefined) {
    hooks = {
      consts,
      aliases: { AElement: elementTypes[a], BElement: elementTypes[b], CElement: elementTypes[c] },
      functions: {
        ...loadFunctions("a", a),
        ...loadFunctions("b", b),
        ...(c === "any" ? { store: storeAny } : undefined),
      },
    };
    hooksByKey.set(key, hooks);
  }
  return hooks;
}

interface BatchAxis {
  readonly length: number;
  readonly a: number;
  readonly b: number;
}

/** The batch axes innermost first, without those of length 1, merged where both operands walk on evenly. */
function batchAxes({ aBatch, bBatch, batch, m, n, k }: Product): BatchAxis[] {
  const aStrides = broadcastStrides(aBatch, batch);
  const bStrides = broadcastStrides(bBatch, batch);
  const axes: BatchAxis[] = [];
  for (let i = batch.length - 1; i >= 0; i--) {
    const axis = { length: batch[i], a: aStrides[i] * m * k, b: bStrides[i] * k * n };
    if (axis.length === 1) continue;
    const inner = axes.at(-1);
    if (inner !== undefined && axis.a === inner.a * inner.length && axis.b === inner.b * inner.length) {
      axes[axes.length - 1] = { ...inner, length: inner.length * axis.length };
    } else axes.push(axis);
  }
  return axes;
}

/** Many matrices times one are one tall matrix times it, as long as their rows follow each other in memory. */
function folded(product: Product): { product: Product; axes: BatchAxis[] } {
  const axes = batchAxes(product);
  const { m, k, transposeA } = product;
  if (transposeA || axes.length !== 1 || axes[0].b !== 0 || axes[0].a !== m * k) return { product, axes };
  return { product: { ...product, aBatch: [], bBatch: [], batch: [], m: axes[0].length * m }, axes: [] };
}

/** What the tests force; left out, the product and the profile decide. */
export interface MatmulChoice {
  readonly variant?: MatmulVariant;
  /** Read element by element, whatever the sizes. */
  readonly readAny?: boolean;
}

/** The dispatches of a matmul whose operands are inputs 0 and 1 and whose result is output 0. */
export function planMatmul(whole: Product, profile: AdapterProfile, choice: MatmulChoice = {}): KernelPlan {
  const { product, axes } = folded(whole);
  const { batch, m, n, k } = product;
  if (sizeOf(batch) * m * n === 0) return { calls: [] };
  const variant = choice.variant ?? matmulVariants(whole, profile)[0];
  const readings = choice.readAny === true ? readAny : chooseReadings(product);
  const split = variant.splitsK === true ? splitOf(whole, variant, profile) : undefined;
  if (split === undefined) {
    return {
      calls: [productCall(product, variant, readings, { axes, length: k, last: k }, output(0), profile)],
    };
  }
  // Each part is a product of its own, along a further batch axis that walks along K.
  const { parts, length } = split;
  const [aStep, bStep] = [product.transposeA ? m : 1, product.transposeB ? 1 : n];
  const walk = {
    axes: [{ length: parts, a: length * aStep, b: length * bStep }, ...axes],
    length,
    last: k - (parts - 1) * length,
  };
  return {
    scratch: [{ shape: [...batch, parts, m, n], dtype: "f32" }],
    calls: [
      productCall(product, variant, readings, walk, scratch(0, "read_write"), profile),
      splitSumCall(product, parts, readings[2], profile),
    ],
  };
}

/** The products that a dispatch computes: along which axes, and how much of K each takes. */
interface Walk {
  readonly axes: readonly BatchAxis[];
  readonly length: number;
  /** What the last along the first axis takes. */
  readonly last: number;
}

function productCall(
  { m, n, k, transposeA, transposeB }: Product,
  variant: MatmulVariant,
  readings: Readings,
  { axes, length, last }: Walk,
  result: Operand,
  profile: AdapterProfile,
): KernelCall {
  const rowTiles = Math.ceil(m / variant.rows);
  const columnTiles = Math.ceil(n / variant.columns);
  const isShort = variant.hasShortTile === true && rowTiles * variant.rows - m >= variant.rows - 4;
  const tiles = axes.reduce((product, axis) => product * axis.length, rowTiles * columnTiles);
  const four = (pick: (axis: BatchAxis) => number, none: number) =>
    Array.from({ length: 4 }, (_, i) => (i < axes.length ? pick(axes[i]) : none));
  return {
    shader: variant.shader,
    hooks: hooksOf(variant, isShort, readings),
    sizes: [
      ...[m, n, length, rowTiles, columnTiles, tiles, 1],
      ...(transposeA ? [1, m] : [k, 1]),
      ...(transposeB ? [k, 1] : [1, n]),
      last,
      ...four((axis) => axis.length, 1),
      ...four((axis) => axis.a, 0),
      ...four((axis) => axis.b, 0),
    ],
    operands: [input(0), input(1), result],
    workgroups: grid(tiles, profile),
  };
}

function splitSumCall(
  { batch, m, n }: Product,
  parts: number,
  c: Readings[2],
  profile: AdapterProfile,
): KernelCall {
  const quads = Math.ceil(n / 4);
  const items = sizeOf(batch) * m * quads;
  return {
    shader: splitSumShader,
    hooks: {
      aliases: { CElement: elementTypes[c] },
      functions: c === "any" ? { store: storeAny } : {},
    },
    sizes: [m, n, parts, quads, items],
    operands: [scratch(0, "read"), output(0)],
    workgroups: grid(Math.ceil(items / 64), profile),
  };
}

const powerOfTwo = (length: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, length)));

/** A product's variants, for the device to choose from. Sizes up to the same powers of two share a choice. */
export function productVariants(product: Product, profile: AdapterProfile): Variants {
  const { batch, m, n, k, transposeA, transposeB } = product;
  const sizes = [m, n, k].map(powerOfTwo).join("x");
  const matrices = sizeOf(batch) > 1 ? `${powerOfTwo(sizeOf(batch))} of ` : "";
  return {
    family: "matmul",
    problem: `${matrices}${transposeA ? "A^T" : "A"} ${transposeB ? "B^T" : "B"} ${sizes}`,
    plans: new Map(
      matmulVariants(product, profile).map((variant) => [
        variant.name,
        () => planMatmul(product, profile, { variant }),
      ]),
    ),
  };
}

/** All that decides what a variant computes and how fast. */
export const matmulSources: string = [
  matrixSource,
  sharedSource,
  splitSumSource,
  subgroupSource,
  tileSource,
].join("\n");

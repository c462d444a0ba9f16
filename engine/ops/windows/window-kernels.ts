// The dispatches of window products: which kernel of products, over what rows and columns, in how many parts.

import productSource from "../../../shaders/product.wgsl";
import subgroupTileSource from "../../../shaders/subgroup-tile.wgsl";
import windowProductSource from "../../../shaders/window-product.wgsl";
import productSubgroupSource from "../../../shaders/window-product-subgroup.wgsl";
import weightsSubgroupSource from "../../../shaders/window-weights-subgroup.wgsl";
import { sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import {
  type AdapterProfile,
  grid,
  input,
  type KernelCall,
  type KernelPlan,
  output,
  type Shader,
  type Spec,
  scratch,
  shader,
  type Variants,
} from "../../kernel/kernel.ts";
import { longSumSource, manyTerms } from "../../kernel/long-sums.ts";
import { chosen, powerOfTwo } from "../../kernel/variants.ts";
import type { Product } from "../matmul/product.ts";
import { type MatmulVariant, matmulSources, matmulVariants, tilesOf } from "../matmul/variants.ts";
import { sumCalls } from "../reduce/reduce.ts";
import { type WindowForm, windowHooks } from "./window-hooks.ts";
import { isBounded, type Pair, tapsOf, type Window } from "./windows.ts";

/** A product of what a window sees and something else; channels and columns are those of all groups. */
export interface WindowCall {
  readonly window: Window;
  readonly groups: number;
  readonly images: number;
  /** Of the images that are gathered from. */
  readonly channels: number;
  /** Of B and of the result. */
  readonly columns: number;
  /** Which product: places from images, pixels from places, or the gradient of weights. */
  readonly kind: "forth" | "back" | "weights";
  /** Of places, going forth: a window of four that shares none of them, whose largest values are all that is stored. */
  readonly pool?: Window;
}

const subgroupSource = (main: string): string =>
  [subgroupTileSource, main, windowProductSource, productSource, longSumSource].join("\n");

const productSubgroup = shader("window-product-subgroup", subgroupSource(productSubgroupSource));
const weightsSubgroup = shader("window-weights-subgroup", subgroupSource(weightsSubgroupSource));

/** All that decides what a variant computes and how fast. */
export const windowSources: string = [productSubgroup.source, weightsSubgroup.source, matmulSources].join(
  "\n",
);

const shaders = new Map<Shader, Shader>();

/** A plain product's kernel with what gathers behind it. */
function gathering(plain: Shader): Shader {
  let found = shaders.get(plain);
  if (found === undefined) {
    found = shader(plain.name.replace("matmul", "window"), `${plain.source}\n${windowProductSource}`);
    shaders.set(plain, found);
  }
  return found;
}

/** Sets of a first-level cache, and lines of a set that rows of a tile may take up. */
const cacheSets = 64;
const mostLinesOfSet = 8;
const floatsOfLine = 16;

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/**
 * Whether the same place of all images comes first, and then the next place: a tile's rows see the same taps then. Not
 * where images lie so far apart that their lines drive each other out of the cache, nor, in sums over places, where a
 * line of places is longer than there are images.
 */
function hasImagesInside({ window, images, channels, kind }: WindowCall): boolean {
  if (kind === "weights") return images > window.output[1];
  const read = kind === "forth" ? window.input : window.output;
  const lines = Math.round((sizeOf(read) * channels) / floatsOfLine);
  const sets = cacheSets / divisor(lines, cacheSets);
  return Math.min(images, 32) / sets <= mostLinesOfSet;
}

const productOf = ({ window, groups, images, channels, columns, kind, pool }: WindowCall): Product => {
  const [inner, n] = [channels / groups, columns / groups];
  const isWeights = kind === "weights";
  const depth = tapsOf(window) * inner;
  const batch = groups === 1 ? [] : [groups];
  return {
    ...{ aBatch: batch, bBatch: batch, batch, transposeA: isWeights, transposeB: false },
    m: isWeights ? depth : rowsOf(window, images, kind, pool),
    n,
    k: isWeights ? images * sizeOf(window.output) : depth,
  };
};

/** Rows of a product: pixels that go back are numbered by whole strides, so there may be more than the image has. */
function rowsOf(
  { input, output, stride }: Window,
  images: number,
  kind: WindowCall["kind"],
  pool: Window | undefined,
): number {
  if (pool !== undefined) return images * sizeOf(pool.output) * tapsOf(pool);
  if (kind === "forth") return images * sizeOf(output);
  return images * sizeOf(input.map((length, axis) => Math.ceil(length / stride[axis]) * stride[axis]));
}

/**
 * Kernels that gather: plain products' but those that split K or round to f16. To find an element of A costs a GPU more than
 * its multiply-adds, and a large tile finds it for more of them: unless most of the tile is empty, it is better.
 */
const variantsOf = (call: WindowCall, profile: AdapterProfile): readonly MatmulVariant[] =>
  matmulVariants(productOf(call), { ...profile, matrixUnit: undefined }, (shared, inRegisters) =>
    areaOf(call, shared) <= 3 * areaOf(call, inRegisters) ? shared : inRegisters,
  ).filter(({ splitsK }) => splitsK !== true);

/** Elements of the result's tiles, those beyond its edges among them. */
const areaOf = (call: WindowCall, variant: MatmulVariant): number =>
  tilesOf(productOf(call), variant) * variant.rows * variant.columns;

export function windowVariants(call: WindowCall, profile: AdapterProfile): Variants {
  const { m, n, k } = productOf(call);
  const sizes = [m, n, k].map(powerOfTwo).join("x");
  return {
    family: "windowProduct",
    problem: `${call.kind} ${call.groups === 1 ? "" : `${powerOfTwo(call.groups)} of `}${sizes}`,
    names: variantsOf(call, profile).map(({ name }) => name),
  };
}

/** Whether the device's choice is a kernel of one subgroup a tile. */
export const isSubgroupKernel = (call: WindowCall, profile: AdapterProfile): boolean =>
  chosen(windowVariants(call, profile), profile).startsWith("subgroup");

/** Whether kernels store rows of whole vec4s. */
export const storesWindowFours = ({ columns, groups }: WindowCall): boolean => (columns / groups) % 4 === 0;

/** The kernels; images are input 0, B is input 1, the result output 0. */
export function planWindowProduct(call: WindowCall, profile: AdapterProfile): KernelPlan {
  const { window, groups, images, channels, columns, kind, pool } = call;
  const { m, n, k } = productOf(call);
  if (m * n * groups === 0) return { calls: [] };
  const name = chosen(windowVariants(call, profile), profile);
  const variant = variantsOf(call, profile).find((each) => each.name === name)!;
  const isSubgroup = name.startsWith("subgroup");
  const inner = channels / groups;
  const isWeights = kind === "weights";
  const imagesInside = isSubgroup && hasImagesInside(call);
  const isFew = isWeights && name === "subgroup-32x32" && m <= 16 && n > 4;
  const form: WindowForm = {
    isBack: kind === "back",
    sumsPlaces: isWeights,
    imagesInside,
    isBounded: kind === "back" || isBounded(window),
    a: isFew ? "any" : readingOf(inner, isSubgroup, isWeights),
    isAligned: storesWindowFours(call),
    isLong: k >= manyTerms,
    isNarrow: isSubgroup && n <= 4,
    pools: pool !== undefined,
    ...(isFew ? { fewBlocks: Math.ceil(m / 4) } : {}),
  };
  const [rowTiles, columnTiles] = [Math.ceil(m / variant.rows), Math.ceil(n / variant.columns)];
  const { parts, part } = isWeights
    ? partsOf(call, rowTiles * columnTiles * groups, isSubgroup, imagesInside, profile)
    : { parts: 1, part: 0 };
  const [source, target]: [Pair, Pair] =
    kind === "back" ? [window.output, window.input] : [window.input, window.output];
  const tiles = rowTiles * columnTiles * groups * parts;
  const depth = isWeights && !isSubgroup ? part : k;
  const product: KernelCall = {
    shader: isSubgroup ? (isWeights ? weightsSubgroup : productSubgroup) : gathering(variant.shader),
    hooks: windowHooks(variant, isSubgroup, form),
    sizes: [
      ...[m, n, depth, rowTiles, columnTiles, tiles, 1],
      // Which of its axes is the inner one.
      ...(isWeights ? [1, 0] : [0, 1]),
      ...[1, 0, depth],
      ...[1, 1, 1, 1],
      ...(pool === undefined ? [0, 0, 0, 0] : [...pool.output, ...pool.size]),
      ...[0, 0, 0, 0],
      ...[...source, ...target, ...window.size, ...window.stride, ...window.dilation, ...window.before],
      ...[images, inner, channels, columns],
      ...[isWeights ? m : images * sizeOf(target), parts, part, 0],
    ],
    operands: [input(0), input(1), parts === 1 ? output(0) : scratch(0, "read_write")],
    workgroups: grid(tiles, profile),
  };
  if (parts === 1) return { calls: [product] };
  const partial: Spec = { shape: [parts, m, columns], dtype: "f32" };
  const specs = [partial];
  const total = sumCalls(partial, [0], scratch(0, "read"), output(0), specs, profile);
  return { calls: [product, ...total], scratch: specs };
}

function readingOf(inner: number, isSubgroup: boolean, isWeights: boolean): WindowForm["a"] {
  if (isWeights) return inner % 4 === 0 ? "fours" : "any";
  return isSubgroup && inner % 2 === 0 ? "pairs" : "any";
}

/** Numbers that partial sums may hold in memory. */
const mostPartials = 2 ** 24;
/** Places that a part has at least. */
const fewestPlaces = 256;

/** Into how many parts the places are cut: the gradient of few weights is few tiles, which sum up many. */
function partsOf(
  { window, images, columns, channels, groups }: WindowCall,
  tiles: number,
  isSubgroup: boolean,
  imagesInside: boolean,
  profile: AdapterProfile,
): { parts: number; part: number } {
  const places = images * sizeOf(window.output);
  // A subgroup's kernel cuts whole runs.
  const unit = isSubgroup ? (imagesInside ? images : window.output[1]) : 1;
  const units = places / Math.max(1, unit);
  const wanted = Math.ceil(numbersOf(profile).weightTiles / Math.max(1, tiles));
  const elements = tapsOf(window) * (channels / groups) * columns;
  const most = Math.min(
    wanted,
    Math.floor(places / fewestPlaces),
    Math.floor(mostPartials / elements),
    units,
  );
  if (most < 2) return { parts: 1, part: isSubgroup ? Math.max(1, units) : places };
  const part = Math.ceil(units / most);
  return { parts: Math.ceil(units / part), part };
}

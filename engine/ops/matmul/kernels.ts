// The dispatches of a product: which kernel, specialised how, over what grid.

import splitSumSource from "../../../shaders/matmul-split-sum.wgsl";
import { sizeOf } from "../../base/shape.ts";
import {
  type AdapterProfile,
  grid,
  input,
  type KernelCall,
  type KernelPlan,
  type Operand,
  output,
  scratch,
  shader,
  type Variants,
} from "../../kernel/kernel.ts";
import { longSumSource } from "../../kernel/long-sums.ts";
import { chosen, powerOfTwo } from "../../kernel/variants.ts";
import { type BatchAxis, folded, type Product } from "./product.ts";
import { chooseReadings, elementTypes, hooksOf, type Readings, readAny, storeAny } from "./readings.ts";
import { hasLongSums, type MatmulVariant, matmulVariants, splitOf } from "./variants.ts";

const splitSumShader = shader("matmul-split-sum", `${splitSumSource}\n${longSumSource}`);

/** What the tests force; left out, the device and the product decide. */
export interface MatmulChoice {
  readonly variant?: MatmulVariant;
  /** Read element by element, whatever the sizes. */
  readonly readAny?: boolean;
}

/** Whether the kernels of a product store its rows in whole vec4s. */
export const storesFours = (whole: Product, profile: AdapterProfile): boolean =>
  chooseReadings(folded(whole).product, profile)[2] === "fours";

/** The dispatches of a matmul whose operands are inputs 0 and 1 and whose result is output 0. */
export function planMatmul(whole: Product, profile: AdapterProfile, choice: MatmulChoice = {}): KernelPlan {
  const { product, axes } = folded(whole);
  const { batch, m, n, k } = product;
  if (sizeOf(batch) * m * n === 0) return { calls: [] };
  const variant = choice.variant ?? variantOf(whole, profile);
  const readings = choice.readAny === true ? readAny : chooseReadings(product, profile);
  const split = variant.splitsK === true ? splitOf(whole, variant, profile) : undefined;
  if (split === undefined)
    return {
      calls: [productCall(product, variant, readings, { axes, length: k, last: k }, output(0), profile)],
    };
  // Each part is a product of its own, along a further batch axis that walks along K.
  const { parts, length } = split;
  const [aStep, bStep] = [product.transposeA ? m : 1, product.transposeB ? 1 : n];
  const walk = {
    axes: [{ length: parts, a: length * aStep, b: length * bStep }, ...axes],
    length,
    last: k - (parts - 1) * length,
  };
  // Sums of B's columns may ride on A^T B: their parts lie behind C's.
  const rows = Number(product.transposeA);
  return {
    scratch: [{ shape: [...batch, parts, m + rows, n], dtype: "f32" }],
    calls: [
      productCall(product, variant, readings, walk, scratch(0, "read_write"), profile),
      splitSumCall(product, parts, rows, readings[2], profile),
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

/** Words of `Window` in product.wgsl, filled up to whole vec4s: nothing is gathered. */
const noWindow: readonly number[] = new Array<number>(20).fill(0);

function productCall(
  product: Product,
  variant: MatmulVariant,
  readings: Readings,
  { axes, length, last }: Walk,
  result: Operand,
  profile: AdapterProfile,
): KernelCall {
  const { m, n, k, transposeA, transposeB } = product;
  const rowTiles = Math.ceil(m / variant.rows);
  const columnTiles = Math.ceil(n / variant.columns);
  const isSmall = (extent: number, tile: number) => ((extent - 1) % tile) + 1 <= 4;
  const tiles = axes.reduce((count, axis) => count * axis.length, rowTiles * columnTiles);
  const four = (pick: (axis: BatchAxis) => number, none: number) =>
    Array.from({ length: 4 }, (_, i) => (i < axes.length ? pick(axes[i]) : none));
  return {
    shader: variant.shader,
    hooks: hooksOf(
      variant,
      {
        long: hasLongSums(product),
        short: isSmall(m, variant.rows),
        narrow: isSmall(n, variant.columns),
        batched: axes.length > 0,
      },
      readings,
    ),
    sizes: [
      ...[m, n, length, rowTiles, columnTiles, tiles, 1],
      ...(transposeA ? [1, m] : [k, 1]),
      ...(transposeB ? [k, 1] : [1, n]),
      last,
      ...four((axis) => axis.length, 1),
      ...four((axis) => axis.a, 0),
      ...four((axis) => axis.b, 0),
      ...noWindow,
    ],
    operands: [input(0), input(1), result],
    workgroups: grid(tiles, profile),
  };
}

function splitSumCall(
  { batch, m, n }: Product,
  parts: number,
  more: number,
  c: Readings[2],
  profile: AdapterProfile,
): KernelCall {
  const quads = Math.ceil(n / 4);
  const matrices = sizeOf(batch);
  const items = (matrices * m + more) * quads;
  return {
    shader: splitSumShader,
    hooks: {
      aliases: { CElement: elementTypes[c] },
      functions: c === "any" ? { store: storeAny } : {},
    },
    sizes: [m, n, parts, quads, items, 0, matrices],
    operands: [scratch(0, "read"), output(0)],
    workgroups: grid(Math.ceil(items / 64), profile),
  };
}

/** A product's variants, for the device to choose from. */
export function productVariants(product: Product, profile: AdapterProfile): Variants {
  const { batch, m, n, k, transposeA, transposeB } = product;
  const sizes = [m, n, k].map(powerOfTwo).join("x");
  const matrices = sizeOf(batch) > 1 ? `${powerOfTwo(sizeOf(batch))} of ` : "";
  return {
    family: "matmul",
    problem: `${hasLongSums(product) ? "long " : ""}${matrices}${transposeA ? "A^T" : "A"} ${transposeB ? "B^T" : "B"} ${sizes}`,
    names: matmulVariants(product, profile).map(({ name }) => name),
  };
}

/** The one that the device uses. */
function variantOf(product: Product, profile: AdapterProfile): MatmulVariant {
  const name = chosen(productVariants(product, profile), profile);
  return matmulVariants(product, profile).find((variant) => variant.name === name)!;
}

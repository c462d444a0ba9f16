// How the kernels of products are specialised to how A, B and C lie in memory: the WGSL through which they read and store.

import type { Hooks } from "../kernel.ts";
import { sizeOf } from "../shape.ts";
import type { Product } from "./matmul-product.ts";
import type { MatmulVariant } from "./matmul-variants.ts";

/**
 * How an operand is read, four neighbours across K at k and k + 1:
 * - `pairs`: K is its inner axis and even; one vec2 for each neighbour.
 * - `fours`: the other axis is the inner one and a multiple of 4; one vec4 for each k.
 * - `any`: element by element, at strides from the size buffer; every layout, at 1.5 times the cost on lavapipe.
 */
export type Reading = "pairs" | "fours" | "any";

/** Multiply-adds from which on a pipeline for just this mixture of readings is worth its compile time (0.3 s). */
const largeProduct = 2 ** 25;

/** Reading of A, of B, and whether rows of C are whole vec4s. */
export type Readings = readonly [a: Reading, b: Reading, c: "fours" | "any"];
export const readAny: Readings = ["any", "any", "any"];

/** Few mixtures are used, because each is a pipeline: the four of `pairs` and `fours`, and `any` for all the rest. */
export function chooseReadings({ batch, m, n, k, transposeA, transposeB }: Product): Readings {
  const read = (alongK: boolean, across: number): Reading => {
    if (alongK) return k % 2 === 0 ? "pairs" : "any";
    return across % 4 === 0 ? "fours" : "any";
  };
  const own: Readings = [read(!transposeA, m), read(transposeB, n), n % 4 === 0 ? "fours" : "any"];
  const isLarge = sizeOf(batch) * m * n * k >= largeProduct;
  return own.includes("any") && !isLarge ? readAny : own;
}

export const elementTypes = { pairs: "vec2f", fours: "vec4f", any: "f32" } as const;

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

export const storeAny = `fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if (row < sizes.m && column < sizes.n) {
    let at = (matrix * sizes.m + row) * sizes.n + column;
    let count = min(sizes.n - column, 4u);
    c[at] = value.x;
    if (count > 1u) { c[at + 1u] = value.y; }
    if (count > 2u) { c[at + 2u] = value.z; }
    if (count > 3u) { c[at + 3u] = value.w; }
  }
}`;

/** Whether the last tiles have four rows, or four columns, at most, and the variant has code for those. */
export interface SmallTiles {
  readonly short: boolean;
  readonly narrow: boolean;
}

const hooksByKey = new Map<string, Hooks>();

/** The same object for the same specialisation, so that caches may go by identity. */
export function hooksOf(variant: MatmulVariant, small: SmallTiles, [a, b, c]: Readings): Hooks {
  const { shader } = variant;
  const consts = {
    ...variant.consts,
    ...(small.short ? { has_short_tile: "true" } : {}),
    ...(small.narrow ? { has_narrow_tile: "true" } : {}),
  };
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

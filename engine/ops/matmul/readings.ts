// How the kernels of products are specialised to how A, B and C lie in memory: the WGSL through which they read and
// store.

import type { DType } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import type { AdapterProfile, Hooks, Spec } from "../../kernel/kernel.ts";
import { scalarTypes } from "../pointwise/pointwise-code.ts";
import type { Product } from "./product.ts";
import type { MatmulVariant } from "./variants.ts";

/**
 * How an operand is read, four neighbours across K at k and k + 1:
 * - `pairs`: K is its inner axis and even; one vec2 for each neighbour.
 * - `fours`: the other axis is the inner one and a multiple of 4; one vec4 for each k.
 * - `any`: element by element, at strides from the size buffer; every layout, at 1.5 times the cost on lavapipe.
 * - `row`: the other axis is the inner one, of any length: `any` with one address for four neighbours. Behind the last
 *   column it reads on, into the next row or behind the last one, which gives numbers that are never stored.
 */
export type Reading = "pairs" | "fours" | "any" | "row";

/** Multiply-adds from which on a software adapter's pipeline for just this mixture of readings is worth its compile time (0.3 s). */
const largeProduct = 2 ** 25;

/** Reading of A, of B, and whether rows of C are whole vec4s. */
export type Readings = readonly [a: Reading, b: Reading, c: "fours" | "any"];
export const readAny: Readings = ["any", "any", "any"];

/** Where pipelines take long to compile few mixtures are used: the four of `pairs` and `fours`, and `any` for all the rest. */
export function chooseReadings(
  { batch, m, n, k, transposeA, transposeB }: Product,
  profile: AdapterProfile,
): Readings {
  const read = (alongK: boolean, across: number): Reading => {
    if (alongK) return k % 2 === 0 ? "pairs" : "any";
    if (across % 4 === 0) return "fours";
    return numbersOf(profile).compilesSlowly ? "any" : "row";
  };
  const own: Readings = [read(!transposeA, m), read(transposeB, n), n % 4 === 0 ? "fours" : "any"];
  const isCheap = !numbersOf(profile).compilesSlowly || sizeOf(batch) * m * n * k >= largeProduct;
  return own.includes("any") && !isCheap ? readAny : own;
}

export const elementTypes = { pairs: "vec2f", fours: "vec4f", any: "f32", row: "f32" } as const;

/** How an operand, or a source of what makes it, is read at k and at k + 1, each as a register. */
export interface Load {
  /** Of the binding's elements. */
  readonly type: string;
  /** Statements. */
  readonly code: readonly string[];
  readonly first: string;
  readonly second: string;
}

/** The indices that a reading needs, from `address` and `k` as in the kernels. */
export const places: Record<Reading, (name: "a" | "b") => string> = {
  pairs: () => "let at = address + k / 2u;",
  fours: (name) => {
    const step = `(sizes.${name === "a" ? "m" : "n"} / 4u)`;
    return `let p = address.x + k * ${step};
  let q = address.x + min(k + 1u, sizes.k - 1u) * ${step};`;
  },
  any: (name) => places4("address", name, ""),
  row: (name) => places4("address.x", name, " + vec4u(0u, 1u, 2u, 3u)"),
};

const places4 = (
  address: string,
  name: string,
  lanes: string,
) => `let p = ${address} + k * sizes.${name}_k${lanes};
  let q = ${address} + min(k + 1u, sizes.k - 1u) * sizes.${name}_k${lanes};`;

const four = (code: (lane: string) => string): string => ["x", "y", "z", "w"].map(code).join(", ");

/** A register of what the binding holds: masks are words of 0 or 1 there. */
export const register = (dtype: DType, code: string): string =>
  dtype === "bool" ? `(${code} != vec4u())` : code;

function singles({ dtype }: Pick<Spec, "dtype">, binding: string): Load {
  const at = (index: string) =>
    dtype === "u8"
      ? `((vec4u(${four((lane) => `${binding}[${index}.${lane} >> 2u]`)}) >> ((${index} & vec4u(3u)) * 8u)) & vec4u(255u))`
      : register(dtype, `vec4<${scalarTypes[dtype]}>(${four((lane) => `${binding}[${index}.${lane}]`)})`);
  return { type: scalarTypes[dtype], code: [], first: at("p"), second: at("q") };
}

export const loads4: Record<Reading, (spec: Pick<Spec, "dtype">, binding: string) => Load> = {
  pairs({ dtype }, binding) {
    const [first, second] = [`${binding}_first`, `${binding}_second`];
    if (dtype === "u8") {
      return {
        type: "u32",
        code: [
          `let ${binding}_bytes = vec4u(${four((lane) => `${binding}[at.${lane} >> 1u]`)}) >> ((at & vec4u(1u)) * 16u);`,
          `let ${first} = ${binding}_bytes & vec4u(255u);`,
          `let ${second} = (${binding}_bytes >> vec4u(8u)) & vec4u(255u);`,
        ],
        first,
        second,
      };
    }
    const scalar = scalarTypes[dtype];
    const pair = (lane: string) => `${binding}_${lane}`;
    const both = (half: string) =>
      register(dtype, `vec4<${scalar}>(${four((lane) => `${pair(lane)}.${half}`)})`);
    return {
      type: `vec2<${scalar}>`,
      code: [
        ...["x", "y", "z", "w"].map((lane) => `let ${pair(lane)} = ${binding}[at.${lane}];`),
        `let ${first} = ${both("x")};`,
        `let ${second} = ${both("y")};`,
      ],
      first,
      second,
    };
  },
  fours({ dtype }, binding) {
    const at = (index: string) =>
      dtype === "u8"
        ? `((vec4u(${binding}[${index}]) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u))`
        : register(dtype, `${binding}[${index}]`);
    const type = dtype === "u8" ? "u32" : `vec4<${scalarTypes[dtype]}>`;
    return { type, code: [], first: at("p"), second: at("q") };
  },
  any: singles,
  row: singles,
};

/** address_a and load_a, or address_b and load_b, for a reading. */
export function loadFunctions(name: "a" | "b", reading: Reading): Record<string, string> {
  const [extent, across] = name === "a" ? ["sizes.m", "sizes.a_row"] : ["sizes.n", "sizes.b_column"];
  const clamped = `min(first + vec4u(0u, 1u, 2u, 3u), vec4u(${extent} - 1u)) * ${across}`;
  const singly = `start + ${clamped}`;
  const start = {
    pairs: `(${singly}) / 2u`,
    fours: `vec4u((start + min(first, ${extent} - 4u)) / 4u)`,
    any: singly,
    row: singly,
  }[reading];
  const { code, first, second } = loads4[reading]({ dtype: "f32" }, name);
  return {
    [`address_${name}`]: `fn address_${name}(start: u32, first: u32) -> vec4u {
  return ${start};
}`,
    [`load_${name}`]: loadFunction(name, reading, code, `Pair(${first}, ${second})`),
  };
}

/** The function through which a kernel reads an operand. */
export const loadFunction = (
  name: "a" | "b",
  reading: Reading,
  code: readonly string[],
  pair: string,
): string => `fn load_${name}(address: vec4u, k: u32) -> Pair {
  ${[places[reading](name), ...code, `return ${pair};`].join("\n  ")}
}`;

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

/** Of what needs code of its own, what a product has; only `matmul-subgroup.wgsl` leaves out what is not there. */
export interface Extent {
  /** Last tiles of four rows, or of four columns, at most. */
  readonly short: boolean;
  readonly narrow: boolean;
  /** Several matrices. */
  readonly batched: boolean;
  /** Sums so long that they are made of blocks. */
  readonly long: boolean;
}

const hooksByKey = new Map<string, Hooks>();

/** The same object for the same specialisation, so that caches may go by identity. */
export function hooksOf(variant: MatmulVariant, extent: Extent, [a, b, c]: Readings): Hooks {
  const { shader } = variant;
  const consts = {
    ...variant.consts,
    ...(variant.leavesOut === true
      ? {
          has_short_tile: `${extent.short}`,
          has_narrow_tile: `${extent.narrow}`,
          has_batch: `${extent.batched}`,
        }
      : {}),
    ...(extent.long ? { long_k: "true" } : {}),
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

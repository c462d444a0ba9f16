// How the kernels of window products are specialised: what a call gathers, how it reads and how it stores.

import type { Hooks } from "../../kernel/kernel.ts";
import { elementTypes, loadFunctions } from "../matmul/readings.ts";
import type { MatmulVariant } from "../matmul/variants.ts";

/** What a kernel's text depends on; sizes are told at run time. */
export interface WindowForm {
  /** Rows are pixels that go back to the places that read them; else places of the window. */
  readonly isBack: boolean;
  /** K goes over places, in the gradient of weights; else over taps and channels. */
  readonly sumsPlaces: boolean;
  /** Rows, or K, go over the images first and then from place to place. */
  readonly imagesInside: boolean;
  /** Whether the window may reach past the images. */
  readonly isBounded: boolean;
  /** How A is read: pairs or fours of channels, or one by one. */
  readonly a: "pairs" | "fours" | "any";
  /** Whether rows of B, and of C, are whole vec4s in every group. */
  readonly isAligned: boolean;
  /** Sums so long that they are made of blocks. */
  readonly isLong: boolean;
  /** Four columns of a group at most: a subgroup's lanes have rows of their own. */
  readonly isNarrow: boolean;
  /** Whether four rows are what a window of pooling sees, and their largest values are all that is stored. */
  readonly pools?: boolean;
  /** Blocks of four rows that C has, of a gradient of weights with so few that lanes load two rows each. */
  readonly fewBlocks?: number;
}

/** `elements` by how A is read; as it stands it serves pairs. */
const elements: Record<WindowForm["a"], string | undefined> = {
  pairs: undefined,
  fours: "fn elements(at: vec4u) -> vec4f {\n  return a[at.x / 4u];\n}",
  any: "fn elements(at: vec4u) -> vec4f {\n  return vec4f(a[at.x], a[at.y], a[at.z], a[at.w]);\n}",
};

const elementsOfFew = (blocks: number): string =>
  `fn elements(at: vec4u) -> vec4f {\n  return vec4f(a[at.x], ${blocks > 2 ? "a[at.y]" : "0.0"}, 0.0, 0.0);\n}`;

const columnsAny = `fn columns_at(address: u32, k: u32) -> vec4f {
  let columns = min(vec4u(address, address + 1u, address + 2u, address + 3u), vec4u(sizes.n - 1u));
  let at = own_group * sizes.n + columns + k * sizes.window.columns;
  return vec4f(b[at.x], b[at.y], b[at.z], b[at.w]);
}`;

const addressAny = "fn column_address(column: u32) -> u32 {\n  return column;\n}";

const storeAt =
  "((own_part * sizes.window.rows + row) * sizes.window.columns + own_group * sizes.n + column)";

const storeFours = `fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if (row < sizes.window.rows && column < sizes.n) {
    c[${storeAt} / 4u] = value;
  }
}`;

const storeAny = `fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if (row < sizes.window.rows && column < sizes.n) {
    let at = ${storeAt};
    let count = min(sizes.n - column, 4u);
    c[at] = value.x;
    if (count > 1u) { c[at + 1u] = value.y; }
    if (count > 2u) { c[at + 2u] = value.z; }
    if (count > 3u) { c[at + 3u] = value.w; }
  }
}`;

/** For the kernels of plain products: every element is found by itself. */
const byElement: Readonly<Record<string, string>> = {
  matrix_starts: "fn matrix_starts(matrix: u32) -> vec2u {\n  enter_matrix(matrix);\n  return vec2u();\n}",
  address_a:
    "fn address_a(start: u32, row: u32) -> Address {\n  return places_of(row + vec4u(0u, 1u, 2u, 3u));\n}",
  load_a:
    "fn load_a(address: Address, k: u32) -> Pair {\n  return Pair(gathered(address, k), gathered(address, k + 1u));\n}",
  address_b:
    "fn address_b(start: u32, column: u32) -> Address {\n  return Places(vec4u(column_address(column)), vec4u(), vec4u());\n}",
};

const loadB = (at: string, value: (k: string) => string): string =>
  `fn load_b(address: Address, k: u32) -> Pair {\n  ${at}return Pair(${value("k")}, ${value("min(k + 1u, sizes.k - 1u)")});\n}`;

/** A part of the places may end before K does: zeros there, as on A's side. */
const partOfB = loadB(
  "let first = own_part * sizes.window.part;\n  let end = sizes.window.images * sizes.window.extent.z * sizes.window.extent.w;\n  ",
  (k) => `select(vec4f(), columns_at(address.start.x, min(first + ${k}, end - 1u)), first + ${k} < end)`,
);

const flatTake =
  "fn take(places: Places, base: vec4u, k: u32) -> Pair {\n  return Pair(gathered(places, k), gathered(places, k + 1u));\n}";

/** In a subgroup's kernel, where nothing reads A by its plain address. */
const noPlainLoad = "fn load_a(address: Address, k: u32) -> Pair {\n  return Pair();\n}";

/** Four rows that follow each other are what a window of pooling sees (a_batch: its places, and its taps). */
const pooledSpots = `fn spots_of(row: vec4u) -> Places {
  let pool = sizes.a_batch;
  let place = row / 4u;
  let tap = row % 4u;
  let places = pool.x * pool.y;
  let image = select(place / places, place % sizes.window.images, images_inside);
  let at = select(place % places, place / sizes.window.images, images_inside);
  return Places(image, at / pool.y * pool.z + tap / pool.w, at % pool.y * pool.w + tap % pool.w);
}`;

const hooksByKey = new Map<string, Hooks>();

/** The same object for the same specialisation, so that caches may go by identity. */
export function windowHooks(variant: MatmulVariant, isSubgroup: boolean, form: WindowForm): Hooks {
  const key = `${variant.name} ${JSON.stringify(form)}`;
  let hooks = hooksByKey.get(key);
  if (hooks === undefined) {
    const ofElements = elements[form.a];
    const isFlat = isSubgroup && !form.sumsPlaces && form.a === "any";
    hooks = {
      consts: {
        ...variant.consts,
        // What gathers one step needs registers enough.
        ...(variant.consts.steps === undefined ? {} : { steps: "1u" }),
        ...(variant.consts.across === "2u" ? { depth: "8u" } : {}),
        is_back: `${form.isBack}`,
        sums_places: `${form.sumsPlaces}`,
        images_inside: `${form.imagesInside}`,
        ...(isSubgroup ? { is_bounded: `${form.isBounded}`, is_narrow: `${form.isNarrow}` } : {}),
        ...(isFlat ? { by_tap: "false" } : {}),
        ...(form.pools ? { pools: "true" } : {}),
        ...(form.fewBlocks === undefined ? {} : { has_few_rows: "true", blocks: `${form.fewBlocks}u` }),
        ...(form.isLong ? { long_k: "true" } : {}),
      },
      aliases: {
        AElement: elementTypes[form.a],
        BElement: form.isAligned ? "vec4f" : "f32",
        CElement: form.isAligned ? "vec4f" : "f32",
        ...(isSubgroup ? {} : { Address: "Places" }),
      },
      functions: {
        ...(ofElements === undefined ? {} : { elements: ofElements }),
        ...(form.fewBlocks === undefined ? {} : { elements: elementsOfFew(form.fewBlocks) }),
        ...(form.isAligned ? {} : { columns_at: columnsAny, column_address: addressAny }),
        store: form.isAligned ? storeFours : storeAny,
        ...(isSubgroup
          ? {
              ...plainB(form.isAligned),
              load_a: form.a === "pairs" ? loadFunctions("a", "pairs").load_a : noPlainLoad,
            }
          : {
              ...byElement,
              load_b: form.sumsPlaces ? partOfB : loadB("", (k) => `columns_at(address.start.x, ${k})`),
              ...(form.sumsPlaces
                ? {}
                : { rows_of: "fn rows_of(row: u32) -> vec4u {\n  return result_rows(row);\n}" }),
            }),
        ...(isFlat ? { take: flatTake } : {}),
        ...(form.pools ? { spots_of: pooledSpots } : {}),
      },
    };
    hooksByKey.set(key, hooks);
  }
  return hooks;
}

/** Nothing reads B by its plain address there either, but it must compile. */
const plainB = (isAligned: boolean): Readonly<Record<string, string>> =>
  isAligned ? {} : { load_b: "fn load_b(address: Address, k: u32) -> Pair {\n  return Pair();\n}" };

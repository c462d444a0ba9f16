// The kernels of row normalization: how a tensor is seen by them, which variants there are, and their dispatches.

import rowsSource from "../../../shaders/normalized-rows.wgsl";
import ownRowsSource from "../../../shaders/own-rows.wgsl";
import rowNormSource from "../../../shaders/row-norm.wgsl";
import gradientSource from "../../../shaders/row-norm-gradient.wgsl";
import gradientsSubgroupSource from "../../../shaders/row-norm-gradients-subgroup.wgsl";
import rowNormSubgroupSource from "../../../shaders/row-norm-subgroup.wgsl";
import varianceSource from "../../../shaders/row-variance.wgsl";
import subgroupRowsSource from "../../../shaders/subgroup-rows.wgsl";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import {
  type AdapterProfile,
  grid,
  type HookBinding,
  type KernelCall,
  type Operand,
  type Shader,
  type SizeWord,
  type Spec,
  shader,
  type Variants,
} from "../../kernel/kernel.ts";
import { longSumSource, plainSums, termAliases } from "../../kernel/long-sums.ts";
import { chosen } from "../../kernel/variants.ts";
import { joined, rowHooks, rowSources, rowVariants } from "../reduce/shared-rows.ts";

// A tensor is seen as [outer, middle, groups, inner]: what has the same outer index and group is normalized together,
// and gamma and beta are [groups * inner].

const rowsShader = (name: string, ...sources: string[]): Shader =>
  shader(name, [longSumSource, ownRowsSource, rowsSource, ...sources].join("\n"));

/** Of a normalization, and of its gradient for x. */
export const rowShaders = {
  forward: rowsShader("row-norm", varianceSource, rowNormSource),
  gradient: rowsShader("row-norm-gradient", gradientSource),
};

/** The same for short rows on software adapters; the gradient is that of gamma and beta, too. */
export const subgroupShaders = {
  forward: shader(
    "row-norm-subgroup",
    [subgroupRowsSource, varianceSource, rowNormSubgroupSource].join("\n"),
  ),
  gradients: shader(
    "row-norm-gradients-subgroup",
    [subgroupRowsSource, gradientsSubgroupSource, longSumSource].join("\n"),
  ),
};

const sourcesOf = (shaders: Readonly<Record<string, Shader>>): string =>
  Object.values(shaders)
    .map(({ source }) => source)
    .join("\n");

/** @internal What the families of normalizations depend on here: those of rows, and those of short rows. */
export const rowNormSources: string = `${sourcesOf(rowShaders)}\n${rowSources}`;
export const shortRowSources: string = sourcesOf(subgroupShaders);

export interface RowNormAttrs {
  /** Lengths of the view's last three axes; the outer one takes what is left. */
  readonly middle: number;
  readonly groups: number;
  readonly inner: number;
  readonly epsilon: number;
  /** Whether the mean is taken away. */
  readonly centered: boolean;
}

/** Units that the kernels add up before they join a total: a thread that has no more adds one block to nothing. */
const blockUnits = 64;

/** A row's elements. */
export const countOf = ({ middle, inner }: RowNormAttrs) => middle * inner;
export const rowsIn = (x: Spec, attrs: RowNormAttrs) => sizeOf(x.shape) / countOf(attrs);
export const pixelsIn = (x: Spec, { groups, inner }: RowNormAttrs) => sizeOf(x.shape) / (groups * inner);

export function checkRows(
  op: string,
  specs: readonly Spec[],
  attrs: RowNormAttrs,
  parameters: readonly Spec[],
): void {
  const [x] = specs;
  for (const spec of [...specs, ...parameters]) {
    if (spec.dtype !== "f32") throw new DTypeError(`${op}: takes f32, got ${spec.dtype}; use cast(x, "f32")`);
  }
  if (countOf(attrs) === 0 || !Number.isInteger(rowsIn(x, attrs))) {
    throw new ShapeError(`${op}: x ${showShape(x.shape)} has no elements to normalize together`);
  }
  const wanted = attrs.groups * attrs.inner;
  parameters.forEach((spec, k) => {
    if (sizeOf(spec.shape) === wanted) return;
    throw new ShapeError(
      `${op}: ${["gamma", "beta"][k]} ${showShape(spec.shape)} must hold ${wanted} values for x ${showShape(x.shape)}`,
    );
  });
}

export const statistics = (x: Spec, attrs: RowNormAttrs): Spec => ({
  shape: [rowsIn(x, attrs)],
  dtype: "f32",
});

/** Elements that the kernels take at a time: whole vec4s where channels come in such. */
export const unitOf = ({ inner }: RowNormAttrs) => (inner % 4 === 0 ? 4 : 1);

export function variantsFor(kernel: Shader, x: Spec, attrs: RowNormAttrs, profile: AdapterProfile): Variants {
  const length = countOf(attrs);
  return rowVariants(
    "rowNorm",
    kernel,
    { rows: rowsIn(x, attrs), length, steps: length / unitOf(attrs) },
    profile,
  );
}

/** The dispatch of a kernel that stands behind normalized-rows.wgsl; `parameters` names those it has bindings for. */
export function rowsCall(
  kernel: Shader,
  x: Spec,
  attrs: RowNormAttrs,
  profile: AdapterProfile,
  operands: readonly Operand[],
  bindings: readonly HookBinding[],
  functions: Readonly<Record<string, string>>,
): KernelCall {
  const { middle, groups, inner, epsilon, centered } = attrs;
  const per = unitOf(attrs);
  const isWide = per === 4;
  const length = countOf(attrs) / per;
  const rows = rowsIn(x, attrs);
  const hooks = rowHooks(
    variantsFor(kernel, x, attrs, profile),
    numbersOf(profile).workgroup,
    { rows, steps: length, width: per },
    { total_of: joined("total_of", "f32", "a + b") },
    profile,
  );
  const own: Record<string, string> = { ...hooks.functions };
  if (!isWide) {
    own.add_lanes = "fn add_lanes(value: Unit) -> f32 {\n  return value;\n}";
    own.store = "fn store(row: u32, column: u32, value: Unit) {\n  c[row * sizes.width + column] = value;\n}";
  }
  if (middle === 1) {
    own.place_of =
      "fn place_of(i: u32, outer: u32, first: u32) -> vec2u {\n  return vec2u(outer, first + i);\n}";
  }
  const sizes: SizeWord[] = [
    ...[rows, middle, groups, inner / per, (groups * inner) / per, length],
    { f32: countOf(attrs) },
    { f32: epsilon },
    0,
  ];
  return {
    shader: kernel,
    hooks: {
      aliases: { Unit: isWide ? "vec4f" : "f32", ...termAliases(isWide ? "vec4f" : "f32") },
      consts: {
        ...hooks.consts,
        CENTERED: `${centered}`,
        UNIT_SIZE: `${per}u`,
      },
      functions: {
        ...(hooks.lanes > 1 && length <= hooks.lanes * blockUnits ? plainSums : {}),
        ...own,
        ...functions,
      },
      bindings,
    },
    sizes,
    operands,
    workgroups: grid(hooks.groups, profile),
  };
}

/** A parameter's binding. */
export const read = (name: string, binding: number, type = "array<Unit>"): HookBinding => ({
  name,
  binding,
  access: "read",
  type,
});

/** vec4s that a lane can hold of a row without its kernel becoming slow to compile. */
const mostOwn = 4;

/** Whether the lanes of a subgroup can share the rows, and hold what they have of one. */
function fitsSubgroup(attrs: RowNormAttrs, { isSoftware, subgroupSize }: AdapterProfile): boolean {
  const { middle, groups, inner } = attrs;
  const isShort = inner % 4 === 0 && inner <= 4 * mostOwn * subgroupSize;
  return isSoftware && (subgroupSize === 4 || subgroupSize === 8) && middle === 1 && groups === 1 && isShort;
}

/** Of what {@link subgroupShaders} can do for short rows; `apart` stands for the variants of {@link variantsFor}. */
export const shortRowVariants = (attrs: RowNormAttrs, profile: AdapterProfile): Variants | undefined =>
  fitsSubgroup(attrs, profile)
    ? { family: "shortRowNorm", problem: undefined, names: ["subgroup", "apart"] }
    : undefined;

/** Whether the lanes of a subgroup share rows. */
export function isInSubgroups(attrs: RowNormAttrs, profile: AdapterProfile): boolean {
  const variants = shortRowVariants(attrs, profile);
  return variants !== undefined && chosen(variants, profile) === "subgroup";
}

/** Rows that a subgroup walks at least, since it loads gamma and beta before. */
const fewestRows = 8;
/** Workgroups at most: so few that another kernel adds up their sums in one go. */
const mostChunks = 32;

/** The dispatch of a kernel that stands behind subgroup-rows.wgsl, and how many workgroups have some of the rows. */
export function subgroupCall(
  kernel: Shader,
  x: Spec,
  attrs: RowNormAttrs,
  profile: AdapterProfile,
  operands: readonly Operand[],
  bindings: readonly HookBinding[],
  functions: Readonly<Record<string, string>>,
): KernelCall & { readonly chunks: number } {
  const { inner, epsilon, centered } = attrs;
  const lanes = profile.subgroupSize;
  const [rows, width] = [rowsIn(x, attrs), inner / 4];
  const chunk = Math.max(fewestRows, Math.ceil(rows / mostChunks));
  const chunks = Math.ceil(rows / chunk);
  const own = [1, 2, 4].find((count) => count * lanes >= width)!;
  return {
    shader: kernel,
    hooks: {
      consts: { LANES: `${lanes}u`, OWN: `${own}u`, CENTERED: `${centered}` },
      functions,
      bindings,
    },
    sizes: [rows, width, chunk, { f32: inner }, { f32: epsilon }, 0],
    operands,
    workgroups: grid(chunks, profile),
    chunks,
  };
}

/** `fn name(unit: u32) -> vec4f` that gives the same for all, where a normalization has no such parameter. */
export const constantOf = (name: string, value: number): string =>
  `fn ${name}(unit: u32) -> vec4f {\n  return vec4f(${value});\n}`;

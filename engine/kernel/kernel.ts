// What the GPU is asked to do, as plain data: which shader, specialised how, bound to what, how many workgroups. Ops
// write these descriptions; backends and jit's planner read them.

import type { DType } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";

/** Shape and dtype: all that shape inference and kernel choice may look at. */
export interface Spec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A `.wgsl` file: its name (for messages) and its text, valid WGSL as it stands. */
export interface Shader {
  readonly name: string;
  readonly source: string;
}

/**
 * How a shader file is specialised. Whole named declarations are replaced, never parts of one:
 * a function by its name, a `const`, an `alias`, or a storage binding.
 */
export interface Hooks {
  /** Full text of functions, by name; a name that the file lacks is added to it. */
  readonly functions?: Readonly<Record<string, string>>;
  /** Functions that pointwise expressions call, by name: added; another function of that name is refused. */
  readonly helpers?: Readonly<Record<string, string>>;
  /** Right-hand sides of `const NAME = ...;`. */
  readonly consts?: Readonly<Record<string, string>>;
  /** Right-hand sides of `alias NAME = ...;`. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Storage bindings; one with a name that the file has replaces it, others are added. */
  readonly bindings?: readonly HookBinding[];
}

export interface HookBinding {
  readonly name: string;
  readonly binding: number;
  readonly access: "read" | "read_write" | "uniform";
  readonly type: string;
}

/** One buffer of a kernel call: an input or output of the op, or scratch memory that lives for the op only. */
export interface Operand {
  readonly role: "input" | "output" | "scratch";
  readonly index: number;
  readonly access: "read" | "read_write";
  /** Whether each dispatch says where it lies, as those of a loop do. */
  readonly moves?: boolean;
  /** Bound as a uniform, and only these bytes of it: software adapters load from uniforms without a branch for each lane. */
  readonly part?: UniformPart;
}

/** Bytes of a buffer. The first is a multiple of 256; of uniforms every adapter binds 65,536 bytes, and 12. */
export interface UniformPart {
  readonly offset: number;
  readonly size: number;
}

export const input = (index: number): Operand => ({ role: "input", index, access: "read" });
export const output = (index: number): Operand => ({ role: "output", index, access: "read_write" });
export const scratch = (index: number, access: "read" | "read_write"): Operand => ({
  role: "scratch",
  index,
  access,
});
/** An output that a second kernel of the same op reads. */
export const outputRead = (index: number): Operand => ({ role: "output", index, access: "read" });

/** A word of the size buffer: a u32, or a float stored by its bits. */
export type SizeWord = number | { readonly f32: number };

/**
 * One dispatch. Binding 0 is always the size buffer (`var<uniform> sizes: Sizes`), made once for its content;
 * binding k is `operands[k - 1]`.
 */
export interface KernelCall {
  readonly shader: Shader;
  readonly hooks?: Hooks;
  /** Values for `override` constants: where a literal buys speed. Keep distinct values few: each is a pipeline. */
  readonly constants?: Readonly<Record<string, number>>;
  readonly sizes: readonly SizeWord[];
  readonly operands: readonly Operand[];
  readonly workgroups: readonly [x: number, y: number, z: number];
}

/** Everything an op dispatches, in order, and the scratch buffers it needs meanwhile. */
export interface KernelPlan {
  readonly calls: readonly KernelCall[];
  readonly scratch?: readonly Spec[];
}

/** A product of single matrices, [m, k] times [k, n]. */
export interface MatrixShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** The variants that can compute one call. */
export interface Variants {
  readonly family: string;
  /**
   * Sizes and layout, rounded so that calls that are alike share a choice; undefined where only the favourite is fast
   * enough to be timed.
   */
  readonly problem: string | undefined;
  /** The profile's favourite first. */
  readonly names: readonly string[];
}

/** Who says which variant serves a call. */
export interface Choices {
  /** @internal */
  choose(variants: Variants): string;
}

/** What computes products by a GPU's matrix units: `float16Products`. */
export interface MatrixProducts {
  readonly operands: "float16";
  /** @internal The kernel's text, on which what is known of it depends. */
  readonly source: string;
  /** @internal The kernels that an adapter can use. */
  readonly variants: (profile: AdapterProfile) => readonly object[];
  /** @internal Of what the adapter lists, what the kernels use; undefined where they can use none of it. */
  readonly unitOf: (configs: Iterable<MatrixConfig>) => MatrixShape | undefined;
}

/** A kind of subgroup matrices, as Dawn lists it. */
export interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** What kernels may know about the adapter when they choose a variant. */
export interface AdapterProfile {
  /** A CPU pretending to be a GPU (lavapipe, SwiftShader): few workgroups with long loops win. */
  readonly isSoftware: boolean;
  /** Lanes of a subgroup where the size is fixed and subgroups are available, else 0. */
  readonly subgroupSize: number;
  /** The smallest and the largest subgroup that a kernel may ask for; undefined where it has no choice. */
  readonly subgroupSizes?: readonly [least: number, most: number];
  readonly hasF16: boolean;
  /** What the adapter's matrix units multiply, in f16, if f16 is allowed and there are any. */
  readonly matrixUnit?: MatrixShape;
  /** What computes products by it. */
  readonly matrixProducts?: MatrixProducts;
  /** Workgroups that fill the adapter; more buy nothing for kernels that loop. */
  readonly workgroupTarget: number;
  readonly maxWorkgroupsPerDimension: number;
  /** Storage buffers that one kernel may bind. */
  readonly maxStorageBuffers: number;
  /** How many of them may move from dispatch to dispatch; default 4. */
  readonly maxMovingBuffers?: number;
  /** Which kernels to take where they come in variants; absent where the favourites serve. */
  readonly choices?: Choices;
}

export interface KernelContext<A = unknown> {
  readonly inputs: readonly Spec[];
  readonly outputs: readonly Spec[];
  readonly attrs: A;
  readonly profile: AdapterProfile;
}

/** Splits a count of workgroups over x and y where one dimension's limit is too small. */
export function grid(count: number, profile: AdapterProfile): readonly [number, number, number] {
  const limit = profile.maxWorkgroupsPerDimension;
  if (count <= limit) return [count, 1, 1];
  const rows = Math.ceil(count / limit);
  return [Math.ceil(count / rows), rows, 1];
}

export const shader = (name: string, source: string): Shader => ({ name, source });

/** A float as a WGSL literal that parses back to the same f32. */
export function wgslFloat(value: number): string {
  const rounded = Math.fround(value);
  if (Object.is(rounded, -0)) return "-0.0f";
  if (Number.isNaN(rounded)) return "bitcast<f32>(non_finite(0x7fc00000u))";
  if (rounded === Number.POSITIVE_INFINITY) return "bitcast<f32>(non_finite(0x7f800000u))";
  if (rounded === Number.NEGATIVE_INFINITY) return "bitcast<f32>(non_finite(0xff800000u))";
  const text = rounded.toString();
  return `${/[.e]/.test(text) ? text : `${text}.0`}f`;
}

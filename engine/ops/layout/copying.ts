// Kernels that only move bits: each unit of the output is fetched from one place of an input, or is zero. They come in
// two variants: element by element (elements.wgsl), or along runs (copy-runs.wgsl), which find four words at once.

import copyRunsSource from "../../../shaders/copy-runs.wgsl";
import elementsSource from "../../../shaders/elements.wgsl";
import type { DType } from "../../base/dtype.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import {
  type AdapterProfile,
  grid,
  type HookBinding,
  type Hooks,
  type KernelCall,
  type Operand,
  type Shader,
  shader,
  type Variants,
} from "../../kernel/kernel.ts";
import { chosen } from "../../kernel/variants.ts";

/** Bytes moved at once: a vec4 of words, one word, or one byte (u8 only). */
export type UnitBytes = 16 | 4 | 1;

const bytesOf = (dtype: DType) => (dtype === "u8" ? 1 : 4);

/** The widest unit that all of `counts` (of elements: run lengths, strides, starts) are whole multiples of. */
export function unitOf(dtype: DType, counts: readonly number[]): UnitBytes {
  const size = bytesOf(dtype);
  if (counts.every((count) => (count * size) % 16 === 0)) return 16;
  return size === 4 || counts.every((count) => count % 4 === 0) ? 4 : 1;
}

/** Elements of `dtype` in one unit. */
export const elementsPerUnit = (dtype: DType, unit: UnitBytes) => unit / bytesOf(dtype);

const elementCode: Record<UnitBytes, string> = {
  16: "fn element(i: u32) {\n  out0[i] = fetch(source(i));\n}",
  4:
    "fn element(i: u32) {\n  let flat = i * 4u;\n  out0[i] = vec4u(fetch(source(flat)), fetch(source(flat + 1u)), " +
    "fetch(source(flat + 2u)), fetch(source(flat + 3u)));\n}",
  1:
    "fn element(i: u32) {\n  let flat = i * 4u;\n  out0[i] = fetch_byte(source(flat)) | (fetch_byte(source(flat + 1u)) << 8u) | " +
    "(fetch_byte(source(flat + 2u)) << 16u) | (fetch_byte(source(flat + 3u)) << 24u);\n}",
};

export interface Copy {
  readonly shader: Shader;
  readonly profile: AdapterProfile;
  readonly unit: UnitBytes;
  /** Units in the output, at least one. */
  readonly length: number;
  /** Words of `Sizes` after count, segment and length. */
  readonly words: readonly number[];
  readonly operands: readonly Operand[];
  /** A better `element`, where the op has one; null leaves the shader's own. */
  readonly element?: string | null;
  /** Whether the shader has a source of `none`, and WGSL of the byte that stands for it where that is not zero. */
  readonly hasNone?: boolean;
  readonly noneByte?: string;
  readonly functions?: Readonly<Record<string, string>>;
  readonly bindings?: readonly HookBinding[];
  readonly consts?: Readonly<Record<string, string>>;
  readonly aliases?: Readonly<Record<string, string>>;
}

/** One dispatch of a copying shader: these have `in0`, `out0`, the aliases Unit and Stored, `fetch` and `element`. */
export function copyCall(copy: Copy): KernelCall {
  const { shader, profile, unit, length, words, operands, element = elementCode[unit] } = copy;
  const { count, segment, workgroups } = elementsGrid(unit === 16 ? length : Math.ceil(length / 4), profile);
  const functions: Record<string, string> = { ...(element === null ? {} : { element }), ...copy.functions };
  if (unit === 1) {
    const guard = copy.hasNone ? `  if (at == none) {\n    return ${copy.noneByte ?? "0u"};\n  }\n` : "";
    functions.fetch_byte = `fn fetch_byte(at: u32) -> u32 {\n${guard}  return (in0[at >> 2u] >> ((at & 3u) * 8u)) & 255u;\n}`;
  }
  const hooks: Hooks = {
    aliases: { Unit: unit === 16 ? "vec4u" : "u32", Stored: unit === 1 ? "u32" : "vec4u", ...copy.aliases },
    functions,
    bindings: copy.bindings,
    consts: copy.consts,
  };
  return {
    shader,
    hooks,
    sizes: [count, segment, length, ...words],
    operands,
    workgroups,
  };
}

/** How elements.wgsl shares out so many calls of `element`. */
export function elementsGrid(count: number, profile: AdapterProfile) {
  const most = Math.min(Math.ceil(count / 64), profile.workgroupTarget);
  const segment = Math.ceil(count / most / 64) * 64;
  return { count, segment, workgroups: grid(Math.ceil(count / segment), profile) };
}

/** A shader whose `element` makes a part of the result; `source` is all of it but elements.wgsl. */
export const elementsShader = (name: string, source: string): Shader =>
  shader(name, `${source}\n${elementsSource}`);

export interface CopyShaders {
  readonly elements: Shader;
  readonly runs: Shader;
}

/** A shader in both variants; `source` is what stands in front of the loops. */
export const copyShaders = (name: string, source: string): CopyShaders => ({
  elements: elementsShader(name, source),
  runs: shader(`${name}-runs`, `${source}\n${copyRunsSource}`),
});

/** What the choice between them depends on, for a family's `sources`. */
export const copySources = ({ elements }: CopyShaders): string => `${elements.source}\n${copyRunsSource}`;

/** Units in the shortest run that copy-runs.wgsl takes: what its WORKGROUP makes at once. Bytes go element by element. */
const shortestRun: Readonly<Record<UnitBytes, number>> = { 16: 8, 4: 32, 1: Number.POSITIVE_INFINITY };

/** The variants of a copy in whose output so many units of the innermost axis lie side by side. */
export function copyVariants(
  family: string,
  unit: UnitBytes,
  run: number,
  profile: AdapterProfile,
): Variants | undefined {
  if (run < shortestRun[unit]) return undefined;
  // Runs take a third to nine tenths of the time on lavapipe, of eight lanes, and 1.4 to 4 times as long on SwiftShader, of
  // four. GPUs have nothing to gain: their arithmetic on indices hides behind loads.
  const isQuick = profile.subgroupSize === numbersOf(profile).lanesThatCopyRuns;
  return { family, problem: undefined, names: isQuick ? ["runs", "elements"] : ["elements", "runs"] };
}

export interface VariedCopy extends Omit<Copy, "shader" | "element" | "aliases"> {
  readonly shaders: CopyShaders;
  readonly variants: Variants | undefined;
  /** The shader's types for one unit, where it stands with those for four words side by side. */
  readonly single: Readonly<Record<string, string>>;
  /** A better `element` for words where no runs are, by a `source` of single units. */
  readonly element?: string;
}

/** The one dispatch of a copy, in the variant that the device uses. */
export function variedCopy({ shaders, variants, single, element, ...copy }: VariedCopy): KernelCall {
  const goesAlong = variants !== undefined && chosen(variants, copy.profile) === "runs";
  const isFour = copy.unit === 4 && (goesAlong || element === undefined);
  const shared: Omit<Copy, "shader"> = {
    ...copy,
    element: isFour ? null : element,
    aliases: isFour ? {} : single,
  };
  if (!goesAlong) return copyCall({ ...shared, shader: shaders.elements });
  const wide = {
    consts: { ...copy.consts, UNITS: "1u" },
    functions: {
      ...copy.functions,
      along: "fn along(i: u32, run: Run, column: u32) {\n  out0[i] = fetch(in_run(run, column));\n}",
    },
  };
  return copyCall({ ...shared, ...(isFour ? {} : wide), shader: shaders.runs });
}

// WGSL for pointwise expressions: how an input is reached under broadcasting, and a chain of expressions as one
// function body. Eager kernels (one expression) and jit's fused groups (many) are both made here.

import elementwiseSource from "../../../shaders/elementwise.wgsl";
import type { DType } from "../../base/dtype.ts";
import { broadcastStrides, sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import type { PointwiseChain, PointwiseStep } from "../../kernel/chain.ts";
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
} from "../../kernel/kernel.ts";
import { mostChainInputs } from "../../kernel/sizes.ts";

/** The kernel that pointwise chains are put into. */
export const elementwiseShader = shader("elementwise", elementwiseSource);

/** How a pointwise kernel reaches an input's elements. */
export type Access = "same" | "scalar" | "row" | "column" | "strided" | "whole" | "raw";

/**
 * - `same`: element by element. `scalar`: one element for all.
 * - `row`: the input is the innermost row(s) of the output, repeated, in whole vec4s.
 * - `column`: the input has one element for each row of whole vec4s.
 * - `strided`: anything else, by index arithmetic for each element.
 * - `whole`: the first vec4 of the input, for all elements (a random state).
 */
export function accessOf(spec: Spec, target: Spec): { access: Access; period: number } {
  const size = sizeOf(spec.shape);
  if (size === sizeOf(target.shape)) return { access: "same", period: 1 };
  if (size === 1) return { access: "scalar", period: 1 };
  const lead = target.shape.length - spec.shape.length;
  const lengths = target.shape.map((_, axis) => (axis < lead ? 1 : spec.shape[axis - lead]));
  if (size % 4 === 0 && spec.dtype !== "u8") {
    const first = lengths.findIndex((length) => length !== 1);
    const isSuffix = lengths.every((length, axis) => axis < first || length === target.shape[axis]);
    if (isSuffix) return { access: "row", period: size / 4 };
  }
  let last = lengths.length - 1;
  while (last >= 0 && lengths[last] === 1) last--;
  const inner = sizeOf(target.shape.slice(last + 1));
  const isPrefix = lengths.every((length, axis) => axis > last || length === target.shape[axis]);
  if (isPrefix && inner % 4 === 0) return { access: "column", period: inner / 4 };
  return { access: "strided", period: 1 };
}

/** Storage types of bindings, by dtype. */
export const vectorTypes: Record<DType, string> = {
  f32: "vec4f",
  i32: "vec4i",
  u32: "vec4u",
  bool: "vec4u",
  u8: "u32",
};
export const scalarTypes: Record<DType, string> = {
  f32: "f32",
  i32: "i32",
  u32: "u32",
  bool: "u32",
  u8: "u32",
};
/** Types of values in expressions. */
export const registerTypes: Record<DType, string> = {
  f32: "vec4f",
  i32: "vec4i",
  u32: "vec4u",
  bool: "vec4<bool>",
  u8: "vec4u",
};
const argumentNames = "abcdefgh";

/** A scalar of a binding in all four lanes of a register. */
export const splatCode = (dtype: DType, code: string) => `vec4<${scalarTypes[dtype]}>(${code})`;

function accessIn(chain: PointwiseChain, k: number): { access: Access; period: number } {
  if (chain.wholeInputs?.includes(k)) return { access: "whole", period: 1 };
  const spec = chain.inputs[k];
  if (spec.raw !== undefined) return { access: "raw", period: 1 };
  return accessOf(spec, { shape: spec.under ?? chain.target.shape, dtype: chain.target.dtype });
}

function loadOf(chain: PointwiseChain, k: number, name: string): { type: string; code: string } {
  const spec = chain.inputs[k];
  if (spec.raw !== undefined) return { type: spec.raw, code: "" };
  return loadCode(spec, name, k, accessIn(chain, k).access);
}

/** WGSL that loads vec4 number `i` of an input, and the type its binding must have. */
function loadCode(spec: Spec, name: string, k: number, access: Access): { type: string; code: string } {
  const vector = vectorTypes[spec.dtype];
  const scalar = scalarTypes[spec.dtype];
  const period = `sizes.periods[${k >> 2}][${k & 3}]`;
  const asBool = (code: string) => (spec.dtype === "bool" ? `(${code} != vec4u())` : code);
  const strided = (index: string) => `broadcast_index(${index}, ${k * 2}u)`;
  if (spec.dtype === "u8") {
    const type = "array<u32>";
    if (access === "same")
      return { type, code: `(vec4u(${name}[i]) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u)` };
    const byte = (index: string) => `((${name}[(${index}) >> 2u] >> (((${index}) & 3u) * 8u)) & 255u)`;
    if (access === "scalar") return { type, code: `vec4u(${byte("0u")})` };
    if (access === "column") return { type, code: `vec4u(${byte(`(i / ${period})`)})` };
    return { type, code: perLane((index) => byte(strided(index)), "vec4u") };
  }
  const splat = `vec4<${scalar}>`;
  switch (access) {
    case "same":
      return { type: `array<${vector}>`, code: asBool(`${name}[i]`) };
    case "whole":
      return { type: `array<${vector}>`, code: asBool(`${name}[0]`) };
    case "row":
      return { type: `array<${vector}>`, code: asBool(`${name}[i % ${period}]`) };
    case "scalar":
      return { type: `array<${scalar}>`, code: asBool(`${splat}(${name}[0])`) };
    case "column":
      return { type: `array<${scalar}>`, code: asBool(`${splat}(${name}[i / ${period}])`) };
    default:
      return {
        type: `array<${scalar}>`,
        code: asBool(perLane((index) => `${name}[${strided(index)}]`, splat)),
      };
  }
}

function perLane(load: (index: string) => string, type: string): string {
  return `${type}(${[0, 1, 2, 3].map((lane) => load(`i * 4u + ${lane}u`)).join(", ")})`;
}

/** Statements that store a register value as vec4 number `i` of an output. */
export function storeCode(dtype: DType, name: string, value: string): string {
  if (dtype === "bool") return `${name}[i] = select(vec4u(), vec4u(1u), ${value});`;
  if (dtype === "u8") {
    return `let bytes = ${value} & vec4u(255u);\n  ${name}[i] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);`;
  }
  return `${name}[i] = ${value};`;
}

/** The steps as statements, given how each input reads and what raw inputs' bindings are called; names every value. */
export function chainCode(
  steps: readonly PointwiseStep[],
  inputs: readonly string[],
  rawNames?: readonly (string | undefined)[],
): { lines: string[]; values: string[]; helpers: Record<string, string> } {
  const values = [...inputs];
  const lines: string[] = [];
  const helpers: Record<string, string> = {};
  steps.forEach((step, s) => {
    const name = `v${s}`;
    const lets: string[] = [];
    let expression = step.expression;
    step.operands.forEach((operand, k) => {
      if (rawNames?.[operand] === undefined) lets.push(`let ${argumentNames[k]} = ${values[operand]};`);
      else expression = expression.replaceAll(`$${argumentNames[k]}`, rawNames[operand]);
    });
    lines.push(`var ${name}: ${registerTypes[step.dtype]};`);
    lines.push(`{ ${lets.join(" ")} ${name} = ${expression}; }`);
    values.push(name);
    Object.assign(helpers, step.helpers);
  });
  return { lines, values, helpers };
}

interface CallParts {
  readonly bindings: HookBinding[];
  readonly operands: Operand[];
  readonly helpers: Record<string, string>;
}

/** What is the same for all elements, as module variables and the statements that set them. */
interface Once {
  readonly declarations: string[];
  readonly statements: string[];
}

/**
 * A chain as the body of a function of the vec4's number `i`; adds what it binds to `parts`, and to `once` what need
 * not be read for each `i` anew.
 */
function chainBody(
  chain: PointwiseChain,
  inputOperands: readonly Operand[],
  outputOperands: readonly Operand[],
  parts: CallParts,
  once?: Once,
): string {
  const { bindings, operands } = parts;
  const first = operands.length;
  const nameOf = (k: number) => `in${first + k}`;
  const inPlace = new Set(chain.outputs.map((out) => out.inPlaceOf).filter((k) => k !== undefined));
  const lines: string[] = [];
  chain.inputs.forEach((spec, k) => {
    const load = loadOf(chain, k, nameOf(k));
    const access = inPlace.has(k) ? "read_write" : "read";
    operands.push({ ...inputOperands[k], access });
    bindings.push({ name: nameOf(k), binding: operands.length, access, type: load.type });
    if (spec.raw !== undefined) return;
    let value = load.code;
    if (once !== undefined && !inPlace.has(k) && ["scalar", "whole"].includes(accessIn(chain, k).access)) {
      once.declarations.push(`var<private> once${k}: ${registerTypes[spec.dtype]};`);
      once.statements.push(`once${k} = ${value};`);
      value = `once${k}`;
    }
    lines.push(`let x${k} = ${value};`);
  });
  const code = chainCode(
    chain.steps,
    chain.inputs.map((_, k) => `x${k}`),
    chain.inputs.map((spec, k) => (spec.raw === undefined ? undefined : nameOf(k))),
  );
  lines.push(...code.lines);
  Object.assign(parts.helpers, code.helpers);
  let next = 0;
  for (const out of chain.outputs) {
    let name = out.inPlaceOf === undefined ? "" : nameOf(out.inPlaceOf);
    if (out.inPlaceOf === undefined) {
      operands.push(outputOperands[next++]);
      name = `out${operands.length - 1}`;
      bindings.push({
        name,
        binding: operands.length,
        access: "read_write",
        type: `array<${vectorTypes[out.dtype]}>`,
      });
    }
    lines.push(storeCode(out.dtype, name, code.values[chain.inputs.length + out.step]));
  }
  return lines.join("\n  ");
}

/** A chain as a function `name(i: u32)` that gives its only output; the bindings' names start with `prefix`. */
export function chainFunction(
  name: string,
  chain: PointwiseChain,
  prefix: string,
): { code: string; types: readonly string[]; helpers: Record<string, string> } {
  const nameOf = (k: number) => `${prefix}${k}`;
  const loads = chain.inputs.map((_, k) => loadOf(chain, k, nameOf(k)));
  const lines = loads.flatMap((load, k) =>
    chain.inputs[k].raw === undefined ? [`let x${k} = ${load.code};`] : [],
  );
  const code = chainCode(
    chain.steps,
    chain.inputs.map((_, k) => `x${k}`),
    chain.inputs.map((spec, k) => (spec.raw === undefined ? undefined : nameOf(k))),
  );
  const [out] = chain.outputs;
  const body = [...lines, ...code.lines, `return ${code.values[chain.inputs.length + out.step]};`].join(
    "\n  ",
  );
  return {
    code: `fn ${name}(i: u32) -> ${registerTypes[out.dtype]} {\n  ${body}\n}`,
    types: loads.map((load) => load.type),
    helpers: code.helpers,
  };
}

/**
 * The one dispatch of a pointwise chain: its inputs' operands, then those of outputs that are not in place. An
 * output `inPlaceOf` input k is written where k is read.
 */
export function pointwiseCall(
  shader: Shader,
  chain: PointwiseChain,
  inputOperands: readonly Operand[],
  outputOperands: readonly Operand[],
  profile: AdapterProfile,
): KernelCall | undefined {
  const length = sizeOf(chain.target.shape);
  if (length === 0) return undefined;
  const parts: CallParts = { bindings: [], operands: [], helpers: {} };
  const once: Once = { declarations: [], statements: [] };
  const body = chainBody(chain, inputOperands, outputOperands, parts, once);
  const prepare = [...once.declarations, `fn prepare() {\n  ${once.statements.join("\n  ")}\n}`].join("\n");
  const count = Math.ceil(length / 4);
  const segment = segmentOf(count, profile);
  return {
    shader,
    hooks: {
      bindings: parts.bindings,
      functions: {
        element: `fn element(i: u32) {\n  ${body}\n}`,
        ...(once.statements.length > 0 ? { prepare } : {}),
      },
      helpers: parts.helpers,
    },
    sizes: [count, segment, length, 0, ...broadcastSizes(chain)],
    operands: parts.operands,
    workgroups: grid(Math.ceil(count / segment), profile),
  };
}

/**
 * How many vec4s one workgroup of 64 threads walks. On software adapters at least eight rounds, as long as there are
 * workgroups for every core: starting a wave and reading what a chain reads once cost as much as a round or two.
 */
function segmentOf(count: number, profile: AdapterProfile): number {
  const rounds = Math.ceil(count / 64);
  const fewest = Math.max(Math.min(rounds, 4), Math.ceil(rounds / numbersOf(profile).pointwiseRounds));
  return Math.ceil(rounds / Math.min(fewest, profile.workgroupTarget)) * 64;
}

/** One dispatch of several chains over unlike elements, none of which needs the size buffer to reach its inputs. */
export function besideCall(
  shader: Shader,
  chains: readonly { chain: PointwiseChain; inputs: readonly Operand[]; outputs: readonly Operand[] }[],
  profile: AdapterProfile,
): KernelCall {
  const parts: CallParts = { bindings: [], operands: [], helpers: {} };
  const functions: Record<string, string> = {};
  const branches: string[] = [];
  let count = 0;
  chains.forEach(({ chain, inputs, outputs }, p) => {
    functions[`part${p}`] = `fn part${p}(i: u32) {\n  ${chainBody(chain, inputs, outputs, parts)}\n}`;
    const end = count + Math.ceil(sizeOf(chain.target.shape) / 4);
    branches.push(`if (i < ${end}u) {\n    part${p}(i - ${count}u);\n    return;\n  }`);
    count = end;
  });
  functions.element = `fn element(i: u32) {\n  ${branches.join("\n  ")}\n}`;
  const segment = segmentOf(count, profile);
  return {
    shader,
    hooks: { bindings: parts.bindings, functions, helpers: parts.helpers },
    sizes: [count, segment, count * 4, 0, ...new Array<number>(broadcastWords).fill(0)],
    operands: parts.operands,
    workgroups: grid(Math.ceil(count / segment), profile),
  };
}

const broadcastWords = mostChainInputs + 8 + 8 * mostChainInputs;

/** Periods, lengths and strides as `Sizes` of elementwise.wgsl wants them. */
function broadcastSizes(chain: PointwiseChain): SizeWord[] {
  const words = new Array<number>(broadcastWords).fill(0);
  const shape = chain.target.shape;
  const lead = 6 - shape.length;
  for (let axis = 0; axis < 8; axis++)
    words[mostChainInputs + axis] = axis < lead || axis >= 6 ? 1 : shape[axis - lead];
  chain.inputs.forEach((_, k) => {
    const { access, period } = accessIn(chain, k);
    words[k] = period;
    if (access !== "strided") return;
    broadcastStrides(chain.inputs[k].shape, shape).forEach((stride, axis) => {
      words[mostChainInputs + 8 + k * 8 + lead + axis] = stride;
    });
  });
  return words;
}

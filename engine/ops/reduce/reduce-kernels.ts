// What all reductions share: kernels, reference loops, and the op made of them.

import ownRowsSource from "../../../shaders/own-rows.wgsl";
import reduceColumnsSource from "../../../shaders/reduce-columns.wgsl";
import reduceRowsSource from "../../../shaders/reduce-rows.wgsl";
import type { DType } from "../../base/dtype.ts";
import { checkOptions, DTypeError, type OptionNames, ShapeError } from "../../base/errors.ts";
import { normalizeAxes, reducedShape, showShape, sizeOf, stridesOf } from "../../base/shape.ts";
import { numbersOf, workgroupFor } from "../../kernel/adapter-numbers.ts";
import type { Variants } from "../../kernel/kernel.ts";
import {
  type AdapterProfile,
  grid,
  input,
  type KernelCall,
  type KernelContext,
  type KernelPlan,
  type Operand,
  output,
  type Spec,
  scratch,
  shader,
} from "../../kernel/kernel.ts";
import type { ReferenceTensor, Sample, SampleInput } from "../../kernel/kernel-op.ts";
import type { Family } from "../../kernel/variants.ts";
import { shapeOf } from "../../tensor/arguments.ts";
import { defineOp, type OpDefinition } from "../../tensor/define.ts";
import type { NotDifferentiable, Op, OpFunction, TensorLike, Vjp, VjpContext } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { reshape } from "../layout/reshape.ts";
import { valuewiseSite } from "../pointwise/epilogues.ts";
import { readingSite } from "../pointwise/prologues.ts";
import { joined, rowHooks, rowSources, rowVariants } from "./shared-rows.ts";

// The kernels bring any set of axes to the form [outer, length, inner], once for each run of neighbouring reduced
// axes.

const rowsShader = shader("reduce-rows", `${ownRowsSource}\n${reduceRowsSource}`);
const columnsShader = shader("reduce-columns", reduceColumnsSource);

export const reduceSources: string = [rowsShader.source, columnsShader.source, rowSources].join("\n");

export interface ReduceAttrs {
  /** Normalized: ascending, from 0. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** What distinguishes one reduction's kernels from another's. */
export interface Reduction {
  /** WGSL combining two vectors `a` and `b`. */
  readonly combine: (dtype: DType) => string;
  readonly identity: (dtype: DType) => number;
  /** Whether it adds, and floats want compensation. */
  readonly isSum?: boolean;
  /** Whether the final result is divided by the number of elements reduced (mean). */
  readonly divides?: boolean;
}

/**
 * What makes long float sums exact to a few roundings: each block joins the total by TwoSum (Knuth, The Art of Computer
 * Programming 2, 4.2.2), whose error term is kept and added at the end. A compiler that takes floats for reals would
 * find that term to be 0; a xor with a number it does not know keeps it from looking.
 */
export const compensated = (vector: string, bits: string): Record<string, string> => ({
  join: `var<private> lost: ${vector};
fn join(total: ${vector}, block: ${vector}) -> ${vector} {
  let joined = bitcast<${vector}>(bitcast<${bits}>(total + block) ^ ${bits}(sizes.zero));
  let shadow = joined - total;
  let error = (total - (joined - shadow)) + (block - shadow);
  // Infinities lose nothing, and their error is NaN: it goes by its bits, which no compiler may assume away.
  let exponent = ${bits}(0x7f800000u);
  let kept = select(${bits}(0xffffffffu), ${bits}(), (bitcast<${bits}>(joined) & exponent) == exponent);
  lost += bitcast<${vector}>(bitcast<${bits}>(error) & kept);
  return joined;
}`,
});

/** A tensor as [outer, length, inner], the middle to be reduced. */
export interface Stage {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

export interface CutStage extends Stage {
  readonly chunks: number;
}

/** One stage a run of neighbouring reduced axes, innermost run first. */
export function stagesOf(shape: readonly number[], axes: readonly number[]): Stage[] {
  const stages: Stage[] = [];
  const lengths = [...shape];
  let axis = shape.length - 1;
  while (axis >= 0) {
    if (!axes.includes(axis)) {
      axis--;
      continue;
    }
    let first = axis;
    while (first > 0 && axes.includes(first - 1)) first--;
    stages.push({
      outer: sizeOf(lengths.slice(0, first)),
      length: sizeOf(lengths.slice(first, axis + 1)),
      inner: sizeOf(lengths.slice(axis + 1)),
    });
    for (let k = first; k <= axis; k++) lengths[k] = 1;
    axis = first - 1;
  }
  return stages.length === 0 ? [{ outer: sizeOf(shape), length: 1, inner: 1 }] : stages;
}

export const wgslTypes: Record<DType, [value: string, vector: string]> = {
  f32: ["f32", "vec4f"],
  i32: ["i32", "vec4i"],
  u32: ["u32", "vec4u"],
  bool: ["u32", "vec4u"],
  u8: ["u32", "vec4u"],
};

function reduceKernels(context: KernelContext<ReduceAttrs>, reduction: Reduction): KernelPlan {
  const { inputs, outputs, attrs, profile } = context;
  const dtype = inputs[0].dtype;
  if (sizeOf(outputs[0].shape) === 0) return { calls: [] };
  const count = sizeOf(inputs[0].shape) / sizeOf(outputs[0].shape);
  const calls: KernelCall[] = [];
  const scratchSpecs: Spec[] = [];
  const stages = cutStages(inputs[0].shape, attrs.axes, profile);
  let source: Operand = input(0);
  stages.forEach((stage, i) => {
    const isLast = i === stages.length - 1;
    let target: Operand = output(0);
    if (!isLast) {
      scratchSpecs.push({ shape: [stage.outer * stage.chunks * stage.inner], dtype });
      target = scratch(scratchSpecs.length - 1, "read_write");
    }
    const divisor = isLast && reduction.divides === true ? count : undefined;
    calls.push(stageCall(profile, reduction, dtype, stage, source, target, divisor));
    if (!isLast) source = scratch(scratchSpecs.length - 1, "read");
  });
  return { calls, scratch: scratchSpecs };
}

/** Stages, each of which may be cut into chunks that a further stage puts together. */
export function cutStages(
  shape: readonly number[],
  axes: readonly number[],
  profile: AdapterProfile,
): CutStage[] {
  return stagesOf(shape, axes).flatMap((stage) => {
    const chunks = chunkCount(stage, profile);
    const cut = { ...stage, chunks };
    return chunks > 1 ? [cut, { ...stage, length: chunks, chunks: 1 }] : [cut];
  });
}

/** How many chunks a stage's reduced axis is cut into, so that there is work for every core. */
function chunkCount({ outer, length, inner }: Stage, profile: AdapterProfile): number {
  // On GPUs a workgroup shares a chunk of a row; all other chunks are a thread's.
  const { sharesRows, rowSharers, summers } = numbersOf(profile);
  const isShared = inner === 1 && sharesRows;
  const lanes = outer * (inner === 1 ? 1 : Math.ceil(inner / 4));
  const wanted = isShared ? rowSharers : summers;
  const shortest = isShared ? 1024 : inner === 1 ? 256 : 32;
  if (lanes >= wanted || length < shortest * 2) return 1;
  return Math.min(Math.ceil(wanted / lanes), Math.ceil(length / shortest));
}

/** Elements of the reduced axis in a chunk. */
export const chunkLength = ({ length, inner, chunks }: CutStage) =>
  inner === 1 ? Math.ceil(length / chunks / 4) * 4 : Math.ceil(length / chunks);

/** How a stage's rows can be shared out; columns are never shared. */
function variantsOf(stage: CutStage, profile: AdapterProfile): Variants | undefined {
  if (stage.inner !== 1) return undefined;
  const length = chunkLength(stage);
  const size = { rows: stage.outer * stage.chunks, length, steps: length / 4 };
  return rowVariants("reduce", rowsShader, size, profile);
}

export function stageCall(
  profile: AdapterProfile,
  reduction: Reduction,
  dtype: DType,
  stage: CutStage,
  source: Operand,
  target: Operand,
  divisor: number | undefined,
): KernelCall {
  const { outer, length, inner, chunks } = stage;
  const [value, vector] = wgslTypes[dtype];
  const isRows = inner === 1;
  const isAligned = (isRows ? length : inner) % 4 === 0;
  const chunk = chunkLength(stage);
  const units = outer * chunks * (isRows ? 1 : Math.ceil(inner / 4));
  const workgroup = workgroupFor(units, profile);
  const rows = rowHooks(
    variantsOf(stage, profile),
    workgroup,
    { rows: units, steps: Math.floor(chunk / 4), width: 4 },
    { whole_of: joined("whole_of", "Vector", "combine(a, b)") },
    profile,
  );
  const identity = identityBits(dtype, reduction.identity(dtype));
  const sizes = isRows
    ? [outer, length, chunks, chunk, identity, { f32: divisor ?? 1 }, 0]
    : [outer, length, inner, Math.ceil(inner / 4), chunks, chunk, identity, { f32: divisor ?? 1 }, 0];
  const functions: Record<string, string> = {
    combine: `fn combine(a: Vector, b: Vector) -> Vector {\n  return ${reduction.combine(dtype)};\n}`,
  };
  // A thread that has no more than a block of the kernel's adds it to nothing, and loses nothing.
  const isOneBlock = rows.lanes > 1 && chunk <= 4 * 16 * rows.lanes;
  if (reduction.isSum === true && dtype === "f32" && !isOneBlock) {
    Object.assign(functions, compensated("vec4f", "vec4u"));
    functions.settle = "fn settle(total: Vector) -> Vector {\n  return total + lost;\n}";
  }
  if (isRows) Object.assign(functions, rows.functions);
  if (divisor !== undefined)
    functions.finish = "fn finish(value: Value) -> Value {\n  return value / sizes.divisor;\n}";
  if (!isAligned && isRows) {
    functions.load4 =
      "fn load4(i: u32) -> Vector {\n  return Vector(in0[i], in0[i + 1u], in0[i + 2u], in0[i + 3u]);\n}";
    functions.load1 = "fn load1(i: u32) -> Value {\n  return in0[i];\n}";
  } else if (!isAligned) {
    functions.load4 =
      "fn load4(i: u32, column: u32) -> Vector {\n  let rest = sizes.inner - 1u - column;\n" +
      "  return Vector(in0[i], in0[i + min(1u, rest)], in0[i + min(2u, rest)], in0[i + min(3u, rest)]);\n}";
  }
  return {
    shader: isRows ? rowsShader : columnsShader,
    hooks: {
      aliases: { Value: value, Vector: vector },
      consts: isRows ? rows.consts : { WORKGROUP: `${workgroup}u` },
      functions,
      bindings: isAligned ? [] : [{ name: "in0", binding: 1, access: "read", type: "array<Value>" }],
    },
    sizes,
    operands: [source, target],
    workgroups: grid(isRows ? rows.groups : Math.ceil(units / workgroup), profile),
  };
}

function identityBits(dtype: DType, value: number): number {
  if (dtype === "f32") return new Uint32Array(new Float32Array([value]).buffer)[0];
  return value >>> 0;
}

export function reduceReference(
  x: ReferenceTensor,
  { axes }: ReduceAttrs,
  out: ReferenceTensor,
  identity: number,
  combine: (total: number, value: number) => number,
): void {
  out.data.fill(identity);
  eachReduced(x.shape, axes, (from, to) => {
    out.data[to] = combine(out.data[to], x.data[from]);
  });
}

/** Visits every element with the flat index of the output it is reduced into. */
export function eachReduced(
  shape: readonly number[],
  axes: readonly number[],
  visit: (from: number, to: number) => void,
): void {
  const kept = shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
  const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  const position = shape.map(() => 0);
  const size = sizeOf(shape);
  let to = 0;
  for (let from = 0; from < size; from++) {
    visit(from, to);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      to += strides[axis];
      if (++position[axis] < shape[axis]) break;
      to -= strides[axis] * shape[axis];
      position[axis] = 0;
    }
  }
}

export interface ReduceDefinition extends Reduction {
  name: string;
  dtypes: readonly DType[];
  allowsEmpty: boolean;
  reference: Op<ReduceAttrs>["reference"];
  vjp: Vjp<ReduceAttrs> | NotDifferentiable;
  family?: Family;
  saves?: Op["saves"];
  accuracy?: Op["accuracy"];
  traits?: Op["traits"];
  instead?: OpDefinition<Parameters<ReduceFunction>, ReduceAttrs>["instead"];
  /** Further samples than those of every reduction. */
  samples?: readonly Sample<ReduceAttrs>[];
}

/** Calls of a reduction: everything, rows, columns, axes apart, no axis at all. */
export function reduceSamples<A extends object>(
  dtype: DType,
  attrs: A,
): { readonly inputs: readonly SampleInput[]; readonly attrs: A & ReduceAttrs }[] {
  const sample = (shape: readonly number[], axes: readonly number[], keepDims = false) => ({
    inputs: [{ shape, dtype }],
    attrs: { axes, keepDims, ...attrs },
  });
  return [
    sample([5, 7], [0, 1]),
    sample([5, 7], [1]),
    sample([9, 8], [0], true),
    sample([3, 4, 5, 2], [0, 2]),
    sample([3, 4, 5], []),
  ];
}

export interface ReduceOptions {
  /** Keep the reduced axes with length 1. */
  keepDims?: boolean;
}

export const reduceOptions: OptionNames<ReduceOptions> = { keepDims: true };

/** A reduction as it is called. */
export type ReduceFunction = OpFunction<
  [x: TensorLike, axes?: number | readonly number[], options?: ReduceOptions],
  Tensor
>;

/** The attributes of a reduction from its arguments. */
export function reduceAttrs(
  name: string,
  x: TensorLike,
  axes: number | readonly number[] | undefined,
  keepDims: boolean | undefined,
): ReduceAttrs {
  return {
    axes: normalizeAxes(name, axes, shapeOf(name, x).length),
    keepDims: keepDims ?? false,
  };
}

export function reduction(definition: ReduceDefinition): ReduceFunction {
  const { name, dtypes, allowsEmpty } = definition;
  const dtype = dtypes[0];
  return defineOp({
    name,
    family: definition.family,
    saves: definition.saves ?? {},
    samples: [...reduceSamples(dtype, {}), ...(definition.samples ?? [])],
    accuracy: definition.accuracy,
    traits: definition.traits,
    instead: definition.instead,
    call: (x: TensorLike, axes?: number | readonly number[], options?: ReduceOptions) => {
      checkOptions(name, options, reduceOptions);
      return { inputs: [x], attrs: reduceAttrs(name, x, axes, options?.keepDims) };
    },
    infer: ([x], { axes, keepDims }: ReduceAttrs) => {
      if (!dtypes.includes(x.dtype)) {
        const remedy = dtype === "bool" ? "compare first, as in notEqual(x, 0)" : `use cast(x, "${dtype}")`;
        throw new DTypeError(`${name}: takes ${dtypes.join(", ")}, got ${x.dtype}; ${remedy}`);
      }
      const shape = reducedShape(x.shape, axes, keepDims);
      if (!allowsEmpty && sizeOf(x.shape) === 0 && sizeOf(shape) > 0) {
        throw new ShapeError(
          `${name}: shape ${showShape(x.shape)} has no elements along axes [${axes}]; at least one is needed`,
        );
      }
      return [{ shape, dtype: x.dtype }];
    },
    kernels: (context) => reduceKernels(context, definition),
    // What its first stage leaves is little: the others decide for themselves.
    variants: ({ inputs: [x], attrs: { axes }, profile }) =>
      variantsOf(cutStages(x.shape, axes, profile)[0], profile),
    prologues: ({ inputs: [x], attrs: { axes } }) => {
      const [{ length, inner }] = stagesOf(x.shape, axes);
      if ((inner === 1 ? length : inner) % 4 !== 0) return [];
      return [readingSite(inner === 1 ? "i: u32" : "i: u32, column: u32")];
    },
    epilogue: ({ outputs: [out] }) =>
      out.dtype === "bool" ? undefined : valuewiseSite("out0", 1, out.dtype),
    reference: definition.reference,
    vjp: definition.vjp,
  });
}

/** A gradient of the reduced shape, with the reduced axes back as 1 so that it broadcasts over the input. */
export function keptShape({ attrs, inputSpecs }: VjpContext<ReduceAttrs>, value: Tensor): Tensor {
  return reshape(value, reducedShape(inputSpecs[0].shape, attrs.axes, true));
}

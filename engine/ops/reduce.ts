// Reductions over any axes: sum, mean, max, min, argMax, argMin. Any set of axes is brought to the form
// [outer, length, inner] once for each run of neighbouring reduced axes.

import argReduceSource from "../../shaders/arg-reduce.wgsl";
import reduceColumnsSource from "../../shaders/reduce-columns.wgsl";
import reduceRowsSource from "../../shaders/reduce-rows.wgsl";
import { defineOp } from "../define.ts";
import type { DType } from "../dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../errors.ts";
import {
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
} from "../kernel.ts";
import {
  notDifferentiable,
  type Op,
  type ReferenceTensor,
  type Sample,
  type TensorLike,
  type Vjp,
  type VjpContext,
} from "../op.ts";
import { normalizeAxes, reducedShape, showShape, sizeOf, stridesOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { cast, div, equal, mul } from "./arithmetic.ts";
import { valuewiseSite } from "./epilogues.ts";
import { expand, transpose } from "./movement.ts";
import { readingSite } from "./prologues.ts";
import { reshape } from "./reshape.ts";

const rowsShader = shader("reduce-rows", reduceRowsSource);
const columnsShader = shader("reduce-columns", reduceColumnsSource);
const argShader = shader("arg-reduce", argReduceSource);

export interface ReduceAttrs {
  /** Normalized: ascending, from 0. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** What distinguishes one reduction's kernels from another's. */
interface Reduction {
  /** WGSL combining two vectors `a` and `b`. */
  readonly combine: string;
  readonly identity: (dtype: DType) => number;
  /** Factor on the final result (mean), by the number of elements reduced. */
  readonly scale?: (count: number) => number;
}

/** A tensor as [outer, length, inner], the middle to be reduced. */
interface Stage {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** One stage a run of neighbouring reduced axes, innermost run first. */
function stagesOf(shape: readonly number[], axes: readonly number[]): Stage[] {
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

const wgslTypes: Record<DType, [value: string, vector: string]> = {
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
  // Each stage may be cut into chunks that a further stage puts together.
  const stages: (Stage & { chunks: number })[] = [];
  for (const stage of stagesOf(inputs[0].shape, attrs.axes)) {
    const chunks = chunkCount(stage, profile.isSoftware);
    stages.push({ ...stage, chunks });
    if (chunks > 1) stages.push({ outer: stage.outer, length: chunks, inner: stage.inner, chunks: 1 });
  }
  let source: Operand = input(0);
  stages.forEach((stage, i) => {
    const isLast = i === stages.length - 1;
    let target: Operand = output(0);
    if (!isLast) {
      scratchSpecs.push({ shape: [stage.outer * stage.chunks * stage.inner], dtype });
      target = scratch(scratchSpecs.length - 1, "read_write");
    }
    const scale = isLast && reduction.scale !== undefined ? reduction.scale(count) : undefined;
    calls.push(stageCall(context, reduction, dtype, stage, source, target, scale));
    if (!isLast) source = scratch(scratchSpecs.length - 1, "read");
  });
  return { calls, scratch: scratchSpecs };
}

/** How many chunks a stage's reduced axis is cut into, so that there is work for every core. */
function chunkCount({ outer, length, inner }: Stage, isSoftware: boolean): number {
  const lanes = outer * (inner === 1 ? 1 : Math.ceil(inner / 4));
  const wanted = isSoftware ? 128 : 16384;
  const shortest = inner === 1 ? 256 : 32;
  if (lanes >= wanted || length < shortest * 2) return 1;
  return Math.min(Math.ceil(wanted / lanes), Math.ceil(length / shortest));
}

function stageCall(
  { profile }: KernelContext<ReduceAttrs>,
  reduction: Reduction,
  dtype: DType,
  stage: Stage & { chunks: number },
  source: Operand,
  target: Operand,
  scale: number | undefined,
): KernelCall {
  const { outer, length, inner, chunks } = stage;
  const [value, vector] = wgslTypes[dtype];
  const isRows = inner === 1;
  const isAligned = (isRows ? length : inner) % 4 === 0;
  const lanes = isRows ? outer * chunks : outer * chunks * Math.ceil(inner / 4);
  const workgroup = lanes <= 512 && profile.isSoftware ? 8 : 64;
  const chunk = isRows ? Math.ceil(length / chunks / 4) * 4 : Math.ceil(length / chunks);
  const identity = identityBits(dtype, reduction.identity(dtype));
  const sizes = isRows
    ? [outer, length, chunks, chunk, identity, { f32: scale ?? 1 }]
    : [outer, length, inner, Math.ceil(inner / 4), chunks, chunk, identity, { f32: scale ?? 1 }];
  const functions: Record<string, string> = {
    combine: `fn combine(a: Vector, b: Vector) -> Vector {\n  return ${reduction.combine};\n}`,
  };
  if (scale !== undefined)
    functions.finish = "fn finish(value: Value) -> Value {\n  return value * sizes.scale;\n}";
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
      consts: { WORKGROUP: `${workgroup}u` },
      functions,
      bindings: isAligned ? [] : [{ name: "in0", binding: 1, access: "read", type: "array<Value>" }],
    },
    sizes,
    operands: [source, target],
    workgroups: grid(Math.ceil(lanes / workgroup), profile),
  };
}

function identityBits(dtype: DType, value: number): number {
  if (dtype === "f32") return new Uint32Array(new Float32Array([value]).buffer)[0];
  return value >>> 0;
}

function reduceReference(
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
function eachReduced(
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

interface ReduceDefinition extends Reduction {
  name: string;
  dtypes: readonly DType[];
  allowsEmpty: boolean;
  reference: Op<ReduceAttrs>["reference"];
  vjp: Vjp<ReduceAttrs>;
  saves?: Op["saves"];
  low?: number;
}

function reduction(definition: ReduceDefinition) {
  const { name, dtypes, allowsEmpty } = definition;
  const samples: Sample<ReduceAttrs>[] = [
    { inputs: [{ shape: [5, 7] }], attrs: { axes: [0, 1], keepDims: false } },
    { inputs: [{ shape: [5, 7] }], attrs: { axes: [1], keepDims: false } },
    { inputs: [{ shape: [9, 8] }], attrs: { axes: [0], keepDims: true } },
    { inputs: [{ shape: [3, 4, 5, 2] }], attrs: { axes: [0, 2], keepDims: false } },
    { inputs: [{ shape: [3, 4, 5] }], attrs: { axes: [], keepDims: false } },
  ];
  return defineOp({
    name,
    saves: definition.saves ?? {},
    samples,
    call: (x: TensorLike, axes?: number | readonly number[], options: { keepDims?: boolean } = {}) => ({
      inputs: [x],
      attrs: {
        axes: normalizeAxes(name, axes, typeof x === "number" ? 0 : x.shape.length),
        keepDims: options.keepDims ?? false,
      },
    }),
    infer: ([x], { axes, keepDims }: ReduceAttrs) => {
      if (!dtypes.includes(x.dtype)) {
        throw new DTypeError(`${name}: takes ${dtypes.join(", ")}, got ${x.dtype}; use cast(x, "f32")`);
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
    prologue: ({ inputs: [x], attrs: { axes } }) => {
      const [{ length, inner }] = stagesOf(x.shape, axes);
      if ((inner === 1 ? length : inner) % 4 !== 0) return undefined;
      return readingSite(inner === 1 ? "i: u32" : "i: u32, column: u32");
    },
    epilogue: ({ outputs: [out] }) => valuewiseSite("out0", 1, out.dtype),
    reference: definition.reference,
    vjp: definition.vjp,
  });
}

/** A gradient of the reduced shape, with the reduced axes back as 1 so that it broadcasts over the input. */
function keptShape({ attrs, inputSpecs }: VjpContext<ReduceAttrs>, value: Tensor): Tensor {
  return reshape(value, reducedShape(inputSpecs[0].shape, attrs.axes, true));
}

const numeric: readonly DType[] = ["f32", "i32", "u32"];
const lowest = (dtype: DType) =>
  dtype === "f32" ? Number.NEGATIVE_INFINITY : dtype === "i32" ? -(2 ** 31) : 0;
const highest = (dtype: DType) =>
  dtype === "f32" ? Number.POSITIVE_INFINITY : dtype === "i32" ? 2 ** 31 - 1 : 2 ** 32 - 1;

/**
 * Sum over `axes` (default: all). Empty sums are 0. In float32 the sum is blocked: the error stays near that of
 * 64 additions whatever the length.
 */
export const sum = reduction({
  name: "sum",
  dtypes: numeric,
  allowsEmpty: true,
  combine: "a + b",
  identity: () => 0,
  reference: ([x], attrs, [out]) => reduceReference(x, attrs, out, 0, (total, value) => total + value),
  vjp: (context) => [expand(keptShape(context, context.grad()), context.inputSpecs[0].shape)],
});

/** Arithmetic mean over `axes` (default: all); NaN over no elements. */
export const mean = reduction({
  name: "mean",
  dtypes: ["f32"],
  allowsEmpty: true,
  combine: "a + b",
  identity: () => 0,
  scale: (count) => 1 / count,
  reference: ([x], attrs, [out]) => {
    reduceReference(x, attrs, out, 0, (total, value) => total + value);
    const count = sizeOf(x.shape) / sizeOf(out.shape);
    for (let i = 0; i < out.data.length; i++) out.data[i] /= count;
  },
  vjp: (context) => {
    const count = sizeOf(context.inputSpecs[0].shape) / sizeOf(context.outputSpecs[0].shape);
    return [expand(keptShape(context, mul(context.grad(), 1 / count)), context.inputSpecs[0].shape)];
  },
});

/** Gradient of max and min: shared equally among tied elements, as PyTorch's amax does. */
const extremeVjp: Vjp<ReduceAttrs> = (context) => {
  const isBest = cast(equal(context.input(0), keptShape(context, context.output())), "f32");
  const ties = sum(isBest, context.attrs.axes, { keepDims: true });
  return [mul(isBest, div(keptShape(context, context.grad()), ties))];
};

/** Largest element over `axes` (default: all). Tied elements share the gradient equally. */
export const max = reduction({
  name: "max",
  dtypes: numeric,
  allowsEmpty: false,
  combine: "max(a, b)",
  identity: lowest,
  reference: ([x], attrs, [out]) => reduceReference(x, attrs, out, lowest(x.dtype), Math.max),
  saves: { inputs: [0], outputs: [0] },
  vjp: extremeVjp,
});

/** Smallest element over `axes` (default: all). Tied elements share the gradient equally. */
export const min = reduction({
  name: "min",
  dtypes: numeric,
  allowsEmpty: false,
  combine: "min(a, b)",
  identity: highest,
  reference: ([x], attrs, [out]) => reduceReference(x, attrs, out, highest(x.dtype), Math.min),
  saves: { inputs: [0], outputs: [0] },
  vjp: extremeVjp,
});

function argReduction(name: string, better: string, isBetter: (candidate: number, best: number) => boolean) {
  return defineOp({
    name,
    saves: {},
    samples: [
      { inputs: [{ shape: [5, 7] }], attrs: { axis: 1 } },
      { inputs: [{ shape: [5, 7, 3] }], attrs: { axis: 0 } },
      { inputs: [{ shape: [4], values: [1, 3, 3, 2] }], attrs: { axis: 0 } },
    ],
    call: (x: Tensor, axes?: number | readonly number[]) => {
      const list = normalizeAxes(name, axes, x.shape.length);
      if (list.length === 0)
        throw new ArgumentError(`${name}: needs at least one axis to look along, got none`);
      if (list.length === 1) return { inputs: [x as TensorLike], attrs: { axis: list[0] } };
      return { inputs: [mergeAxes(x, list)], attrs: { axis: x.shape.length - list.length } };
    },
    infer: ([x], { axis }: { axis: number }) => {
      if (!numeric.includes(x.dtype))
        throw new DTypeError(`${name}: takes ${numeric.join(", ")}, got ${x.dtype}; use cast(x, "f32")`);
      if (x.shape[axis] === 0)
        throw new ShapeError(
          `${name}: shape ${showShape(x.shape)} has no elements along axis ${axis}; at least one is needed`,
        );
      return [{ shape: reducedShape(x.shape, [axis], false), dtype: "i32" }];
    },
    kernels: ({ inputs: [x], attrs: { axis }, profile }) => {
      const [{ outer, length, inner }] = stagesOf(x.shape, [axis]);
      return {
        calls: [
          {
            shader: argShader,
            hooks: {
              aliases: { Value: wgslTypes[x.dtype][0] },
              functions: {
                better: `fn better(candidate: Value, best: Value) -> bool {\n  return ${better};\n}`,
              },
            },
            sizes: [outer, length, inner],
            operands: [input(0), output(0)],
            workgroups: grid(Math.ceil((outer * inner) / 64), profile),
          },
        ],
      };
    },
    epilogue: () => valuewiseSite("out0", 1, "i32"),
    reference: ([x], { axis }, [out]) => {
      const best = new Float64Array(out.data.length);
      const seen = new Int32Array(out.data.length);
      eachReduced(x.shape, [axis], (from, to) => {
        if (seen[to] === 0 || isBetter(x.data[from], best[to])) {
          best[to] = x.data[from];
          out.data[to] = seen[to];
        }
        seen[to]++;
      });
    },
    vjp: notDifferentiable("an index does not change smoothly"),
  });
}

/** `x` with `axes` moved last and merged into one. */
function mergeAxes(x: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  return reshape(transpose(x, [...kept, ...axes]), [...kept.map((axis) => x.shape[axis]), -1]);
}

/**
 * Index of the largest element over `axes` (default: all), the first one where several tie, as i32. Over several
 * axes the index counts through them row-major.
 */
export const argMax = argReduction("argMax", "candidate > best", (candidate, best) => candidate > best);

/** Index of the smallest element; see {@link argMax}. */
export const argMin = argReduction("argMin", "candidate < best", (candidate, best) => candidate < best);

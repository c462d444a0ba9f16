// Reductions over any axes: sum, mean, prod, max, min, any, all.

import type { DType } from "../../base/dtype.ts";
import { reducedShape, sizeOf } from "../../base/shape.ts";
import type { AdapterProfile, KernelCall, Operand, Spec } from "../../kernel/kernel.ts";
import type { Family } from "../../kernel/variants.ts";
import { notDifferentiable, type Vjp, type VjpContext } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { div, mul } from "../elementwise/arithmetic.ts";
import { cast } from "../elementwise/cast.ts";
import { equal } from "../elementwise/comparison.ts";
import { expand, transpose } from "../layout/movement.ts";
import { reshape } from "../layout/reshape.ts";
import { cumprod } from "./cumulative.ts";
import {
  keptShape,
  type ReduceAttrs,
  type ReduceFunction,
  reduceReference,
  reduceSources,
  reduction,
} from "./reduce-kernels.ts";

const numeric: readonly DType[] = ["f32", "i32", "u32"];
const lowest = (dtype: DType) =>
  dtype === "f32" ? Number.NEGATIVE_INFINITY : dtype === "i32" ? -(2 ** 31) : 0;
const highest = (dtype: DType) =>
  dtype === "f32" ? Number.POSITIVE_INFINITY : dtype === "i32" ? 2 ** 31 - 1 : 2 ** 32 - 1;

const reduceFamily: Family = {
  name: "reduce",
  sources: reduceSources,
  checks: () =>
    [
      { op: sum.op, inputs: [{ shape: [3, 301] }] },
      { op: mean.op, inputs: [{ shape: [5, 300] }] },
      { op: max.op, inputs: [{ shape: [5, 7], dtype: "i32" as const, low: -100, high: 100 }] },
    ].map((check) => ({ ...check, attrs: { axes: [1], keepDims: false } })),
};

/**
 * Sum over `axes` (default: all). Empty sums are 0. In float32 blocks of 32 or 64 elements are added up plainly and
 * blocks with compensation: the error stays below 1e-6 of the sum of |x| whatever the length.
 */
export const sum = reduction({
  family: reduceFamily,
  name: "sum",
  traits: { keepsEqualSize: true, writesExactly: true, sums: "elements" },
  dtypes: numeric,
  allowsEmpty: true,
  combine: () => "a + b",
  isSum: true,
  identity: () => 0,
  reference: ([x], attrs, [out]) => reduceReference(x, attrs, out, 0, (total, value) => total + value),
  vjp: (context) => [expand(keptShape(context, context.grad()), context.inputSpecs[0].shape)],
});

/**
 * @internal The dispatches that sum `source`, which is as `x` says, over `axes` into `target`, within another op's plan:
 * scratch memory of theirs joins that plan's `scratch`.
 */
export function sumCalls(
  x: Spec,
  axes: readonly number[],
  source: Operand,
  target: Operand,
  scratch: Spec[],
  profile: AdapterProfile,
): KernelCall[] {
  const plan = sum.op.kernels!({
    inputs: [x],
    outputs: [{ shape: reducedShape(x.shape, axes, false), dtype: x.dtype }],
    attrs: { axes, keepDims: false },
    profile,
  });
  const first = scratch.length;
  scratch.push(...(plan.scratch ?? []));
  return plan.calls.map((call) => ({
    ...call,
    operands: call.operands.map((operand) => {
      if (operand.role === "input") return source;
      return operand.role === "output" ? target : { ...operand, index: operand.index + first };
    }),
  }));
}

/**
 * Arithmetic mean over `axes` (default: all): {@link sum} divided by the number of elements; NaN over none. It is f32 for
 * integers, bytes and booleans, too. On a GPU the sum must be a number that f32 has: the mean of numbers near 3e38 is ∞.
 */
export const mean: ReduceFunction = reduction({
  family: reduceFamily,
  name: "mean",
  traits: { keepsEqualSize: true, writesExactly: true, sums: "elements" },
  dtypes: ["f32"],
  allowsEmpty: true,
  combine: () => "a + b",
  isSum: true,
  identity: () => 0,
  divides: true,
  instead: (x, axes, options) =>
    x instanceof Tensor && x.dtype !== "f32" ? tidy(() => mean(cast(x, "f32"), axes, options)) : undefined,
  reference: ([x], attrs, [out]) => {
    reduceReference(x, attrs, out, 0, (total, value) => total + value);
    const count = sizeOf(x.shape) / sizeOf(out.shape);
    for (let i = 0; i < out.data.length; i++) out.data[i] /= count;
  },
  vjp: (context) => {
    const count = sizeOf(context.inputSpecs[0].shape) / sizeOf(context.outputSpecs[0].shape);
    return [expand(keptShape(context, div(context.grad(), count)), context.inputSpecs[0].shape)];
  },
});

/**
 * Product over `axes` (default: all); of no elements 1. Integers wrap. The gradient of an element is the product of
 * the others, taken without dividing by it: it is right where elements are 0.
 */
export const prod = reduction({
  family: reduceFamily,
  name: "prod",
  dtypes: numeric,
  allowsEmpty: true,
  combine: () => "a * b",
  identity: () => 1,
  reference: ([x], attrs, [out]) =>
    reduceReference(x, attrs, out, 1, x.dtype === "f32" ? (a, b) => a * b : Math.imul),
  saves: { inputs: [0] },
  vjp: (context) => [mul(keptShape(context, context.grad()), productOfOthers(context))],
  samples: [
    {
      inputs: [{ shape: [3, 4], values: [0, 2, 3, -1, 0, 0, 2, 5, 1, 0.5, -2, 3] }],
      attrs: { axes: [1], keepDims: false },
    },
  ],
});

/** For each element the product of the others that are reduced with it. */
function productOfOthers({ attrs: { axes }, input }: VjpContext<ReduceAttrs>): Tensor {
  const x = input(0);
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...kept, ...axes];
  const moved = transpose(x, order);
  const rows = reshape(moved, [
    sizeOf(kept.map((axis) => x.shape[axis])),
    sizeOf(axes.map((a) => x.shape[a])),
  ]);
  const before = cumprod(rows, 1, { exclusive: true });
  const after = cumprod(rows, 1, { exclusive: true, reverse: true });
  const inverse = order.map((_, axis) => order.indexOf(axis));
  return transpose(reshape(mul(before, after), moved.shape), inverse);
}

/** Gradient of max and min: shared equally among tied elements, as PyTorch's amax does. */
const extremeVjp: Vjp<ReduceAttrs> = (context) => {
  const isBest = cast(equal(context.input(0), keptShape(context, context.output())), "f32");
  const ties = sum(isBest, context.attrs.axes, { keepDims: true });
  return [mul(isBest, div(keptShape(context, context.grad()), ties))];
};

/** The larger or smaller of `a` and `b`, and NaN where either is, by its bits: WGSL's max may drop it. */
const extreme = (name: "max" | "min") => (dtype: DType) => {
  const isNan = (v: string) => `(bitcast<vec4u>(${v}) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u)`;
  return dtype === "f32"
    ? `select(select(${name}(a, b), b, ${isNan("b")}), a, ${isNan("a")})`
    : `${name}(a, b)`;
};

/**
 * Largest element over `axes` (default: all), NaN where one is. Tied elements share the gradient equally. Of no elements
 * there is none: a ShapeError, as in NumPy and PyTorch (ONNX gives -∞, which no integer type has).
 */
export const max = reduction({
  family: reduceFamily,
  name: "max",
  traits: { writesExactly: true },
  accuracy: { ulp: 0 },
  dtypes: numeric,
  allowsEmpty: false,
  combine: extreme("max"),
  identity: lowest,
  reference: ([x], attrs, [out]) => reduceReference(x, attrs, out, lowest(x.dtype), Math.max),
  saves: { inputs: [0], outputs: [0] },
  vjp: extremeVjp,
});

/** Smallest element over `axes` (default: all), with the rules of {@link max}. */
export const min = reduction({
  family: reduceFamily,
  name: "min",
  traits: { writesExactly: true },
  accuracy: { ulp: 0 },
  dtypes: numeric,
  allowsEmpty: false,
  combine: extreme("min"),
  identity: highest,
  reference: ([x], attrs, [out]) => reduceReference(x, attrs, out, highest(x.dtype), Math.min),
  saves: { inputs: [0], outputs: [0] },
  vjp: extremeVjp,
});

const logical = (name: string, combine: string, identity: 0 | 1, better: (a: number, b: number) => number) =>
  reduction({
    family: reduceFamily,
    name,
    accuracy: { ulp: 0 },
    dtypes: ["bool"],
    allowsEmpty: true,
    combine: () => combine,
    identity: () => identity,
    reference: ([x], attrs, [out]) => reduceReference(x, attrs, out, identity, better),
    vjp: notDifferentiable("a logical op gives true or false"),
  });

/** Whether any element over `axes` (default: all) of a bool tensor is true; of no elements false. */
export const any = logical("any", "a | b", 0, Math.max);

/** Whether all elements over `axes` (default: all) of a bool tensor are true; of no elements true. */
export const all = logical("all", "a & b", 1, Math.min);

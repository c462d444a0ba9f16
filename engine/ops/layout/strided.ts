// Kernels and reference of strided copies: a view of the input's elements made dense. Transposes, slices and
// broadcasts are such views; which one is asked for, this file does not know.

import stridedCopySource from "../../../shaders/strided-copy.wgsl";
import transpose2dSource from "../../../shaders/transpose2d.wgsl";
import { type Shape, sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import type { Variants } from "../../kernel/kernel.ts";
import {
  grid,
  input,
  type KernelCall,
  type KernelContext,
  type KernelPlan,
  output,
} from "../../kernel/kernel.ts";
import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import {
  copyShaders,
  copySources,
  copyVariants,
  elementsPerUnit,
  elementsShader,
  unitOf,
  variedCopy,
} from "./copying.ts";

const stridedCopyShaders = copyShaders("strided-copy", stridedCopySource);
/** What the family of copies depends on here. */
export const stridedSources = copySources(stridedCopyShaders);
const transpose2dShader = elementsShader("transpose2d", transpose2dSource);

/** Where the output's elements lie in the input: `start` plus position times stride along each axis. */
export interface Walk {
  readonly start: number;
  readonly strides: readonly number[];
}

/** Output axes innermost first, those of length 1 dropped, those that lie one after the other in the input merged. */
function mergedAxes(shape: Shape, strides: readonly number[]): { length: number; stride: number }[] {
  const axes: { length: number; stride: number }[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const length = shape[axis];
    if (length === 1) continue;
    const inner = axes.at(-1);
    if (inner !== undefined && strides[axis] === inner.stride * inner.length) inner.length *= length;
    else axes.push({ length, stride: strides[axis] });
  }
  return axes.length === 0 ? [{ length: 1, stride: 1 }] : axes;
}

/** The axes of a copy, the units in which it moves, and how many of them lie side by side. */
function copiedUnits({ outputs: [out] }: KernelContext, { start, strides }: Walk) {
  const axes = mergedAxes(out.shape, strides);
  const [inner, ...rest] = axes;
  const runs = inner.stride === 1 ? [inner.length, start, ...rest.map((axis) => axis.stride)] : [1];
  const unit = unitOf(out.dtype, runs);
  const per = elementsPerUnit(out.dtype, unit);
  return { axes, unit, per, run: inner.length / per };
}

export function stridedVariants(context: KernelContext, walk: Walk): Variants | undefined {
  const { unit, run } = copiedUnits(context, walk);
  return copyVariants("copy", unit, run, context.profile);
}

/** The one dispatch of a strided copy into the first output. */
export function stridedKernels(context: KernelContext, walk: Walk): KernelPlan {
  const {
    outputs: [out],
    profile,
  } = context;
  const length = sizeOf(out.shape);
  if (length === 0) return { calls: [] };
  const { axes, unit, per, run } = copiedUnits(context, walk);
  const lengths = new Array<number>(8).fill(1);
  const inStrides = new Array<number>(8).fill(0);
  axes.forEach((axis, i) => {
    lengths[i] = i === 0 ? axis.length / per : axis.length;
    inStrides[i] = i === 0 ? axis.stride : axis.stride / per;
  });
  const fourInARow = unit === 4 && lengths[0] % 4 === 0;
  return {
    calls: [
      variedCopy({
        shaders: stridedCopyShaders,
        variants: copyVariants("copy", unit, run, profile),
        single: { Places: "u32" },
        profile,
        unit,
        length: length / per,
        words: [walk.start / per, axes.length, 0, 0, 0, ...lengths, ...inStrides],
        operands: [input(0), output(0)],
        element: fourInARow ? fourInARowCode : undefined,
      }),
    ],
  };
}

/** Four neighbours of the output that are in one row of the input: one index for all of them. */
const fourInARowCode =
  "fn element(i: u32) {\n  let at = source(i * 4u);\n  let stride = sizes.strides[0].x;\n" +
  "  out0[i] = vec4u(fetch(at), fetch(at + stride), fetch(at + 2u * stride), fetch(at + 3u * stride));\n}";

export function stridedReference(x: ReferenceTensor, out: ReferenceTensor, { start, strides }: Walk): void {
  eachPosition(out.shape, strides, start, (to, from) => {
    out.data[to] = x.data[from];
  });
}

/** Visits the elements of `shape` in order, with an index that moves by `strides`. */
export function eachPosition(
  shape: Shape,
  strides: readonly number[],
  start: number,
  visit: (flat: number, at: number) => void,
): void {
  const size = sizeOf(shape);
  const position = shape.map(() => 0);
  let at = start;
  for (let flat = 0; flat < size; flat++) {
    visit(flat, at);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++position[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      position[axis] = 0;
    }
  }
}

/** Blocks of 4 by 4 where the permutation swaps two (runs of) axes whose lengths allow it, else undefined. */
export function matrixKernels(
  { outputs: [out], profile }: KernelContext,
  walk: Walk,
): KernelPlan | undefined {
  const [rows, columns, batch, ...rest] = mergedAxes(out.shape, walk.strides);
  const isMatrix =
    columns !== undefined &&
    rest.length === 0 &&
    columns.stride === 1 &&
    rows.stride === columns.length &&
    (batch === undefined || batch.stride === rows.length * columns.length);
  if (!isMatrix || rows.length % 4 !== 0 || columns.length % 4 !== 0 || out.dtype === "u8") return undefined;
  const count = sizeOf(out.shape) / 16;
  if (count === 0) return { calls: [] };
  const workgroup = numbersOf(profile).workgroup;
  const workgroups = Math.min(Math.ceil(count / workgroup), profile.workgroupTarget);
  const segment = Math.ceil(count / workgroups / workgroup) * workgroup;
  const call: KernelCall = {
    shader: transpose2dShader,
    hooks: { consts: { WORKGROUP: `${workgroup}u` } },
    sizes: [count, segment, columns.length / 4, rows.length / 4],
    operands: [input(0), output(0)],
    workgroups: grid(Math.ceil(count / segment), profile),
  };
  return { calls: [call] };
}

/** A tensor as [outer, rows, inner] around `axis`. */
export const around = (shape: Shape, axis: number) => ({
  outer: sizeOf(shape.slice(0, axis)),
  rows: shape[axis],
  inner: sizeOf(shape.slice(axis + 1)),
});

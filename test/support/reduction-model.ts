// Reductions, running totals and sorting in plain JavaScript, line by line: what random calls of them must give.

import fc from "fast-check";
import { sizeOf, stridesOf } from "../../engine/base/shape.ts";
import * as g from "../../engine/index.ts";

/** A call and the value of each line that is reduced. */
export interface Reduction {
  readonly call: (x: g.Tensor, axes: readonly number[], keepDims: boolean) => g.Tensor;
  readonly of: (line: readonly number[]) => number;
}

const sum = (line: readonly number[]) => line.reduce((a, b) => a + b, 0);
const mean = (line: readonly number[]) => sum(line) / line.length;
const squares = (line: readonly number[]) => sum(line.map((v) => (v - mean(line)) ** 2));

export const reductions: Readonly<Record<string, Reduction>> = {
  sum: { call: (x, axes, keepDims) => g.sum(x, axes, { keepDims }), of: sum },
  mean: { call: (x, axes, keepDims) => g.mean(x, axes, { keepDims }), of: mean },
  prod: {
    call: (x, axes, keepDims) => g.prod(x, axes, { keepDims }),
    of: (line) => line.reduce((a, b) => a * b, 1),
  },
  max: { call: (x, axes, keepDims) => g.max(x, axes, { keepDims }), of: (line) => Math.max(...line) },
  min: { call: (x, axes, keepDims) => g.min(x, axes, { keepDims }), of: (line) => Math.min(...line) },
  any: {
    call: (x, axes, keepDims) => g.any(g.greater(x, 0.5), axes, { keepDims }),
    of: (line) => Number(line.some((v) => v > 0.5)),
  },
  all: {
    call: (x, axes, keepDims) => g.all(g.greater(x, -0.5), axes, { keepDims }),
    of: (line) => Number(line.every((v) => v > -0.5)),
  },
  variance: {
    call: (x, axes, keepDims) => g.variance(x, axes, { keepDims }),
    of: (line) => squares(line) / line.length,
  },
  "standardDeviation of a sample": {
    call: (x, axes, keepDims) => g.standardDeviation(x, axes, { keepDims, correction: 1 }),
    of: (line) => Math.sqrt(squares(line) / (line.length - 1)),
  },
  logSumExp: {
    call: (x, axes, keepDims) => g.logSumExp(x, axes, { keepDims }),
    of: (line) => Math.log(sum(line.map(Math.exp))),
  },
  "norm 1": {
    call: (x, axes, keepDims) => g.norm(x, axes, { keepDims, order: 1 }),
    of: (line) => sum(line.map(Math.abs)),
  },
  "norm 2": { call: (x, axes, keepDims) => g.norm(x, axes, { keepDims }), of: (line) => Math.hypot(...line) },
  "norm infinity": {
    call: (x, axes, keepDims) => g.norm(x, axes, { keepDims, order: Number.POSITIVE_INFINITY }),
    of: (line) => Math.max(...line.map(Math.abs)),
  },
  argMax: {
    call: (x, axes, keepDims) => withKeptAxes(g.argMax(x, axes), x, axes, keepDims),
    of: (line) => line.indexOf(Math.max(...line)),
  },
  argMin: {
    call: (x, axes, keepDims) => withKeptAxes(g.argMin(x, axes), x, axes, keepDims),
    of: (line) => line.indexOf(Math.min(...line)),
  },
};

function withKeptAxes(out: g.Tensor, x: g.Tensor, axes: readonly number[], keepDims: boolean): g.Tensor {
  const reduced = axes.map((axis) => (axis < 0 ? axis + x.rank : axis));
  return keepDims
    ? g.reshape(
        out,
        x.shape.map((length, axis) => (reduced.includes(axis) ? 1 : length)),
      )
    : out;
}

/** Shapes with some of their axes, ascending, from the front or the back. */
export const shapeAndAxes = fc
  .array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 })
  .chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      fc.subarray(
        shape.map((_, axis) => axis),
        { minLength: 1 },
      ),
      fc.boolean(),
      fc.boolean(),
    ),
  )
  .map(([shape, axes, fromBack, keepDims]) => ({
    shape,
    axes: fromBack ? axes.map((axis) => axis - shape.length) : axes,
    keepDims,
  }));

/** The reduced value of each line along `axes`, row-major. */
export function reduced(
  shape: readonly number[],
  data: ArrayLike<number>,
  axes: readonly number[],
  keepDims: boolean,
  of: (line: readonly number[]) => number,
): { shape: number[]; data: number[] } {
  const isReduced = shape.map((_, axis) => axes.includes(axis) || axes.includes(axis - shape.length));
  const kept = shape.map((length, axis) => (isReduced[axis] ? 1 : length));
  const strides = stridesOf(shape);
  const keptStrides = stridesOf(kept);
  const lines = Array.from({ length: sizeOf(kept) }, () => [] as number[]);
  for (let i = 0; i < sizeOf(shape); i++) {
    let to = 0;
    shape.forEach((length, axis) => {
      if (!isReduced[axis]) to += (Math.floor(i / strides[axis]) % length) * keptStrides[axis];
    });
    lines[to].push(data[i]);
  }
  return { shape: keepDims ? kept : kept.filter((_, axis) => !isReduced[axis]), data: lines.map(of) };
}

/** Each line along `axis` replaced by what `of` makes of it, which may have another length. */
export function alongAxis(
  shape: readonly number[],
  data: ArrayLike<number>,
  axis: number,
  of: (line: readonly number[]) => readonly number[],
): { shape: number[]; data: number[] } {
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const length = of(Array.from({ length: shape[axis] }, () => 0)).length;
  const out = new Array<number>(outer * length * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const line = Array.from({ length: shape[axis] }, (_, k) => data[(o * shape[axis] + k) * inner + i]);
      of(line).forEach((value, k) => {
        out[(o * length + k) * inner + i] = value;
      });
    }
  }
  return { shape: shape.map((n, k) => (k === axis ? length : n)), data: out };
}

/** Indices that put a line in order, as sort documents it. */
export function orderOf(line: readonly number[], descending: boolean): number[] {
  const rank = (value: number) => (Number.isNaN(value) ? 1 : 0);
  return line
    .map((_, k) => k)
    .sort((a, b) => {
      const [x, y] = [line[a], line[b]];
      if (rank(x) !== rank(y)) return rank(x) - rank(y);
      if (rank(x) === 1 || x === y) return a - b;
      return x < y !== descending ? -1 : 1;
    });
}

// Shape arithmetic: sizes, strides, broadcasting, axes. Pure functions over number arrays.

import { ArgumentError, kindOf, ShapeError } from "./errors.ts";

/** Lengths of the axes, outermost first; `[]` is a scalar. All tensors are dense and row-major. */
export type Shape = readonly number[];

/** The largest number of axes a tensor may have. */
export const maxRank = 6;

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Throws unless every length is a whole number of at least 0 and the rank is at most {@link maxRank}. */
export function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape))
    throw new ShapeError(`${op}: the shape must be an array of lengths, got ${kindOf(shape)}`);
  if (shape.length > maxRank) {
    throw new ShapeError(
      `${op}: shape ${showShape(shape)} has ${shape.length} axes; at most ${maxRank} are supported`,
    );
  }
  for (const length of shape) {
    if (typeof length !== "number") {
      throw new ShapeError(`${op}: the shape must hold whole numbers of at least 0, got ${kindOf(length)}`);
    }
    if (!Number.isInteger(length) || length < 0) {
      throw new ShapeError(
        `${op}: shape ${showShape(shape)} must hold whole numbers of at least 0, got ${length}`,
      );
    }
  }
  if (sizeOf(shape) >= 2 ** 31) {
    throw new ShapeError(
      `${op}: shape ${showShape(shape)} has ${sizeOf(shape)} elements; indices end at 2^31`,
    );
  }
}

/** The shape that all of `shapes` broadcast to (NumPy's rules); throws a ShapeError that names `op`. */
export function broadcastShapes(op: string, shapes: readonly Shape[]): Shape {
  let result = shapes[0];
  for (let k = 1; k < shapes.length; k++) {
    if (sameShape(result, shapes[k])) continue;
    result = broadcastTwo(op, result, shapes[k], shapes);
  }
  return result;
}

function broadcastTwo(op: string, a: Shape, b: Shape, all: readonly Shape[]): Shape {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = i < rank - a.length ? 1 : a[i - (rank - a.length)];
    const y = i < rank - b.length ? 1 : b[i - (rank - b.length)];
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `${op}: shapes ${all.map(showShape).join(" and ")} do not broadcast: axis ${i - rank} has ${x} and ${y}; ` +
          "lengths must be equal or one of them 1",
      );
    }
    out[i] = x === 1 ? y : x;
  }
  return out;
}

/**
 * Strides by which an input of `shape` is walked along the axes of `target`: 0 where it is broadcast.
 */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const own = stridesOf(shape);
  const lead = target.length - shape.length;
  return target.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : own[axis - lead]));
}

/** One axis, negative counted from the end, as an index from the front. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    if (typeof axis !== "number") {
      throw new ArgumentError(`${op}: the axis must be a whole number, got ${kindOf(axis)}`);
    }
    if (rank === 0) {
      throw new ArgumentError(
        `${op}: needs axis ${axis}, and a scalar has no axes; give it one with reshape(x, [1])`,
      );
    }
    throw new ArgumentError(
      `${op}: axis ${axis} is out of range for ${rank} axes; it must be from ${-rank} to ${rank - 1}`,
    );
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes as an ascending list without repeats; `undefined` means all of them. */
export function normalizeAxes(
  op: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  if (typeof axes !== "number" && !Array.isArray(axes)) {
    throw new ArgumentError(
      `${op}: axes must be a whole number or an array of them, got ${axes === null ? "null" : JSON.stringify(axes)}; options come after them`,
    );
  }
  const list = (typeof axes === "number" ? [axes] : (axes as readonly number[])).map((axis) =>
    normalizeAxis(op, axis, rank),
  );
  const unique = [...new Set(list)].sort((a, b) => a - b);
  if (unique.length !== list.length) throw new ArgumentError(`${op}: axes [${axes}] name an axis twice`);
  return unique;
}

/** The shape left when `axes` (normalized) are reduced. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  if (keepDims) return shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
  return shape.filter((_, axis) => !axes.includes(axis));
}

/** Which axes of `target` a tensor of `shape` was broadcast along: what its gradient is summed over. */
export function broadcastAxes(shape: Shape, target: Shape): number[] {
  const lead = target.length - shape.length;
  const axes: number[] = [];
  for (let axis = 0; axis < target.length; axis++) {
    if (axis < lead || (shape[axis - lead] === 1 && target[axis] !== 1)) axes.push(axis);
  }
  return axes;
}

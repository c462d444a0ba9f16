// Elements: trees of parts. What is a part and what holds several, and how parts of one kind become a batch.

import { kindOf, ShapeError } from "../../engine/base/errors.ts";
import { concat, reshape, Tensor } from "../../engine/index.ts";
import { isPlainObject } from "../../engine/internal.ts";
import {
  arrayLike,
  isNumberArray,
  isSameShape,
  isShaped,
  NdArray,
  type NumberArray,
  sizeOf,
} from "./nd-array.ts";

// The outermost array of an element, as [x, y], always holds parts; further in, an array of numbers or of texts, nested or
// not, is one part.

/** Whether a value inside an element holds parts of its own. */
export function isBranch(value: unknown, isOutermost: boolean): boolean {
  if (isShaped(value)) return false;
  if (isPlainObject(value)) return true;
  return Array.isArray(value) && (isOutermost || !(value.length === 0 || isNumbers(value) || isTexts(value)));
}

const isTexts = (value: readonly unknown[]): boolean => {
  const [first] = value;
  return Array.isArray(first) ? isTexts(first) : typeof first === "string";
};

/** Whether an array holds numbers (or truth values), nested or not. */
export function isNumbers(value: readonly unknown[]): boolean {
  const [first] = value;
  return Array.isArray(first) ? isNumbers(first) : isScalar(first);
}

export const isScalar = (value: unknown): value is number | boolean =>
  typeof value === "number" || typeof value === "boolean";

type Branch = readonly unknown[] | Readonly<Record<string, unknown>>;

/** The element with `fn` of each part in the part's place; `path` says where it stands: "0", "1/left", "". */
export function mapParts(
  element: unknown,
  fn: (part: unknown, path: string) => unknown,
  path = "",
  isOutermost = true,
): unknown {
  if (!isBranch(element, isOutermost)) return fn(element, path);
  const below = (key: string | number) => (path === "" ? String(key) : `${path}/${key}`);
  if (Array.isArray(element)) return element.map((part, i) => mapParts(part, fn, below(i), false));
  const parts = Object.entries(element as Readonly<Record<string, unknown>>);
  return Object.fromEntries(parts.map(([key, part]) => [key, mapParts(part, fn, below(key), false)]));
}

/** Puts parts of several elements together; `what` begins errors. */
export type Join = (parts: readonly unknown[], path: string, what: string) => unknown;

/** The elements as one, joined part by part in the form of the first. */
export function joined(
  elements: readonly unknown[],
  join: Join,
  what: string,
  path = "",
  isOutermost = true,
): unknown {
  const [first] = elements;
  if (!isBranch(first, isOutermost)) return join(elements, path, what);
  const keys = Object.keys(first as Branch);
  for (const [i, element] of elements.entries()) {
    const isAlike =
      isBranch(element, isOutermost) &&
      Array.isArray(element) === Array.isArray(first) &&
      isSameKeys(Object.keys(element as Branch), keys);
    if (!isAlike) throw new ShapeError(`${what}: ${differs(i, path, "is of another form than the first's")}`);
  }
  const below = (key: string) => (path === "" ? key : `${path}/${key}`);
  const part = (key: string) =>
    joined(
      elements.map((element) => (element as Readonly<Record<string, unknown>>)[key]),
      join,
      what,
      below(key),
      false,
    );
  return Array.isArray(first) ? keys.map(part) : Object.fromEntries(keys.map((key) => [key, part(key)]));
}

const isSameKeys = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((key) => b.includes(key));

/** How messages name a part of the element at `i` of a batch. */
export const differs = (i: number, path: string, what: string): string =>
  `${path === "" ? "the element" : `part ${path} of the element`} at ${i} of a batch ${what}`;

/** Joins parts of equal shapes along a new first axis. */
export const stack: Join = (parts, path, what) => {
  const [first] = parts;
  if (isScalar(first)) return scalars(parts, path, what);
  if (first instanceof Tensor) return tensors(parts, path, what);
  const isRows = isNumberArray(first) || isShaped(first) || (Array.isArray(first) && !isTexts(first));
  if (!isRows) return [...parts];
  const rows = parts.map((part, i) => rowOf(part, i, path, what));
  const { values, shape } = rows[0];
  const size = values.length;
  const whole = arrayLike(values, rows.length * size);
  for (const [i, row] of rows.entries()) {
    if (!isSameShape(row.shape, shape)) {
      throw new ShapeError(
        `${what}: ${differs(i, path, `has shape [${row.shape.join(", ")}] and the first [${shape.join(", ")}]`)}; make them equal in map(), or use paddedBatch() or bucketByLength()`,
      );
    }
    whole.set(row.values, i * size);
  }
  return new NdArray(whole, [rows.length, ...shape]);
};

/** A part's values and shape. */
export function rowOf(part: unknown, i: number, path: string, what: string): NdArray {
  if (part instanceof NdArray) return part;
  if (isNumberArray(part)) return new NdArray(part, [part.length]);
  if (isShaped(part)) return new NdArray(part.values, part.shape);
  if (Array.isArray(part) && isNumbers(part)) return nested(part, `${what}: ${differs(i, path, "")}`);
  throw new ShapeError(`${what}: ${differs(i, path, `is ${kindOf(part)} where the first has numbers`)}`);
}

/** Nested arrays as one, with the precision of JavaScript's numbers. */
export function nested(part: readonly unknown[], what: string): NdArray<Float64Array> {
  const shape: number[] = [];
  for (let level: unknown = part; Array.isArray(level); level = level[0]) shape.push(level.length);
  const values = new Float64Array(sizeOf(shape));
  let next = 0;
  const fill = (level: unknown, axis: number): void => {
    if (axis === shape.length) {
      if (!isScalar(level)) throw new ShapeError(`${what}: holds ${kindOf(level)} among numbers`);
      values[next++] = Number(level);
      return;
    }
    if (!Array.isArray(level) || level.length !== shape[axis]) {
      throw new ShapeError(
        `${what}: ragged: ${Array.isArray(level) ? `a row of ${level.length}` : kindOf(level)} on axis ${axis}, where the first has ${shape[axis]}`,
      );
    }
    for (const below of level) fill(below, axis + 1);
  };
  fill(part, 0);
  return new NdArray(values, shape);
}

function scalars(parts: readonly unknown[], path: string, what: string): NumberArray {
  const values = new Float64Array(parts.length);
  for (const [i, part] of parts.entries()) {
    if (!isScalar(part)) {
      throw new ShapeError(`${what}: ${differs(i, path, `is ${kindOf(part)} where the first is a number`)}`);
    }
    values[i] = Number(part);
  }
  return values;
}

function tensors(parts: readonly unknown[], path: string, what: string): Tensor {
  const rows = parts.map((part, i) => {
    if (part instanceof Tensor) return reshape(part, [1, ...part.shape]);
    throw new ShapeError(`${what}: ${differs(i, path, `is ${kindOf(part)} where the first is a Tensor`)}`);
  });
  const whole = concat(rows);
  for (const row of rows) row.dispose();
  return whole;
}

/** How many elements a batch holds: the first part's length. */
export function batchLength(batch: unknown): number | undefined {
  let count: number | undefined;
  mapParts(batch, (part) => {
    if (part instanceof Tensor || isShaped(part)) count ??= part.shape[0];
    else if (isNumberArray(part) || Array.isArray(part)) count ??= part.length;
    return part;
  });
  return count;
}

/** Bytes that an element takes, about. */
export function bytesOf(element: unknown): number {
  let bytes = 16;
  mapParts(element, (part) => {
    if (isShaped(part)) bytes += part.values.byteLength + 64;
    else if (ArrayBuffer.isView(part)) bytes += part.byteLength + 64;
    else if (typeof part === "string") bytes += 2 * part.length;
    else if (Array.isArray(part)) bytes += 8 * part.flat(8).length;
    else if (part instanceof Tensor) bytes += 4 * part.size;
    else bytes += 8;
    return part;
  });
  return bytes;
}

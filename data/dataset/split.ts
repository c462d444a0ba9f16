// Splits of arrays into parts to train on and parts to judge by: the same rows of each array, in a seeded random order.

import {
  ArgumentError,
  checkOptions,
  kindOf,
  type OptionNames,
  ShapeError,
} from "../../engine/base/errors.ts";
import { gather, Tensor, tensor } from "../../engine/index.ts";
import { fillPermutation, showGiven } from "../../engine/internal.ts";
import {
  arrayLike,
  isNumberArray,
  isShaped,
  NdArray,
  type NumberArray,
  type Shaped,
  sizeOf,
} from "./nd-array.ts";
import { ShuffleKey } from "./shuffle.ts";

/** What has rows: a tensor, a typed array (rows of one value), `{ values, shape }`, or a list of anything. */
export type Rows = Tensor | NumberArray | Shaped | readonly unknown[];

/** Rows of the same kind. */
export type RowsOf<A> = A extends Tensor
  ? Tensor
  : A extends NumberArray
    ? A
    : A extends Shaped
      ? NdArray<A["values"]>
      : A extends readonly (infer Row)[]
        ? Row[]
        : never;

/** Both parts of each array, one behind the other. */
export type SplitRows<A extends readonly unknown[]> = A extends readonly [infer First, ...infer Rest]
  ? [RowsOf<First>, RowsOf<First>, ...SplitRows<Rest>]
  : [];

export interface SplitOptions {
  /** How many rows the second part has; below 1 their share, rounded up. Default 0.25. */
  testSize?: number;
  /** Of the order: the same seed gives the same split everywhere. Default: follows from `setSeed`, where a device is open. */
  seed?: number;
  /** Whether rows are drawn at random; else the second part is the last rows. Default true. */
  shuffle?: boolean;
  /** A class for each row: both parts have each class in the share that it has in all. */
  stratify?: ArrayLike<unknown>;
}

const splitOptions: OptionNames<SplitOptions> = { testSize: true, seed: true, shuffle: true, stratify: true };

/**
 * Splits each array in two, by the same rows: `[xTrain, xTest, yTrain, yTest]`. Tensors are split on their device, and the
 * parts are the caller's to dispose.
 *
 *     const [xTrain, xTest, yTrain, yTest] = trainTestSplit(x, y, { testSize: 0.2, seed: 42 });
 *
 * @throws ShapeError for arrays of unequal lengths, ArgumentError where a part or a class would have no rows
 */
export function trainTestSplit<A extends readonly [Rows, ...Rows[]]>(
  ...arrays: readonly [...A, options: SplitOptions]
): SplitRows<A>;
export function trainTestSplit<A extends readonly [Rows, ...Rows[]]>(...arrays: A): SplitRows<A>;
export function trainTestSplit(...given: unknown[]): unknown[] {
  const what = "trainTestSplit";
  const last = given.at(-1);
  const hasOptions = given.length > 1 && !isRows(last);
  const options = (hasOptions ? last : undefined) as SplitOptions | undefined;
  checkOptions(what, options, splitOptions);
  const arrays = hasOptions ? given.slice(0, -1) : given;
  const count = countOf(what, arrays);
  const { testSize = 0.25, seed, shuffle = true, stratify } = options ?? {};
  const testCount = partOf(what, testSize, count);
  if (stratify !== undefined && !shuffle)
    throw new ArgumentError(`${what}: stratify draws rows at random; leave shuffle: false out`);
  const order = shuffle ? shuffledRows(count, seed) : Uint32Array.from({ length: count }, (_, i) => i);
  const isTest = new Uint8Array(count);
  if (stratify === undefined)
    for (const row of order.subarray(shuffle ? 0 : count - testCount).subarray(0, testCount)) isTest[row] = 1;
  else
    for (const row of stratified(what, classesOf(what, stratify, count), order, testCount)) isTest[row] = 1;
  const parts = [0, 1].map((side) => order.filter((row) => isTest[row] === side));
  return arrays.flatMap((array) => parts.map((rows) => takeRows(array as Rows, rows)));
}

export interface FoldOptions {
  /** How many parts; default 5. */
  folds?: number;
  /** Whether rows are drawn at random; else each part is rows in a row. Default false. */
  shuffle?: boolean;
  /** Of the order. */
  seed?: number;
  /** A class for each row: each part has each class in the share that it has in all. */
  stratify?: ArrayLike<unknown>;
}

const foldOptions: OptionNames<FoldOptions> = { folds: true, shuffle: true, seed: true, stratify: true };

/** Numbers of rows, for {@link takeRows}. */
export interface Fold {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
}

/**
 * Rows for cross-validation: each row is in the validation part of one fold and in the training part of the others.
 *
 *     for (const { train, validation } of kFold(x.length, { folds: 5, shuffle: true, seed: 1 })) {
 *       await model.fit(takeRows(x, train), takeRows(y, train), { validationData: [takeRows(x, validation), takeRows(y, validation)] });
 *     }
 *
 * @throws ArgumentError where there are fewer rows, or rows of a class, than folds
 */
export function kFold(count: number, options: FoldOptions = {}): Fold[] {
  const what = "kFold";
  checkOptions(what, options, foldOptions);
  const { folds = 5, shuffle = false, seed, stratify } = options;
  if (!Number.isInteger(folds) || folds < 2)
    throw new ArgumentError(`${what}: folds must be a whole number of at least 2, got ${showGiven(folds)}`);
  if (!Number.isInteger(count) || count < folds) {
    throw new ArgumentError(
      `${what}: the number of rows must be a whole number of at least folds, ${folds}, got ${showGiven(count)}`,
    );
  }
  const order = shuffle ? shuffledRows(count, seed) : Uint32Array.from({ length: count }, (_, i) => i);
  const foldOf = new Uint32Array(count);
  if (stratify === undefined) {
    // The first folds have one more where they don't come out even.
    const [size, more] = [Math.floor(count / folds), count % folds];
    order.forEach((row, i) => {
      const inLonger = more * (size + 1);
      foldOf[row] = i < inLonger ? Math.floor(i / (size + 1)) : more + Math.floor((i - inLonger) / size);
    });
  } else {
    let next = 0;
    for (const [name, rows] of byClass(classesOf(what, stratify, count), order)) {
      if (rows.length < folds) {
        throw new ArgumentError(
          `${what}: class ${String(name)} has ${rows.length} rows for ${folds} folds; use fewer folds, or leave stratify out`,
        );
      }
      // Dealt on from where the last class ended, so that folds are of one size but for one.
      for (const row of rows) foldOf[row] = next++ % folds;
    }
  }
  return Array.from({ length: folds }, (_, fold) => ({
    train: order.filter((row) => foldOf[row] !== fold),
    validation: order.filter((row) => foldOf[row] === fold),
  }));
}

/** The rows of those numbers, in their order; of a tensor on its device. */
export function takeRows<A extends Rows>(data: A, rows: ArrayLike<number>): RowsOf<A>;
export function takeRows(data: Rows, rows: ArrayLike<number>): unknown {
  const count = countOf("takeRows", [data]);
  for (let i = 0; i < rows.length; i++) {
    if (Number.isInteger(rows[i]) && rows[i] >= 0 && rows[i] < count) continue;
    throw new ArgumentError(`takeRows: row ${rows[i]} at place ${i} is none of the ${count} rows`);
  }
  if (data instanceof Tensor) {
    const indices = tensor(Uint32Array.from(rows), { device: data.device });
    const taken = gather(data, indices);
    indices.dispose();
    return taken;
  }
  if (isNumberArray(data)) return takeValues(data, rows, 1);
  if (isShaped(data)) {
    const shape = data.shape.slice(1);
    return new NdArray(takeValues(data.values, rows, sizeOf(shape)), [rows.length, ...shape]);
  }
  return Array.from(rows, (row) => data[row]);
}

function takeValues(values: NumberArray, rows: ArrayLike<number>, size: number): NumberArray {
  const out = arrayLike(values, rows.length * size);
  for (let i = 0; i < rows.length; i++)
    out.set(values.subarray(rows[i] * size, (rows[i] + 1) * size), i * size);
  return out;
}

const isRows = (value: unknown): value is Rows =>
  value instanceof Tensor || isNumberArray(value) || isShaped(value) || Array.isArray(value);

function countOf(what: string, arrays: readonly unknown[]): number {
  const counts = arrays.map((array, i) => {
    if (!isRows(array)) {
      throw new ArgumentError(
        `${what}: argument ${i + 1} must be a Tensor, an array or { values, shape }, got ${kindOf(array)}`,
      );
    }
    if (array instanceof Tensor || isShaped(array)) {
      if (array.shape.length === 0)
        throw new ShapeError(`${what}: argument ${i + 1} has no rows, it is one number`);
      return array.shape[0];
    }
    return array.length;
  });
  if (counts.length === 0) throw new ArgumentError(`${what}: takes at least one array`);
  const other = counts.findIndex((count) => count !== counts[0]);
  if (other > 0) {
    throw new ShapeError(
      `${what}: argument ${other + 1} has ${counts[other]} rows and the first ${counts[0]}; each needs as many. A typed array has a row for each value: pass { values, shape } for rows of several`,
    );
  }
  return counts[0];
}

function partOf(what: string, testSize: number, count: number): number {
  const isShare = typeof testSize === "number" && testSize > 0 && testSize < 1;
  const found = isShare ? Math.ceil(decimal(count * testSize)) : testSize;
  if (!Number.isInteger(found) || found < 1 || found >= count) {
    throw new ArgumentError(
      `${what}: testSize ${showGiven(testSize)} of ${count} rows; it must be a share between 0 and 1 or a number of rows, and leave each part at least one`,
    );
  }
  return found;
}

/** A product of a whole number and a share, with the rounding of binary fractions taken off: 0.07 of 100 are 7. */
const decimal = (product: number): number => {
  const whole = Math.round(product);
  return Math.abs(product - whole) <= whole * 2 ** -50 ? whole : product;
};

function shuffledRows(count: number, seed: number | undefined): Uint32Array {
  const order = new Uint32Array(count);
  fillPermutation(order, new ShuffleKey(seed).stateOf(0));
  return order;
}

function classesOf(what: string, classes: ArrayLike<unknown>, count: number): ArrayLike<unknown> {
  if (typeof classes !== "object" || classes === null || classes.length !== count) {
    throw new ArgumentError(
      `${what}: stratify must have a class for each of the ${count} rows, got ${typeof classes === "object" && classes !== null ? `${classes.length} of them` : kindOf(classes)}`,
    );
  }
  return classes;
}

/** The rows of each class in their order, classes as they come first in the data. */
function byClass(classes: ArrayLike<unknown>, order: Uint32Array): Map<unknown, number[]> {
  const found = new Map<unknown, number[]>();
  for (let i = 0; i < classes.length; i++) if (!found.has(classes[i])) found.set(classes[i], []);
  for (const row of order) (found.get(classes[row]) as number[]).push(row);
  return found;
}

/** `wanted` rows, of each class its share: whole parts first, then where most is left over. */
function stratified(what: string, classes: ArrayLike<unknown>, order: Uint32Array, wanted: number): number[] {
  const groups = [...byClass(classes, order)];
  const count = order.length;
  if (wanted < groups.length || count - wanted < groups.length) {
    throw new ArgumentError(
      `${what}: stratify has ${groups.length} classes, and a part has ${Math.min(wanted, count - wanted)} rows; each part needs at least one of each class`,
    );
  }
  const shares = groups.map(([name, rows]) => {
    if (rows.length < 2) {
      throw new ArgumentError(
        `${what}: class ${String(name)} has one row, which can't be in both parts; leave it out, or leave stratify out`,
      );
    }
    return (rows.length * wanted) / count;
  });
  const taken = shares.map(Math.floor);
  const byRest = shares.map((share, i) => [share - taken[i], i]).sort(([a, i], [b, j]) => b - a || i - j);
  const missing = wanted - taken.reduce((sum, n) => sum + n, 0);
  for (const [, i] of byRest.slice(0, missing)) taken[i]++;
  return groups.flatMap(([, rows], i) => rows.slice(0, taken[i]));
}

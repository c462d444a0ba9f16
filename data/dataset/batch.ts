// Batched: several elements as one, alike in shape or padded to the longest.

import { ArgumentError, ShapeError } from "../../engine/base/errors.ts";
import { isPlainObject, showGiven } from "../../engine/internal.ts";
import { differs, isScalar, type Join, joined, rowOf, stack } from "./elements.ts";
import { arrayLike, isNumberArray, isSameShape, isShaped, NdArray, sizeOf } from "./nd-array.ts";
import { type Cursor, end, isPromised, type Maybe, openAt, Stage } from "./stage.ts";

export class Batched extends Stage {
  readonly call: string;
  readonly size: number;
  readonly dropsRemainder: boolean;
  readonly #join: Join;

  constructor(source: Stage, call: string, size: number, dropsRemainder: boolean, join: Join = stack) {
    super([source]);
    this.call = call;
    this.size = size;
    this.dropsRemainder = dropsRemainder;
    this.#join = join;
  }

  override get isBatched(): boolean {
    return true;
  }

  get length(): number | undefined {
    const { length } = this.source;
    if (length === undefined) return undefined;
    return this.dropsRemainder ? Math.floor(length / this.size) : Math.ceil(length / this.size);
  }

  /** Whether the elements are stacked as they are. */
  get isPlain(): boolean {
    return this.#join === stack;
  }

  override get isIndexed(): boolean {
    return this.source.isIndexed;
  }

  override at(epoch: number, index: number): Maybe<unknown> {
    const { source, size } = this;
    const first = index * size;
    const count = Math.min(size, (source.length as number) - first);
    if (this.isPlain && source.canGather) {
      const indices = new Uint32Array(count);
      for (let i = 0; i < count; i++) indices[i] = first + i;
      return source.gather(epoch, indices);
    }
    const elements: Maybe<unknown>[] = [];
    for (let i = 0; i < count; i++) elements.push(source.at(epoch, first + i));
    if (!elements.some(isPromised)) return this.#joined(elements, index);
    return Promise.all(elements).then((found) => this.#joined(found, index));
  }

  override restart(position: number): number {
    return Math.floor(this.source.restart(position * this.size) / this.size);
  }

  override cursor(epoch: number, from: number): Cursor {
    if (this.isIndexed) return super.cursor(epoch, from);
    const cursor = openAt(this.source, epoch, from * this.size);
    let next = from;
    let elements: unknown[] = [];
    let isOver = false;
    const give = (): unknown => {
      const batch = elements;
      elements = [];
      if (batch.length === 0 || (this.dropsRemainder && batch.length < this.size)) return end;
      return this.#joined(batch, next++);
    };
    const pull = (): Maybe<unknown> => {
      while (!isOver && elements.length < this.size) {
        const found = cursor.pull();
        if (isPromised(found)) return later(found);
        note(found);
      }
      return give();
    };
    const later = async (first: Promise<unknown>): Promise<unknown> => {
      note(await first);
      while (!isOver && elements.length < this.size) note(await cursor.pull());
      return give();
    };
    const note = (element: unknown): void => {
      if (element === end) isOver = true;
      else elements.push(element);
    };
    return { pull, close: () => cursor.close() };
  }

  #joined(elements: unknown[], index: number): unknown {
    return joined(elements, this.#join, `${this.chain}: batch ${index}`);
  }
}

/** One number for all parts, or one each in the form of an element. */
export type PadValue = number | readonly PadValue[] | { readonly [name: string]: PadValue };

/**
 * Joins parts of equal rank, each axis filled up with `padValue`: to the longest there is, the first axis of parts as long
 * as `lengthOf` says to `length` where that is more.
 */
export function padding(padValue: PadValue = 0, leastLength?: number): Join {
  return (parts, path, what) => {
    const [first] = parts;
    const isRows = isNumberArray(first) || isShaped(first) || (Array.isArray(first) && !isScalar(first));
    if (!isRows) return stack(parts, path, what);
    const rows = parts.map((part, i) => rowOf(part, i, path, what));
    const rank = rows[0].shape.length;
    const shape = [...rows[0].shape];
    for (const [i, row] of rows.entries()) {
      if (row.shape.length !== rank) {
        throw new ShapeError(
          `${what}: ${differs(i, path, `has ${row.shape.length} axes and the first ${rank}`)}`,
        );
      }
      for (let axis = 0; axis < rank; axis++) shape[axis] = Math.max(shape[axis], row.shape[axis]);
    }
    if (leastLength !== undefined && rank > 0) shape[0] = Math.max(shape[0], leastLength);
    const size = sizeOf(shape);
    const whole = arrayLike(rows[0].values, rows.length * size);
    const value = padValueOf(padValue, path, what);
    if (value !== 0) whole.fill(value);
    for (const [i, row] of rows.entries()) copyInto(whole, i * size, shape, row);
    return new NdArray(whole, [rows.length, ...shape]);
  };
}

/** A row's values into a larger one that begins at `start`. */
function copyInto(whole: NdArray["values"], start: number, shape: readonly number[], row: NdArray): void {
  if (isSameShape(row.shape.slice(1), shape.slice(1))) {
    whole.set(row.values, start);
    return;
  }
  const [inner, outer] = [sizeOf(row.shape.slice(1)), sizeOf(shape.slice(1))];
  for (let i = 0; i < row.shape[0]; i++) {
    const below = new NdArray(row.values.subarray(i * inner, (i + 1) * inner), row.shape.slice(1));
    copyInto(whole, start + i * outer, shape.slice(1), below);
  }
}

function padValueOf(given: PadValue, path: string, what: string): number {
  let value: unknown = given;
  for (const key of path === "" ? [] : path.split("/")) {
    if (!Array.isArray(value) && !isPlainObject(value)) break;
    value = (value as Record<string, unknown>)[key];
  }
  if (typeof value === "number") return value;
  throw new ArgumentError(
    `${what}: padValue must be a number, or one a part in the form of an element; for part ${path} it is ${showGiven(value)}`,
  );
}

export const plainBatch = (source: Stage, size: number, dropsRemainder = false): Batched =>
  new Batched(source, `batch(${size})`, size, dropsRemainder);

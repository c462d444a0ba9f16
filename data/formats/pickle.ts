// The sequences of whole numbers in pickles of NumPy's arrays of lists of integers.

import { DataError, printable } from "../../engine/base/errors.ts";
import type { Turns } from "../sources/bytes.ts";
import { type NpyHeader, npyArray } from "./npy.ts";
import { PickledArray, Unpickler } from "./unpickler.ts";

export interface SequenceLimits {
  /** The most numbers in all sequences together. */
  readonly mostNumbers: number;
}

/**
 * The sequences of whole numbers in a pickled array of one axis, whose elements are lists or arrays.
 *
 * @param header of the npy file in which the pickle stands
 * @throws DataError where it is anything else
 */
export async function pickledSequences(
  name: string,
  header: NpyHeader,
  raw: Uint8Array,
  { mostNumbers }: SequenceLimits,
  turns: Turns,
): Promise<Int32Array[]> {
  const unpickler = new Unpickler(name, raw);
  const array = await unpickler.run(turns);
  const { shape } = header;
  if (!(array instanceof PickledArray) || array.dtype?.code[0] !== "O" || !Array.isArray(array.content))
    throw unpickler.refuse("expected an array of objects");
  const { content } = array;
  if (
    shape.length !== 1 ||
    array.shape.length !== 1 ||
    content.length !== shape[0] ||
    array.shape[0] !== shape[0]
  )
    throw unpickler.refuse(
      `expected ${shape.join(" x ")} elements along one axis, as the header says, found ${content.length}`,
    );
  // A list may stand in many places: it is read once.
  const known = new Map<unknown, Int32Array>();
  let total = 0;
  return content.map((item: unknown, i) => {
    const sequence = known.get(item) ?? wholeNumbers(`${name}, element ${i}`, item);
    known.set(item, sequence);
    total += sequence.length;
    if (total > mostNumbers)
      throw unpickler.refuse(`more than ${mostNumbers} numbers in all; raise { maxBytes } if that is right`);
    return sequence;
  });
}

/** An element of an array of objects as numbers. */
function wholeNumbers(name: string, item: unknown): Int32Array {
  const refuse = (what: string) =>
    new DataError(`${printable(name)}: expected a list of whole numbers from 0 to 2^31 - 1, found ${what}`);
  let values: ArrayLike<unknown>;
  if (Array.isArray(item)) values = item;
  else if (item instanceof PickledArray && item.dtype !== undefined && item.content instanceof Uint8Array) {
    const { shape, isFortran, content } = item;
    values = npyArray(name, { descr: item.dtype.descr, isFortran, shape }, content).values;
  } else throw refuse(whatIs(item));
  const out = new Int32Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const value = numberOf(name, values[i]);
    if (value === undefined) throw refuse(`${whatIs(values[i])} at place ${i}`);
    if ((value | 0) !== value || value < 0) throw refuse(`${value} at place ${i}`);
    out[i] = value;
  }
  return out;
}

/** What stands where a number or a list should, for messages. */
function whatIs(value: unknown): string {
  if (value === null) return "None";
  if (Array.isArray(value)) return "a list";
  if (value instanceof PickledArray) return "an array of something else";
  return typeof value === "string" ? "a text" : typeof value === "boolean" ? String(value) : "something else";
}

/** A number, or one of NumPy's scalars. */
function numberOf(name: string, value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (!(value instanceof PickledArray) || value.dtype === undefined || !(value.content instanceof Uint8Array))
    return undefined;
  const { shape, dtype, content } = value;
  return shape.length === 1 && shape[0] === 1
    ? npyArray(name, { descr: dtype.descr, isFortran: false, shape }, content).values[0]
    : undefined;
}

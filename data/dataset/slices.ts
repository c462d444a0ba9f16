// Slices: the rows of arrays and tensors as elements, in any order, one by one or as batches.

import { ArgumentError, kindOf, ShapeError } from "../../engine/base/errors.ts";
import { Tensor, Variable } from "../../engine/index.ts";
import { isBranch, isNumbers, mapParts, nested } from "./elements.ts";
import {
  arrayLike,
  isNumberArray,
  isShaped,
  NdArray,
  type NumberArray,
  sizeOf,
  unwrapped,
} from "./nd-array.ts";
import { type Maybe, Stage } from "./stage.ts";

/** What has rows: values with a shape, a tensor, or a list of anything. */
type Column = NdArray | Tensor | List;

/** A class, so that it is no branch of the tree of parts. */
export class List {
  readonly items: readonly unknown[];

  constructor(items: readonly unknown[]) {
    this.items = items;
  }

  get length(): number {
    return this.items.length;
  }
}

/** Outermost arrays of more arrays than this can only be meant as rows. */
const mostParts = 3;

export class Slices extends Stage {
  readonly call: string;
  readonly length: number;
  /** What was given, part by part. */
  readonly parts: unknown;
  /** Tensors as they were read. */
  readonly #read = new Map<Tensor, NdArray>();

  constructor(call: string, data: unknown) {
    super([]);
    this.call = call;
    this.parts = columnsOf(call, data);
    let count: number | undefined;
    mapParts(this.parts, (part, path) => {
      const found = part instanceof Tensor ? part.shape[0] : (part as NdArray | List).length;
      if (count !== undefined && found !== count) {
        throw new ShapeError(
          `${call}: part ${path} has ${found} rows and the first part ${count}; each needs one an element${isNumberArray((part as NdArray).values) ? ". A typed array has one a value: pass { values, shape } for rows of several" : ""}`,
        );
      }
      count = found;
      return part;
    });
    if (count === undefined) throw new ArgumentError(`${call}: there are no parts; pass at least one`);
    this.length = count;
  }

  override get isIndexed(): boolean {
    return true;
  }

  override get canGather(): boolean {
    return true;
  }

  /** Reads what lies on a device, once; variables, which change, each time. */
  override prepare(): Maybe<void> {
    const wanted = new Set<Tensor>();
    mapParts(this.parts, (part) => {
      if (part instanceof Tensor && (part instanceof Variable || !this.#read.has(part))) wanted.add(part);
      return part;
    });
    if (wanted.size === 0) return undefined;
    const reads = [...wanted].map(async (part) => {
      this.#read.set(part, new NdArray((await part.data()) as NumberArray, part.shape));
    });
    return Promise.all(reads).then(() => {});
  }

  override at(_epoch: number, index: number): unknown {
    return mapParts(this.parts, (part) => {
      const column = this.#onHost(part as Column);
      if (column instanceof List) return column.items[index];
      const shape = column.shape.slice(1);
      const size = sizeOf(shape);
      // A copy: elements are the caller's to write to.
      return unwrapped(column.values.slice(index * size, (index + 1) * size), shape);
    });
  }

  override gather(_epoch: number, indices: Uint32Array): unknown {
    return mapParts(this.parts, (part) => {
      const column = this.#onHost(part as Column);
      if (column instanceof List) return Array.from(indices, (index) => column.items[index]);
      return rows(column, indices);
    });
  }

  #onHost(part: Column): NdArray | List {
    return part instanceof Tensor ? (this.#read.get(part) as NdArray) : part;
  }
}

/** Rows of an array, copied: flat numbers as a typed array. */
function rows({ values, shape }: NdArray, indices: Uint32Array): NdArray | NumberArray {
  const size = sizeOf(shape.slice(1));
  const out = arrayLike(values, indices.length * size);
  if (size < 32) {
    // A view of a row costs more than copying so few.
    for (let i = 0; i < indices.length; i++) {
      const row = indices[i] * size;
      for (let j = 0; j < size; j++) out[i * size + j] = values[row + j];
    }
  } else {
    for (let i = 0; i < indices.length; i++) {
      const row = indices[i] * size;
      out.set(values.subarray(row, row + size), i * size);
    }
  }
  return shape.length === 1 ? out : new NdArray(out, [indices.length, ...shape.slice(1)]);
}

function columnsOf(call: string, data: unknown): unknown {
  // Flat numbers or texts alone are rows themselves.
  if (Array.isArray(data) && data.length > 0 && !isPart(data[0])) return columnOf(call, data, "");
  if (Array.isArray(data) && data.length > mostParts && data.every((part) => Array.isArray(part))) {
    throw new ArgumentError(
      `${call}: an array of ${data.length} arrays can be as many parts or as many rows; pass [rows] or { x: rows } for one part, or typed arrays for several`,
    );
  }
  const isNested = (value: unknown) => Array.isArray(value) && value.length > 0 && !value.some(isPart);
  const walk = (value: unknown, path: string, isOutermost: boolean): unknown => {
    if (!isBranch(value, isOutermost) || isNested(value)) return columnOf(call, value, path);
    const below = (key: string) => (path === "" ? key : `${path}/${key}`);
    const parts = Object.entries(value as object).map(([key, part]) => [key, walk(part, below(key), false)]);
    return Array.isArray(value) ? parts.map(([, part]) => part) : Object.fromEntries(parts);
  };
  return walk(data, "", true);
}

const isPart = (value: unknown) =>
  value instanceof Tensor ||
  ArrayBuffer.isView(value) ||
  Array.isArray(value) ||
  isShaped(value) ||
  isBranch(value, true);

function columnOf(call: string, part: unknown, path: string): Column {
  const where = path === "" ? call : `${call}: part ${path}`;
  if (part instanceof Tensor) {
    if (part.rank === 0) throw new ShapeError(`${where} is a single number on the device; it has no rows`);
    return part;
  }
  if (isNumberArray(part)) return new NdArray(part, [part.length]);
  if (isShaped(part)) {
    if (part.shape.length === 0) throw new ShapeError(`${where} has shape [], and so no rows`);
    return new NdArray(part.values, part.shape);
  }
  if (!Array.isArray(part)) {
    throw new ArgumentError(
      `${where} is ${kindOf(part)}; pass tensors, typed arrays, { values, shape }, nested arrays or lists`,
    );
  }
  if (part.length > 0 && isNumbers(part)) return nested(part, where);
  // Rows that are trees themselves, or texts.
  return new List(part);
}

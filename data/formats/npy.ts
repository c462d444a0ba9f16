// NumPy's npy files: one array, its dtype, byte order and order of axes in the header.

import { checkOptions, DataError, type OptionNames, printable } from "../../engine/base/errors.ts";
import { ByteReader } from "../sources/bytes.ts";
import { limitOf, type ReadOptions, readOptions, waitingOf } from "../sources/options.ts";
import { checkSource, type DataSource, open } from "../sources/source.ts";

export type NpyValues =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

export interface NpyArray {
  /** The sizes of the axes, outermost first; [] for a single number. */
  readonly shape: number[];
  /** NumPy's name of the dtype in the file: "float32", "int64", "bool" and so on. */
  readonly dtype: string;
  /** The values row by row, whatever order they have in the file. */
  readonly values: NpyValues;
}

export interface NpyOptions extends ReadOptions {
  /** The most bytes that the values may take in the file; default 2 GiB. */
  maxBytes?: number;
}

const npyOptions: OptionNames<NpyOptions> = { ...readOptions, maxBytes: true };

/**
 * Reads an npy file: bool, integers and floats of all sizes, both byte orders, both orders of axes.
 *
 * float16 becomes a Float32Array, int64 an Int32Array and uint64 a Uint32Array, whose values must fit; the others stay what
 * they are, and `tensor(values, shape)` takes all of them.
 *
 * @param source a path (Node), an address, bytes, a File or a stream, plain or gzipped
 * @throws DataError where it is no npy file, is cut off, or holds what is no number
 */
export async function readNpy(source: DataSource, options: NpyOptions = {}): Promise<NpyArray> {
  checkOptions("readNpy", options, npyOptions);
  checkSource("readNpy", source);
  const most = limitOf("readNpy", "maxBytes", options.maxBytes ?? 2 ** 31);
  const { name, chunks } = open(source, waitingOf("readNpy", options), "look at the path");
  const reader = new ByteReader(chunks);
  try {
    const header = await npyHeader(name, reader);
    const { bytes } = numbersOf(name, header);
    if (bytes > most) {
      throw new DataError(
        `${printable(name)}: values of ${bytes} bytes, as the header says, are more than ${most}; raise { maxBytes } if that is right`,
      );
    }
    const raw = await reader.take(bytes);
    if (!(await reader.isAtEnd()))
      throw new DataError(`${printable(name)}: has bytes behind its ${bytes} bytes of values`);
    return npyArray(name, header, raw);
  } finally {
    await reader.close();
  }
}

export interface NpyHeader {
  /** NumPy's code, as in "<f4". */
  readonly descr: string;
  readonly isFortran: boolean;
  readonly shape: number[];
}

/** NumPy itself reads no longer ones, unless it is told to trust the file. */
const mostHeaderBytes = 10_000;

/** Takes the header off a file's bytes. @throws DataError where there is none */
export async function npyHeader(name: string, reader: ByteReader): Promise<NpyHeader> {
  const refuse = (what: string) => new DataError(`${printable(name)}: ${what}`);
  const start = await reader.take(8);
  if (start.length < 8 || String.fromCharCode(...start.subarray(0, 6)) !== "\x93NUMPY")
    throw refuse("is no npy file: it doesn't begin with \\x93NUMPY");
  const version = start[6];
  if (version < 1 || version > 3 || start[7] !== 0)
    throw refuse(`has version ${version}.${start[7]} of the npy format; 1.0, 2.0 and 3.0 are known`);
  const size = await reader.take(version === 1 ? 2 : 4);
  let length = 0;
  for (let i = size.length - 1; i >= 0; i--) length = length * 256 + size[i];
  if (length > mostHeaderBytes)
    throw refuse(`its header of ${length} bytes is longer than any of NumPy's (${mostHeaderBytes})`);
  const bytes = await reader.take(length);
  if (bytes.length < length || length === 0) throw refuse("ends inside its header");
  return parseHeader(name, new TextDecoder("latin1").decode(bytes));
}

/** The header is a dict as Python writes it, of three keys in any order. */
function parseHeader(name: string, text: string): NpyHeader {
  const refuse = () =>
    new DataError(
      `${printable(name)}: expected a header like { descr, fortran_order, shape } of one dtype, found ${printable(text.trim().slice(0, 100))}`,
    );
  const [, inside] = /^\{(.*)\}\s*$/s.exec(text.trim()) ?? [];
  if (inside === undefined) throw refuse();
  const entry =
    /\s*(?:'(descr)'\s*:\s*'([^'\\]*)'|'(fortran_order)'\s*:\s*(True|False)|'(shape)'\s*:\s*\(([\d,\sL]*)\))\s*(?:,|$)/y;
  const found: { descr?: string; fortran_order?: string; shape?: string } = {};
  while (entry.lastIndex < inside.trimEnd().length) {
    const match = entry.exec(inside);
    if (match === null) throw refuse();
    const key = (match[1] ?? match[3] ?? match[5]) as keyof typeof found;
    if (found[key] !== undefined) throw refuse();
    found[key] = match[2] ?? match[4] ?? match[6];
  }
  const { descr, fortran_order: order, shape } = found;
  if (descr === undefined || order === undefined || shape === undefined) throw refuse();
  const sizes = shape.split(",").map((size) => size.trim().replace(/L$/, ""));
  if (sizes.at(-1) === "") sizes.pop();
  if (sizes.some((size) => !/^\d+$/.test(size) || !Number.isSafeInteger(Number(size)))) throw refuse();
  return { descr, isFortran: order === "True", shape: sizes.map(Number) };
}

interface NumberType {
  readonly name: string;
  readonly bytes: number;
  /** From bytes in this machine's order, at an aligned place. */
  values(file: string, raw: Uint8Array<ArrayBuffer>): NpyValues;
}

const view = <T>(
  name: string,
  make: { new (buffer: ArrayBuffer): T; readonly BYTES_PER_ELEMENT: number },
) => ({
  name,
  bytes: make.BYTES_PER_ELEMENT,
  values: (_: string, raw: Uint8Array<ArrayBuffer>) => new make(raw.buffer),
});

const numberTypes: Readonly<Record<string, NumberType>> = {
  b1: { name: "bool", bytes: 1, values: (_, raw) => raw.map((value) => (value === 0 ? 0 : 1)) },
  u1: view("uint8", Uint8Array),
  i1: view("int8", Int8Array),
  u2: view("uint16", Uint16Array),
  i2: view("int16", Int16Array),
  u4: view("uint32", Uint32Array),
  i4: view("int32", Int32Array),
  f4: view("float32", Float32Array),
  f8: view("float64", Float64Array),
  f2: {
    name: "float16",
    bytes: 2,
    values: (_, raw) => Float32Array.from(new Uint16Array(raw.buffer), halfToNumber),
  },
  i8: { name: "int64", bytes: 8, values: (file, raw) => narrowed(file, new Int32Array(raw.buffer), "int64") },
  u8: {
    name: "uint64",
    bytes: 8,
    values: (file, raw) => narrowed(file, new Uint32Array(raw.buffer), "uint64"),
  },
};

const otherTypes: Readonly<Record<string, string>> = {
  O: "Python objects",
  S: "bytes",
  U: "texts",
  V: "records",
  c: "complex numbers",
  M: "dates",
  m: "spans of time",
  f: "floats of another size",
  g: "floats of another size",
};

/** What an array's bytes are, and how many there must be. @throws DataError for dtypes that are no numbers */
export function numbersOf(name: string, { descr, shape }: NpyHeader): { type: NumberType; bytes: number } {
  const code = descr.slice(1);
  const isKnown = /^[<>|=]/.test(descr) && Object.hasOwn(numberTypes, code);
  const type = isKnown ? numberTypes[code] : undefined;
  if (type === undefined) {
    const kind = otherTypes[code[0]];
    throw new DataError(
      `${printable(name)}: is an array of dtype "${printable(descr)}"${kind === undefined ? "" : `, ${kind}`}; numbers can be read: bool, integers, float16 to float64. In Python: array.astype("float32")`,
    );
  }
  return { type, bytes: shape.reduce((product, size) => product * size, 1) * type.bytes };
}

/** The array that a header and the bytes behind it stand for. @throws DataError where their number is another */
export function npyArray(name: string, header: NpyHeader, raw: Uint8Array): NpyArray {
  const { type, bytes } = numbersOf(name, header);
  if (raw.length !== bytes) {
    throw new DataError(
      `${printable(name)}: expected ${bytes} bytes of ${type.name} values for shape [${header.shape.join(", ")}], found ${raw.length}`,
    );
  }
  // A copy begins at an aligned place, and may be put in this machine's order.
  const own = raw.slice() as Uint8Array<ArrayBuffer>;
  if (header.descr.startsWith(">")) reverseEach(own, type.bytes);
  const values = type.values(name, own);
  return {
    shape: header.shape,
    dtype: type.name,
    values: header.isFortran ? rowByRow(values, header.shape) : values,
  };
}

function reverseEach(raw: Uint8Array, bytes: number): void {
  if (bytes === 1) return;
  for (let start = 0; start < raw.length; start += bytes) raw.subarray(start, start + bytes).reverse();
}

/** From the order in which the first axis runs fastest to that in which the last does. */
function rowByRow<T extends NpyValues>(values: T, shape: readonly number[]): T {
  if (shape.length < 2 || values.length === 0) return values;
  const out = values.slice() as T;
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
  const place = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = values[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++place[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      place[axis] = 0;
    }
  }
  return out;
}

/** The low words of 64-bit integers. @throws DataError for one that they don't hold */
function narrowed<T extends Int32Array | Uint32Array>(file: string, words: T, name: string): T {
  const out = words.slice(0, words.length / 2) as T;
  const isSigned = words instanceof Int32Array;
  for (let i = 0; i < out.length; i++) {
    const [low, high] = [words[2 * i], words[2 * i + 1]];
    if (high !== (isSigned ? low >> 31 : 0)) {
      const exact = (BigInt(high) << 32n) | BigInt(low >>> 0);
      throw new DataError(
        `${printable(file)}: element ${i} is ${exact}, which is no 32-bit integer; in Python: array.astype("float32"), if its digits don't matter (${name})`,
      );
    }
    out[i] = low;
  }
  return out;
}

/** What the bits of a half stand for. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

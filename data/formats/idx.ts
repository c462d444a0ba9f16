// The IDX format of the MNIST family: two zero bytes, a type, the number of dimensions, the dimensions as big-endian
// u32, then the values row by row. Reads plain or gzipped bytes.

import { ArgumentError, DataError, kindOf, printable } from "../../engine/base/errors.ts";
import { ByteReader, type Chunks, isGzip, joined, once, unzipped } from "../sources/bytes.ts";

/** The values of an IDX file, in the element type that it declares. */
export type IdxValues = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

export interface Idx {
  /** The sizes of the dimensions, outermost first. */
  shape: number[];
  /** The values in row-major order. For the one-byte types a view of the input (or of its unzipped copy). */
  values: IdxValues;
}

interface IdxType {
  name: string;
  bytes: number;
  read(view: DataView, offset: number, count: number): IdxValues;
}

/** Reads `count` big-endian values one by one into a new array. */
function readInto<T extends IdxValues>(values: T, bytes: number, get: (offset: number) => number): T {
  for (let i = 0; i < values.length; i++) values[i] = get(i * bytes);
  return values;
}

const types = new Map<number, IdxType>([
  [0x08, { name: "u8", bytes: 1, read: (v, o, n) => new Uint8Array(v.buffer, v.byteOffset + o, n) }],
  [0x09, { name: "i8", bytes: 1, read: (v, o, n) => new Int8Array(v.buffer, v.byteOffset + o, n) }],
  [
    0x0b,
    { name: "i16", bytes: 2, read: (v, o, n) => readInto(new Int16Array(n), 2, (i) => v.getInt16(o + i)) },
  ],
  [
    0x0c,
    { name: "i32", bytes: 4, read: (v, o, n) => readInto(new Int32Array(n), 4, (i) => v.getInt32(o + i)) },
  ],
  [
    0x0d,
    {
      name: "f32",
      bytes: 4,
      read: (v, o, n) => readInto(new Float32Array(n), 4, (i) => v.getFloat32(o + i)),
    },
  ],
  [
    0x0e,
    {
      name: "f64",
      bytes: 8,
      read: (v, o, n) => readInto(new Float64Array(n), 8, (i) => v.getFloat64(o + i)),
    },
  ],
]);

const hex = (value: number, digits: number) => `0x${value.toString(16).padStart(digits, "0")}`;

/**
 * Unzips a gzip stream with the platform's DecompressionStream (Node 18 and newer, all browsers).
 *
 * @param name the file's name, for the error message
 * @param mostBytes what it may expand to; a small file can hold gigabytes of zeros
 * @throws DataError when the stream is damaged or cut off, or expands to more than `mostBytes`
 */
export async function gunzip(
  bytes: Uint8Array,
  name = "gzip data",
  mostBytes = 2 ** 31,
): Promise<Uint8Array> {
  const from = new ByteReader(unzipped(once(checkBytes("gunzip", bytes)), name));
  const all = await from.take(mostBytes);
  if (await from.isAtEnd()) return all;
  throw new DataError(
    `${printable(name)}: the gzip stream of ${bytes.length} bytes expands to more than ${mostBytes} bytes; raise the limit if that is right`,
  );
}

/**
 * Parses an IDX file.
 *
 * @param bytes the whole file, plain or gzipped; of what is gzipped no more is unzipped than the header promises
 * @param name the file's name, for error messages
 * @throws DataError naming the file, the offset, what was expected there and what was found
 */
export async function parseIdx(bytes: Uint8Array, name = "IDX data"): Promise<Idx> {
  checkBytes("parseIdx", bytes);
  return isGzip(bytes) ? readIdxStream(once(bytes), name) : readIdx(bytes, name);
}

/**
 * @internal Parses an IDX file as it comes, plain or gzipped, and reads no more of it than its header promises.
 *
 * @throws DataError as {@link parseIdx}
 */
export async function readIdxStream(chunks: Chunks, name: string): Promise<Idx> {
  const raw = new ByteReader(chunks);
  const start = await raw.take(2);
  raw.putBack(start);
  const from = isGzip(start) ? new ByteReader(unzipped(raw.rest(), name)) : raw;
  try {
    let head = await from.take(4);
    if (head.length === 4) head = joined([head, await from.take(4 * head[3])]);
    const { wanted } = headerOf(head, name);
    const values = await from.take(wanted);
    const after = await from.take(1);
    if (after.length > 0) {
      throw new DataError(
        `${printable(name)}: at byte ${head.length}: expected ${wanted} bytes of values, as the header says, found more`,
      );
    }
    return readIdx(joined([head, values]), name);
  } finally {
    await from.close();
  }
}

/** Parses a plain (not gzipped) IDX file; see {@link parseIdx}. */
export function readIdx(bytes: Uint8Array, name = "IDX data"): Idx {
  checkBytes("readIdx", bytes);
  const { header, shape, type, count, wanted } = headerOf(bytes, name);
  const present = bytes.length - header;
  if (present !== wanted) {
    const difference = present < wanted ? "the file is cut off" : `${present - wanted} bytes too many`;
    throw failure(
      name,
      header,
      `${wanted} bytes of ${type.name} values for shape [${shape.join(", ")}]`,
      `${present} bytes (${difference})`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { shape, values: type.read(view, header, count) };
}

const failure = (name: string, offset: number, expected: string, found: string) =>
  new DataError(`${printable(name)}: at byte ${offset}: expected ${expected}, found ${found}`);

/** What the first bytes of an IDX file say of it. */
function headerOf(bytes: Uint8Array, name: string) {
  const refuse = (offset: number, expected: string, found: string): never => {
    throw failure(name, offset, expected, found);
  };
  if (bytes.length < 4) refuse(0, "an IDX header of at least 4 bytes", `${bytes.length} bytes in all`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const zeros = view.getUint16(0);
  if (zeros !== 0) refuse(0, "the IDX magic number's two zero bytes", hex(zeros, 4));
  const type = types.get(bytes[2]);
  if (type === undefined) {
    const known = [...types].map(([code, { name: label }]) => `${hex(code, 2)} (${label})`).join(", ");
    return refuse(2, `an element type, one of ${known}`, hex(bytes[2], 2));
  }
  const rank = bytes[3];
  if (rank === 0) refuse(3, "at least 1 dimension", "0");
  const header = 4 + 4 * rank;
  if (bytes.length < header) {
    refuse(4, `${rank} dimensions of 4 bytes (a header of ${header} bytes)`, `${bytes.length} bytes in all`);
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = shape.reduce((product, size) => product * size, 1);
  return { header, shape, type, count, wanted: count * type.bytes };
}

function checkBytes(what: string, bytes: Uint8Array): Uint8Array {
  // By its tag: what comes from another window or a sandbox is an instance of another class.
  if (Object.prototype.toString.call(bytes) === "[object Uint8Array]") return bytes;
  throw new ArgumentError(
    `${what}: takes the file's bytes as a Uint8Array, got ${kindOf(bytes)}; of an ArrayBuffer make new Uint8Array(buffer)`,
  );
}

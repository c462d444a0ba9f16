// The IDX format of the MNIST family: two zero bytes, a type, the number of dimensions, the dimensions as big-endian
// u32, then the values row by row. Reads plain or gzipped bytes.

import { DataError } from "../engine/base/errors.ts";

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

/** Whether `bytes` start as a gzip stream does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unzips a gzip stream with the platform's DecompressionStream (Node 18 and newer, all browsers).
 *
 * @param name the file's name, for the error message
 * @throws DataError when the stream is damaged or cut off
 */
export async function gunzip(bytes: Uint8Array, name = "gzip data"): Promise<Uint8Array> {
  const source = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  try {
    const unzipped = source.pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(unzipped).arrayBuffer());
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(
      `${name}: the gzip stream of ${bytes.length} bytes is damaged or cut off (${reason}); get the file again`,
    );
  }
}

/**
 * Parses an IDX file.
 *
 * @param bytes the whole file, plain or gzipped
 * @param name the file's name, for error messages
 * @throws DataError naming the file, the offset, what was expected there and what was found
 */
export async function parseIdx(bytes: Uint8Array, name = "IDX data"): Promise<Idx> {
  return readIdx(isGzip(bytes) ? await gunzip(bytes, name) : bytes, name);
}

/** Parses a plain (not gzipped) IDX file; see {@link parseIdx}. */
export function readIdx(bytes: Uint8Array, name = "IDX data"): Idx {
  const fail = (offset: number, expected: string, found: string): never => {
    throw new DataError(`${name}: at byte ${offset}: expected ${expected}, found ${found}`);
  };
  if (bytes.length < 4) fail(0, "an IDX header of at least 4 bytes", `${bytes.length} bytes in all`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const zeros = view.getUint16(0);
  if (zeros !== 0) fail(0, "the IDX magic number's two zero bytes", hex(zeros, 4));
  const type = types.get(bytes[2]);
  if (type === undefined) {
    const known = [...types].map(([code, { name: label }]) => `${hex(code, 2)} (${label})`).join(", ");
    return fail(2, `an element type, one of ${known}`, hex(bytes[2], 2));
  }
  const rank = bytes[3];
  if (rank === 0) fail(3, "at least 1 dimension", "0");
  const header = 4 + 4 * rank;
  if (bytes.length < header) {
    fail(4, `${rank} dimensions of 4 bytes (a header of ${header} bytes)`, `${bytes.length} bytes in all`);
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = shape.reduce((product, size) => product * size, 1);
  const wanted = count * type.bytes;
  const present = bytes.length - header;
  if (present !== wanted) {
    const difference = present < wanted ? "the file is cut off" : `${present - wanted} bytes too many`;
    fail(
      header,
      `${wanted} bytes of ${type.name} values for shape [${shape.join(", ")}]`,
      `${present} bytes (${difference})`,
    );
  }
  return { shape, values: type.read(view, header, count) };
}

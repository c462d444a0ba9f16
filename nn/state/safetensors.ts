// Safetensors files: written whole with a checksum, and read with all that the format demands of them looked at first.

import { DataError, type DType, type Shape, showShape, sizeOf } from "../../engine/index.ts";
import { isPlainObject, printable } from "../../engine/internal.ts";
import { numbersOf, type StoredArray, storedBytes, storedName } from "./stored-dtypes.ts";
import { Xxh32 } from "./xxh32.ts";

// 8 bytes, the header's length as a little-endian u64; the header, JSON by name of { dtype, shape, data_offsets }, and under
// "__metadata__" texts by name; then the tensors' bytes, one behind the other without gaps. The metadata of our files begin
// with the XXH32 of the whole file, its own digits taken for zeros.

/** A tensor on the host, to be written. */
export interface HostTensor {
  readonly dtype: DType | "f64";
  readonly shape: Shape;
  readonly values: StoredArray;
}

/** A tensor of a file. */
export interface StoredTensor {
  /** As files call it: "F32", "BF16", ... */
  readonly dtype: string;
  readonly shape: Shape;
  readonly values: StoredArray;
}

export interface Contents {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether it has a checksum, which was found right. */
  readonly isChecked: boolean;
}

/** A file in the pieces that it is written in. */
export interface FileParts {
  readonly parts: readonly Uint8Array<ArrayBuffer>[];
  /** Of all of it as it will be read. */
  readonly digest: string;
}

/** As the reference implementation has it. */
const mostHeaderBytes = 100_000_000;
const metadataName = "__metadata__";
const opening = `{"${metadataName}":{"checksum":"`;
const noDigest = "00000000";
/** Where the checksum's digits stand in a file. */
const digestAt = 8 + opening.length;

export function encode(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): FileParts {
  // Wide elements first, so that all lie at multiples of their size.
  const sizes = [...tensors].map(([name, tensor]) => ({
    name,
    ...tensor,
    size: tensor.values.BYTES_PER_ELEMENT,
  }));
  sizes.sort((a, b) => b.size - a.size);
  const header: Record<string, unknown> = { [metadataName]: { checksum: noDigest, ...metadata } };
  let end = 0;
  for (const { name, dtype, shape, values } of sizes) {
    const start = end;
    end += values.byteLength;
    header[name] = { dtype: storedName(dtype), shape, data_offsets: [start, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padding = (8 - (json.length % 8)) % 8;
  const first = new Uint8Array(8 + json.length + padding).fill(0x20);
  new DataView(first.buffer).setBigUint64(0, BigInt(json.length + padding), true);
  first.set(json, 8);
  const rest = sizes.map(
    ({ values }) =>
      new Uint8Array(
        values.buffer as ArrayBuffer,
        values.byteOffset,
        values.byteLength,
      ) as Uint8Array<ArrayBuffer>,
  );
  const digest = digestOf([first, ...rest]);
  first.set(new TextEncoder().encode(digest), digestAt);
  return { parts: [first, ...rest], digest };
}

/** The checksum of a file whose first part holds all of its header, with zeros for the checksum in it. */
function digestOf(parts: readonly Uint8Array[]): string {
  const sum = new Xxh32();
  for (const part of parts) sum.update(part);
  return sum.digest();
}

/** Looks at a file's bytes as they come whether they are those of {@link FileParts}. */
export class Verifier {
  readonly #parts: readonly Uint8Array[];
  /** The part that is compared next, and where in it. */
  #part = 0;
  #at = 0;
  #isRight = true;

  constructor({ parts }: FileParts) {
    this.#parts = parts.filter(({ length }) => length > 0);
  }

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.#isRight; ) {
      const part = this.#parts[this.#part];
      if (part === undefined) {
        this.#isRight = false;
        return;
      }
      const length = Math.min(bytes.length - at, part.length - this.#at);
      this.#isRight = equalBytes(bytes.subarray(at, at + length), part.subarray(this.#at, this.#at + length));
      at += length;
      this.#at += length;
      if (this.#at === part.length) [this.#part, this.#at] = [this.#part + 1, 0];
    }
  }

  isRight(): boolean {
    return this.#isRight && this.#part === this.#parts.length;
  }
}

/** Of the same length. */
function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  const { Buffer } = globalThis as { Buffer?: { compare(a: Uint8Array, b: Uint8Array): number } };
  if (Buffer !== undefined) return Buffer.compare(a, b) === 0;
  const isAligned = a.byteOffset % 4 === 0 && b.byteOffset % 4 === 0;
  const words = isAligned ? a.length >> 2 : 0;
  const [c, d] = [a, b].map(
    ({ buffer, byteOffset }) => new Int32Array(buffer, isAligned ? byteOffset : 0, words),
  );
  for (let i = 0; i < words; i++) if (c[i] !== d[i]) return false;
  for (let i = 4 * words; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A copy of a file's beginning with zeros for the checksum's digits. */
const withoutDigest = (bytes: Uint8Array): Uint8Array =>
  bytes.slice().fill(0x30, digestAt, digestAt + noDigest.length);

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: Shape;
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a file. What it gives shares memory with `bytes`.
 *
 * @param name what errors call it
 * @throws DataError that says what is wrong, for whatever is no sound file
 */
export function decode(name: string, bytes: Uint8Array): Contents {
  const what = printable(name);
  const fail = (text: string): never => {
    throw new DataError(`${what}: ${text}`);
  };
  if (bytes.length < 10) fail(`has ${bytes.length} bytes, too few for a safetensors file`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > mostHeaderBytes || length > bytes.length - 8) {
    fail(
      `its header would take ${length} bytes of the ${bytes.length}; it is no safetensors file, or cut off`,
    );
  }
  const text = decoded(bytes.subarray(8, 8 + length)) ?? fail("its header is not UTF-8");
  const isChecked = text.startsWith(opening);
  if (isChecked) {
    const given = text.slice(opening.length, opening.length + noDigest.length);
    const head = bytes.subarray(0, 8 + length);
    const found = digestOf([withoutDigest(head), bytes.subarray(8 + length)]);
    if (found !== given) {
      fail(`is damaged or cut off: its checksum is ${found} and should be ${given}; use an earlier copy`);
    }
  }
  const header = parsed(text, fail);
  const { [metadataName]: given = {}, ...rest } = header;
  if (!isPlainObject(given) || Object.values(given).some((value) => typeof value !== "string")) {
    fail(`its ${metadataName} must be texts by name`);
  }
  const size = bytes.length - 8 - length;
  const entries = Object.entries(rest).map(([key, entry]) => checkedEntry(key, entry, size, fail));
  checkPlaces(entries, size, fail);
  const data = bytes.subarray(8 + length);
  const tensors = new Map(
    entries.map(({ name: key, dtype, shape, start, end }) => {
      const values = numbersOf(`${what}: tensor "${key}"`, dtype, data.subarray(start, end));
      if (dtype === "BOOL" && (values as Uint8Array).some((value) => value > 1))
        fail(`tensor "${key}" is BOOL, but holds other bytes than 0 and 1`);
      return [key, { dtype, shape, values }] as const;
    }),
  );
  return { tensors, metadata: given as Record<string, string>, isChecked };
}

type Fail = (text: string) => never;

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parsed(text: string, fail: Fail): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    fail(`its header is no JSON: ${(error as Error).message}`);
  }
  if (!isPlainObject(header)) fail("its header must be an object");
  const twice = repeatedKey(text);
  if (twice !== undefined) fail(`its header has "${twice}" twice`);
  return header as Record<string, unknown>;
}

/** A name that an object of the JSON has twice, of which parsing would take the last without a word. */
function repeatedKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === "{") open.push(new Set());
    else if (char === "}") open.pop();
    if (char !== '"') continue;
    const start = at;
    for (at++; json[at] !== '"'; at++) if (json[at] === "\\") at++;
    let next = at + 1;
    while (" \n\r\t".includes(json[next]) && next < json.length) next++;
    if (json[next] !== ":") continue;
    const key = JSON.parse(json.slice(start, at + 1)) as string;
    const keys = open[open.length - 1];
    if (keys.has(key)) return key;
    keys.add(key);
  }
  return undefined;
}

const isLength = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function checkedEntry(name: string, entry: unknown, size: number, fail: Fail): Entry {
  const tensor = `tensor "${name}"`;
  if (!isPlainObject(entry) || Object.keys(entry).sort().join() !== "data_offsets,dtype,shape")
    fail(`${tensor} must have dtype, shape and data_offsets, and nothing else`);
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  if (typeof dtype !== "string" || !Object.hasOwn(storedBytes, dtype)) {
    fail(
      `${tensor} has dtype ${JSON.stringify(dtype)}; those that are read are ${Object.keys(storedBytes).join(", ")}`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(isLength) || !isLength(sizeOf(shape)))
    fail(`${tensor} has the shape ${JSON.stringify(shape)}, which must be whole numbers`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isLength))
    fail(`${tensor} has the data_offsets ${JSON.stringify(offsets)}, which must be two whole numbers`);
  const [start, end] = offsets as [number, number];
  if (start > end || end > size)
    fail(`${tensor} lies from ${start} to ${end} of ${size} bytes of data; the file is damaged or cut off`);
  const wanted = sizeOf(shape as number[]) * storedBytes[dtype as string];
  if (end - start !== wanted) {
    fail(
      `${tensor}, ${dtype} ${showShape(shape as number[])}, takes ${wanted} bytes, but has ${end - start}`,
    );
  }
  return { name, dtype: dtype as string, shape: shape as number[], start, end };
}

/** Tensors lie one behind the other, and nothing else lies there. */
function checkPlaces(entries: readonly Entry[], size: number, fail: Fail): void {
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (entry.start !== end) {
      fail(
        `tensor "${entry.name}" begins at byte ${entry.start} of the data, ${entry.start < end ? "inside the one before it" : "behind a gap"}, which ends at ${end}`,
      );
    }
    end = entry.end;
  }
  if (end !== size) fail(`${size - end} bytes behind the last tensor belong to none`);
}

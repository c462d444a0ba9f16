// What readers read from: paths, addresses, bytes, files of pages and streams, all as streams of bytes.

import { ArgumentError, DataError, kindOf, printable } from "../../engine/base/errors.ts";
import { ByteReader, type Chunks, chunksOf, isGzip, once, unzipped, type Waiting } from "./bytes.ts";
import { fetchChunks, fileChunks, isMissing, isNode, isUrl, pageAddress, pathOf } from "./files.ts";

/**
 * A path (Node), an address (`http:`, `https:`, `file:`; in pages also a relative one), bytes, a Blob or File, or a stream
 * of bytes.
 */
export type DataSource =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

export interface Opened {
  /** What the source is called in messages. */
  readonly name: string;
  readonly chunks: Chunks;
}

const tagOf = (value: unknown) => Object.prototype.toString.call(value).slice("[object ".length, -1);

/** The bytes of an array, a buffer or a view, by their tag: what comes from another window is of another class. */
export function bytesIn(source: unknown): Uint8Array | undefined {
  if (tagOf(source) === "Uint8Array") return source as Uint8Array;
  return tagOf(source) === "ArrayBuffer" ? new Uint8Array(source as ArrayBuffer) : undefined;
}

/** @throws ArgumentError where it is none of a DataSource's kinds */
export function checkSource(call: string, source: unknown): asserts source is DataSource {
  const isStream =
    typeof source === "object" &&
    source !== null &&
    (source instanceof URL ||
      source instanceof Blob ||
      source instanceof ReadableStream ||
      Symbol.asyncIterator in source);
  if ((typeof source === "string" && source !== "") || isStream || bytesIn(source) !== undefined) return;
  throw new ArgumentError(
    `${call}: reads from a path, a URL, a Uint8Array, an ArrayBuffer, a Blob, a File or a stream of bytes, got ${kindOf(source)}`,
  );
}

/** What a source is called in messages. */
export function sourceName(source: DataSource): string {
  if (typeof source === "string") return source;
  if (source instanceof URL) return source.href;
  if (source instanceof Blob) return (source as { name?: string }).name || "blob";
  return bytesIn(source) === undefined ? "stream" : "bytes";
}

/**
 * Opens a source, whose bytes are unzipped where they are a gzip stream.
 *
 * @param remedy what to do where there is no such file, for the message
 */
export function open(source: DataSource, waiting: Waiting, remedy?: string): Opened {
  const name = sourceName(source);
  return { name, chunks: inflated(name, rawChunks(name, source, waiting, remedy)) };
}

/** All bytes of a source. @throws DataError where there are more than `mostBytes` */
export async function readAll(
  source: DataSource,
  waiting: Waiting,
  mostBytes: number,
  remedy?: string,
): Promise<{ name: string; bytes: Uint8Array }> {
  const { name, chunks } = open(source, waiting, remedy);
  const given = bytesIn(source);
  if (given !== undefined && !isGzip(given)) {
    if (given.length > mostBytes) throw tooMuch(name, mostBytes);
    return { name, bytes: given };
  }
  const reader = new ByteReader(chunks);
  try {
    const bytes = await reader.take(mostBytes);
    if (!(await reader.isAtEnd())) throw tooMuch(name, mostBytes);
    return { name, bytes };
  } finally {
    await reader.close();
  }
}

const tooMuch = (name: string, mostBytes: number) =>
  new DataError(
    `${printable(name)}: has more than ${mostBytes} bytes; raise { maxBytes } if that is right, or read it piece by piece`,
  );

async function* inflated(name: string, chunks: Chunks): AsyncGenerator<Uint8Array> {
  const raw = new ByteReader(chunks);
  try {
    const start = await raw.take(2);
    raw.putBack(start);
    yield* isGzip(start) ? unzipped(raw.rest(), name) : raw.rest();
  } finally {
    await raw.close();
  }
}

async function* rawChunks(
  name: string,
  source: DataSource,
  waiting: Waiting,
  remedy: string | undefined,
): AsyncGenerator<Uint8Array> {
  const bytes = bytesIn(source);
  if (bytes !== undefined) yield* once(bytes);
  else if (source instanceof Blob) yield* chunksOf(name, source.stream(), waiting);
  else if (typeof source === "string" || source instanceof URL) yield* named(name, waiting, remedy);
  else yield* chunksOf(name, source as Chunks, waiting);
}

async function* named(
  name: string,
  waiting: Waiting,
  remedy: string | undefined,
): AsyncGenerator<Uint8Array> {
  const place = await placeOf(name);
  if (place.url !== undefined) {
    const { status, chunks } = await fetchChunks(place.url, waiting);
    if (chunks === undefined) throw new DataError(missing(place.url, `the server says ${status}`, remedy));
    yield* chunks;
    return;
  }
  try {
    yield* fileChunks(place.path, waiting);
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new DataError(missing(place.path, "there is no such file", remedy), { cause: error });
  }
}

const missing = (name: string, what: string, remedy: string | undefined) =>
  `${printable(name)}: ${what}${remedy === undefined ? "" : `; ${remedy}`}`;

type Place =
  | { readonly url: string; readonly path?: undefined }
  | { readonly path: string; readonly url?: undefined };

/** Where a text leads: to a file, or, in a page, to an address. */
export async function placeOf(text: string): Promise<Place> {
  if (text.startsWith("file:") && isNode()) return { path: await pathOf(text) };
  if (isUrl(text)) return { url: text };
  if (isNode()) return { path: text };
  const page = pageAddress();
  if (page !== undefined) return { url: new URL(text, page).href };
  throw new DataError(`${printable(text)}: is a path, which only Node can read; pass a URL, a File or bytes`);
}

// Bytes as they come, from files, servers and gzip streams: read in pieces, no more of them than is asked for.

import { DataError, printable } from "../../engine/base/errors.ts";

export type Chunks = AsyncIterable<Uint8Array>;

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}

/** Gives the event loop a turn now and then in long loops, so that timers and signals are heard. */
export class Turns {
  #last = performance.now();

  constructor(
    readonly name: string,
    readonly signal: AbortSignal | undefined,
  ) {}

  /** @throws DataError where the signal was given */
  async take(): Promise<void> {
    if (performance.now() - this.#last > 30) {
      await new Promise((resolve) => setTimeout(resolve));
      this.#last = performance.now();
    }
    if (this.signal?.aborted) throw aborted(this.name, this.signal);
  }
}

const aborted = (name: string, signal: AbortSignal | undefined) =>
  new DataError(`${printable(name)}: reading was aborted`, { cause: signal?.reason });

/** Takes bytes off a stream. What it was not asked for is not read, but for the rest of a chunk. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #left: Uint8Array = new Uint8Array();

  constructor(chunks: Chunks) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `count` bytes; fewer at the end. Room is made as they come: a header may promise anything. */
  async take(count: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = count;
    while (missing > 0 && (await this.#fill())) {
      const part = this.#left.subarray(0, missing);
      this.#left = this.#left.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    return joined(parts);
  }

  async isAtEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  putBack(bytes: Uint8Array): void {
    this.#left = joined([bytes, this.#left]);
  }

  /** All that is left. */
  async *rest(): AsyncGenerator<Uint8Array> {
    try {
      while (await this.#fill()) {
        const chunk = this.#left;
        this.#left = new Uint8Array();
        yield chunk;
      }
    } finally {
      await this.close();
    }
  }

  /** Lets the source go. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #fill(): Promise<boolean> {
    while (this.#left.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return false;
      this.#left = next.value;
    }
    return true;
  }
}

/** Whether `bytes` start as a gzip stream does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** So little is unzipped at once that what it expands to, a thousand times as much at most, fits anywhere. */
const pieceBytes = 2 ** 14;

/** @throws DataError where the stream is damaged or cut off */
export async function* unzipped(chunks: Chunks, name: string): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  const reader = readable.getReader();
  let read = 0;
  let sourceError: unknown;
  const feed = async () => {
    try {
      for await (const chunk of chunks) {
        for (let start = 0; start < chunk.length; start += pieceBytes) {
          const piece = chunk.slice(start, start + pieceBytes);
          read += piece.length;
          await writer.ready;
          await writer.write(piece);
        }
      }
      await writer.close();
    } catch (error) {
      sourceError ??= error;
      await writer.abort(error).catch(() => {});
    }
  };
  const feeding = feed();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value as Uint8Array;
    }
  } catch (error) {
    await feeding;
    // What the source said of itself is told as it is.
    if (sourceError instanceof DataError) throw sourceError;
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(
      `${printable(name)}: the gzip stream of ${read} bytes is damaged or cut off (${reason}); get the file again`,
    );
  } finally {
    await reader.cancel().catch(() => {});
    await writer.abort().catch(() => {});
    await feeding;
  }
}

export interface Waiting {
  /** Ends the wait from outside. */
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which it is given up. */
  readonly timeout: number;
}

/** Waits for `promise`, but no longer than it may take. */
export async function within<T>(name: string, promise: Promise<T>, { signal, timeout }: Waiting): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    const shown = printable(name);
    timer = setTimeout(
      () =>
        reject(
          new DataError(`${shown}: nothing came for ${timeout} ms; raise { timeout } if that is too short`),
        ),
      timeout,
    );
    onAbort = () => reject(aborted(name, signal));
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort);
  });
  // What is given up may fail later, which nobody waits for.
  promise.catch(() => {});
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
  }
}

/** A stream's chunks, each waited for as long as it may take; errors name the source. */
export async function* chunksOf(
  name: string,
  source: Chunks | ReadableStream<Uint8Array>,
  waiting: Waiting,
): AsyncGenerator<Uint8Array> {
  // Browsers' streams are no iterables everywhere.
  const reader = source instanceof ReadableStream ? source.getReader() : undefined;
  const iterator = reader === undefined ? (source as Chunks)[Symbol.asyncIterator]() : undefined;
  const next = async () => {
    const { done, value } = await (reader?.read() ?? iterator!.next());
    return done ? undefined : (value as Uint8Array);
  };
  let isDone = false;
  try {
    for (;;) {
      const chunk = await within(name, next(), waiting);
      if (chunk === undefined) {
        isDone = true;
        return;
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(`${printable(name)}: reading broke off (${(error as Error).message}); get it again`, {
      cause: error,
    });
  } finally {
    // Not waited for: a silent source may never answer.
    if (!isDone) void (reader?.cancel() ?? iterator?.return?.())?.catch(() => {});
  }
}

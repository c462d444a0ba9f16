// Files and addresses, opened as streams of bytes. Node's modules are loaded when a file is read.

import { DataError, printable } from "../../engine/base/errors.ts";
import { importByName, nodeProcess } from "../../engine/internal.ts";
import { chunksOf, once, type Waiting, within } from "./bytes.ts";

export const isNode = (): boolean => typeof nodeProcess()?.versions?.node === "string";

/** Whether a text is an address rather than a path. */
export const isUrl = (text: string): boolean => /^(https?|file|data|blob):/.test(text);

/** The address that a page or a worker starts from. */
export const pageAddress = (): string | undefined =>
  (globalThis as { document?: { baseURI: string } }).document?.baseURI ??
  (globalThis as { location?: { href: string } }).location?.href;

/** The path that a `file:` address stands for. */
export async function pathOf(url: string): Promise<string> {
  const { fileURLToPath } = await importByName<typeof import("node:url")>("node:url");
  return fileURLToPath(url);
}

/** Whether an error says that there is no such file or folder. */
export function isMissing(error: unknown): boolean {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return [code, cause?.code].some((one) => one === "ENOENT" || one === "ENOTDIR");
}

/** A file's bytes. Errors name it, and have what the system said as their cause. */
export async function* fileChunks(file: string, waiting: Waiting): AsyncGenerator<Uint8Array> {
  const { createReadStream } = await importByName<typeof import("node:fs")>("node:fs");
  yield* chunksOf(file, createReadStream(file, { highWaterMark: 2 ** 20 }), waiting);
}

export interface Answer {
  readonly status: number;
  /** Undefined unless the server has it. Ending it ends the request. */
  readonly chunks?: AsyncGenerator<Uint8Array>;
}

/** Asks a server for a file. @throws DataError where it can't be asked */
export async function fetchChunks(url: string, waiting: Waiting): Promise<Answer> {
  const ended = new AbortController();
  try {
    const response = await within(url, fetch(url, { signal: ended.signal }), waiting);
    const { ok, status, body } = response;
    if (!ok) ended.abort();
    return ok ? { status, chunks: bodyOf(url, body, waiting, ended) } : { status };
  } catch (error) {
    // Whatever was not read of it is not wanted.
    ended.abort();
    if (error instanceof DataError) throw error;
    const { message, cause } = error as Error;
    const reason = cause instanceof Error && cause.message !== "" ? `${message}: ${cause.message}` : message;
    throw new DataError(`${printable(url)}: cannot be fetched: ${reason}`, { cause: error });
  }
}

async function* bodyOf(
  url: string,
  body: ReadableStream<Uint8Array> | null,
  waiting: Waiting,
  ended: AbortController,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body === null ? once(new Uint8Array()) : chunksOf(url, body, waiting);
  } finally {
    ended.abort();
  }
}

/** Where npm put a package, as seen from the program and from the working directory; the likeliest first. */
export async function packageFolders(name: string): Promise<string[]> {
  const { createRequire } = await importByName<typeof import("node:module")>("node:module");
  const { dirname, join } = await importByName<typeof import("node:path")>("node:path");
  const folders = [process.argv[1] ?? "", `${process.cwd()}/`].flatMap((from) => {
    try {
      return [dirname(createRequire(from).resolve(`${name}/package.json`))];
    } catch {
      return [];
    }
  });
  return [...new Set([...folders, join(process.cwd(), "node_modules", name)])];
}

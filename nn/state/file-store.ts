// Files of state in Node: written beside, flushed, read back whole, and only then put in the place of the one before.

import { DataError } from "../../engine/index.ts";
import { lockFile } from "./lock-file.ts";
import { codeOf, type Files, files, type Handle, paths } from "./node-modules.ts";
import type { Store, Verify } from "./place.ts";

/** Bytes written and read back at once. */
const pieceBytes = 2 ** 22;
/** Parts below it are joined: each write takes its way through the pool of threads. */
const smallBytes = 2 ** 20;

/** What a test may do between the stages of writing: "open", "write", "flush", "read", "rename", "end". */
export const stages: { at?: (stage: string, path: string) => void | Promise<void> } = {};

export function fileStore(path: string): Store {
  return {
    name: path,
    read: () => whole(path),
    write: (parts, verify) => inTurn(path, () => replace(path, parts, verify)),
    async remove() {
      const fs = await files();
      await fs.rm(path, { force: true });
      await fs.rm(beside(path), { force: true });
    },
    lock: () => lockFile(path),
  };
}

const beside = (path: string): string => `${path}.new`;

/** What is being written, by path: two calls for one file come one behind the other. */
const queues = new Map<string, Promise<unknown>>();

async function inTurn<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(path);
  const mine = (async () => {
    await before?.catch(() => {});
    return work();
  })();
  queues.set(path, mine);
  try {
    return await mine;
  } finally {
    if (queues.get(path) === mine) queues.delete(path);
  }
}

async function whole(path: string): Promise<Uint8Array | undefined> {
  const fs = await files();
  let file: Handle;
  try {
    file = await fs.open(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new DataError(`${path}: can't be opened (${(error as Error).message})`, { cause: error });
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new DataError(`${path}: is no file`);
    const bytes = new Uint8Array(stat.size);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(2 ** 30, bytes.length - at), at);
      if (bytesRead === 0) return bytes.subarray(0, at);
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** Puts a new file in the place of the one before, which is there, whole, until the new one is. */
async function replace(
  given: string,
  parts: readonly Uint8Array<ArrayBuffer>[],
  verify: Verify | undefined,
): Promise<void> {
  const fs = await files();
  // Of a link, the file that it points to is replaced.
  const path = await fs.realpath(given).catch(() => given);
  const made = beside(path);
  const stage = (name: string) => stages.at?.(name, made);
  try {
    await stage("open");
    const file = await fs.open(made, "w+");
    try {
      for (const part of pieces(parts)) {
        await stage("write");
        for (let at = 0; at < part.length; )
          at += (await file.write(part, at, part.length - at)).bytesWritten;
      }
      await stage("flush");
      // The disk writes while it is read.
      const flushed = file.sync();
      flushed.catch(() => {});
      await stage("read");
      if (verify !== undefined) await readBack(file, verify);
      await flushed;
    } finally {
      await file.close();
    }
    await stage("rename");
    await fs.rename(made, path);
    await flushFolder(fs, path);
    await stage("end");
  } catch (error) {
    await fs.rm(made, { force: true }).catch(() => {});
    if (error instanceof DataError) throw error;
    throw new DataError(
      `${given}: could not be written (${(error as Error).message}); what was there before is still there`,
      {
        cause: error,
      },
    );
  }
}

/** Small ones joined, large ones cut. */
function* pieces(parts: readonly Uint8Array<ArrayBuffer>[]): Generator<Uint8Array> {
  const buffer = new Uint8Array(smallBytes);
  let filled = 0;
  for (const part of parts) {
    if (filled + part.length > buffer.length) {
      yield buffer.subarray(0, filled);
      filled = 0;
    }
    if (part.length <= buffer.length) {
      buffer.set(part, filled);
      filled += part.length;
      continue;
    }
    for (let at = 0; at < part.length; at += pieceBytes) yield part.subarray(at, at + pieceBytes);
  }
  yield buffer.subarray(0, filled);
}

async function readBack(file: Handle, verify: Verify): Promise<void> {
  const buffer = new Uint8Array(pieceBytes);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) break;
    verify.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  verify.end();
}

/** The rename itself is to survive a power cut; some systems can't flush folders. */
async function flushFolder(fs: Files, path: string): Promise<void> {
  const { dirname } = await paths();
  const folder = await fs.open(dirname(path)).catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}

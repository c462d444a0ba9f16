// State in pages: IndexedDB, whose puts are whole or not at all, and OPFS, whose files replace the one before at closing.

import { DataError } from "../../engine/index.ts";
import type { Store, Verify } from "./place.ts";

const database = "gradgpu-state";
const table = "files";

export function indexedDBStore(name: string): Store {
  const place = `indexeddb://${name}`;
  return {
    name: place,
    read: () => inTable<Uint8Array | undefined>(place, "readonly", (files) => files.get(name)),
    async write(parts, verify) {
      await inTable(place, "readwrite", (files) => files.put(joined(parts), name));
      if (verify !== undefined) check(verify, await this.read());
    },
    remove: () => inTable(place, "readwrite", (files) => files.delete(name)),
    lock: () => pageLock(place),
  };
}

async function inTable<T>(
  place: string,
  mode: IDBTransactionMode,
  use: (files: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  if (typeof indexedDB === "undefined") throw new DataError(`${place}: there is no IndexedDB here`);
  try {
    const opening = indexedDB.open(database, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(table);
    const db = await settled(opening);
    try {
      const transaction = db.transaction(table, mode, { durability: "strict" });
      const done = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
      });
      const [result] = await Promise.all([settled(use(transaction.objectStore(table))), done]);
      return result;
    } finally {
      db.close();
    }
  } catch (error) {
    throw new DataError(`${place}: ${(error as Error).message}; what was there before is still there`, {
      cause: error,
    });
  }
}

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export function opfsStore(name: string): Store {
  const place = `opfs://${name}`;
  const steps = name.split("/").filter((step) => step !== "");
  const file = steps.pop() ?? "";
  const folder = async (create: boolean) => {
    if (typeof navigator === "undefined" || navigator.storage?.getDirectory === undefined)
      throw new DataError(`${place}: there is no OPFS here; pages need https or localhost for it`);
    let found = await navigator.storage.getDirectory();
    for (const step of steps) found = await found.getDirectoryHandle(step, { create });
    return found;
  };
  const isMissing = (error: unknown) => (error as { name?: string })?.name === "NotFoundError";
  return {
    name: place,
    async read() {
      try {
        const handle = await (await folder(false)).getFileHandle(file);
        return new Uint8Array(await (await handle.getFile()).arrayBuffer());
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    async write(parts, verify) {
      try {
        const handle = await (await folder(true)).getFileHandle(file, { create: true });
        // What is written goes to a file beside, which takes the place at `close`.
        const writable = await handle.createWritable();
        try {
          for (const part of parts) await writable.write(part);
        } catch (error) {
          await writable.abort().catch(() => {});
          throw error;
        }
        await writable.close();
      } catch (error) {
        if (error instanceof DataError) throw error;
        throw new DataError(
          `${place}: could not be written (${(error as Error).message}); what was there before is still there`,
          { cause: error },
        );
      }
      if (verify !== undefined) check(verify, await this.read());
    },
    async remove() {
      try {
        await (await folder(false)).removeEntry(file);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
    lock: () => pageLock(place),
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function check(verify: Verify, bytes: Uint8Array | undefined): void {
  if (bytes !== undefined) verify.update(bytes);
  verify.end();
}

/** A lock of the Web Locks API, which ends with the page. */
async function pageLock(place: string): Promise<() => Promise<void>> {
  const locks = typeof navigator === "undefined" ? undefined : navigator.locks;
  if (locks === undefined) return async () => {};
  let release = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  let isHeld: (held: boolean) => void = () => {};
  const answered = new Promise<boolean>((resolve) => {
    isHeld = resolve;
  });
  const done = locks.request(`gradgpu ${place}`, { ifAvailable: true }, async (lock) => {
    isHeld(lock !== null);
    if (lock !== null) await until;
  });
  if (!(await answered)) {
    throw new DataError(`${place}: another run of this site writes there; give each run a place of its own`);
  }
  return async () => {
    release();
    await done;
  };
}

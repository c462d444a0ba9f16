// Where a file of state is kept: a file in Node, IndexedDB or OPFS in pages, or an object of the caller's own.

import { ArgumentError, DataError } from "../../engine/index.ts";
import { isPlainObject, kindOf, nodeProcess } from "../../engine/internal.ts";
import { indexedDBStore, opfsStore } from "./browser-stores.ts";
import { fileStore } from "./file-store.ts";
import type { Place, Store } from "./place.ts";

/**
 * The store of a place.
 *
 * @param what how errors begin
 * @throws ArgumentError for what is none
 */
export function storeOf(what: string, place: Place): Store {
  if (place instanceof URL) return storeOf(what, place.protocol === "file:" ? pathOf(place) : place.href);
  if (typeof place === "string" && place !== "") {
    const [, kind, name] = /^(indexeddb|opfs):\/\/(.+)$/.exec(place) ?? [];
    if (kind === "indexeddb") return indexedDBStore(name);
    if (kind === "opfs") return opfsStore(name);
    if (/^[a-z][a-z0-9+.-]+:\/\//i.test(place)) {
      throw new ArgumentError(
        `${what}: "${place}" is no place that is known; give a path, "indexeddb://NAME", "opfs://NAME", or an object with read, write and remove`,
      );
    }
    if (nodeProcess()?.versions?.node !== undefined) return fileStore(place);
    throw new ArgumentError(
      `${what}: "${place}" is a path, and there are no files here; use "indexeddb://${place}" or "opfs://${place}"`,
    );
  }
  if (isStore(place)) return place;
  throw new ArgumentError(
    `${what}: takes a path, "indexeddb://NAME", "opfs://NAME", or an object with name, read, write and remove, got ${kindOf(place)}`,
  );
}

function isStore(place: unknown): place is Store {
  if (
    typeof place !== "object" ||
    place === null ||
    (isPlainObject(place) && Object.keys(place).length === 0)
  )
    return false;
  const { name, read, write, remove } = place as Partial<Store>;
  return typeof name === "string" && [read, write, remove].every((method) => typeof method === "function");
}

/** A file: URL's path. */
function pathOf(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return /^\/[a-z]:/i.test(path) ? path.slice(1) : path;
}

/** All bytes of a place. @throws DataError where there is nothing */
export async function readFrom(what: string, store: Store): Promise<Uint8Array> {
  const bytes = await store.read();
  if (bytes instanceof Uint8Array) return bytes;
  throw new DataError(
    bytes === undefined
      ? `${what}: there is nothing at ${store.name}; save a model there first, or look for a slip in the path`
      : `${what}: ${store.name} must read a Uint8Array, got ${kindOf(bytes)}`,
  );
}

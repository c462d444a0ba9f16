// Where what is known of an adapter's variants outlives the program: a file in Node, IndexedDB in browsers. A choice is
// good for one adapter, one driver and one text of the kernels. Whatever fails here costs time, nothing else.

import { hash } from "../../base/hash.ts";
import { type Known, type Measured, registeredFamilies } from "../../kernel/variants.ts";
import type { DeviceInfo } from "../backend.ts";
import { fileFor, type Stored } from "./store-files.ts";

/** Counted up when what is stored changes its form. */
const format = 1;

/**
 * One text for all that a choice depends on.
 *
 * @param own text of kernels that only this device has
 */
export function keyFor({ adapter, driver, features }: DeviceInfo, own?: string): string {
  const sources = registeredFamilies().map(({ name, sources }) => `${name} ${hash(sources)}`);
  if (own !== undefined) sources.push(hash(own));
  return [`gradgpu ${format}`, adapter, driver, features.join(" "), ...sources].join(" | ");
}

/** What was found out before about this adapter; undefined if nothing is stored, or what is stored is damaged. */
export async function load(key: string): Promise<Known | undefined> {
  try {
    return knownIn(await (fileFor(key)?.read() ?? fromBrowser(key)), key);
  } catch {
    return undefined;
  }
}

export async function save(key: string, { verdicts, measured }: Known): Promise<void> {
  try {
    const stored: Stored = { key, verdicts, measured };
    const file = fileFor(key);
    if (file !== undefined) file.write(stored);
    else await toBrowser(stored);
  } catch {
    // Found out anew the next time.
  }
}

/** What is stored, if it is for this key and all of it has the form that is written: a file may hold anything. */
function knownIn(stored: unknown, key: string): Known | undefined {
  if (!isTable(stored) || stored.key !== key) return undefined;
  const { verdicts, measured } = stored;
  const isKnown = isTableOf(verdicts, isVerdict) && isTableOf(measured, isMeasured);
  return isKnown ? { verdicts, measured } : undefined;
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isTableOf = <T>(value: unknown, isEntry: (entry: unknown) => entry is T): value is Record<string, T> =>
  isTable(value) && Object.values(value).every(isEntry);

const isVerdict = (value: unknown): value is true | string =>
  value === true || (typeof value === "string" && value !== "");

const isTime = (value: unknown): value is number => typeof value === "number" && value >= 0;

const isMeasured = (value: unknown): value is Measured =>
  isTable(value) && typeof value.chosen === "string" && isTableOf(value.ms, isTime);

const database = "gradgpu";
const table = "kernels";

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    // Another page holds an older version open: waiting for it may take for ever.
    if ("onblocked" in request) request.onblocked = () => reject(new Error("blocked by another page"));
  });
}

async function withTable<T>(
  mode: IDBTransactionMode,
  use: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const opening = indexedDB.open(database, format);
  opening.onupgradeneeded = () => {
    const db = opening.result;
    if (db.objectStoreNames.contains(table)) db.deleteObjectStore(table);
    db.createObjectStore(table);
  };
  const db = await settled(opening);
  try {
    return await settled(use(db.transaction(table, mode).objectStore(table)));
  } finally {
    db.close();
  }
}

const hasBrowserStore = (): boolean => typeof indexedDB !== "undefined";

async function fromBrowser(key: string): Promise<unknown> {
  return hasBrowserStore() ? withTable<unknown>("readonly", (store) => store.get(key)) : undefined;
}

async function toBrowser(stored: Stored): Promise<void> {
  if (hasBrowserStore()) await withTable("readwrite", (store) => store.put(stored, stored.key));
}

// Where what is known of an adapter's variants outlives the program: a file in Node, IndexedDB in browsers. A choice is
// good for one adapter, one driver and one text of the kernels. Whatever fails here costs time, nothing else.

import { nodeModule, nodeProcess } from "../../base/host.ts";
import { type Known, registeredFamilies } from "../../kernel/variants.ts";
import type { DeviceInfo } from "../backend.ts";

/** Counted up when what is stored changes its form. */
const format = 1;

interface Stored extends Known {
  readonly key: string;
}

/** One text for all that a choice depends on. */
export function keyFor({ adapter, driver, features }: DeviceInfo): string {
  const sources = registeredFamilies().map(({ name, sources }) => `${name} ${hash(sources)}`);
  return [`gradgpu ${format}`, adapter, driver, features.join(" "), ...sources].join(" | ");
}

/** What was found out before about this adapter; empty if nothing is stored, or something else. */
export async function load(key: string): Promise<Known> {
  const nothing: Known = { verdicts: {}, measured: {} };
  try {
    const stored = await (fileFor(key)?.read() ?? fromBrowser(key));
    return stored?.key === key ? { verdicts: stored.verdicts, measured: stored.measured } : nothing;
  } catch {
    return nothing;
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

/** FNV-1a, 32 bits. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, "0");
}

// Node

interface FileSystem {
  readFileSync(path: string, encoding: "utf8"): string;
  writeFileSync(path: string, text: string): void;
  mkdirSync(path: string, options: { recursive: true }): void;
  renameSync(from: string, to: string): void;
}

/** The file of a key; undefined where there are no files. `GRADGPU_CACHE` names another folder, or "off". */
function fileFor(key: string) {
  const process = nodeProcess();
  const fs = nodeModule<FileSystem>("node:fs");
  const os = nodeModule<{ homedir(): string }>("node:os");
  if (process === undefined || fs === undefined || os === undefined) return undefined;
  const { GRADGPU_CACHE, XDG_CACHE_HOME } = process.env;
  if (GRADGPU_CACHE === "off") return { read: async () => undefined, write: () => {} };
  const folder = GRADGPU_CACHE ?? `${XDG_CACHE_HOME || `${os.homedir()}/.cache`}/gradgpu`;
  const path = `${folder}/kernels-${hash(key)}.json`;
  return {
    read: async () => JSON.parse(fs.readFileSync(path, "utf8")) as Stored,
    write: (stored: Stored) => {
      fs.mkdirSync(folder, { recursive: true });
      // Whole or not at all: others may be reading.
      fs.writeFileSync(`${path}.${process.pid}`, JSON.stringify(stored, null, 2));
      fs.renameSync(`${path}.${process.pid}`, path);
    },
  };
}

// Browsers

const database = "gradgpu";
const table = "kernels";

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
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

async function fromBrowser(key: string): Promise<Stored | undefined> {
  return hasBrowserStore()
    ? withTable("readonly", (store) => store.get(key) as IDBRequest<Stored | undefined>)
    : undefined;
}

async function toBrowser(stored: Stored): Promise<void> {
  if (hasBrowserStore()) await withTable("readwrite", (store) => store.put(stored, stored.key));
}

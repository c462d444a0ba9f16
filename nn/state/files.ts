// The files of state as such: their kinds, what their headers say, written to a place and read from it.

import { DataError, GradgpuError } from "../../engine/index.ts";
import { isPlainObject } from "../../engine/internal.ts";
import type { Place, Store } from "./place.ts";
import { type Contents, decode, encode, type FileParts, type HostTensor, Verifier } from "./safetensors.ts";
import { readFrom, storeOf } from "./store.ts";

/** weights: those alone. model: with structure, compile options and optimizer. run: with where `fit` is, too. */
export type Kind = "weights" | "model" | "run";

/** Counted up when files change their form. */
const version = "1";

/** What a header says besides the tensors, as JSON. */
export type Notes = Readonly<Record<string, unknown>>;

export function partsOf(kind: Kind, tensors: ReadonlyMap<string, HostTensor>, notes: Notes = {}): FileParts {
  const texts = Object.entries(notes)
    .filter(([, note]) => note !== undefined)
    .map(([name, note]) => [name, JSON.stringify(note)] as const);
  return encode(tensors, { format: "gradgpu", version, kind, ...Object.fromEntries(texts) });
}

/** Writes a file, and reads back what was written before the one before is given up. */
export function writeParts(store: Store, file: FileParts): Promise<void> {
  const verifier = new Verifier(file);
  return store.write(file.parts, {
    update: (bytes) => verifier.update(bytes),
    end() {
      if (verifier.isRight()) return;
      throw new DataError(`${store.name}: what was written reads back otherwise; the disk may be failing`);
    },
  });
}

/** All bytes of a file in one piece. */
export function joinedBytes({ parts }: FileParts): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A file of ours, or of others, read. */
export interface StateFile extends Contents {
  /** What errors call it. */
  readonly name: string;
  /** Undefined for a file that others wrote. */
  readonly kind: Kind | undefined;
  note(name: string): unknown;
}

/** What a file may come as. */
export type Source = Place | Uint8Array | ArrayBuffer;

/** @throws DataError where there is none, or it is damaged, or of a later version */
export async function readFile(what: string, source: Source): Promise<StateFile> {
  const isBytes = source instanceof Uint8Array || source instanceof ArrayBuffer;
  if (isBytes)
    return stateFile(`${what}: the bytes`, source instanceof Uint8Array ? source : new Uint8Array(source));
  const store = storeOf(what, source);
  return stateFile(`${what}: ${store.name}`, await readFrom(what, store));
}

export function stateFile(name: string, bytes: Uint8Array): StateFile {
  const contents = decode(name, bytes);
  const { metadata, isChecked } = contents;
  const { format, kind } = metadata;
  if (isChecked || format === "gradgpu") {
    if (!isChecked || format !== "gradgpu" || !["weights", "model", "run"].includes(kind)) {
      throw new DataError(
        `${name}: its header lacks what gradgpu's files say of themselves; it was changed since`,
      );
    }
    if (metadata.version !== version) {
      throw new DataError(
        `${name}: is of version ${metadata.version}, and this release reads version ${version}; use a later release`,
      );
    }
  }
  return {
    ...contents,
    name,
    kind: kind as Kind | undefined,
    note(key) {
      const text = metadata[key];
      try {
        return text === undefined ? undefined : JSON.parse(text);
      } catch (error) {
        throw new DataError(`${name}: its "${key}" is no JSON: ${(error as Error).message}`, {
          cause: error,
        });
      }
    },
  };
}

/** Runs what makes something of a file's contents: what it stumbles over is the file's fault. */
export async function made<T>(name: string, fn: () => T | Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    if (error instanceof GradgpuError) throw error;
    throw new DataError(`${name}: its contents make no sense: ${(error as Error).message}`, { cause: error });
  }
}

/** A note that must be an object. */
export function objectNote(file: StateFile, key: string): Readonly<Record<string, unknown>> | undefined {
  const found = file.note(key);
  if (found === undefined || isPlainObject(found)) return found as Record<string, unknown> | undefined;
  throw new DataError(`${file.name}: its "${key}" is no object; it was changed since it was written`);
}

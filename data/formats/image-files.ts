// Image files in folders by class: what there is, in Node's folders, and in lists and handles that pages get.

import { ArgumentError, DataError, kindOf, printable } from "../../engine/base/errors.ts";
import { importByName } from "../../engine/internal.ts";
import { type Waiting, within } from "../sources/bytes.ts";
import { isMissing, isNode, pathOf } from "../sources/files.ts";
import { readAll } from "../sources/source.ts";

/** A folder of folders: its path (Node), or what a page gets from an input of files or from showDirectoryPicker. */
export type ImageSource = string | URL | ArrayLike<File> | DirectoryHandle;

/** What is used of a FileSystemDirectoryHandle. */
export interface DirectoryHandle {
  readonly kind: "directory";
  readonly name: string;
  values(): AsyncIterable<
    DirectoryHandle | { readonly kind: "file"; readonly name: string; getFile(): Promise<File> }
  >;
}

export interface ImageFile {
  /** Its path from the folder on, "cats/1.png". */
  readonly name: string;
  /** Its bytes, no more of them than `mostBytes`. */
  read(waiting: Waiting, mostBytes: number): Promise<Uint8Array>;
}

const isImage = (name: string) => /\.(png|jpe?g)$/i.test(name) && !name.startsWith(".");

/** Folders in a class's folder are looked into, so deep. */
const mostDepth = 8;

/** Collects files, and refuses more of them than there may be. */
class Found {
  readonly files: ImageFile[] = [];

  constructor(
    readonly root: string,
    readonly most: number,
  ) {}

  add(file: ImageFile): void {
    if (this.files.length === this.most)
      throw new DataError(
        `${printable(this.root)}: has more than ${this.most} images; raise { maxFiles } if that is right`,
      );
    this.files.push(file);
  }
}

/** All images that lie in folders of the source, by name. @throws DataError where there is no such folder */
export async function imageFiles(source: ImageSource, waiting: Waiting, most: number): Promise<ImageFile[]> {
  if (typeof source === "string" || source instanceof URL) return inFolder(source, most);
  if (isHandle(source)) {
    const found = new Found(source.name, most);
    await within(source.name, walk(source, "", 0, found, waiting), { ...waiting, timeout: 2 ** 31 - 1 });
    return found.files;
  }
  if (typeof source === "object" && source !== null && typeof source.length === "number")
    return listed(source, most);
  throw new ArgumentError(
    `imageFolder: reads a folder's path, a FileList, an array of Files or a FileSystemDirectoryHandle, got ${kindOf(source)}`,
  );
}

const isHandle = (source: unknown): source is DirectoryHandle =>
  (source as { kind?: unknown } | null)?.kind === "directory";

async function inFolder(source: string | URL, most: number): Promise<ImageFile[]> {
  const text = String(source);
  if (!isNode())
    throw new DataError(
      `${printable(text)}: is a path, which only Node can read; pass a FileList or a directory's handle`,
    );
  const root = text.startsWith("file:") ? await pathOf(text) : text;
  const { readdir, stat } = await importByName<typeof import("node:fs/promises")>("node:fs/promises");
  const found = new Found(root, most);
  const look = async (inside: string, depth: number): Promise<void> => {
    const entries = await readdir(inside === "" ? root : `${root}/${inside}`, { withFileTypes: true });
    for (const entry of entries) {
      const name = inside === "" ? entry.name : `${inside}/${entry.name}`;
      const path = `${root}/${name}`;
      // Links lead to classes that lie elsewhere; deeper ones could lead in circles.
      const isLinked = depth === 0 && entry.isSymbolicLink() && (await stat(path)).isDirectory();
      if (entry.name.startsWith(".")) continue;
      if ((entry.isDirectory() || isLinked) && depth < mostDepth) await look(name, depth + 1);
      else if (depth > 0 && isImage(entry.name) && (entry.isFile() || entry.isSymbolicLink()))
        found.add({
          name,
          read: async (waiting, mostBytes) => (await readAll(path, waiting, mostBytes)).bytes,
        });
    }
  };
  try {
    await look("", 0);
  } catch (error) {
    if (error instanceof DataError) throw error;
    const what = isMissing(error) ? "there is no such folder" : `can't be read (${(error as Error).message})`;
    throw new DataError(`${printable(root)}: ${what}; it should hold a folder of images for each class`, {
      cause: error,
    });
  }
  return found.files;
}

async function walk(
  folder: DirectoryHandle,
  inside: string,
  depth: number,
  found: Found,
  waiting: Waiting,
): Promise<void> {
  for await (const entry of folder.values()) {
    if (waiting.signal?.aborted) return;
    if (entry.name.startsWith(".")) continue;
    const name = inside === "" ? entry.name : `${inside}/${entry.name}`;
    if (entry.kind === "directory") {
      if (depth < mostDepth) await walk(entry, name, depth + 1, found, waiting);
    } else if (depth > 0 && isImage(entry.name)) {
      found.add({
        name,
        read: async (wait, mostBytes) => (await readAll(await entry.getFile(), wait, mostBytes)).bytes,
      });
    }
  }
}

/** Files that a page got know their path from the chosen folder on. */
function listed(files: ArrayLike<File>, most: number): ImageFile[] {
  const found = new Found("the list of files", most);
  for (const file of Array.from(files)) {
    if (!(file instanceof Blob))
      throw new ArgumentError(`imageFolder: a list must hold Files, got ${kindOf(file)}`);
    const parts = (file.webkitRelativePath || file.name).split("/");
    if (parts.some((part) => part.startsWith(".")) || !isImage(file.name)) continue;
    // The chosen folder's own name comes first.
    const name = (parts.length > 2 ? parts.slice(1) : parts).join("/");
    if (!name.includes("/")) continue;
    found.add({ name, read: async (waiting, mostBytes) => (await readAll(file, waiting, mostBytes)).bytes });
  }
  return found.files;
}

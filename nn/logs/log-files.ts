// Where event files go: folders of Node, a page's folder (FileSystemDirectoryHandle), or a download.

import { ArgumentError, DataError } from "../../engine/index.ts";
import { importByName, kindOf, nodeProcess } from "../../engine/internal.ts";
import { tar } from "./tar.ts";
import { joined } from "./wire.ts";

/** A file that grows. What was appended is there for others to read when the promise resolves. */
export interface LogFile {
  /** As messages call it. */
  readonly path: string;
  append(bytes: Uint8Array): Promise<void>;
  /** Writes what waits, where a place takes bytes now and then only. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** What pages call a FileSystemDirectoryHandle, as far as it is needed. */
export interface DirectoryHandle {
  getDirectoryHandle(name: string, options: { create: boolean }): Promise<DirectoryHandle>;
  getFileHandle(name: string, options: { create: boolean }): Promise<FileHandle>;
}

interface FileHandle {
  createWritable(options: { keepExistingData: boolean }): Promise<{
    // biome-ignore lint/suspicious/noExplicitAny: compilers differ in the arrays that they take there
    write(chunk: any): Promise<void>;
    close(): Promise<void>;
  }>;
}

/** Where logs go: a folder's path (Node), a folder that a page may write to, or a {@link LogDownload}. */
export type LogTarget = string | DirectoryHandle | LogDownload;

/**
 * Log files that a page keeps in memory, to be had as one file:
 *
 *     const logs = new LogDownload();
 *     await model.fit(x, y, { callbacks: new TensorBoard({ logDir: logs }) });
 *     logs.save("logs.tar");                             // then: tar xf logs.tar; tensorboard --logdir .
 */
export class LogDownload {
  readonly #files = new Map<string, Uint8Array[]>();

  /** The files so far, by their paths. */
  files(): Map<string, Uint8Array> {
    return new Map([...this.#files].map(([path, parts]) => [path, joined(parts)]));
  }

  /** All of them as a tar archive. */
  toBlob(): Blob {
    const bytes = tar(this.files()) as Uint8Array<ArrayBuffer>;
    return new Blob([bytes], { type: "application/x-tar" });
  }

  /** Has the browser save that. In pages only. */
  save(name = "logs.tar"): void {
    if (typeof document === "undefined") {
      throw new ArgumentError(
        `LogDownload: save: there is no page here; write files() to where you keep them, or give a folder's path for the logs`,
      );
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(this.toBlob());
    link.download = name;
    link.click();
    // The browser reads it after the click.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  /** @internal */
  open(path: string): LogFile {
    const parts: Uint8Array[] = [];
    let free = path;
    for (let i = 1; this.#files.has(free); i++) free = `${path}.${i}`;
    this.#files.set(free, parts);
    return {
      path: free,
      append: async (bytes) => void parts.push(bytes),
      flush: async () => {},
      close: async () => {},
    };
  }
}

/**
 * A new file `path` in a target, made when the first bytes come; where there is one, with a number behind its name.
 *
 * @throws ArgumentError for what is no target
 */
export function openLogFile(what: string, target: LogTarget, path: string): LogFile {
  if (target instanceof LogDownload) return target.open(path);
  if (typeof target === "string") {
    if (nodeProcess()?.versions?.node !== undefined) return new NodeFile(`${target}/${path}`);
    throw new ArgumentError(
      `${what}: there are no folders here to write "${target}" to; give a FileSystemDirectoryHandle, as showDirectoryPicker() has it, or new LogDownload()`,
    );
  }
  if (typeof target?.getDirectoryHandle === "function") return new PageFile(target, path);
  throw new ArgumentError(
    `${what}: the folder must be a path, a FileSystemDirectoryHandle or a LogDownload, got ${kindOf(target)}`,
  );
}

interface NodeFiles {
  mkdir(path: string, options: { recursive: boolean }): Promise<unknown>;
  appendFile(path: string, bytes: Uint8Array, options: { flag: string }): Promise<void>;
}

/** Opened for each write: a run that ends by an error leaves nothing open. */
class NodeFile implements LogFile {
  path: string;
  #isThere = false;

  constructor(path: string) {
    this.path = path;
  }

  async append(bytes: Uint8Array): Promise<void> {
    const fs = await importByName<NodeFiles>("node:fs/promises");
    if (this.#isThere) return fs.appendFile(this.path, bytes, { flag: "a" });
    await fs.mkdir(this.path.slice(0, this.path.lastIndexOf("/")), { recursive: true });
    const wanted = this.path;
    for (let i = 1; !this.#isThere; i++) {
      try {
        await fs.appendFile(this.path, bytes, { flag: "ax" });
        this.#isThere = true;
      } catch (error) {
        if ((error as { code?: string }).code !== "EEXIST") throw error;
        this.path = `${wanted}.${i}`;
      }
    }
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}

/** Milliseconds between two writes of a page's file, each of which copies what is there already. */
const writeMs = 5000;

class PageFile implements LogFile {
  readonly path: string;
  readonly #folder: DirectoryHandle;
  #file: FileHandle | undefined;
  #waiting: Uint8Array[] = [];
  #written = 0;
  #last = 0;

  constructor(folder: DirectoryHandle, path: string) {
    this.#folder = folder;
    this.path = path;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#waiting.push(bytes);
    if (performance.now() - this.#last >= writeMs) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const data = joined(this.#waiting);
    this.#waiting = [];
    this.#file ??= await this.#open();
    const stream = await this.#file.createWritable({ keepExistingData: true });
    await stream.write({ type: "write", position: this.#written, data });
    await stream.close();
    this.#written += data.length;
    this.#last = performance.now();
  }

  close(): Promise<void> {
    return this.flush();
  }

  async #open(): Promise<FileHandle> {
    const names = this.path.split("/");
    let folder = this.#folder;
    for (const name of names.slice(0, -1)) folder = await folder.getDirectoryHandle(name, { create: true });
    return folder.getFileHandle(names.at(-1) as string, { create: true });
  }
}

/** An error of writing, with what can be done. */
export function writingError(what: string, path: string, cause: unknown): DataError {
  const { code, message } = cause as { code?: string; message?: string };
  const remedies: Record<string, string> = {
    ENOSPC: "free some of the disk",
    EACCES: "give a folder that may be written to",
    EROFS: "give a folder that may be written to",
    ENOTDIR: "a file stands where a folder is wanted; give another one",
    EEXIST: "a file stands where a folder is wanted; give another one",
  };
  const remedy = remedies[code ?? ""] ?? "give a folder that can be written to";
  return new DataError(`${what}: can't write ${path} (${message ?? cause}); ${remedy}`, { cause });
}

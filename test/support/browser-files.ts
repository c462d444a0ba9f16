// A browser's files for a page (OPFS) and its locks between tabs, in memory: with a limit of room, as a disk has.

const missing = () => new DOMException("there is no such entry", "NotFoundError");

export class MemoryFolder {
  readonly kind = "directory";
  readonly files = new Map<string, { bytes: Uint8Array<ArrayBuffer>; at: number }>();
  readonly #folders = new Map<string, MemoryFolder>();
  /** Bytes that the files may have together. */
  room = Number.POSITIVE_INFINITY;
  #writes = 0;

  async getDirectoryHandle(name: string): Promise<MemoryFolder> {
    const found = this.#folders.get(name) ?? new MemoryFolder();
    this.#folders.set(name, found);
    return found;
  }

  async getFileHandle(name: string, { create = false } = {}) {
    if (!this.files.has(name) && !create) throw missing();
    if (!this.files.has(name)) this.files.set(name, { bytes: new Uint8Array(), at: ++this.#writes });
    return this.#handle(name);
  }

  async removeEntry(name: string): Promise<void> {
    if (!this.files.delete(name)) throw missing();
  }

  async *entries() {
    for (const name of [...this.files.keys()]) yield [name, this.#handle(name)] as const;
  }

  #handle(name: string) {
    return {
      kind: "file" as const,
      getFile: async () => {
        const file = this.files.get(name);
        if (file === undefined) throw missing();
        return new File([file.bytes], name, { lastModified: file.at });
      },
      createWritable: async () => {
        const parts: BlobPart[] = [];
        return {
          write: async (part: BlobPart) => void parts.push(part),
          close: async () => {
            const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
            const others = [...this.files].reduce(
              (sum, [other, file]) => sum + (other === name ? 0 : file.bytes.length),
              0,
            );
            if (others + bytes.length > this.room)
              throw new DOMException("there is no room left", "QuotaExceededError");
            this.files.set(name, { bytes, at: ++this.#writes });
          },
        };
      },
    };
  }
}

type Taken<T> = (lock: { name: string } | null) => T | Promise<T>;

export class MemoryLocks {
  readonly #held = new Map<string, Promise<unknown>>();

  request<T>(name: string, ...rest: [{ ifAvailable?: boolean }, Taken<T>] | [Taken<T>]): Promise<T> {
    const [{ ifAvailable = false }, taken] = rest.length === 2 ? rest : [{}, rest[0]];
    const before = this.#held.get(name);
    if (before !== undefined && ifAvailable) return Promise.resolve(taken(null));
    const held = (before ?? Promise.resolve()).then(() => taken({ name }));
    const ended = held
      .catch(() => {})
      .then(() => {
        if (this.#held.get(name) === ended) this.#held.delete(name);
      });
    this.#held.set(name, ended);
    return held;
  }
}

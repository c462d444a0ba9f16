// TextLog: a text that grows with the epochs, in a file under Node, or for pages in memory alone.

import { ArgumentError, DataError } from "../../../engine/index.ts";
import { importByName, nodeProcess, showGiven } from "../../../engine/internal.ts";

/** What is used of Node's module. */
interface NodeFiles {
  mkdir(path: string, options: { recursive: true }): Promise<unknown>;
  readFile(path: string, encoding: "utf8"): Promise<string>;
  writeFile(path: string, text: string): Promise<void>;
  appendFile(path: string, text: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { force: true }): Promise<void>;
  stat(path: string): Promise<{ isDirectory(): boolean }>;
}

export class TextLog {
  readonly path: string | undefined;
  readonly #who: string;
  #text = "";
  /** Whether the file lacks what could not be written. */
  #isBehind = false;

  /**
   * @param who whose it is, as errors begin
   * @throws ArgumentError for what is no path
   */
  constructor(who: string, path: string | undefined) {
    if (path !== undefined && (typeof path !== "string" || path === "")) {
      throw new ArgumentError(
        `${who}: the file's name must be a string that is not empty, got ${showGiven(path)}`,
      );
    }
    this.#who = who;
    this.path = path;
  }

  /** All that was written so far. */
  get text(): string {
    return this.#text;
  }

  /** Takes up what the file holds already; nothing where there is none. @throws DataError where it can't be read */
  async read(): Promise<void> {
    this.#text = "";
    await this.#withFile(async (fs, path) => {
      this.#text = await fs.readFile(path, "utf8").catch((error) => {
        if (error?.code === "ENOENT") return "";
        throw error;
      });
    });
  }

  /** Begins anew, and leaves the file as it is until there is something to write. @throws DataError where it can't be written */
  async begin(): Promise<void> {
    this.#text = "";
    this.#isBehind = false;
    await this.#withFile(async (fs, path) => {
      const found = await fs.stat(path).catch(() => undefined);
      if (found?.isDirectory()) throw new Error("it is a folder");
      await beside(fs, path, "", () => {});
    });
  }

  /**
   * Puts a text in the place of what was there. The file is whole at any moment: the old one or the new one. Where it can't be
   * written, as on a full disk, a warning says so, the text is kept, and the next one that is written has it.
   */
  async replace(text: string): Promise<void> {
    this.#text = text;
    await this.#warned((fs, path) => beside(fs, path, text, (part) => fs.rename(part, path)));
  }

  /** The same with a text behind what is there. */
  async append(text: string): Promise<void> {
    if (this.#isBehind) return this.replace(this.#text + text);
    this.#text += text;
    await this.#warned((fs, path) => fs.appendFile(path, text));
  }

  async #warned(use: (fs: NodeFiles, path: string) => Promise<void>): Promise<void> {
    try {
      await this.#withFile(use);
      this.#isBehind = false;
    } catch (error) {
      if (!this.#isBehind) console.warn(`gradgpu: ${(error as Error).message}. Training goes on`);
      this.#isBehind = true;
    }
  }

  async #withFile(use: (fs: NodeFiles, path: string) => Promise<void>): Promise<void> {
    if (this.path === undefined) return;
    if (nodeProcess() === undefined) {
      throw new DataError(
        `${this.#who}: there are no files to write "${this.path}" to here; leave the file name out, and take the text from the callback's text`,
      );
    }
    try {
      await use(await importByName<NodeFiles>("node:fs/promises"), this.path);
    } catch (error) {
      throw new DataError(`${this.#who}: can't write "${this.path}": ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

/** Writes a text beside the file, has it used, and leaves nothing there. */
async function beside(
  fs: NodeFiles,
  path: string,
  text: string,
  use: (part: string) => void | Promise<void>,
): Promise<void> {
  const part = `${path}.part`;
  await fs.mkdir(path.replace(/[^/\\]*$/, "") || ".", { recursive: true });
  try {
    await fs.writeFile(part, text);
    await use(part);
  } finally {
    await fs.rm(part, { force: true }).catch(() => {});
  }
}

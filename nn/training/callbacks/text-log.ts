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
}

export class TextLog {
  readonly path: string | undefined;
  readonly #who: string;
  #text = "";

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

  /** Takes up what the file holds already; nothing where there is none. */
  async read(): Promise<void> {
    this.#text = "";
    await this.#withFile(async (fs, path) => {
      this.#text = await fs.readFile(path, "utf8").catch((error) => {
        if (error?.code === "ENOENT") return "";
        throw error;
      });
    });
  }

  /** Puts a text in the place of what was there. The file is whole at any moment: the old one or the new one. */
  async replace(text: string): Promise<void> {
    this.#text = text;
    await this.#withFile(async (fs, path) => {
      await fs.mkdir(path.replace(/[^/\\]*$/, "") || ".", { recursive: true });
      await fs.writeFile(`${path}.part`, text);
      await fs.rename(`${path}.part`, path);
    });
  }

  async append(text: string): Promise<void> {
    this.#text += text;
    await this.#withFile((fs, path) => fs.appendFile(path, text));
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

// Files of pictures in Node: whole or not at all, in folders that are made.

import { DataError } from "../../engine/index.ts";
import { importByName } from "../../engine/internal.ts";
import { fileStore } from "../state/file-store.ts";

/** What is used of Node's module. */
interface NodeFiles {
  mkdir(folder: string, options: { recursive: true }): Promise<unknown>;
}

/** @throws DataError where it can't be written */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const { mkdir } = await importByName<NodeFiles>("node:fs/promises");
  const { dirname } = await importByName<{ dirname(file: string): string }>("node:path");
  await mkdir(dirname(path), { recursive: true }).catch((cause: Error) => {
    throw new DataError(`${path}: its folder can't be made (${cause.message})`, { cause });
  });
  await fileStore(path).write([bytes as Uint8Array<ArrayBuffer>]);
}

// Finds out before a run whether the files that it is to write can be written.

import { access, constants, stat } from "node:fs/promises";
import path from "node:path";

/** Why a file of that name can't be written; undefined where it can. Makes nothing. */
export async function unwritable(file: string): Promise<string | undefined> {
  const found = await kindOf(file);
  if (found === "folder") return `${file} is a folder; name a file in it`;
  if (found === "file") return (await isOpen(file)) ? undefined : `${file} may not be written; name another`;
  // The folders that are missing are made when it is written.
  let folder = path.dirname(path.resolve(file));
  let kind = await kindOf(folder);
  while (kind === undefined && folder !== path.dirname(folder)) {
    folder = path.dirname(folder);
    kind = await kindOf(folder);
  }
  if (kind === "file") return `${file} lies below ${folder}, which is a file; name a folder`;
  return (await isOpen(folder))
    ? undefined
    : `${file}: ${folder} may not be written into; name another folder`;
}

async function kindOf(name: string): Promise<"folder" | "file" | undefined> {
  try {
    return (await stat(name)).isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}

const isOpen = (name: string) =>
  access(name, constants.W_OK).then(
    () => true,
    () => false,
  );

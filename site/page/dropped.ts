// Files that were dropped on the page, those in folders too, with the way to each.

import type { GivenFile } from "../setup/own-data.ts";

const most = 30_000;

export async function filesOf(data: DataTransfer): Promise<GivenFile[]> {
  // The list is emptied after the event, so entries are taken first.
  const entries: FileSystemEntry[] = [];
  const found: GivenFile[] = [];
  for (const item of data.items) {
    const entry = item.webkitGetAsEntry();
    const file = entry === null ? item.getAsFile() : null;
    if (entry !== null) entries.push(entry);
    if (file !== null) found.push({ path: file.name, file });
  }
  const walk = async (entry: FileSystemEntry): Promise<void> => {
    if (found.length >= most) return;
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) =>
        (entry as FileSystemFileEntry).file(resolve, reject),
      );
      found.push({ path: entry.fullPath.replace(/^\//, ""), file });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    // A reading gives some; an empty one is the last.
    for (;;) {
      const inside = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      );
      if (inside.length === 0) return;
      for (const one of inside) await walk(one);
    }
  };
  for (const entry of entries) await walk(entry);
  return found;
}

/** A file that is dropped beside what takes one would be opened instead of the page. */
export function keepPage(): void {
  const refuse = (event: DragEvent) => {
    if (event.defaultPrevented || event.dataTransfer?.types.includes("Files") !== true) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  };
  addEventListener("dragover", refuse);
  addEventListener("drop", refuse);
}

// Files that a program writes when it is done: whether they can be written is found out before, and each appears whole
// or not at all.

import fs from "node:fs/promises";
import path from "node:path";

/** Results are far smaller; a disk that has less left is as good as full. */
const roomBytes = 2 ** 20;

/** Why a file of that name can't be written; undefined where it can. Makes nothing. */
export async function unwritable(file) {
  const found = await kindOf(file);
  if (found === "folder") return `${file} is a folder`;
  if (found === "file" && !(await isOpen(file))) return `${file} may not be written`;
  // The folders that are missing are made when it is written.
  let folder = path.dirname(path.resolve(file));
  let kind = await kindOf(folder);
  while (kind === undefined && folder !== path.dirname(folder)) {
    folder = path.dirname(folder);
    kind = await kindOf(folder);
  }
  if (kind === "file") return `${file} lies below ${folder}, which is a file`;
  if (!(await isOpen(folder))) return `${file}: ${folder} may not be written into`;
  const left = await bytesLeft(folder);
  return left < roomBytes ? `${file}: the disk of ${folder} has ${left} bytes left` : undefined;
}

/** Writes a file beside its place, makes sure that it is on the disk, and then moves it there. Makes its folders. */
export async function writeWhole(file, data) {
  await fs.mkdir(path.dirname(path.resolve(file)), { recursive: true });
  // What a link points to is written, not the link; what is no file (a pipe, a terminal) can't be replaced by one.
  const place = await fs.realpath(file).catch(() => file);
  const isPlain = await fs.stat(place).then(
    (stats) => stats.isFile(),
    () => true,
  );
  if (!isPlain) return fs.writeFile(place, data);
  const beside = `${place}.${process.pid}.part`;
  try {
    const handle = await fs.open(beside, "w");
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(beside, place);
  } catch (error) {
    await fs.rm(beside, { force: true });
    throw error;
  }
}

async function kindOf(name) {
  try {
    return (await fs.stat(name)).isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}

const isOpen = (name) =>
  fs.access(name, fs.constants.W_OK).then(
    () => true,
    () => false,
  );

/** Infinity where the file system does not say. */
async function bytesLeft(folder) {
  const stats = await fs.statfs(folder).catch(() => undefined);
  if (stats === undefined || stats.blocks === 0) return Infinity;
  return stats.bsize * (process.getuid?.() === 0 ? stats.bfree : stats.bavail);
}

// Reads back what a callback logged: the names of scalars by part of the log.

import fs from "node:fs/promises";
import path from "node:path";
import { readEvents } from "gradgpu/nn";

/** "train/epoch_loss: 20" and so on: each scalar of the newest files of a log directory, with how many values it has. */
export async function loggedScalars(logdir: string): Promise<string[]> {
  const lines: string[] = [];
  for (const part of ["train", "validation"]) {
    const names = (await fs.readdir(path.join(logdir, part)).catch(() => [])).filter((name) =>
      name.includes("tfevents"),
    );
    const newest = names.sort().at(-1);
    if (newest === undefined) continue;
    const { scalars } = readEvents(await fs.readFile(path.join(logdir, part, newest)));
    for (const [name, values] of scalars) lines.push(`${part}/${name}: ${values.length}`);
  }
  return lines;
}

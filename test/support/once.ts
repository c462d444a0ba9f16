// What several files of tests need is made once a run: by the file that comes first, and the others wait for it.

import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inject } from "vitest";

/**
 * What `make` gave, which goes from process to process as JSON; `folder`, of this name, is its own to write to.
 *
 * @param place in the repository, where packages are found, or outside of it
 */
export async function onceARun<T>(
  name: string,
  make: (folder: string) => Promise<T>,
  place: "inside" | "outside" = "inside",
): Promise<T> {
  const folder = path.join(inject("runFolders")[place], name);
  const note = `${folder}.json`;
  if (isFirst(folder)) {
    const outcome = await make(folder).then(
      (made) => ({ made }),
      (error: Error) => ({ failed: String(error.stack ?? error) }),
    );
    // Whole or not at all: others look for it.
    fs.writeFileSync(`${note}.new`, JSON.stringify(outcome));
    fs.renameSync(`${note}.new`, note);
  }
  while (!fs.existsSync(note)) await sleep(100);
  const { made, failed } = JSON.parse(fs.readFileSync(note, "utf8")) as { made: T; failed?: string };
  if (failed !== undefined) throw new Error(`${name} could not be made: ${failed}`);
  return made;
}

/** Of all that ask for it, one makes the folder. */
function isFirst(folder: string): boolean {
  try {
    fs.mkdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

// Folders that processes make for themselves, and leave where they are killed: gone when the next one comes.

import fs from "node:fs";
import path from "node:path";

/**
 * Removes the folders in `parent` whose process has ended, and this process's own of before.
 *
 * @param {string} parent It need not be there
 * @param {RegExp} name Of such folders; its first group is the number of the process
 */
export function removeAbandoned(parent, name) {
  if (!fs.existsSync(parent)) return;
  for (const entry of fs.readdirSync(parent)) {
    const pid = Number(name.exec(entry)?.[1]);
    if (Number.isNaN(pid) || (pid !== process.pid && isRunning(pid))) continue;
    try {
      fs.rmSync(path.join(parent, entry), { recursive: true, force: true });
    } catch {
      // Another user's, or another process is removing it, too: it is in nobody's way.
    }
  }
}

/** A process of another user counts as running: its number is taken, and its folder is not ours. */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== "ESRCH";
  }
}

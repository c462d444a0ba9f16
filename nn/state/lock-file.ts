// Locks of files: a small file beside that names the process whose run writes there.

import { DataError } from "../../engine/index.ts";
import { codeOf, type Files, files, hasProcess, hostName, ownPid, paths } from "./node-modules.ts";

/** Who holds a lock. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, as the system tells it or by its clock: ids of processes are used again. */
  readonly started: string;
}

/** Paths that runs of this thread hold. */
const held = new Set<string>();

/**
 * Claims a file for a run. A lock whose process is gone is taken over.
 *
 * @returns what lets go of it
 * @throws DataError where a run that is alive holds it
 */
export async function lockFile(given: string): Promise<() => Promise<void>> {
  const fs = await files();
  const { resolve } = await paths();
  const path = `${resolve(given)}.lock`;
  if (held.has(path)) {
    throw new DataError(
      `${given}: another run of this program writes there; give each run a file of its own`,
    );
  }
  held.add(path);
  try {
    await claim(fs, path, given);
  } catch (error) {
    held.delete(path);
    throw error;
  }
  return async () => {
    held.delete(path);
    await fs.rm(path, { force: true }).catch(() => {});
  };
}

async function claim(fs: Files, path: string, given: string): Promise<void> {
  const pid = ownPid();
  const mine: Holder = { pid, host: await hostName(), started: (await startOf(fs, pid)) ?? "" };
  const text = JSON.stringify(mine);
  for (let tries = 0; tries < 3; tries++) {
    try {
      await fs.writeFile(path, text, { flag: "wx" });
      return;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") {
        throw new DataError(`${given}: can't be written beside (${(error as Error).message})`, {
          cause: error,
        });
      }
    }
    const before = await fs.readFile(path, "utf8").catch(() => "");
    const holder = holderIn(before);
    if (holder !== undefined && holder.host === mine.host) {
      if (await isAlive(fs, holder)) {
        throw new DataError(
          `${given}: process ${holder.pid} writes there; wait for its end, or give this run a file of its own`,
        );
      }
    } else if (holder !== undefined) {
      console.warn(
        `gradgpu: ${given}: was last written by a process on "${holder.host}"; if that still runs, stop it, for two runs on one file undo each other's work`,
      );
    }
    // Another one may take it over at the same time: who finds that it moved that one's away puts it back.
    const stale = `${path}.${pid}`;
    const isMoved = await fs.rename(path, stale).then(
      () => true,
      () => false,
    );
    if (!isMoved) continue;
    if ((await fs.readFile(stale, "utf8").catch(() => before)) !== before)
      await fs.link(stale, path).catch(() => {});
    await fs.rm(stale, { force: true }).catch(() => {});
  }
  throw new DataError(`${given}: other processes claim it at this moment; give each run a file of its own`);
}

function holderIn(text: string): Holder | undefined {
  try {
    const { pid, host, started } = JSON.parse(text);
    return Number.isInteger(pid) && typeof host === "string"
      ? { pid, host, started: String(started) }
      : undefined;
  } catch {
    // It was killed while it wrote this.
    return undefined;
  }
}

async function isAlive(fs: Files, { pid, started }: Holder): Promise<boolean> {
  if (!hasProcess(pid)) return false;
  const now = await startOf(fs, pid);
  // A thread of this process, where the system doesn't tell.
  if (now === undefined || started === "") return true;
  return now === started;
}

/** When a process began, where the system tells: Linux's clock ticks since it booted. */
async function startOf(fs: Files, pid: number): Promise<string | undefined> {
  const stat = await fs.readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The name, in parentheses, may hold spaces.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

// Ends a run early without losing it: notices signals, has the cases that are left skipped, and ends what the bench
// started beside itself, child processes and temporary folders.

import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import type { BenchCase } from "./bench-case.ts";

/** Why a case was not run, then. */
export const interruption = "the run was interrupted";

/** As shells say of what a Ctrl-C ended. */
export const interruptedCode = 130;

/** A Ctrl-C may come by the terminal and once more from a parent that passes it on: what comes at once is one. */
const oneSignalMs = 500;

const children = new Set<ChildProcess>();
const folders = new Set<string>();
let firstAt: number | undefined;

export const isInterrupted = () => firstAt !== undefined;

const endChildren = () => {
  for (const child of children) child.kill("SIGKILL");
};

/** Has a child end with us, and with the first signal. */
export function endWithUs<C extends ChildProcess>(child: C): C {
  children.add(child);
  child.once("exit", () => children.delete(child));
  if (isInterrupted()) child.kill("SIGKILL");
  return child;
}

/** A terminal sends its Ctrl-C to our whole group; children have their own, so that it is we who end them. */
export const ownGroup = { detached: process.platform !== "win32" };

/** Has a folder removed with us; the function given back says that it was removed already. */
export function removeWithUs(folder: string): () => void {
  folders.add(folder);
  return () => folders.delete(folder);
}

/** The first signal ends children and calls `onFirst`; a second one ends the process. */
export function watchSignals(onFirst: () => void): void {
  const notice = () => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      onFirst();
      endChildren();
    } else if (now - firstAt > oneSignalMs) process.exit(interruptedCode);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, notice);
  process.on("exit", () => {
    endChildren();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
}

/** The same case, which is left out once the run is interrupted. */
export function stoppable(benchCase: BenchCase): BenchCase {
  // The reference's loops leave the event loop no turn in which a signal is noticed: each case begins with one.
  const begin = async () => {
    await setImmediate();
    if (isInterrupted()) throw new Error(interruption);
  };
  return {
    ...benchCase,
    get skip() {
      return isInterrupted() ? { webgpu: interruption, cpu: interruption } : benchCase.skip;
    },
    skipOn: (info) => (isInterrupted() ? interruption : benchCase.skipOn?.(info)),
    prepare: async (device) => {
      await begin();
      return benchCase.prepare(device);
    },
    ...(benchCase.measure && {
      measure: async (device, options) => {
        await begin();
        return benchCase.measure!(device, options);
      },
    }),
  };
}

// Ends a run early without losing it: notices signals, has the case that is running left and the others skipped, and
// ends what the bench started beside itself, child processes and temporary folders.

import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import os from "node:os";
import { setImmediate, setTimeout } from "node:timers/promises";
import type { BenchCase } from "./bench-case.ts";

/** Why a case was not run, then. */
export const interruption = "the run was interrupted";

/** A Ctrl-C may come by the terminal and once more from a parent that passes it on: what comes at once is one. */
const oneSignalMs = 500;
/** What the run has after a signal to end by itself; then what it has is taken. */
const windDownMs = 150;

const children = new Set<ChildProcess>();
const folders = new Set<string>();
let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
let tellFirst: () => void;
const interrupted = new Promise<void>((resolve) => {
  tellFirst = resolve;
});

export const isInterrupted = () => first !== undefined;

/** What shells say of a program that the signal ended: 130 after a Ctrl-C, 143 after SIGTERM. */
export const interruptedCode = () => 128 + (first === undefined ? 0 : os.constants.signals[first.signal]);

/** What the work gives; undefined where a signal comes and it does not end soon after. */
export const unlessInterrupted = <T>(work: Promise<T>): Promise<T | undefined> =>
  Promise.race([work, interrupted.then(() => setTimeout(windDownMs)).then(() => undefined)]);

/**
 * Gives the event loop a turn, in which a signal is noticed: the reference's loops leave it none.
 *
 * @throws after a signal
 */
export async function turn(): Promise<void> {
  await setImmediate();
  if (isInterrupted()) throw new Error(interruption);
}

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
  const notice = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (first === undefined) {
      first = { signal, at: now };
      tellFirst();
      onFirst();
      endChildren();
    } else if (now - first.at > oneSignalMs) process.exit(interruptedCode());
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, notice);
  process.on("exit", () => {
    endChildren();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
}

/** The same case, which is left out once the run is interrupted. */
export function stoppable(benchCase: BenchCase): BenchCase {
  return {
    ...benchCase,
    get skip() {
      return isInterrupted() ? { webgpu: interruption, cpu: interruption } : benchCase.skip;
    },
    skipOn: (info) => (isInterrupted() ? interruption : benchCase.skipOn?.(info)),
    prepare: async (device) => {
      await turn();
      return benchCase.prepare(device);
    },
    ...(benchCase.measure && {
      measure: async (device, options) => {
        await turn();
        return benchCase.measure!(device, options);
      },
    }),
  };
}

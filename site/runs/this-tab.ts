// The run that this tab is at, which a reload goes on with: another tab's may be of the same set-up, and newer.

import { type Setup, toHash } from "../setup/setup.ts";
import type { ListedRun } from "./kept-runs.ts";

const key = "gradgpu-playground:run";

/** A browser may keep nothing for the page. */
export function rememberRun(name: string): void {
  try {
    sessionStorage.setItem(key, name);
  } catch {}
}

function rememberedRun(): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

/**
 * The kept run that an address goes on with: the one that this tab was at, else the latest.
 *
 * @param runs the latest first
 */
export function runFor(setup: Setup, runs: readonly ListedRun[]): ListedRun | undefined {
  const name = rememberedRun();
  const own = runs.find((run) => run.name === name);
  // Its rate may have changed after it was kept last.
  const isOwn =
    own !== undefined &&
    (isAlike(own.setup, setup) ||
      (setup.schedule === "constant" && isAlike({ ...own.setup, learningRate: setup.learningRate }, setup)));
  return isOwn ? own : runs.find((run) => isAlike(run.setup, setup));
}

const isAlike = (a: Setup, b: Setup): boolean => toHash(a) === toHash(b);

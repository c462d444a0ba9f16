// How much is shown of a run.

import { ArgumentError } from "../../engine/index.ts";
import { showGiven } from "../../engine/internal.ts";

/** 0: silent. 1 and "auto": a live bar on a terminal, else as 2. 2: one line an epoch. */
export type Verbosity = 0 | 1 | 2 | "auto";

/** @throws ArgumentError unless it is one */
export function verbosityOf(what: string, verbose: Verbosity): 0 | 1 | 2 {
  if (verbose === "auto") return 1;
  if ([0, 1, 2].includes(verbose)) return verbose;
  throw new ArgumentError(
    `${what}: verbose must be 0 (silent), 1 or "auto" (live) or 2 (a line an epoch), got ${showGiven(verbose)}`,
  );
}

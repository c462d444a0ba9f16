// Shows how training goes: a live bar on a terminal, one line an epoch elsewhere, or nothing. Only text.

import { ArgumentError } from "../../engine/index.ts";
import { showGiven } from "../../engine/internal.ts";
import { liveProgress } from "./live-progress.ts";
import { ofTotal, type Progress, showLogs } from "./progress-text.ts";

/** 0: silent. 1 and "auto": a live bar on a terminal, else as 2. 2: one line an epoch. */
export type Verbosity = 0 | 1 | 2 | "auto";

const silent: Progress = {
  begin() {},
  compiling() {},
  update() {},
  validating() {},
  end() {},
  stop() {},
};

/** @throws ArgumentError unless it is one */
export function verbosityOf(what: string, verbose: Verbosity): 0 | 1 | 2 {
  if (verbose === "auto") return 1;
  if ([0, 1, 2].includes(verbose)) return verbose;
  throw new ArgumentError(
    `${what}: verbose must be 0 (silent), 1 or "auto" (live) or 2 (a line an epoch), got ${showGiven(verbose)}`,
  );
}

/** @param print takes the lines; without it they go to the console, and a terminal gets the live bar */
export function makeProgress(verbose: Verbosity, epochs: number, print?: (line: string) => void): Progress {
  const verbosity = verbosityOf("fit", verbose);
  if (verbosity === 0) return silent;
  const live = verbosity === 1 && print === undefined ? liveProgress(epochs) : undefined;
  return live ?? lineProgress(epochs, print ?? ((line) => console.log(line)));
}

/** "Epoch 1/10 - 469/469 - 3.2s - loss: 0.3014 - accuracy: 0.9101 - valLoss: ..." */
function lineProgress(epochs: number, print: (line: string) => void): Progress {
  let epoch = 0;
  let total = 0;
  return {
    ...silent,
    begin(begun, steps) {
      epoch = begun;
      total = steps;
    },
    end(logs, seconds, steps) {
      print(
        `Epoch ${epoch + 1}/${epochs} - ${ofTotal(steps, total)} - ${seconds.toFixed(1)}s - ${showLogs(logs)}`,
      );
    },
  };
}

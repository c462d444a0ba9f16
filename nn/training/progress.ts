// Shows how training goes: a live bar on a terminal, one line an epoch elsewhere, or nothing. Only text.

import { ArgumentError } from "../../engine/index.ts";
import { printable, showGiven } from "../../engine/internal.ts";
import type { Logs } from "./history.ts";
import { liveProgress } from "./live-progress.ts";
import type { LiveReader } from "./live-reader.ts";
import type { Trainer } from "./trainer.ts";

/** 0: silent. 1 and "auto": a live bar on a terminal, else as 2. 2: one line an epoch. */
export type Verbosity = 0 | 1 | 2 | "auto";

export interface Progress {
  /** Reads numbers for {@link Progress.update}; undefined where that shows nothing. */
  readonly reader?: (trainer: Trainer) => LiveReader;
  begin(epoch: number, steps: number): void;
  /**
   * Kernels are being compiled before the first step.
   *
   * @param kernel the one that is compiled now, where it is known
   */
  compiling(done: number, total: number, kernel?: string): void;
  /** @param logs loss and metrics so far, as often as they are known */
  update(step: number, logs: Logs | undefined): void;
  /** The validation data's steps, after the last update. */
  validating(step: number, total: number): void;
  /** @param steps taken: fewer than there are where training was stopped */
  end(logs: Logs, seconds: number, steps: number): void;
  /** Leaves what is on the screen whole, after an error. */
  stop(): void;
}

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

/** "3/10", and "3" where it is not known of how many. */
export const ofTotal = (steps: number, total: number): string =>
  Number.isFinite(total) ? `${steps}/${total}` : String(steps);

/** "loss: 0.3014 - valLoss: 0.1203": the names as logs and history have them, digits as Keras shows them. */
export function showLogs(logs: Logs): string {
  return (
    Object.entries(logs)
      // Arrays, as confusion matrices, are no part of a line.
      .filter(([, value]) => typeof value === "number")
      .map(
        ([name, value]) =>
          `${printable(name)}: ${Math.abs(value) > 1e-3 || value === 0 ? value.toFixed(4) : value.toExponential(4)}`,
      )
      .join(" - ")
  );
}

// What is shown of a run of `fit`, and how its numbers are written.

import { printable } from "../../engine/internal.ts";
import type { Logs } from "./history.ts";
import type { Trainer } from "./trainer.ts";

/** Loss and metrics while an epoch goes on, read without waiting. */
export interface LiveNumbers {
  /** Resolves when no reading is under way. */
  readonly settled: Promise<void>;
  look(samples: number): Logs | undefined;
}

export interface Progress {
  /** Reads numbers for {@link Progress.update}; undefined where that shows nothing. */
  readonly reader?: (trainer: Trainer) => LiveNumbers;
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

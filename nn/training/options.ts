// Options that fit, evaluate and predict share.

import { ArgumentError } from "../../engine/index.ts";
import { atLeastOne, kindOf, type OptionNames } from "../../engine/internal.ts";
import type { DataTree } from "./data.ts";
import type { LoopOptions } from "./loop.ts";
import type { MemoryOptions } from "./stream.ts";
import type { Verbosity } from "./verbosity.ts";

/** What `evaluate` and `predict` take, and `fit` takes, too. */
export interface EvaluateOptions extends LoopOptions, MemoryOptions {
  /** Samples a step: changes memory and speed; results by the rounding of sums alone. Default 32. */
  batchSize?: number;
  /** Batches to take of a data set; default all that it has. */
  steps?: number;
  /** 0: prints nothing. 1 or 2: a line when it is done, in `evaluate` with loss and metrics. Default 0. */
  verbose?: Verbosity;
  /** Takes the line of `verbose`; default: the console. */
  print?: (line: string) => void;
}

export const predictOptions: OptionNames<EvaluateOptions & { callbacks?: unknown }> = {
  batchSize: true,
  jit: true,
  memoryBudget: true,
  signal: true,
  verbose: true,
  print: true,
  callbacks: true,
  steps: true,
};

export const evaluateOptions: OptionNames<
  EvaluateOptions & { callbacks?: unknown; sampleWeight?: DataTree; returnDict?: boolean }
> = {
  ...predictOptions,
  sampleWeight: true,
  returnDict: true,
};

/** @throws ArgumentError unless it is a whole number of at least 1; 32 where none is given */
export const batchSizeOf = (what: string, batchSize = 32) => atLeastOne(what, "batchSize", batchSize);

/**
 * To be called before anything else: nothing is begun for who has aborted already.
 *
 * @throws ArgumentError for what is no AbortSignal; the reason of one that is aborted
 */
export function checkSignal(what: string, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof signal !== "object" || typeof signal?.throwIfAborted !== "function") {
    throw new ArgumentError(
      `${what}: signal must be an AbortSignal, as new AbortController().signal is, got ${kindOf(signal)}`,
    );
  }
  signal.throwIfAborted();
}

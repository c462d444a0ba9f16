// Options that fit, evaluate and predict share.

import type { OptionNames } from "../../engine/internal.ts";
import type { LoopOptions } from "./loop.ts";
import type { Verbosity } from "./progress.ts";
import type { MemoryOptions } from "./stream.ts";

/** What `evaluate` and `predict` take, and `fit` takes, too. */
export interface EvaluateOptions extends LoopOptions, MemoryOptions {
  /** Samples a step: changes memory and speed; results by the rounding of sums alone. Default 32. */
  batchSize?: number;
  /** 0: prints nothing. 1 or 2: a line when it is done, in `evaluate` with loss and metrics. Default 0. */
  verbose?: Verbosity;
  /** Takes the line of `verbose`; default: the console. */
  print?: (line: string) => void;
}

export const predictOptions: OptionNames<EvaluateOptions> = {
  batchSize: true,
  jit: true,
  memoryBudget: true,
  signal: true,
  verbose: true,
  print: true,
};

export const evaluateOptions: OptionNames<EvaluateOptions & { returnDict?: boolean }> = {
  ...predictOptions,
  returnDict: true,
};

// Options that fit, evaluate and predict share.

import type { LoopOptions } from "./loop.ts";
import type { MemoryOptions } from "./stream.ts";

export interface EvaluateOptions extends LoopOptions, MemoryOptions {
  /** Samples a step: changes memory and speed; results by the rounding of sums alone. Default 32. */
  batchSize?: number;
}

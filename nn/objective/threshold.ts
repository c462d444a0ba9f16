// The threshold from which an output counts as "yes", for probabilities and for logits.

import { ArgumentError } from "../../engine/index.ts";
import { showGiven } from "../../engine/internal.ts";
import type { MetricOptions } from "./metric.ts";

export interface ThresholdOptions extends MetricOptions {
  /** Outputs above it count as 1; from 0 to 1, default 1/2. */
  threshold?: number;
}

export function thresholdOf(metric: string, { threshold = 0.5 }: ThresholdOptions): number {
  if (typeof threshold === "number" && threshold >= 0 && threshold <= 1) return threshold;
  throw new ArgumentError(
    `metrics.${metric}: threshold must be from 0 to 1, got ${showGiven(threshold)}; outputs are probabilities`,
  );
}

/** Whose sigmoid the threshold is; of 0 and 1 a number beyond all logits. */
export const asLogit = (threshold: number): number =>
  Math.max(-3e38, Math.min(3e38, Math.log(threshold / (1 - threshold))));

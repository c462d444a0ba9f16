// How an optimizer's file states its update on plain numbers, for tests to follow. Bundles leave it out.

import type { Optimizer } from "./optimizer.ts";

/** Exported as `rules` by the file of an optimizer, one for each way in which its options change the formula. */
export interface Rule<M = unknown> {
  make(): Optimizer;
  /** What is remembered of one weight, at the start. */
  memory(): M;
  /** The weight after step `t`, counted from 1; changes the memory. */
  step(weight: number, gradient: number, memory: M, t: number): number;
}

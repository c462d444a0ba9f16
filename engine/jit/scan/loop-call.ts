// What a loop is asked to trace, and what it gives.

import type { Device } from "../../tensor/device.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Node } from "../graph.ts";

/** A row at each step but the last, whose value is another: what a carry was before each step. */
export interface Shifted {
  readonly rows: Tensor;
  readonly last: Tensor;
}

export interface LoopCall {
  readonly device: Device;
  readonly length: number;
  readonly isReversed: boolean;
  readonly carry: readonly Tensor[];
  /** [length, ...]: a row a step. */
  readonly rows: readonly Tensor[];
  readonly shifted: readonly Shifted[];
  /** Whether what a loop the other way needs of this one's steps is stacked, where it turns out to be read. */
  readonly keeps?: boolean;
  /** The loop that this one goes back over: its body begins with the same ops, whose results were kept. */
  readonly again?: Pick<TracedLoop, "kept" | "held">;
  /** Whether sums over the steps are added up step by step, and not made of rows that are kept until all are there. */
  readonly carriesSums?: boolean;
  /** Traced once, with values of one step. */
  body(carry: readonly Tensor[], rows: readonly Tensor[], shifted: readonly Tensor[]): LoopResults;
}

/** Which results of a body's ops a loop kept. A class, so that scopes look for no tensors in it. */
export class Kept {
  /** The ops as they were traced. */
  readonly nodes: readonly Node[];
  /** By op: the numbers of its results among those that were kept. */
  readonly places: ReadonlyMap<Node, readonly number[]>;

  constructor(nodes: readonly Node[], places: ReadonlyMap<Node, readonly number[]>) {
    this.nodes = nodes;
    this.places = places;
  }
}

/** What a traced loop gives beside its results. */
export interface TracedLoop extends LoopResults {
  readonly kept: Kept;
  /** What was kept, over all steps. */
  readonly held: readonly Tensor[];
}

/** What a step gives, or all of them. */
export interface LoopResults {
  readonly carry: readonly Tensor[];
  /** One a step; of the loop [length, ...]. */
  readonly stacks: readonly Tensor[];
  /** Added up over the steps. */
  readonly sums: readonly Tensor[];
}

// The body of a loop, as data: a graph, and what its inputs and outputs stand for.

import type { Graph } from "../graph.ts";

/** What an input of the body stands for; numbers are those of the node's inputs. */
export type BodyInput =
  /** A carry, by its number: the node's input at the first step, then what the step before made. */
  | { readonly kind: "carry"; readonly carry: number; readonly first: number }
  /** The row of the step. */
  | { readonly kind: "row"; readonly rows: number }
  /** The row of the next step, and another value at the last. */
  | { readonly kind: "next"; readonly rows: number; readonly last: number }
  /** The same at every step. */
  | { readonly kind: "whole"; readonly input: number };

export interface LoopOptions {
  /** Its outputs: the next value of each carry, then what is stacked; each is made by a node, no two by the same. */
  readonly body: Graph;
  readonly inputs: readonly BodyInput[];
  readonly carries: number;
  readonly length: number;
  /** Whether rows are taken, and stacked, from the last one on. */
  readonly isReversed: boolean;
  /**
   * Carries of which every step's value is left behind, in two further outputs of the node each: those of even positions and
   * those of odd ones. A kernel may not read one row of a buffer and write another, so neighbours lie in two.
   */
  readonly trails: readonly number[];
  /** Elements from one row to the next, of stacks and then of trails. */
  readonly strides: readonly number[];
}

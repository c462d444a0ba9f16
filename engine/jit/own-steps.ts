// OwnSteps: what a node that is no kernel, such as a loop, states in place of attributes: how it is planned.

import type { Backend } from "../backend/backend.ts";
import type { Place, Plan, PlanStep } from "../backend/program.ts";
import type { Graph, Node, Value } from "./graph.ts";

/** What planning asks of a backend: who lies where. */
export type Layout = Pick<Backend, "sliceAlignment" | "overlaps" | "sharesBuffer" | "offsetIn" | "endsInGap">;

/** What the planner lends to a node that plans itself. */
export interface StepsContext {
  readonly node: Node;
  /** What offsets that are given at a dispatch are multiples of, in bytes. */
  readonly alignment: number;
  /** How many of a kernel's buffers may move from dispatch to dispatch. */
  readonly mostMoving: number;
  isNeeded(value: Value): boolean;
  /** Where an input of the node lies. */
  placeOf(value: Value): Place;
  /** A slot of so many bytes, free again behind the node. */
  take(bytes: number): number;
  /** The same for a slot whose gaps are read as zeros: it is the node's for good. */
  takeZeroed(bytes: number): number;
  /** Has an output of the node lie in a slot that it took. */
  keep(value: Value, slot: number): void;
  /** Plans a graph within the node. */
  plan(graph: Graph, layout: Layout): Plan;
}

let made = 0;

export abstract class OwnSteps {
  readonly #id = made++;
  abstract readonly body: Graph;
  abstract steps(context: StepsContext): PlanStep[];

  /** Each is like itself alone: nodes are told apart by their attributes as text. */
  toJSON(): number {
    return this.#id;
  }
}

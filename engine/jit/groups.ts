// The graph's nodes in units while these are merged: who reads what, what would be bound, what depends on what. Which
// units are merged is the passes' business.

import { sizeOf } from "../base/shape.ts";
import type { AdapterProfile, Spec } from "../kernel/kernel.ts";
import type { KernelOp } from "../kernel/kernel-op.ts";
import type { Memory } from "../kernel/memory.ts";
import { Readers } from "../kernel/op-graph.ts";
import {
  type Graph,
  isLiteral,
  type Node,
  pointwiseOf,
  producerOf,
  readsApart,
  type Value,
} from "./graph.ts";
import type { Refusal, Refused } from "./refusal.ts";
import { bindingKey, makersOf, type Unit } from "./units.ts";

export class Groups {
  readonly refusals: Refused[] = [];
  readonly graph: Graph;
  readonly profile: AdapterProfile;
  readonly #unitOf = new Map<Node, Unit>();
  readonly #readers: Readers<KernelOp>;
  /** Memory that a value is assigned to. */
  readonly #targets = new Map<Value, Memory>();
  /** Units of several nodes. */
  readonly #merged = new Set<Unit>();
  /** The same, the last to end first; made when it is asked for. */
  #byEnd: Unit[] | undefined;

  constructor(graph: Graph, profile: AdapterProfile) {
    this.graph = graph;
    this.profile = profile;
    this.#readers = new Readers(graph);
    for (const node of graph.nodes) {
      const isChain = pointwiseOf(node) !== undefined;
      this.#unitOf.set(node, {
        id: node.id,
        nodes: [node],
        anchor: isChain ? undefined : node,
        target: isChain ? node.outputs[0].spec : undefined,
      });
    }
    for (const effect of graph.effects) this.#targets.set(effect.source, effect.target);
  }

  /** The unit that a node is in now. */
  unitOf(node: Node): Unit {
    return this.#unitOf.get(node)!;
  }

  consumersOf(value: Value): readonly Node[] {
    return this.#readers.of(value);
  }

  /** The nodes that read a value, for each value that is read. */
  get readers(): Iterable<readonly Node[]> {
    return this.#readers.lists;
  }

  /** Whether a value must exist in memory whatever reads it. */
  isKept(value: Value): boolean {
    return this.#readers.isKept(value);
  }

  /** The memory that a value is assigned to. */
  targetOf(value: Value): Memory | undefined {
    return this.#targets.get(value);
  }

  /** Whether anything is assigned at all. */
  get hasTargets(): boolean {
    return this.#targets.size > 0;
  }

  units(): Unit[] {
    return [...new Set(this.graph.nodes.map((node) => this.#unitOf.get(node)!))];
  }

  /** Puts a merged unit in the place of those that its nodes were in. */
  put(merged: Unit): void {
    for (const node of merged.nodes) {
      this.#merged.delete(this.#unitOf.get(node)!);
      this.#unitOf.set(node, merged);
    }
    this.#merged.add(merged);
    this.#byEnd = undefined;
  }

  /** Makes one unit of two. */
  merge(a: Unit, b: Unit): void {
    const target = largest([a.target, b.target]);
    const merged: Unit = {
      id: Math.min(a.id, b.id),
      nodes: [...a.nodes, ...b.nodes].sort((x, y) => x.id - y.id),
      anchor: a.anchor ?? b.anchor,
      companion: a.companion ?? b.companion,
      target,
    };
    this.put(merged);
  }

  /** Whether a value comes from outside of the units. */
  isExternalTo(value: Value, units: readonly Unit[]): boolean {
    const producer = producerOf(value);
    return producer === undefined || !units.includes(this.#unitOf.get(producer)!);
  }

  /** Whether something else than the units needs a result of the node. */
  isReadOutside(node: Node, units: readonly Unit[]): boolean {
    return node.outputs.some(
      (value) =>
        this.#readers.isKept(value) ||
        this.#readers.of(value).some((reader) => !units.includes(this.#unitOf.get(reader)!)),
    );
  }

  /** Buffers that the units would bind as one kernel. */
  bindings(units: readonly Unit[]): number {
    // Chains side by side bind what they read each for themselves.
    if (units.some((unit) => unit.parts !== undefined)) {
      return units
        .flatMap((unit) => unit.parts ?? [unit])
        .reduce((sum, part) => sum + this.bindings([part]), 0);
    }
    const nodes = new Set(units.flatMap((unit) => unit.nodes));
    const anchor = units.find((unit) => unit.anchor !== undefined)?.anchor;
    const target = largest(units.map((unit) => unit.target));
    const prologues = units.flatMap((unit) => unit.prologues ?? []);
    const memories = new Set<unknown>();
    const readsOf = (members: Iterable<Node>): number => {
      const reads = new Set<string>();
      for (const node of members) {
        // A companion reads what the anchor reads.
        if (node !== anchor && pointwiseOf(node) === undefined) continue;
        node.inputs.forEach((use, k) => {
          const producer = producerOf(use.value);
          if (producer !== undefined && nodes.has(producer)) return;
          if (node !== anchor && isLiteral(use.value) && !readsApart(node, k)) return;
          // What the anchor reads too is bound twice.
          const space = prologues.find(({ nodes }) => nodes.includes(node))?.target ?? target;
          reads.add(
            node === anchor || space === undefined ? `node ${node.id} ${k}` : bindingKey(node, k, space),
          );
          if (use.value.origin.kind === "external") memories.add(use.value.origin.memory);
        });
      }
      return reads.size;
    };
    const reads = readsOf(nodes);
    let writes = 0;
    let mostAlone = 0;
    for (const node of nodes) {
      for (const value of node.outputs) {
        const isRead = this.#readers.of(value).some((reader) => !nodes.has(reader));
        if (!this.#readers.isKept(value) && !isRead) continue;
        // What replaces a variable that a chain reads anyway is written where that is read. Where planning finds that it
        // can't be, the value gets a kernel of its own, which has to do. A structured op's kernel can't be split.
        const target = this.#targets.get(value);
        if (anchor !== undefined || target === undefined || !memories.has(target)) writes++;
        else if (reads >= this.profile.maxStorageBuffers)
          mostAlone = Math.max(mostAlone, readsOf(makersOf([value], [...nodes])) + 1);
      }
    }
    return Math.max(reads + writes, mostAlone);
  }

  /** Where the adapter has too few bindings for the units as one kernel. */
  refuseBindings(units: readonly Unit[]): Refusal | undefined {
    const most = this.profile.maxStorageBuffers;
    return this.bindings(units) > most ? ["bindings", most] : undefined;
  }

  /**
   * Whether two units stay apart because one kernel, though it would be right, would cost more: as a rule finds. The report about
   * GPUs lifts the rule for two units, to see what that saves there.
   */
  isDear(_from: Unit, _to: Unit, isFound: boolean): boolean {
    return isFound;
  }

  /** The units that make what a unit reads. */
  predecessorsOf(unit: Unit): Set<Unit> {
    const made = new Set<Unit>();
    for (const node of unit.nodes) {
      for (const use of node.inputs) {
        const producer = producerOf(use.value);
        if (producer !== undefined) made.add(this.#unitOf.get(producer)!);
      }
    }
    made.delete(unit);
    return made;
  }

  /** Whether `to` depends on `from`. */
  reaches(from: Unit, to: Unit): boolean {
    return this.#search(to, from, false);
  }

  /** Whether `to` depends on `from` by way of a third unit: merging them would then make a cycle. */
  reachesAround(from: Unit, to: Unit): boolean {
    return this.#search(to, from, true);
  }

  /**
   * A node id below which no unit depends on `goal`. Nodes depend on earlier ones only, so it is the goal's first, or
   * that of a merged unit that has nodes on both sides. Deep graphs would be searched to their root without it.
   */
  #earliest(goal: Unit): number {
    let bound = goal.nodes[0].id;
    // From the last to end on: what widens the goal's stretch of the graph is followed by all that may widen it again.
    this.#byEnd ??= [...this.#merged].sort((a, b) => lastId(b) - lastId(a));
    for (const unit of this.#byEnd) {
      if (lastId(unit) < bound) break;
      bound = Math.min(bound, unit.nodes[0].id);
    }
    return bound;
  }

  #search(start: Unit, goal: Unit, skipDirect: boolean): boolean {
    const bound = this.#earliest(goal);
    const seen = new Set<Unit>([start]);
    const stack: Unit[] = [];
    const push = (unit: Unit, isFirst: boolean) => {
      for (const node of unit.nodes) {
        for (const use of node.inputs) {
          const producer = producerOf(use.value);
          if (producer === undefined) continue;
          const next = this.#unitOf.get(producer)!;
          if (next === goal && isFirst && skipDirect) continue;
          if (!seen.has(next) && lastId(next) >= bound) {
            seen.add(next);
            stack.push(next);
          }
        }
      }
    };
    push(start, true);
    while (stack.length > 0) {
      const unit = stack.pop()!;
      if (unit === goal || seen.size > searchLimit) return true;
      push(unit, false);
    }
    return false;
  }
}

/** The spec of most elements, the first one of equals. */
const largest = (specs: readonly (Spec | undefined)[]): Spec | undefined =>
  specs.filter((spec) => spec !== undefined).sort((x, y) => sizeOf(y.shape) - sizeOf(x.shape))[0];

/**
 * Units that a search looks at before it takes them to depend on each other: what lies further apart is not worth
 * merging, and searching whole graphs for every pair takes the square of their size.
 */
const searchLimit = 512;

/** The id of a unit's last node: nodes are in graph order. */
const lastId = (unit: Unit): number => unit.nodes[unit.nodes.length - 1].id;

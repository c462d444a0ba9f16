// Groups the graph's nodes into units of one kernel each: chains of pointwise ops first, then pointwise work that
// rides along with a structured kernel. Says why two neighbours were kept apart.

import type { Memory } from "../backend/backend.ts";
import type { AdapterProfile, KernelContext, Spec } from "../kernel.ts";
import type { EpilogueSite } from "../op.ts";
import { sameShape, showShape, sizeOf } from "../shape.ts";
import {
  type Graph,
  isLiteral,
  knowsElement,
  type Node,
  pointwiseOf,
  producerOf,
  readsApart,
  type Use,
  type Value,
} from "./graph.ts";

export interface FuseOptions {
  /** Merge chains of pointwise ops. */
  readonly pointwise?: boolean;
  /** Let pointwise ops ride on structured kernels' results. */
  readonly epilogues?: boolean;
  /** Let reductions compute what they reduce as they read it. */
  readonly prologues?: boolean;
  /** Let small chains that do not depend on each other share one dispatch. */
  readonly beside?: boolean;
  /** Sum a gradient's rows for the bias inside the product for the weights. */
  readonly companions?: boolean;
}

/** Nodes that one kernel (or one structured op's kernels) computes. */
export interface Unit {
  readonly id: number;
  /** In graph order. The anchor, where there is one, is among them. */
  nodes: Node[];
  /** The structured node; without one the unit is a pointwise chain. */
  readonly anchor: Node | undefined;
  /** A node that the anchor's kernel computes on the way. */
  companion?: Node;
  /** A chain that makes what the anchor reads, computed as it is read. */
  prologue?: { readonly nodes: readonly Node[]; readonly target: Spec };
  /** The element space of a pointwise chain. */
  target: Spec | undefined;
  /** Chains over unlike elements that share one dispatch, side by side. */
  parts?: readonly Unit[];
}

export interface Fused {
  readonly units: readonly Unit[];
  /** Why neighbours that could have been one kernel are two. */
  readonly refusals: readonly string[];
}

/** Small values are computed again for every element of a larger chain up to this many elements. */
const recomputeLimit = 1 << 12;

export function fuse(graph: Graph, profile: AdapterProfile, options: FuseOptions = {}): Fused {
  const fusion = new Fusion(graph, profile);
  if (options.pointwise !== false) fusion.mergeChains();
  if (options.companions !== false) fusion.mergeCompanions();
  if (options.epilogues !== false) fusion.mergeEpilogues();
  if (options.prologues !== false) fusion.mergePrologues();
  if (options.beside !== false) fusion.mergeBeside();
  return { units: fusion.units(), refusals: fusion.refusals };
}

class Fusion {
  readonly refusals: string[] = [];
  readonly #graph: Graph;
  readonly #profile: AdapterProfile;
  readonly #unitOf = new Map<Node, Unit>();
  readonly #consumers = new Map<Value, Node[]>();
  /** Values that must exist in memory whatever reads them: results and assigned values. */
  readonly #kept = new Set<Value>();
  /** Memory that a value is assigned to. */
  readonly #targets = new Map<Value, Memory>();
  /** Units of several nodes. */
  readonly #merged = new Set<Unit>();

  constructor(graph: Graph, profile: AdapterProfile) {
    this.#graph = graph;
    this.#profile = profile;
    for (const node of graph.nodes) {
      const isChain = pointwiseOf(node) !== undefined;
      this.#unitOf.set(node, {
        id: node.id,
        nodes: [node],
        anchor: isChain ? undefined : node,
        target: isChain ? node.outputs[0].spec : undefined,
      });
      for (const use of node.inputs) {
        const list = this.#consumers.get(use.value);
        if (list === undefined) this.#consumers.set(use.value, [node]);
        else list.push(node);
      }
    }
    for (const effect of graph.effects) {
      this.#kept.add(effect.source);
      this.#targets.set(effect.source, effect.target);
    }
    for (const output of graph.outputs) this.#kept.add(output.value);
  }

  units(): Unit[] {
    return [...new Set(this.#graph.nodes.map((node) => this.#unitOf.get(node)!))];
  }

  mergeChains(): void {
    for (const node of this.#graph.nodes) {
      if (pointwiseOf(node) === undefined) continue;
      // A mask is cheap to compute and dear to keep: it joins what reads it, never what it is computed from.
      if (node.outputs[0].spec.dtype === "bool") continue;
      for (const [k, use] of node.inputs.entries()) {
        const producer = producerOf(use.value);
        if (producer !== undefined && !readsApart(node, k))
          this.#tryChain(this.#unitOf.get(producer)!, this.#unitOf.get(node)!, use, node);
      }
    }
    this.#mergeSiblings();
  }

  /** Chains over the same elements that read the same values, one after the other otherwise. */
  #mergeSiblings(): void {
    for (const readers of this.#consumers.values()) {
      for (let i = 1; i < readers.length; i++) {
        const [a, b] = [this.#unitOf.get(readers[i - 1])!, this.#unitOf.get(readers[i])!];
        if (a === b || a.target === undefined || b.target === undefined) continue;
        if (!sameStage(a, b) || weightOf(a) + weightOf(b) > chainLimit) continue;
        if (!sameShape(a.target.shape, b.target.shape)) continue;
        if (this.#reaches(a, b) || this.#reaches(b, a)) continue;
        if (this.#bindings([a, b]) > this.#profile.maxStorageBuffers) continue;
        this.#merge(a, b);
      }
    }
  }

  #tryChain(from: Unit, to: Unit, use: Use, reader: Node): void {
    if (from === to || from.target === undefined || to.target === undefined) return;
    const why = this.#refuseChain(from, to, use, reader, from.target, to.target);
    if (why === undefined) this.#merge(from, to);
    else this.refusals.push(`${from.nodes.at(-1)!.op.name} -> ${to.nodes[0].op.name}: ${why}`);
  }

  #refuseChain(
    from: Unit,
    to: Unit,
    use: Use,
    reader: Node,
    fromSpec: Spec,
    toSpec: Spec,
  ): string | undefined {
    if (!sameStage(from, to)) return apart;
    if (weightOf(from) + weightOf(to) > chainLimit) return "together they take too long to compile";
    const fromSize = sizeOf(fromSpec.shape);
    const toSize = sizeOf(toSpec.shape);
    if (fromSize !== toSize) {
      // Broadcasts compose by trailing axes: a reshape on the way would break that.
      const composes =
        sameShape(use.shape, use.value.spec.shape) && sameShape(reader.outputs[0].spec.shape, toSpec.shape);
      if (fromSize > toSize || !composes) return `${fromSize} and ${toSize} elements`;
      if (toSize > recomputeLimit) {
        return `computing ${fromSize} values again for each of ${toSize} elements costs more than a dispatch`;
      }
      if (from.nodes.some((node) => this.#isReadOutside(node, [from, to])))
        return "its result is needed elsewhere too";
    } else if (!sameShape(fromSpec.shape, toSpec.shape) && !(isFlat(from) && isFlat(to))) {
      return "a reshape lies between and a broadcast depends on the shape";
    }
    if (this.#reachesAround(from, to)) return "another kernel lies between them";
    const limit = this.#profile.maxStorageBuffers;
    if (this.#bindings([from, to]) > limit) return `together they bind more than ${limit} buffers`;
    return undefined;
  }

  mergeEpilogues(): void {
    for (const node of this.#graph.nodes) {
      const site = siteOf(node, this.#profile);
      if (site === undefined) continue;
      const unit = this.#unitOf.get(node)!;
      // A companion is stored by another op's kernel, which has no place for work on it.
      if (unit.anchor !== node) continue;
      const value = node.outputs[site.output];
      for (const consumer of new Set(
        (this.#consumers.get(value) ?? []).map((reader) => this.#unitOf.get(reader)!),
      )) {
        if (consumer.anchor !== undefined || consumer.target === undefined) continue;
        const why = this.#refuseEpilogue(unit, site, value, consumer);
        if (why !== undefined) {
          this.refusals.push(`${node.op.name} -> ${consumer.nodes[0].op.name}: ${why}`);
          continue;
        }
        this.#merge(unit, consumer);
        break;
      }
    }
  }

  #refuseEpilogue(unit: Unit, site: EpilogueSite, value: Value, consumer: Unit): string | undefined {
    if (!sameStage(unit, consumer)) return apart;
    if (sizeOf(consumer.target!.shape) !== sizeOf(value.spec.shape))
      return "it works on other elements than the kernel's result";
    if (this.#reachesAround(unit, consumer)) return "another kernel lies between them";
    for (const member of consumer.nodes) {
      if (knowsElement(member) && !site.knowsElement) {
        return `${member.op.name} needs an element's number, which the kernel's epilogue does not know`;
      }
      if (
        sizeOf(member.outputs[0].spec.shape) === sizeOf(value.spec.shape) &&
        !sameShape(member.outputs[0].spec.shape, consumer.target!.shape) &&
        !isFlat(consumer)
      ) {
        return "a reshape lies between and a broadcast depends on the shape";
      }
      for (const [k, use] of member.inputs.entries()) {
        if (isLiteral(use.value) || !this.#isExternalTo(use.value, [unit, consumer])) continue;
        if (use.value === value) continue;
        if (readsApart(member, k)) continue;
        if (
          !site.reaches(
            sizeOf(use.shape) === sizeOf(value.spec.shape)
              ? { shape: consumer.target!.shape, dtype: use.dtype }
              : use,
            consumer.target!,
          )
        ) {
          return `${member.op.name} reads a ${showShape(use.shape)} in a way that the kernel's epilogue can't`;
        }
      }
    }
    if (this.#bindings([unit, consumer]) > this.#profile.maxStorageBuffers)
      return `together they bind more than ${this.#profile.maxStorageBuffers} buffers`;
    return undefined;
  }

  /** Work that a structured kernel does on the way: see {@link Op.companion}. */
  mergeCompanions(): void {
    for (const node of this.#graph.nodes) {
      const unit = this.#unitOf.get(node)!;
      for (const [k, use] of node.inputs.entries()) {
        for (const reader of this.#consumers.get(use.value) ?? []) {
          const other = this.#unitOf.get(reader)!;
          if (other === unit || other.nodes.length > 1 || unit.companion !== undefined) continue;
          if (!sameStage(unit, other)) continue;
          if (
            node.op.companion?.accepts(node.attrs, node.inputs, k, reader.op, reader.attrs, reader.inputs) !==
            true
          )
            continue;
          if (this.#reaches(unit, other) || this.#reaches(other, unit)) continue;
          this.#merge(unit, other);
          this.#unitOf.get(node)!.companion = reader;
          break;
        }
      }
    }
  }

  /** Chains whose only result is what one reduction reads. */
  mergePrologues(): void {
    for (const node of this.#graph.nodes) {
      const site = node.op.prologue?.(contextOf(node, this.#profile));
      if (site === undefined) continue;
      const { value } = node.inputs[site.input];
      const producer = producerOf(value);
      if (producer === undefined || this.#kept.has(value)) continue;
      const unit = this.#unitOf.get(node)!;
      const from = this.#unitOf.get(producer)!;
      const why = this.#refusePrologue(from, unit, node, value);
      if (why !== undefined) {
        this.refusals.push(`${producer.op.name} -> ${node.op.name}: ${why}`);
        continue;
      }
      const merged: Unit = {
        ...unit,
        id: Math.min(from.id, unit.id),
        nodes: [...from.nodes, ...unit.nodes].sort((x, y) => x.id - y.id),
        prologue: { nodes: from.nodes, target: from.target! },
      };
      this.#put(merged);
    }
  }

  #refusePrologue(from: Unit, unit: Unit, node: Node, value: Value): string | undefined {
    if (!sameStage(from, unit)) return apart;
    if (from.anchor !== undefined || from.target === undefined)
      return "what it reads comes of a kernel of its own kind";
    if (sizeOf(from.target.shape) !== sizeOf(value.spec.shape) || !isSimple(from)) {
      return "what it reads is reached by broadcasting";
    }
    const isOnly = (this.#consumers.get(value) ?? []).length === 1;
    const others = from.nodes.filter((member) => member.outputs[0] !== value);
    if (!isOnly || others.some((member) => this.#isReadOutside(member, [from])))
      return "what it reads is needed elsewhere too";
    if (
      !from.nodes.some((member) =>
        member.inputs.some((use) => !isLiteral(use.value) && this.#isExternalTo(use.value, [from])),
      )
    ) {
      return "what it reads is made of constants";
    }
    // What the reduction's own epilogue reads must not wait for it.
    if (this.#reachesAround(from, unit)) return "another kernel lies between them";
    const limit = this.#profile.maxStorageBuffers;
    if (this.#bindings([from, unit]) > limit) return `together they bind more than ${limit} buffers`;
    return node.inputs.length === 1 ? undefined : "it reads more than that";
  }

  /** Small chains anywhere in the graph share a dispatch where none depends on another. */
  mergeBeside(): void {
    const shared: Unit[] = [];
    for (const unit of this.units()) {
      if (unit.anchor !== undefined || !isSimple(unit)) continue;
      const host = shared.find(
        (other) =>
          sameStage(unit, other) &&
          (isSmall(unit) || isSmall(other)) &&
          !this.#overwrites(other, unit) &&
          !this.#overwrites(unit, other) &&
          !this.#reaches(other, unit) &&
          !this.#reaches(unit, other) &&
          this.#bindings([{ ...other, parts: other.parts ?? [other] }, unit]) <=
            this.#profile.maxStorageBuffers,
      );
      if (host === undefined) {
        shared.push(unit);
        continue;
      }
      const parts = [...(host.parts ?? [host]), unit];
      const merged: Unit = {
        id: host.id,
        nodes: [...host.nodes, ...unit.nodes].sort((x, y) => x.id - y.id),
        anchor: undefined,
        target: undefined,
        parts,
      };
      this.#put(merged);
      shared[shared.indexOf(host)] = merged;
    }
  }

  /** Whether `writer` replaces a variable that `reader` reads: in one dispatch it could not be done in place. */
  #overwrites(writer: Unit, reader: Unit): boolean {
    if (this.#targets.size === 0) return false;
    const targets = writer.nodes.flatMap((node) => node.outputs.map((value) => this.#targets.get(value)));
    return reader.nodes.some((node) =>
      node.inputs.some(
        ({ value }) => value.origin.kind === "external" && targets.includes(value.origin.memory),
      ),
    );
  }

  /** Puts a merged unit in the place of those that its nodes were in. */
  #put(merged: Unit): void {
    for (const node of merged.nodes) {
      this.#merged.delete(this.#unitOf.get(node)!);
      this.#unitOf.set(node, merged);
    }
    this.#merged.add(merged);
  }

  #merge(a: Unit, b: Unit): void {
    const target = [a.target, b.target]
      .filter((spec) => spec !== undefined)
      .sort((x, y) => sizeOf(y.shape) - sizeOf(x.shape))[0];
    const merged: Unit = {
      id: Math.min(a.id, b.id),
      nodes: [...a.nodes, ...b.nodes].sort((x, y) => x.id - y.id),
      anchor: a.anchor ?? b.anchor,
      companion: a.companion ?? b.companion,
      target,
    };
    this.#put(merged);
  }

  #isExternalTo(value: Value, units: readonly Unit[]): boolean {
    const producer = producerOf(value);
    return producer === undefined || !units.includes(this.#unitOf.get(producer)!);
  }

  #isReadOutside(node: Node, units: readonly Unit[]): boolean {
    return node.outputs.some(
      (value) =>
        this.#kept.has(value) ||
        (this.#consumers.get(value) ?? []).some((reader) => !units.includes(this.#unitOf.get(reader)!)),
    );
  }

  /** Buffers that the units would bind as one kernel. */
  #bindings(units: readonly Unit[]): number {
    // Chains side by side bind what they read each for themselves.
    if (units.some((unit) => unit.parts !== undefined)) {
      return units
        .flatMap((unit) => unit.parts ?? [unit])
        .reduce((sum, part) => sum + this.#bindings([part]), 0);
    }
    const nodes = new Set(units.flatMap((unit) => unit.nodes));
    const anchor = units.find((unit) => unit.anchor !== undefined)?.anchor;
    const reads = new Set<string>();
    const memories = new Set<unknown>();
    let writes = 0;
    for (const node of nodes) {
      node.inputs.forEach((use, k) => {
        const producer = producerOf(use.value);
        if (producer !== undefined && nodes.has(producer)) return;
        if (node !== anchor && isLiteral(use.value) && !readsApart(node, k)) return;
        // A value that is read under two shapes may be bound twice, and so is one that the anchor reads too.
        reads.add(node === anchor ? `anchor ${k}` : `${use.value.id}:${sizeOf(use.shape)}`);
        if (use.value.origin.kind === "external") memories.add(use.value.origin.memory);
      });
    }
    for (const node of nodes) {
      for (const value of node.outputs) {
        const isRead = (this.#consumers.get(value) ?? []).some((reader) => !nodes.has(reader));
        if (!this.#kept.has(value) && !isRead) continue;
        // What replaces a variable that the kernel reads anyway is written where that is read.
        const target = this.#targets.get(value);
        if (target === undefined || !memories.has(target)) writes++;
      }
    }
    return reads.size + writes;
  }

  /** Whether `to` depends on `from`. */
  #reaches(from: Unit, to: Unit): boolean {
    return this.#search(to, from, false);
  }

  /** Whether `to` depends on `from` by way of a third unit: merging them would then make a cycle. */
  #reachesAround(from: Unit, to: Unit): boolean {
    return this.#search(to, from, true);
  }

  /**
   * A node id below which no unit depends on `goal`. Nodes depend on earlier ones only, so it is the goal's first, or
   * that of a merged unit that has nodes on both sides. Deep graphs would be searched to their root without it.
   */
  #earliest(goal: Unit): number {
    let bound = goal.nodes[0].id;
    for (let grew = true; grew; ) {
      grew = false;
      for (const unit of this.#merged) {
        if (unit.nodes[0].id >= bound || lastId(unit) < bound) continue;
        bound = unit.nodes[0].id;
        grew = true;
      }
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

/** The shape that a chain's node broadcasts its inputs to: its own, or the chain's where it is a smaller part. */
export function spaceOf(node: Node, target: Spec): Spec {
  const own = node.outputs[0].spec;
  return sizeOf(own.shape) === sizeOf(target.shape) ? own : target;
}

/** Whether a chain's kernel would be the same under any shape of as many elements. */
function isFlat(unit: Unit): boolean {
  const size = sizeOf(unit.target!.shape);
  return unit.nodes.every(
    (node) =>
      sizeOf(node.outputs[0].spec.shape) === size &&
      node.inputs.every(
        (use, k) => readsApart(node, k) || sizeOf(use.shape) === size || sizeOf(use.shape) === 1,
      ),
  );
}

/**
 * Units that a search looks at before it takes them to depend on each other: what lies further apart is not worth
 * merging, and searching whole graphs for every pair takes the square of their size.
 */
const searchLimit = 512;

/** The id of a unit's last node: nodes are in graph order. */
const lastId = (unit: Unit): number => unit.nodes[unit.nodes.length - 1].id;

/** Where pointwise work can ride on a structured node's result. */
export function siteOf(node: Node, profile: AdapterProfile): EpilogueSite | undefined {
  return node.op.epilogue?.(contextOf(node, profile));
}

/** What a node's kernels may know. */
export function contextOf(node: Node, profile: AdapterProfile): KernelContext {
  return {
    inputs: node.inputs.map(({ shape, dtype }) => ({ shape, dtype })),
    outputs: node.outputs.map((value) => value.spec),
    attrs: node.attrs,
    profile,
  };
}

/**
 * The longest pointwise chain, in ops. What a driver takes to compile a kernel grows with the square of its length: a
 * second for 400 multiplications on lavapipe, 5 for 100 tanh with their gradients. Optimizers and losses stay below.
 */
const chainLimit = 96;

/** The length of a unit's code, in plain ops; one that calls functions of its own counts as eight. */
function weightOf(unit: Unit): number {
  return unit.nodes.reduce((sum, node) => sum + (pointwiseOf(node)?.helpers === undefined ? 1 : 8), 0);
}

/**
 * Whether no recomputation begins between two units. All nodes of a unit are of one stage: what is computed again for
 * lack of memory must not move into a kernel that runs before, where its results would have to be kept.
 */
function sameStage(a: Unit, b: Unit): boolean {
  return a.nodes[0].stage === b.nodes[0].stage;
}

const apart = "a checkpointed block begins to run again between them";

/** Elements up to which a chain is cheaper as a part of another dispatch than as its own. */
const besideLimit = 4096;

/** Whether a unit's chains are all so small that sharing a dispatch costs the others nothing. */
function isSmall(unit: Unit): boolean {
  return (unit.parts ?? [unit]).every((part) => sizeOf(part.target!.shape) <= besideLimit);
}

/** Whether a chain reaches its inputs without the size buffer's help, so that it can share a dispatch. */
function isSimple(unit: Unit): boolean {
  const target = unit.target!;
  return unit.nodes.every((node) =>
    node.inputs.every((use, k) => {
      const size = sizeOf(use.shape);
      return readsApart(node, k) || size === sizeOf(target.shape) || size === 1;
    }),
  );
}

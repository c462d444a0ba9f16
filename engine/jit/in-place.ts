// Decides which assigned values are written straight into the memory that they are assigned to.

import { sizeOf } from "../base/shape.ts";
import { accessOf } from "../ops/pointwise/pointwise-code.ts";
import type { Dependencies } from "./dependencies.ts";
import { type Effect, type Graph, readsApart, type Value } from "./graph.ts";
import { type Layout, OwnSteps } from "./own-steps.ts";
import { nodesBefore, spaceOf, type Unit } from "./units.ts";

/** The values that their units write in place, and what for; the units are ordered so that no one misses the old ones. */
export function writtenInPlace(
  graph: Graph,
  backend: Layout,
  dependencies: Dependencies,
): ReadonlyMap<Value, Effect> {
  return new InPlace(graph, backend, dependencies).decide();
}

class InPlace {
  readonly #graph: Graph;
  readonly #backend: Layout;
  readonly #dependencies: Dependencies;
  readonly #direct = new Map<Value, Effect>();

  constructor(graph: Graph, backend: Layout, dependencies: Dependencies) {
    this.#graph = graph;
    this.#backend = backend;
    this.#dependencies = dependencies;
  }

  decide(): ReadonlyMap<Value, Effect> {
    for (const effect of this.#graph.effects) this.#try(effect);
    return this.#direct;
  }

  /** Lets the unit that makes an assigned value write it where it belongs, if no one reads the old value later. */
  #try(effect: Effect): void {
    const { source, target } = effect;
    const unit = this.#dependencies.unitOf(source);
    if (unit === undefined || this.#direct.has(source)) return;
    if (unit.anchor?.attrs instanceof OwnSteps) return;
    if (this.#backend.endsInGap(target, effect.spec)) return;
    if (this.#graph.outputs.some((use) => use.value === source)) return;
    // A copy of it inside one buffer is not possible.
    for (const other of this.#graph.effects) {
      if (other !== effect && other.source === source && this.#backend.sharesBuffer(other.target, target))
        return;
    }
    const readers = new Set<Unit>();
    for (const [value, users] of this.#dependencies.reads) {
      if (value.origin.kind !== "external") continue;
      const isSame = value.origin.memory === target;
      if (users.has(unit)) {
        if (isSame) {
          if (!isReadInStep(unit, value, source)) return;
        } else if (this.#backend.sharesBuffer(value.origin.memory, target)) return;
      }
      if (isSame || this.#backend.overlaps(value.origin.memory, target))
        for (const user of users) readers.add(user);
    }
    // Later readers of the new value in the same buffer as what they write would conflict; they read a slot then.
    for (const user of this.#dependencies.readersOf(source)) {
      for (const other of this.#direct.values()) {
        if (
          this.#dependencies.unitOf(other.source) === user &&
          this.#backend.sharesBuffer(other.target, target)
        )
          return;
      }
    }
    // The same the other way round: a new value that the unit reads may have been written into the buffer before.
    for (const node of unit.nodes) {
      for (const { value } of node.inputs) {
        const other = this.#direct.get(value);
        if (
          other !== undefined &&
          this.#dependencies.unitOf(value) !== unit &&
          this.#backend.sharesBuffer(other.target, target)
        )
          return;
      }
    }
    readers.delete(unit);
    for (const reader of readers) if (this.#dependencies.dependsOn(reader, unit)) return;
    for (const reader of readers) this.#dependencies.addBefore(reader, unit);
    this.#direct.set(source, effect);
  }
}

/** Whether the unit reads `value` only element by element, so that it can be overwritten on the way. */
function isReadInStep(unit: Unit, value: Value, source: Value): boolean {
  if (unit.anchor !== undefined) {
    if (unit.anchor.inputs.some((use) => use.value === value) || unit.anchor.outputs.includes(source))
      return false;
    // A prologue reads elsewhere than the kernel writes.
    const before = nodesBefore(unit);
    if (before.some((node) => node.inputs.some((use) => use.value === value))) return false;
    const chain = unit.nodes.filter(
      (node) => node !== unit.anchor && node !== unit.companion && !before.includes(node),
    );
    return chain.every((node) =>
      node.inputs.every(
        (use, k) =>
          use.value !== value || (!readsApart(node, k) && sizeOf(use.shape) === sizeOf(unit.target!.shape)),
      ),
    );
  }
  if (unit.parts !== undefined) {
    const reading = unit.parts.filter((part) =>
      part.nodes.some((node) => node.inputs.some((use) => use.value === value)),
    );
    return (
      reading.length === 1 &&
      isReadInStep(reading[0], value, source) &&
      reading[0].nodes.some((node) => node.outputs.includes(source))
    );
  }
  return unit.nodes.every((node) =>
    node.inputs.every((use, k) => {
      if (use.value !== value) return true;
      if (readsApart(node, k)) return false;
      return accessOf(use, spaceOf(node, unit.target!)).access === "same";
    }),
  );
}

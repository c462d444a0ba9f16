// Orders the units, decides what is written in place, and gives every value a place in memory. A Plan is plain
// data: it can be printed, and its counts are asserted in tests.

import type { Backend, Memory } from "../backend/backend.ts";
import { deviceBytes } from "../dtype.ts";
import type { AdapterProfile, KernelCall, Spec } from "../kernel.ts";
import type { Op } from "../op.ts";
import { matmul } from "../ops/matmul.ts";
import { pack } from "../ops/pack.ts";
import { accessOf } from "../ops/pointwise-code.ts";
import { max, mean, min, sum } from "../ops/reduce.ts";
import { sizeOf } from "../shape.ts";
import { spaceOf, type Unit } from "./fuse.ts";
import { type Effect, type Graph, producerOf, readsApart, type Value } from "./graph.ts";
import { unitKernels, unitName } from "./kernels.ts";

/** Where a value lives while the program runs. */
export type Place =
  /** A buffer of the program's own, shared by values that are never alive together. */
  | { readonly kind: "slot"; readonly slot: number; readonly byteOffset: number; readonly bytes: number }
  /** Memory that outlives the program. */
  | { readonly kind: "memory"; readonly memory: Memory }
  /** The caller's argument. */
  | { readonly kind: "input"; readonly index: number };

export type PlanStep =
  | {
      readonly kind: "dispatch";
      readonly name: string;
      readonly call: KernelCall;
      readonly places: readonly Place[];
    }
  | {
      readonly kind: "copy";
      readonly name: string;
      readonly from: Place;
      readonly to: Place;
      readonly spec: Spec;
    };

export interface Slot {
  readonly bytes: number;
  /** Filled with zeros when the program is made: its gaps are read. */
  readonly isZeroed: boolean;
}

export interface Plan {
  readonly steps: readonly PlanStep[];
  readonly slots: readonly Slot[];
  readonly outputs: readonly { readonly place: Place; readonly spec: Spec }[];
  readonly inputs: readonly Spec[];
}

export function plan(graph: Graph, units: readonly Unit[], backend: Backend, profile: AdapterProfile): Plan {
  return new Planner(graph, units, backend, profile).plan();
}

class Planner {
  readonly #graph: Graph;
  readonly #units: readonly Unit[];
  readonly #backend: Backend;
  readonly #profile: AdapterProfile;
  readonly #unitOf = new Map<Value, Unit>();
  readonly #readers = new Map<Value, Set<Unit>>();
  /** Edges beyond those that values make: a reader of old memory comes before the unit that replaces it. */
  readonly #before = new Map<Unit, Set<Unit>>();
  /** Values written straight into memory that outlives the program. */
  readonly #direct = new Map<Value, Effect>();
  readonly #places = new Map<Value, Place>();
  /** Copies of old values of memory that is assigned anew. */
  readonly #saved = new Map<Value, Place>();
  readonly #slots: Slot[] = [];
  readonly #freeSlots: number[] = [];

  constructor(graph: Graph, units: readonly Unit[], backend: Backend, profile: AdapterProfile) {
    this.#graph = graph;
    this.#units = units;
    this.#backend = backend;
    this.#profile = profile;
    for (const unit of units) {
      for (const node of unit.nodes) for (const value of node.outputs) this.#unitOf.set(value, unit);
    }
    for (const unit of units) {
      for (const node of unit.nodes) {
        for (const { value } of node.inputs) {
          if (this.#unitOf.get(value) === unit) continue;
          let set = this.#readers.get(value);
          if (set === undefined) {
            set = new Set();
            this.#readers.set(value, set);
          }
          set.add(unit);
        }
      }
    }
  }

  plan(): Plan {
    for (const effect of this.#graph.effects) this.#tryDirect(effect);
    const order = this.#order();
    this.#placePacked();
    const steps: PlanStep[] = this.#saveOld();
    const lastUse = this.#lastUses(order);
    order.forEach((unit, position) => {
      steps.push(...this.#unitSteps(unit, position, lastUse));
    });
    for (const effect of this.#graph.effects) {
      if (this.#direct.get(effect.source) === effect) continue;
      if (isMemory(effect.source, effect.target)) continue;
      const from = this.#saved.get(effect.source) ?? this.#placeOf(effect.source);
      steps.push({
        kind: "copy",
        name: "assign",
        from,
        to: { kind: "memory", memory: effect.target },
        spec: effect.spec,
      });
    }
    const outputs = this.#graph.outputs.map((use) => ({
      place: this.#saved.get(use.value) ?? this.#placeOf(use.value),
      spec: { shape: use.shape, dtype: use.dtype },
    }));
    return { steps, slots: this.#slots, outputs, inputs: this.#graph.inputs };
  }

  /**
   * Copies, first of all, of old values that are returned or assigned elsewhere although their own memory is
   * assigned anew (two variables swapped, say), or whose target lies in the same buffer.
   */
  #saveOld(): PlanStep[] {
    const { effects, outputs } = this.#graph;
    const steps: PlanStep[] = [];
    const save = (value: Value, spec: Spec, target?: Memory): void => {
      const { origin } = value;
      if (origin.kind !== "external" || this.#saved.has(value)) return;
      if (target !== undefined && origin.memory === target) return;
      const isAtRisk =
        effects.some(
          (e) => !isMemory(e.source, e.target) && this.#backend.overlaps(origin.memory, e.target),
        ) ||
        (target !== undefined && this.#backend.sharesBuffer(origin.memory, target));
      if (!isAtRisk) return;
      const bytes = bytesOf(value.spec);
      const slot = this.#slots.push({ bytes, isZeroed: false }) - 1;
      const to: Place = { kind: "slot", slot, byteOffset: 0, bytes };
      steps.push({ kind: "copy", name: "keep", from: { kind: "memory", memory: origin.memory }, to, spec });
      this.#saved.set(value, to);
    };
    for (const { source, spec, target } of effects) save(source, spec, target);
    for (const { value, shape, dtype } of outputs) save(value, { shape, dtype });
    return steps;
  }

  /** Lets the unit that makes an assigned value write it where it belongs, if no one reads the old value later. */
  #tryDirect(effect: Effect): void {
    const { source, target } = effect;
    const unit = this.#unitOf.get(source);
    if (unit === undefined || this.#direct.has(source)) return;
    if (this.#graph.outputs.some((use) => use.value === source)) return;
    // A copy of it inside one buffer is not possible.
    for (const other of this.#graph.effects) {
      if (other !== effect && other.source === source && this.#backend.sharesBuffer(other.target, target))
        return;
    }
    const readers = new Set<Unit>();
    for (const [value, users] of this.#readers) {
      if (value.origin.kind !== "external") continue;
      const isSame = value.origin.memory === target;
      if (users.has(unit)) {
        if (isSame) {
          if (!this.#isReadInStep(unit, value, source)) return;
        } else if (this.#backend.sharesBuffer(value.origin.memory, target)) return;
      }
      if (isSame || this.#backend.overlaps(value.origin.memory, target))
        for (const user of users) readers.add(user);
    }
    // Later readers of the new value in the same buffer as what they write would conflict; they read a slot then.
    for (const user of this.#readers.get(source) ?? []) {
      for (const other of this.#direct.values()) {
        if (this.#unitOf.get(other.source) === user && this.#backend.sharesBuffer(other.target, target))
          return;
      }
    }
    readers.delete(unit);
    for (const reader of readers) if (this.#dependsOn(reader, unit)) return;
    for (const reader of readers) this.#addBefore(reader, unit);
    this.#direct.set(source, effect);
  }

  /** Whether the unit reads `value` only element by element, so that it can be overwritten on the way. */
  #isReadInStep(unit: Unit, value: Value, source: Value): boolean {
    if (unit.anchor !== undefined) {
      if (unit.anchor.inputs.some((use) => use.value === value) || unit.anchor.outputs.includes(source))
        return false;
      // A prologue reads elsewhere than the kernel writes.
      const before = unit.prologue?.nodes ?? [];
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
        this.#isReadInStep(reading[0], value, source) &&
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

  #addBefore(first: Unit, then: Unit): void {
    let set = this.#before.get(then);
    if (set === undefined) {
      set = new Set();
      this.#before.set(then, set);
    }
    set.add(first);
  }

  #predecessors(unit: Unit): Set<Unit> {
    const result = new Set<Unit>(this.#before.get(unit) ?? []);
    for (const node of unit.nodes) {
      for (const { value } of node.inputs) {
        const made = this.#unitOf.get(value);
        if (made !== undefined && made !== unit) result.add(made);
      }
    }
    return result;
  }

  #dependsOn(unit: Unit, other: Unit): boolean {
    const seen = new Set<Unit>([unit]);
    const stack = [unit];
    while (stack.length > 0) {
      const current = stack.pop()!;
      if (current === other) return true;
      for (const next of this.#predecessors(current)) {
        if (!seen.has(next)) {
          seen.add(next);
          stack.push(next);
        }
      }
    }
    return false;
  }

  /** Dependencies first, otherwise as the function wrote it. */
  #order(): Unit[] {
    const waiting = new Map<Unit, number>();
    const successors = new Map<Unit, Unit[]>();
    for (const unit of this.#units) {
      const predecessors = this.#predecessors(unit);
      waiting.set(unit, predecessors.size);
      for (const p of predecessors) {
        const list = successors.get(p);
        if (list === undefined) successors.set(p, [unit]);
        else list.push(unit);
      }
    }
    const ready = this.#units.filter((unit) => waiting.get(unit) === 0);
    const order: Unit[] = [];
    while (ready.length > 0) {
      ready.sort((a, b) => b.id - a.id);
      const unit = ready.pop()!;
      order.push(unit);
      for (const next of successors.get(unit) ?? []) {
        const left = waiting.get(next)! - 1;
        waiting.set(next, left);
        if (left === 0) ready.push(next);
      }
    }
    return order;
  }

  /** Lets what is packed be written where the pack wants it: the pack itself then needs no kernel. */
  #placePacked(): void {
    for (const unit of this.#units) {
      const node = unit.anchor;
      if (node?.op !== pack.op || unit.nodes.length > 1) continue;
      const { offsets } = node.attrs as { offsets: readonly number[] };
      const isFree = node.inputs.every(
        ({ value }, i) =>
          producerOf(value) !== undefined &&
          !this.#direct.has(value) &&
          !this.#places.has(value) &&
          !this.#graph.outputs.some((use) => use.value === value) &&
          (offsets[i] * 4) % this.#backend.sliceAlignment === 0 &&
          this.#leavesTail(value) &&
          node.inputs.findIndex((use) => use.value === value) === i,
      );
      if (!isFree || !this.#mayShareBuffer(node.inputs.map((use) => use.value))) continue;
      const slot = this.#slots.length;
      this.#slots.push({ bytes: bytesOf(node.outputs[0].spec), isZeroed: true });
      node.inputs.forEach(({ value }, i) => {
        this.#places.set(value, {
          kind: "slot",
          slot,
          byteOffset: offsets[i] * 4,
          bytes: bytesOf(value.spec),
        });
      });
      this.#places.set(node.outputs[0], {
        kind: "slot",
        slot,
        byteOffset: 0,
        bytes: this.#slots[slot].bytes,
      });
    }
  }

  /** Whether the kernel that makes `value` writes nothing past its end: gaps in a pack stay zero. */
  #leavesTail(value: Value): boolean {
    if (sizeOf(value.spec.shape) % 4 === 0) return true;
    const unit = this.#unitOf.get(value)!;
    return unit.anchor !== undefined && exactWriters.has(unit.anchor.op);
  }

  /** Whether no unit both reads one of the values and writes another: one buffer can't be bound both ways. */
  #mayShareBuffer(values: readonly Value[]): boolean {
    const writers = new Set(values.map((value) => this.#unitOf.get(value)!));
    return values.every((value) =>
      [...(this.#readers.get(value) ?? [])].every((reader) => !writers.has(reader)),
    );
  }

  #lastUses(order: readonly Unit[]): Map<Value, number> {
    const last = new Map<Value, number>();
    order.forEach((unit, position) => {
      for (const node of unit.nodes) for (const use of node.inputs) last.set(use.value, position);
    });
    const end = order.length;
    for (const use of this.#graph.outputs) last.set(use.value, end);
    for (const effect of this.#graph.effects) last.set(effect.source, end);
    return last;
  }

  #unitSteps(unit: Unit, position: number, lastUse: ReadonlyMap<Value, number>): PlanStep[] {
    if (unit.nodes.length === 1 && unit.anchor?.op === pack.op && this.#places.has(unit.anchor.outputs[0]))
      return [];
    const isNeeded = (value: Value) =>
      [...(this.#readers.get(value) ?? [])].some((reader) => reader !== unit) || this.#isKept(value);
    const inPlaceOf = (value: Value): Value | undefined => {
      const effect = this.#direct.get(value);
      if (effect === undefined) return undefined;
      for (const node of unit.nodes) {
        for (const use of node.inputs) {
          if (use.value.origin.kind === "external" && use.value.origin.memory === effect.target)
            return use.value;
        }
      }
      return undefined;
    };
    const kernels = unitKernels(unit, this.#profile, isNeeded, inPlaceOf);
    const taken: number[] = [];
    for (const value of kernels.writes) {
      if (this.#places.has(value)) continue;
      const effect = this.#direct.get(value);
      if (effect !== undefined) {
        this.#places.set(value, { kind: "memory", memory: effect.target });
        continue;
      }
      const slot = this.#takeSlot(value.spec);
      this.#places.set(value, { kind: "slot", slot, byteOffset: 0, bytes: bytesOf(value.spec) });
      if (!lastUse.has(value)) taken.push(slot);
    }
    const scratch = kernels.scratch.map((spec) => this.#takeSlot(spec));
    const name = unitName(unit);
    const steps = kernels.calls
      .filter((call) => call.workgroups.every((count) => count > 0))
      .map(
        (call): PlanStep => ({
          kind: "dispatch",
          name,
          call,
          places: call.operands.map((operand) => {
            if (operand.role === "scratch") {
              const bytes = bytesOf(kernels.scratch[operand.index]);
              return { kind: "slot", slot: scratch[operand.index], byteOffset: 0, bytes };
            }
            return this.#placeOf((operand.role === "input" ? kernels.reads : kernels.writes)[operand.index]);
          }),
        }),
      );
    this.#freeSlots.push(...scratch, ...taken);
    const done = new Set(unit.nodes.flatMap((node) => node.inputs.map((use) => use.value)));
    for (const value of done) {
      const place = this.#places.get(value);
      if (place?.kind === "slot" && lastUse.get(value) === position && !this.#slots[place.slot].isZeroed) {
        this.#freeSlots.push(place.slot);
      }
    }
    return steps;
  }

  #isKept(value: Value): boolean {
    return (
      this.#graph.outputs.some((use) => use.value === value) ||
      this.#graph.effects.some((effect) => effect.source === value)
    );
  }

  /** The free slot that fits best, or a new one. */
  #takeSlot(spec: Spec): number {
    const bytes = bytesOf(spec);
    let best = -1;
    for (const slot of this.#freeSlots) {
      const size = this.#slots[slot].bytes;
      if (size >= bytes && (best < 0 || size < this.#slots[best].bytes)) best = slot;
    }
    if (best >= 0 && this.#slots[best].bytes <= bytes * 4 + 4096) {
      this.#freeSlots.splice(this.#freeSlots.indexOf(best), 1);
      return best;
    }
    this.#slots.push({ bytes, isZeroed: false });
    return this.#slots.length - 1;
  }

  #placeOf(value: Value): Place {
    const { origin } = value;
    if (origin.kind === "input") return { kind: "input", index: origin.index };
    if (origin.kind === "node") return this.#places.get(value)!;
    return { kind: "memory", memory: origin.memory };
  }
}

/** Structured ops whose kernels store single elements where a row is no whole number of vec4s. */
const exactWriters: ReadonlySet<Op> = new Set([matmul, sum, mean, max, min].map(({ op }) => op));

/** Whether `value` is what `memory` held before the program ran. */
const isMemory = (value: Value, memory: Memory) =>
  value.origin.kind === "external" && value.origin.memory === memory;

const bytesOf = (spec: Spec) => deviceBytes(spec.dtype, sizeOf(spec.shape));

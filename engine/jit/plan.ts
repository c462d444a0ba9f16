// Puts the units in order and gives every value a place in memory. A Plan is plain data: it can be printed, and its
// counts are asserted in tests.

import type { Place, Plan, PlanStep, Slot } from "../backend/program.ts";
import { deviceBytes } from "../base/dtype.ts";
import { sizeOf } from "../base/shape.ts";
import type { AdapterProfile, Spec } from "../kernel/kernel.ts";
import type { Memory } from "../kernel/memory.ts";
import { Dependencies } from "./dependencies.ts";
import { type Effect, type Graph, producerOf, type Value } from "./graph.ts";
import { writtenInPlace } from "./in-place.ts";
import { type UnitKernels, unitKernels, unitName } from "./kernels.ts";
import { type Layout, OwnSteps } from "./own-steps.ts";
import type { Unit } from "./units.ts";

/** Puts the nodes of a graph into units. */
export type Fuse = (graph: Graph) => readonly Unit[];

/** @param fuse of the graphs inside nodes that plan themselves, as loops do */
export function plan(
  graph: Graph,
  units: readonly Unit[],
  layout: Layout,
  profile: AdapterProfile,
  fuse: Fuse,
): Plan {
  return new Planner(graph, units, layout, profile, fuse).plan();
}

class Planner {
  readonly #graph: Graph;
  readonly #units: readonly Unit[];
  readonly #backend: Layout;
  readonly #profile: AdapterProfile;
  readonly #fuse: Fuse;
  readonly #dependencies: Dependencies;
  /** Values written straight into memory that outlives the program. */
  readonly #direct: ReadonlyMap<Value, Effect>;
  readonly #places = new Map<Value, Place>();
  /** Copies of old values of memory that is assigned anew. */
  readonly #saved = new Map<Value, Place>();
  readonly #slots: Slot[] = [];
  readonly #freeSlots: number[] = [];

  constructor(graph: Graph, units: readonly Unit[], backend: Layout, profile: AdapterProfile, fuse: Fuse) {
    this.#fuse = fuse;
    this.#graph = graph;
    this.#units = units;
    this.#backend = backend;
    this.#profile = profile;
    this.#dependencies = new Dependencies(units);
    this.#direct = writtenInPlace(graph, backend, this.#dependencies);
  }

  plan(): Plan {
    const order = this.#dependencies.order();
    this.#placePacked();
    const kernels = new Map(order.map((unit) => [unit, this.#kernelsOf(unit)]));
    this.#graph.storage?.(this.#graph, kernels, this.#places);
    const steps: PlanStep[] = this.#saveOld();
    const lastUse = this.#lastUses(order);
    order.forEach((unit, position) => {
      steps.push(...this.#unitSteps(unit, position, lastUse, kernels.get(unit)));
    });
    for (const effect of this.#graph.effects) {
      if (this.#direct.get(effect.source) === effect || isMemory(effect.source, effect.target)) continue;
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
      const to = inSlot(this.#addSlot(bytes), bytes);
      steps.push({ kind: "copy", name: "keep", from: { kind: "memory", memory: origin.memory }, to, spec });
      this.#saved.set(value, to);
    };
    for (const { source, spec, target } of effects) save(source, spec, target);
    for (const { value, shape, dtype } of outputs) save(value, { shape, dtype });
    return steps;
  }

  /** Lets what is packed be written where the pack wants it: the pack itself then needs no kernel. */
  #placePacked(): void {
    for (const unit of this.#units) {
      const node = unit.anchor;
      if (!node?.op.traits?.packs || unit.nodes.length > 1) continue;
      // A variable's memory takes it, from the pack's own kernel.
      if (this.#direct.has(node.outputs[0])) continue;
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
      const bytes = bytesOf(node.outputs[0].spec);
      const slot = this.#addSlot(bytes, true);
      node.inputs.forEach(({ value }, i) => {
        this.#places.set(value, inSlot(slot, bytesOf(value.spec), offsets[i] * 4));
      });
      this.#places.set(node.outputs[0], inSlot(slot, bytes));
    }
  }

  /** Whether the kernel that makes `value` writes nothing past its end: gaps in a pack stay zero. */
  #leavesTail(value: Value): boolean {
    if (producerOf(value)?.attrs instanceof OwnSteps) return false;
    if (sizeOf(value.spec.shape) % 4 === 0) return true;
    const unit = this.#dependencies.unitOf(value)!;
    return unit.anchor?.op.traits?.writesExactly === true;
  }

  /** Whether no unit both reads one of the values and writes another: one buffer can't be bound both ways. */
  #mayShareBuffer(values: readonly Value[]): boolean {
    const writers = new Set(values.map((value) => this.#dependencies.unitOf(value)!));
    return values.every((value) =>
      [...this.#dependencies.readersOf(value)].every((reader) => !writers.has(reader)),
    );
  }

  #lastUses(order: readonly Unit[]): Map<Value, number> {
    const last = new Map<Value, number>();
    order.forEach((unit, position) => {
      for (const value of readBy(unit)) last.set(value, position);
    });
    const end = order.length;
    for (const use of this.#graph.outputs) last.set(use.value, end);
    for (const effect of this.#graph.effects) last.set(effect.source, end);
    return last;
  }

  #isNeededAfter(unit: Unit): (value: Value) => boolean {
    return (value) =>
      [...this.#dependencies.readersOf(value)].some((reader) => reader !== unit) || this.#isKept(value);
  }

  #kernelsOf(unit: Unit): UnitKernels | undefined {
    if (unit.anchor?.attrs instanceof OwnSteps) return undefined;
    const inputs = readBy(unit);
    const inPlaceOf = (value: Value): Value | undefined => {
      const effect = this.#direct.get(value);
      return effect && inputs.find((read) => isMemory(read, effect.target));
    };
    return unitKernels(unit, this.#profile, this.#isNeededAfter(unit), inPlaceOf);
  }

  #unitSteps(
    unit: Unit,
    position: number,
    lastUse: ReadonlyMap<Value, number>,
    kernels: UnitKernels | undefined,
  ): PlanStep[] {
    if (unit.nodes.length === 1 && unit.anchor?.op.traits?.packs && this.#places.has(unit.anchor.outputs[0]))
      return [];
    const done = new Set(readBy(unit));
    const release = () => {
      for (const value of done) {
        const place = this.#places.get(value);
        if (place?.kind === "slot" && lastUse.get(value) === position && !this.#slots[place.slot].isZeroed) {
          this.#freeSlots.push(place.slot);
        }
      }
    };
    if (kernels === undefined) {
      const steps = this.#ownSteps(unit);
      release();
      return steps;
    }
    const taken: number[] = [];
    for (const value of kernels.writes) {
      if (this.#places.has(value)) continue;
      const effect = this.#direct.get(value);
      if (effect !== undefined) {
        this.#places.set(value, { kind: "memory", memory: effect.target });
        continue;
      }
      const bytes = kernels.bytes?.get(value) ?? bytesOf(value.spec);
      const slot = this.#takeSlot(bytes);
      this.#places.set(value, inSlot(slot, bytes));
      if (!lastUse.has(value)) taken.push(slot);
    }
    const scratch = kernels.scratch.map((spec) => this.#takeSlot(bytesOf(spec)));
    const name = unitName(unit);
    const steps = kernels.calls
      .filter((call) => call.workgroups.every((count) => count > 0))
      .map(
        (call): PlanStep => ({
          kind: "dispatch",
          name,
          call,
          places: call.operands.map(({ role, index }) => {
            return role === "scratch"
              ? inSlot(scratch[index], bytesOf(kernels.scratch[index]))
              : this.#placeOf((role === "input" ? kernels.reads : kernels.writes)[index]);
          }),
        }),
      );
    this.#freeSlots.push(...scratch, ...taken);
    release();
    return steps;
  }

  /** Those of a node that plans itself. What it takes for itself is free again behind it. */
  #ownSteps(unit: Unit): PlanStep[] {
    const node = unit.anchor!;
    const taken: number[] = [];
    const take = (bytes: number): number => {
      const slot = this.#takeSlot(bytes);
      taken.push(slot);
      return slot;
    };
    const steps = (node.attrs as OwnSteps).steps({
      node,
      alignment: this.#backend.sliceAlignment,
      mostMoving: this.#profile.maxMovingBuffers ?? 4,
      isNeeded: this.#isNeededAfter(unit),
      placeOf: (value) => this.#placeOf(value),
      take,
      takeZeroed: (bytes) => this.#addSlot(bytes, true),
      keep: (value, slot) => {
        this.#places.set(value, inSlot(slot, this.#slots[slot].bytes));
        taken.splice(taken.indexOf(slot), 1);
      },
      plan: (graph, layout) => plan(graph, this.#fuse(graph), layout, this.#profile, this.#fuse),
    });
    this.#freeSlots.push(...taken);
    return steps;
  }

  #isKept(value: Value): boolean {
    return (
      this.#graph.outputs.some((use) => use.value === value) ||
      this.#graph.effects.some((effect) => effect.source === value)
    );
  }

  /** The free slot that fits best, or a new one. */
  #takeSlot(bytes: number): number {
    let best = -1;
    for (const slot of this.#freeSlots) {
      const size = this.#slots[slot].bytes;
      if (size >= bytes && (best < 0 || size < this.#slots[best].bytes)) best = slot;
    }
    if (best >= 0 && this.#slots[best].bytes <= bytes * 4 + 4096) {
      this.#freeSlots.splice(this.#freeSlots.indexOf(best), 1);
      return best;
    }
    return this.#addSlot(bytes);
  }

  #addSlot(bytes: number, isZeroed = false): number {
    return this.#slots.push({ bytes, isZeroed }) - 1;
  }

  #placeOf(value: Value): Place {
    const { origin } = value;
    if (origin.kind === "input") return { kind: "input", index: origin.index };
    if (origin.kind === "node") return this.#places.get(value)!;
    return { kind: "memory", memory: origin.memory };
  }
}

/** Whether `value` is what `memory` held before the program ran. */
const isMemory = (value: Value, memory: Memory) =>
  value.origin.kind === "external" && value.origin.memory === memory;

/** What a unit's nodes read, what others of them make included. */
const readBy = (unit: Unit): Value[] => unit.nodes.flatMap((node) => node.inputs.map((use) => use.value));

const inSlot = (slot: number, bytes: number, byteOffset = 0): Place => ({
  kind: "slot",
  slot,
  byteOffset,
  bytes,
});

const bytesOf = (spec: Spec) => deviceBytes(spec.dtype, sizeOf(spec.shape));

// Puts the units in order and gives every value a place in memory. A Plan is plain data: it can be printed, and its
// counts are asserted in tests.

import type { Place, Plan, PlanStep, Slot } from "../backend/program.ts";
import { deviceBytes } from "../base/dtype.ts";
import { sizeOf } from "../base/shape.ts";
import type { AdapterProfile, Spec } from "../kernel/kernel.ts";
import type { Memory } from "../kernel/memory.ts";
import { Dependencies } from "./dependencies.ts";
import { type Effect, type Graph, type Node, producerOf, type Value } from "./graph.ts";
import { writtenInPlace } from "./in-place.ts";
import { unitKernels, unitName } from "./kernels.ts";
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
      for (const node of unit.nodes) for (const use of node.inputs) last.set(use.value, position);
    });
    const end = order.length;
    for (const use of this.#graph.outputs) last.set(use.value, end);
    for (const effect of this.#graph.effects) last.set(effect.source, end);
    return last;
  }

  #unitSteps(unit: Unit, position: number, lastUse: ReadonlyMap<Value, number>): PlanStep[] {
    if (unit.nodes.length === 1 && unit.anchor?.op.traits?.packs && this.#places.has(unit.anchor.outputs[0]))
      return [];
    const done = new Set(unit.nodes.flatMap((node) => node.inputs.map((use) => use.value)));
    const release = () => {
      for (const value of done) {
        const place = this.#places.get(value);
        if (place?.kind === "slot" && lastUse.get(value) === position && !this.#slots[place.slot].isZeroed) {
          this.#freeSlots.push(place.slot);
        }
      }
    };
    const isNeeded = (value: Value) =>
      [...this.#dependencies.readersOf(value)].some((reader) => reader !== unit) || this.#isKept(value);
    const own = unit.anchor?.attrs;
    if (own instanceof OwnSteps) {
      const steps = this.#ownSteps(unit.anchor!, own, isNeeded);
      release();
      return steps;
    }
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
      const slot = this.#takeSlot(bytesOf(value.spec));
      this.#places.set(value, { kind: "slot", slot, byteOffset: 0, bytes: bytesOf(value.spec) });
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
    release();
    return steps;
  }

  /** Those of a node that plans itself. What it takes for itself is free again behind it. */
  #ownSteps(node: Node, attrs: OwnSteps, isNeeded: (value: Value) => boolean): PlanStep[] {
    const taken: number[] = [];
    const take = (bytes: number): number => {
      const slot = this.#takeSlot(bytes);
      taken.push(slot);
      return slot;
    };
    const steps = attrs.steps({
      node,
      alignment: this.#backend.sliceAlignment,
      mostMoving: this.#profile.maxMovingBuffers ?? 4,
      isNeeded,
      placeOf: (value) => this.#placeOf(value),
      take,
      takeZeroed: (bytes) => this.#slots.push({ bytes, isZeroed: true }) - 1,
      keep: (value, slot) => {
        this.#places.set(value, { kind: "slot", slot, byteOffset: 0, bytes: this.#slots[slot].bytes });
        taken.splice(taken.indexOf(slot), 1);
      },
      plan: (graph, layout) =>
        new Planner(graph, this.#fuse(graph), layout, this.#profile, this.#fuse).plan(),
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

/** Whether `value` is what `memory` held before the program ran. */
const isMemory = (value: Value, memory: Memory) =>
  value.origin.kind === "external" && value.origin.memory === memory;

const bytesOf = (spec: Spec) => deviceBytes(spec.dtype, sizeOf(spec.shape));

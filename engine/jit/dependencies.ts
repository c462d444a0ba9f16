// Which unit needs which: who makes a value, who reads it, and an order in which every unit finds what it needs.

import type { Value } from "./graph.ts";
import type { Unit } from "./units.ts";

export class Dependencies {
  readonly #units: readonly Unit[];
  readonly #unitOf = new Map<Value, Unit>();
  readonly #readers = new Map<Value, Set<Unit>>();
  /** Edges beyond those that values make: a reader of old memory comes before the unit that replaces it. */
  readonly #before = new Map<Unit, Set<Unit>>();

  constructor(units: readonly Unit[]) {
    this.#units = units;
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

  /** The unit that makes a value; none makes an argument, a constant or a variable. */
  unitOf(value: Value): Unit | undefined {
    return this.#unitOf.get(value);
  }

  /** The units that read a value made elsewhere. */
  readersOf(value: Value): ReadonlySet<Unit> {
    return this.#readers.get(value) ?? nobody;
  }

  /** All values that some unit reads and does not make, with their readers. */
  get reads(): ReadonlyMap<Value, ReadonlySet<Unit>> {
    return this.#readers;
  }

  /** Has `first` run before `then`, beyond what their values ask for. */
  addBefore(first: Unit, then: Unit): void {
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

  /** Whether `unit` must come after `other`. */
  dependsOn(unit: Unit, other: Unit): boolean {
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
  order(): Unit[] {
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
}

const nobody: ReadonlySet<Unit> = new Set();

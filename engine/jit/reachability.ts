// Which units depend on which, as a set of bits for each: asked for every pair of units, where searching the graph
// would take a time that grows with the cube of its size.

import type { Unit } from "./units.ts";

export class Reachability {
  readonly #index = new Map<Unit, number>();
  /** By unit: the units that it depends on, directly or not. */
  readonly #rows: Uint32Array[];

  constructor(units: readonly Unit[], predecessorsOf: (unit: Unit) => Iterable<Unit>) {
    units.forEach((unit, i) => {
      this.#index.set(unit, i);
    });
    const words = Math.ceil(units.length / 32);
    this.#rows = units.map(() => new Uint32Array(words));
    for (const unit of dependenciesFirst(units, predecessorsOf)) {
      const row = this.#rowOf(unit);
      for (const before of predecessorsOf(unit)) {
        unite(row, this.#rowOf(before));
        set(row, this.#index.get(before)!);
      }
    }
  }

  /** Whether `unit` needs `other` to run before. */
  dependsOn(unit: Unit, other: Unit): boolean {
    return has(this.#rowOf(unit), this.#index.get(other)!);
  }

  /** Has `merged` in the place of two units, neither of which depends on the other. */
  merge(a: Unit, b: Unit, merged: Unit): void {
    const [i, j] = [this.#index.get(a)!, this.#index.get(b)!];
    const row = this.#rows[i];
    unite(row, this.#rows[j]);
    this.#rows[j] = row;
    for (const other of this.#rows) {
      if (!has(other, i) && !has(other, j)) continue;
      unite(other, row);
      set(other, i);
      set(other, j);
    }
    this.#index.set(merged, i);
  }

  #rowOf(unit: Unit): Uint32Array {
    return this.#rows[this.#index.get(unit)!];
  }
}

const has = (row: Uint32Array, bit: number): boolean => ((row[bit >> 5] >>> (bit & 31)) & 1) === 1;

const set = (row: Uint32Array, bit: number): void => {
  row[bit >> 5] |= 1 << (bit & 31);
};

const unite = (row: Uint32Array, other: Uint32Array): void => {
  for (let i = 0; i < row.length; i++) row[i] |= other[i];
};

function dependenciesFirst(units: readonly Unit[], predecessorsOf: (unit: Unit) => Iterable<Unit>): Unit[] {
  const order: Unit[] = [];
  const entered = new Set<Unit>();
  // Not by recursion: graphs are deeper than the stack.
  const open: { unit: Unit; rest: Iterator<Unit> }[] = [];
  const enter = (unit: Unit) => {
    if (entered.has(unit)) return;
    entered.add(unit);
    open.push({ unit, rest: predecessorsOf(unit)[Symbol.iterator]() });
  };
  for (const unit of units) {
    enter(unit);
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const next = top.rest.next();
      if (next.done !== true) enter(next.value);
      else {
        order.push(top.unit);
        open.pop();
      }
    }
  }
  return order;
}

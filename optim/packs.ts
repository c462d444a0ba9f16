// Where optimizers find their variables: in packs that no one moves while an optimizer works on them. Sets of variables
// that overlap share the packs that there are; what is new among them gets one of its own.

import { reshape, type Tensor, type Variable } from "../engine/index.ts";
import { pack, packVariables, stretchOf, type VariablePack } from "../engine/internal.ts";

/** A pack and how many optimizers work on some of it. */
interface Shared {
  readonly pack: VariablePack;
  users: number;
  /** The stretches of it that are read and assigned as one, by "first-last". */
  readonly views: Map<string, { readonly view: ReturnType<VariablePack["view"]>; users: number }>;
}

/** Neighbours in a pack that a set of variables has, in the pack's order. */
interface Run {
  readonly shared: Shared;
  readonly first: number;
  readonly last: number;
  /** Where it begins in the set's layout, in elements, and how many it has. */
  readonly start: number;
  readonly size: number;
}

/** The pack that each variable lives in, while optimizers work on it. */
const holders = new WeakMap<Variable, Shared>();

/**
 * A set of variables as one vector. They are laid out as one pack of them would be, in the order in which they lie in
 * memory, so that the layout stays when they move into one.
 */
export class Packing {
  readonly variables: readonly Variable[];
  /** Where each variable begins in vectors of this layout, in elements. */
  readonly offsets: readonly number[];
  readonly total: number;
  #runs: readonly Run[];
  /** Positions among `variables`, by offset. */
  readonly #order: readonly number[];

  constructor(variables: readonly Variable[]) {
    this.variables = [...variables];
    const runs = runsOf(variables);
    this.#runs = runs;
    const offsets = new Map<Variable, number>();
    for (const { shared, first, last, start } of runs) {
      const begin = shared.pack.offsets[first];
      for (let i = first; i <= last; i++)
        offsets.set(shared.pack.variables[i], start + shared.pack.offsets[i] - begin);
    }
    this.offsets = variables.map((variable) => offsets.get(variable) as number);
    const { start, size } = runs[runs.length - 1];
    this.total = start + size;
    this.#order = variables.map((_, i) => i).sort((a, b) => this.offsets[a] - this.offsets[b]);
    use(runs);
  }

  /** Variable `index`'s part of a vector of this layout: [start, end). */
  range(index: number): readonly [start: number, end: number] {
    return [this.offsets[index], this.offsets[index] + this.variables[index].size];
  }

  /** One tensor a variable, of its shape, as one vector of this layout; the gaps are 0. */
  gather(tensors: readonly Tensor[]): Tensor {
    // One variable without a gap lies there already.
    if (tensors.length === 1 && tensors[0].size === this.total) return reshape(tensors[0], [this.total]);
    return pack(
      this.#order.map((i) => tensors[i]),
      this.#order.map((i) => this.offsets[i]),
      this.total,
    );
  }

  /** The variables' values: where they lie, if that is in one stretch. */
  read(): Tensor {
    const parts = this.#runs.map((run) => targetOf(run).values);
    if (parts.length === 1) return parts[0];
    return pack(
      parts,
      this.#runs.map(({ start }) => start),
      this.total,
    );
  }

  assign(values: Tensor): void {
    if (this.#runs.length === 1) targetOf(this.#runs[0]).assign(values);
    else
      for (const run of this.#runs) targetOf(run).assign(stretchOf(values, run.start, run.start + run.size));
  }

  /** Moves variables that lie in several packs into one, if no other optimizer works on those. */
  unite(): void {
    if (this.#runs.length === 1 || this.#runs.some(({ shared }) => shared.users > 1)) return;
    const sorted = this.#order.map((i) => this.variables[i]);
    const left = this.#runs;
    release(left);
    this.#runs = runsOf(sorted);
    use(this.#runs);
  }

  /** Ends the use of it. The variables stay where they are. */
  release(): void {
    release(this.#runs);
  }
}

/** The pack itself, or a stretch of it. */
function targetOf({ shared, first, last }: Run): { readonly values: Variable; assign(values: Tensor): void } {
  const view = shared.views.get(key(first, last))?.view;
  return view ?? { values: shared.pack.values, assign: (values) => void shared.pack.values.assign(values) };
}

const key = (first: number, last: number) => `${first}-${last}`;
const isWhole = ({ shared, first, last }: Run) => first === 0 && last === shared.pack.variables.length - 1;

/** Packs those of the variables that are in no pack; gives the stretches where all of them lie. */
function runsOf(variables: readonly Variable[]): Run[] {
  const loose = variables.filter((variable) => !holders.has(variable));
  if (loose.length > 0) {
    const shared: Shared = { pack: packVariables(loose, "parameters"), users: 0, views: new Map() };
    for (const variable of loose) holders.set(variable, shared);
  }
  const places = new Map<Shared, number[]>();
  for (const variable of variables) {
    const shared = holders.get(variable) as Shared;
    let indices = places.get(shared);
    if (indices === undefined) places.set(shared, (indices = []));
    indices.push(shared.pack.variables.indexOf(variable));
  }
  const alignment = variables[0].device.backend.sliceAlignment / 4;
  const runs: Run[] = [];
  let end = 0;
  for (const [shared, indices] of places) {
    for (const [first, last] of stretches(
      indices.sort((a, b) => a - b),
      shared,
    )) {
      const { offsets, total } = shared.pack;
      const start = Math.ceil(end / alignment) * alignment;
      const size = (offsets[last + 1] ?? total) - offsets[first];
      runs.push({ shared, first, last, start, size });
      end = start + size;
    }
  }
  return runs;
}

/** Ascending indices as stretches [first, last] none of which overlaps another one in use without lying inside. */
function stretches(indices: readonly number[], shared: Shared): (readonly [number, number])[] {
  const found: [number, number][] = [];
  for (const index of indices) {
    const last = found.at(-1);
    if (last !== undefined && last[1] === index - 1) last[1] = index;
    else found.push([index, index]);
  }
  const used = [...shared.views.keys()].map((name) => name.split("-").map(Number));
  for (let i = 0; i < found.length; i++) {
    const [first, last] = found[i];
    for (const [a, b] of used) {
      const cut = a < first && first <= b && b < last ? b + 1 : first < a && a <= last && last < b ? a : 0;
      if (cut === 0) continue;
      // Both parts are looked at again.
      found.splice(i--, 1, [first, cut - 1], [cut, last]);
      break;
    }
  }
  return found;
}

function use(runs: readonly Run[]): void {
  for (const shared of new Set(runs.map((run) => run.shared))) shared.users++;
  for (const run of runs) {
    if (isWhole(run)) continue;
    const { views, pack } = run.shared;
    const name = key(run.first, run.last);
    const used = views.get(name) ?? { view: pack.view(run.first, run.last), users: 0 };
    used.users++;
    views.set(name, used);
  }
}

function release(runs: readonly Run[]): void {
  for (const { shared, first, last } of runs) {
    const name = key(first, last);
    const used = shared.views.get(name);
    if (used === undefined || --used.users > 0) continue;
    used.view.dispose();
    shared.views.delete(name);
  }
  for (const shared of new Set(runs.map((run) => run.shared))) {
    if (--shared.users > 0) continue;
    for (const variable of shared.pack.variables) holders.delete(variable);
    shared.pack.dispose();
  }
}

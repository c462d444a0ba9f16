// Packed vectors variable by variable: sums over each one's part, numbers spread over the parts, and the parts themselves.

import {
  ArgumentError,
  full,
  reshape,
  sizeOf,
  sum,
  type Tensor,
  type Variable,
  variable,
} from "../engine/index.ts";
import { gatherRows, pack, rootOfSquares, stretchOf } from "../engine/internal.ts";
import type { Layout } from "./layout.ts";
import type { Packing } from "./packs.ts";

/** Numbers that are put together into one at a time, and so many that a variable's are the last. */
const perChunk = 64;
const mostAtLast = 256;

/** Indices on the device, by which each sum or spread takes a few dispatches, however many variables there are. */
interface Indices {
  /** Parts begin at multiples of it. */
  readonly width: number;
  /** i32 [total]: the variable that each element belongs to, -1 in the gaps. */
  readonly owners: Variable;
  /**
   * i32 [groups, members]: which rows each group has, then which of those groups each group of the next level has, until
   * there is one for each variable; -1 where it has fewer.
   */
  readonly levels: readonly Variable[];
}

/**
 * What a rule's context has as `byVariable`, where the rule names this class: `get byVariable() { return ByVariable; }`.
 */
export class ByVariable {
  readonly variables: readonly Variable[];
  readonly #name: string;
  readonly #layout: Layout;
  readonly #slotLayouts: Readonly<Record<string, Layout>>;
  #indices: Indices | undefined;

  /**
   * @internal
   * @param name the optimizer's
   * @param slotLayouts those of slots that are laid out in their own way
   */
  constructor(name: string, packing: Packing, slotLayouts: Readonly<Record<string, Layout>>) {
    this.variables = packing.variables;
    this.#name = name;
    const shapes = packing.variables.map(({ shape }) => shape);
    this.#layout = { shapes, offsets: packing.offsets, total: packing.total };
    this.#slotLayouts = slotLayouts;
  }

  /** @internal Puts the indices on the device, which a traced function can't do. */
  prepare(packing: Packing): this {
    this.#indices ??= indicesOf(packing, this.#name);
    return this;
  }

  /** The sum over each variable's part of `packed`, which is 0 in the gaps: [variables]. */
  readonly sums = (packed: Tensor): Tensor =>
    this.#found.levels.reduce((sums, level) => sum(gatherRows(sums, level), 1), sum(this.#rows(packed), 1));

  /**
   * For each variable the root of what its part's squares add up to, divided by `divisor`: [variables]. In the gaps
   * `packed` is 0.
   */
  readonly roots = (packed: Tensor, divisor: number): Tensor =>
    this.#found.levels.reduce(
      (roots, level) => rootOfSquares(gatherRows(roots, level), 1),
      rootOfSquares(this.#rows(packed), 1, divisor),
    );

  /** The Euclidean norm of each variable's part: [variables]. */
  readonly norms = (packed: Tensor): Tensor => this.roots(packed, 1);

  /** Each variable's number of `values` [variables] at all elements of its part: [total], 0 in the gaps. */
  readonly spread = (values: Tensor): Tensor => gatherRows(values, this.#found.owners);

  /**
   * Each variable's part of `packed`, of its shape; of a scalar, that scalar. Undefined where a slot has none.
   *
   * @param slot whose layout `packed` has; left out: that of the values
   */
  cut(packed: Tensor): Tensor[];
  cut(packed: Tensor, slot: string): (Tensor | undefined)[];
  cut(packed: Tensor, slot?: string): (Tensor | undefined)[] {
    const { shapes, offsets } = this.#layoutOf(slot);
    if (packed.rank === 0) return shapes.map((shape) => shape && packed);
    return shapes.map(
      (shape, i) => shape && reshape(stretchOf(packed, offsets[i], offsets[i] + sizeOf(shape)), shape),
    );
  }

  /** The reverse of {@link cut}: one tensor a variable as one vector, 0 in the gaps. */
  join(parts: readonly (Tensor | undefined)[], slot?: string): Tensor {
    const { shapes, offsets, total } = this.#layoutOf(slot);
    const present = shapes.flatMap((shape, i) => (shape === undefined ? [] : [i]));
    const order = present.sort((a, b) => offsets[a] - offsets[b]);
    if (order.length === 0) return full([total], 0);
    return pack(
      order.map((i) => parts[i] as Tensor),
      order.map((i) => offsets[i]),
      total,
    );
  }

  #layoutOf(slot: string | undefined): Layout {
    return (slot !== undefined && this.#slotLayouts[slot]) || this.#layout;
  }

  get #found(): Indices {
    if (this.#indices !== undefined) return this.#indices;
    throw new ArgumentError(
      `${this.#name}: sums and norms by variable, and numbers spread over them, need indices on the device, which are made where the rule asks for them: override get reducesByVariable() { return true; }`,
    );
  }

  #rows(packed: Tensor): Tensor {
    const { width } = this.#found;
    return reshape(packed, [packed.size / width, width]);
  }

  /** @internal */
  dispose(): void {
    if (this.#indices === undefined) return;
    for (const held of [this.#indices.owners, ...this.#indices.levels]) held.dispose();
  }
}

function indicesOf(packing: Packing, name: string): Indices {
  const { offsets, total, variables } = packing;
  const width = offsets.reduce(divisor, total);
  const owners = new Int32Array(total).fill(-1);
  let members = variables.map((_, i) => {
    const [start, end] = packing.range(i);
    owners.fill(i, start, end);
    return range(start / width, Math.ceil(end / width));
  });
  const { device } = variables[0];
  const indices = (values: Int32Array, shape: readonly number[], what: string) =>
    variable(values, { trainable: false, dtype: "i32", device, shape, name: `${name}/${what}` }).holdsAlways(
      values,
    );
  const levels: Variable[] = [];
  const addLevel = (groups: readonly (readonly number[])[]) => {
    // Whole vec4s of members are read as they are computed.
    const most = Math.ceil(mostOf(groups) / 4) * 4;
    const values = new Int32Array(groups.length * most).fill(-1);
    groups.forEach((group, g) => {
      values.set(group, g * most);
    });
    levels.push(indices(values, [groups.length, most], `level${levels.length}`));
  };
  while (mostOf(members) > mostAtLast) {
    const chunks: number[][] = [];
    members = members.map((own) => {
      const first = chunks.length;
      for (let k = 0; k < own.length; k += perChunk) chunks.push(own.slice(k, k + perChunk));
      return range(first, chunks.length);
    });
    addLevel(chunks);
  }
  addLevel(members);
  return { width, owners: indices(owners, [total], "owners"), levels };
}

/** The greatest common divisor. */
const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

const range = (start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, k) => start + k);

const mostOf = (groups: readonly (readonly number[])[]): number =>
  groups.reduce((most, { length }) => Math.max(most, length), 1);

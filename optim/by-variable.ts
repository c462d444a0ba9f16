// Packed vectors variable by variable: sums over each one's part, numbers spread over the parts, and the parts themselves.

import {
  ArgumentError,
  equal,
  full,
  gather,
  reshape,
  type Shape,
  scatterAdd,
  sizeOf,
  slice,
  sqrt,
  square,
  sum,
  type Tensor,
  type Variable,
  variable,
  where,
} from "../engine/index.ts";
import { largestMagnitude, pack } from "../engine/internal.ts";
import type { Packing } from "./packs.ts";

/** Rows summed together before the last, serial sum. */
const rowsPerChunk = 64;

/** How a vector holds a tensor a variable. */
export interface Layout {
  /** The shapes, by variable; undefined for one that has none. */
  readonly shapes: readonly (Shape | undefined)[];
  /** Where each begins, in elements: multiples of 4. */
  readonly offsets: readonly number[];
  readonly total: number;
}

/** A layout of tensors of these shapes. */
export function layoutOf(shapes: readonly (Shape | undefined)[]): Layout {
  let total = 0;
  const offsets = shapes.map((shape) => {
    const offset = total;
    if (shape !== undefined) total += Math.ceil(sizeOf(shape) / 4) * 4;
    return offset;
  });
  return { shapes, offsets, total: Math.max(total, 4) };
}

/** Indices on the device, by which each sum or spread takes a fixed number of dispatches, however many variables there are. */
interface Indices {
  /** Parts begin at multiples of it. */
  readonly width: number;
  /** i32 [total]: the variable that each element belongs to, -1 in the gaps. */
  readonly owners: Variable;
  /** i32 [chunks, rowsPerChunk]: the rows of each chunk, all of one variable; -1 where it has fewer. */
  readonly rows: Variable;
  /** i32 [chunks]: the variable that each chunk belongs to. */
  readonly chunkOwners: Variable;
  /** i32 [variables, 1]: 0, 1, 2, ... */
  readonly numbers: Variable;
}

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
    scatterAdd(
      this.#ofChunks(packed, (x) => sum(x, 1)),
      this.#found.chunkOwners,
      this.variables.length,
    );

  /** The Euclidean norm of each variable's part: [variables]. */
  readonly norms = (packed: Tensor): Tensor => sqrt(this.sums(square(packed)));

  /** The largest magnitude in each variable's part: [variables]. */
  readonly largest = (packed: Tensor): Tensor => {
    const { numbers, chunkOwners } = this.#found;
    const ofChunks = this.#ofChunks(packed, (x) => largestMagnitude(x, 1));
    // Chunks of other variables are out of the way as zeros.
    return largestMagnitude(where(equal(numbers, chunkOwners), ofChunks, 0), 1);
  };

  /** Each variable's number of `values` [variables] at all elements of its part: [total], 0 in the gaps. */
  readonly spread = (values: Tensor): Tensor => gather(values, this.#found.owners);

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
      (shape, i) => shape && reshape(slice(packed, offsets[i], offsets[i] + sizeOf(shape)), shape),
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

  /** Reduces the rows of `packed`, then those of each chunk: [chunks]. */
  #ofChunks(packed: Tensor, reduce: (rows: Tensor) => Tensor): Tensor {
    const { width, rows } = this.#found;
    const byRow = reduce(reshape(packed, [packed.size / width, width]));
    return reduce(gather(byRow, rows));
  }

  /** @internal */
  dispose(): void {
    if (this.#indices === undefined) return;
    const { owners, rows, chunkOwners, numbers } = this.#indices;
    for (const held of [owners, rows, chunkOwners, numbers]) held.dispose();
  }
}

function indicesOf(packing: Packing, name: string): Indices {
  const { offsets, total, variables } = packing;
  const width = offsets.reduce(divisor, total);
  const owners = new Int32Array(total).fill(-1);
  const rows: number[] = [];
  const chunkOwners: number[] = [];
  variables.forEach((_, i) => {
    const [start, end] = packing.range(i);
    owners.fill(i, start, end);
    const [first, last] = [start / width, Math.ceil(end / width)];
    for (let chunk = first; chunk < last; chunk += rowsPerChunk) {
      chunkOwners.push(i);
      for (let k = 0; k < rowsPerChunk; k++) rows.push(chunk + k < last ? chunk + k : -1);
    }
  });
  const make = (what: string, values: Int32Array, shape?: Shape) =>
    variable(values, {
      trainable: false,
      dtype: "i32",
      device: variables[0].device,
      shape: shape ?? [values.length],
      name: `${name}/${what}`,
    });
  return {
    width,
    owners: make("owners", owners),
    rows: make("rows", Int32Array.from(rows), [chunkOwners.length, rowsPerChunk]),
    chunkOwners: make("chunkOwners", Int32Array.from(chunkOwners)),
    numbers: make(
      "numbers",
      Int32Array.from(variables, (_, i) => i),
      [variables.length, 1],
    ),
  };
}

/** The greatest common divisor. */
const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

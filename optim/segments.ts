// The parts of packed vectors, one a variable, as indices on the device: sums by part, and a number a part spread over
// its elements, each in a fixed number of dispatches however many variables there are.

import {
  equal,
  gather,
  reshape,
  scatterAdd,
  sum,
  type Tensor,
  type Variable,
  variable,
  where,
} from "../engine/index.ts";
import { largestMagnitude, type VariablePack } from "../engine/internal.ts";

/** Rows summed together before the last, serial sum. */
const rowsPerChunk = 64;

export class Segments {
  readonly #count: number;
  /** Parts begin at multiples of it. */
  readonly #width: number;
  /** i32 [total]: the variable that each element belongs to, -1 in the gaps. */
  readonly #owners: Variable;
  /** i32 [chunks, rowsPerChunk]: the rows of each chunk, all of one variable; -1 where it has fewer. */
  readonly #rows: Variable;
  /** i32 [chunks]: the variable that each chunk belongs to. */
  readonly #chunkOwners: Variable;
  /** i32 [variables, 1]: 0, 1, 2, ... */
  readonly #numbers: Variable;

  constructor(pack: VariablePack, name: string) {
    const { offsets, total, variables } = pack;
    this.#count = variables.length;
    this.#width = offsets.reduce(divisor, total);
    const owners = new Int32Array(total).fill(-1);
    const rows: number[] = [];
    const chunkOwners: number[] = [];
    variables.forEach((_, i) => {
      const [start, end] = pack.range(i);
      owners.fill(i, start, end);
      const [first, last] = [start / this.#width, Math.ceil(end / this.#width)];
      for (let chunk = first; chunk < last; chunk += rowsPerChunk) {
        chunkOwners.push(i);
        for (let k = 0; k < rowsPerChunk; k++) rows.push(chunk + k < last ? chunk + k : -1);
      }
    });
    const options = { trainable: false, dtype: "i32", device: pack.values.device } as const;
    this.#owners = variable(owners, { ...options, name: `${name}/owners` });
    const shape = [chunkOwners.length, rowsPerChunk];
    this.#rows = variable(Int32Array.from(rows), { ...options, shape, name: `${name}/rows` });
    this.#chunkOwners = variable(Int32Array.from(chunkOwners), { ...options, name: `${name}/chunkOwners` });
    const numbers = Int32Array.from(variables, (_, i) => i);
    this.#numbers = variable(numbers, { ...options, shape: [this.#count, 1], name: `${name}/numbers` });
  }

  /** The sum of each variable's part of `packed`, which is 0 in the gaps: [variables]. */
  readonly sums = (packed: Tensor): Tensor =>
    scatterAdd(
      this.#ofChunks(packed, (x) => sum(x, 1)),
      this.#chunkOwners,
      this.#count,
    );

  /** The largest magnitude in each variable's part: [variables]. */
  readonly largest = (packed: Tensor): Tensor => {
    const ofChunks = this.#ofChunks(packed, (x) => largestMagnitude(x, 1));
    // Chunks of other variables are out of the way as zeros.
    const isOwn = equal(this.#numbers, this.#chunkOwners);
    return largestMagnitude(where(isOwn, ofChunks, 0), 1);
  };

  /** Each variable's number of `values` [variables] at all elements of its part: [total], 0 in the gaps. */
  readonly spread = (values: Tensor): Tensor => gather(values, this.#owners);

  /** Reduces the rows of `packed`, then those of each chunk: [chunks]. */
  #ofChunks(packed: Tensor, reduce: (rows: Tensor) => Tensor): Tensor {
    const byRow = reduce(reshape(packed, [packed.size / this.#width, this.#width]));
    return reduce(gather(byRow, this.#rows));
  }

  dispose(): void {
    for (const held of [this.#owners, this.#rows, this.#chunkOwners, this.#numbers]) held.dispose();
  }
}

/** The greatest common divisor. */
const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

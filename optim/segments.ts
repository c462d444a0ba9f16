// The parts of packed vectors, one a variable, as indices on the device: sums by part, and a number a part spread over
// its elements, each in a fixed number of dispatches however many variables there are.

import { gather, reshape, scatterAdd, sum, type Tensor, type Variable, variable } from "../engine/index.ts";
import type { VariablePack } from "../engine/internal.ts";

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
  }

  /** The sum of each variable's part of `packed`, which is 0 in the gaps: [variables]. */
  sums(packed: Tensor): Tensor {
    const byRow = sum(reshape(packed, [packed.size / this.#width, this.#width]), 1);
    return scatterAdd(sum(gather(byRow, this.#rows), 1), this.#chunkOwners, this.#count);
  }

  /** Each variable's number of `values` [variables] at all elements of its part: [total], 0 in the gaps. */
  spread(values: Tensor): Tensor {
    return gather(values, this.#owners);
  }

  dispose(): void {
    for (const held of [this.#owners, this.#rows, this.#chunkOwners]) held.dispose();
  }
}

/** The greatest common divisor. */
const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

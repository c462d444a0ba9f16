// The parts of packed vectors, one a variable, as indices on the device: norms by part, and a number a part spread over
// its elements, each in a few dispatches however many variables there are.

import { gather, reshape, type Tensor, type Variable, variable } from "../engine/index.ts";
import { rootOfSquares, type VariablePack } from "../engine/internal.ts";

/** Roots that are put together into one at a time, and so many that a variable's are the last. */
const perChunk = 64;
const mostAtLast = 256;

export class Segments {
  /** Parts begin at multiples of it. */
  readonly #width: number;
  /** i32 [total]: the variable that each element belongs to, -1 in the gaps. */
  readonly #owners: Variable;
  /**
   * i32 [groups, members]: which rows each group has, then which of those groups each group of the next level has, until
   * there is one for each variable; -1 where it has fewer.
   */
  readonly #levels: readonly Variable[];

  constructor(pack: VariablePack, name: string) {
    const { offsets, total, variables } = pack;
    this.#width = offsets.reduce(divisor, total);
    const owners = new Int32Array(total).fill(-1);
    let members = variables.map((_, i) => {
      const [start, end] = pack.range(i);
      owners.fill(i, start, end);
      return range(start / this.#width, Math.ceil(end / this.#width));
    });
    const indices = (values: Int32Array, shape: readonly number[], what: string) =>
      variable(values, {
        trainable: false,
        dtype: "i32",
        device: pack.values.device,
        shape,
        name: `${name}/${what}`,
      });
    this.#owners = indices(owners, [total], "owners");
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
    this.#levels = levels;
  }

  /**
   * For each variable the root of what its part's squares add up to, divided by `divisor`: [variables]. In the gaps
   * `packed` is 0.
   */
  readonly roots = (packed: Tensor, divisor: number): Tensor =>
    this.#levels.reduce(
      (roots, level) => rootOfSquares(gather(roots, level), 1),
      rootOfSquares(reshape(packed, [packed.size / this.#width, this.#width]), 1, divisor),
    );

  /** Each variable's number of `values` [variables] at all elements of its part: [total], 0 in the gaps. */
  readonly spread = (values: Tensor): Tensor => gather(values, this.#owners);

  dispose(): void {
    for (const held of [this.#owners, ...this.#levels]) held.dispose();
  }
}

/** The greatest common divisor. */
const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

const range = (start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, k) => start + k);

const mostOf = (groups: readonly (readonly number[])[]): number =>
  groups.reduce((most, { length }) => Math.max(most, length), 1);

// Batches: walks over rows that live on the device. Order and cursor live there too, so a step uploads nothing.

import type { BatchWalk } from "../../data/dataset/index.ts";
import { add, type Device, noGrad, type Tensor, tidy, type Variable, variable } from "../../engine/index.ts";
import { advance, gatherRows, permutation, takeRows } from "../../engine/internal.ts";

export type { BatchWalk };

export interface BatchSource {
  /** Inputs, targets and weights, a row a sample each. */
  readonly parts: readonly Tensor[];
  /** Which rows: `count` of them from `start` on. */
  readonly start: number;
  readonly count: number;
}

export class Batches implements BatchWalk {
  readonly #source: BatchSource;
  readonly #batchSize: number;
  readonly #cursor: Variable;
  /** The rows' order in this epoch; without it they come as they lie. */
  readonly #order: Variable | undefined;
  readonly #shuffleState: Variable | undefined;
  #done = 0;

  /** @param shuffleState u32 [4], advanced at each epoch: rows come in a fresh order then; `start` must be 0 */
  constructor(device: Device, source: BatchSource, batchSize: number, shuffleState?: Variable) {
    this.#source = source;
    this.#batchSize = batchSize;
    this.#shuffleState = shuffleState;
    const options = { device, trainable: false };
    this.#cursor = variable(source.start, { ...options, dtype: "i32", name: "batch/cursor" });
    this.#cursor.isFleeting = true;
    if (shuffleState !== undefined) {
      this.#order = variable(new Uint32Array(source.count), {
        ...options,
        dtype: "u32",
        name: "batch/order",
      });
      this.#order.isFleeting = true;
    }
  }

  get count(): number {
    return this.#source.count;
  }

  get steps(): number {
    return Math.ceil(this.#source.count / this.#batchSize);
  }

  get keys(): number[] {
    return batchSizes(this.count, this.#batchSize);
  }

  begin(taken = 0): void {
    this.#done = taken * this.#batchSize;
    this.#cursor.set([this.#source.start + this.#done]);
    const [order, state] = [this.#order, this.#shuffleState];
    if (order === undefined || state === undefined) return;
    noGrad(() =>
      tidy(() => {
        const next = advance(state);
        order.assign(permutation(next, this.#source.count));
        state.assign(next);
      }),
    );
  }

  get hasNext(): boolean {
    return this.#done < this.#source.count;
  }

  advance(batches = 1): number {
    const rows = Math.min(this.#batchSize, this.#source.count - this.#done);
    this.#done = Math.min(this.#source.count, this.#done + rows * batches);
    return rows;
  }

  get fullBatchesLeft(): number {
    return Math.floor((this.#source.count - this.#done) / this.#batchSize);
  }

  take(rows: number): Tensor[] {
    return noGrad(() => {
      let take = (all: Tensor) => takeRows(all, this.#cursor, rows);
      if (this.#order !== undefined) {
        const indices = takeRows(this.#order, this.#cursor, rows);
        take = (all) => gatherRows(all, indices);
      }
      const batch = this.#source.parts.map((part) => take(part));
      this.#cursor.assign(add(this.#cursor, rows));
      return batch;
    });
  }

  dispose(): void {
    this.#cursor.dispose();
    this.#order?.dispose();
  }
}

/** Rows of the first batch, and of a short last one. */
export const batchSizes = (count: number, batchSize: number): number[] =>
  [Math.min(count, batchSize), count % batchSize].filter((rows) => rows > 0);

// Batches: walks over rows that live on the device. Order and cursor live there too, so a step uploads nothing.

import {
  add,
  type Device,
  dynamicSlice,
  gather,
  noGrad,
  type Tensor,
  tidy,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { advance, permutation } from "../../engine/internal.ts";

export interface BatchSource {
  /** Inputs, targets and weights, a row a sample each. */
  readonly parts: readonly Tensor[];
  /** Which rows: `count` of them from `start` on. */
  readonly start: number;
  readonly count: number;
}

/** A walk over rows, epoch after epoch, as a training loop sees it: wherever the rows come from. */
export interface BatchWalk {
  readonly count: number;
  /** Batches an epoch, the short last one included. */
  readonly steps: number;
  /** Whether the epoch has rows left. */
  readonly hasNext: boolean;
  /** Full batches that may be taken in one go from here; at the last, short one there are none. */
  readonly fullBatchesLeft: number;
  /**
   * Starts an epoch: back to the first row, in a new order if they are shuffled.
   *
   * @param taken batches of it that an earlier run took already; default 0
   */
  begin(taken?: number): void;
  /** Has the next epoch's order follow from this random state; for walks that keep one on the host. */
  reorder?(state: ArrayLike<number>): void;
  /** Counts the next batches as taken and gives the rows of each; the last of an epoch may be shorter. */
  advance(batches?: number): number;
  /** The batch of `rows` at the device's cursor, part by part; the cursor moves on. Asks the device only, so it can be traced. */
  take(rows: number): Tensor[];
  dispose(): void;
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
      let take = (all: Tensor) => dynamicSlice(all, this.#cursor, rows);
      if (this.#order !== undefined) {
        const indices = dynamicSlice(this.#order, this.#cursor, rows);
        take = (all) => gather(all, indices);
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

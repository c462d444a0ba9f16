// BatchWalk: batches as a training loop sees them, epoch after epoch, wherever they come from.

import type { Tensor } from "../../engine/index.ts";
import type { DatasetPosition } from "./iterator.ts";

export interface BatchWalk {
  /** Samples an epoch, as far as is known. */
  readonly count: number;
  /** Batches an epoch, the short last one included; Infinity while that is not known. */
  readonly steps: number;
  /** Whether the epoch has batches left; where there is {@link ready}, once that is settled. */
  readonly hasNext: boolean;
  /** Batches alike that may be taken in one go from here; 0 where there is a short one. */
  readonly fullBatchesLeft: number;
  /** Those of {@link advance} that an epoch has, as far as is known. */
  readonly keys: readonly number[];
  /**
   * Starts an epoch: back to the first row, in a new order if they are shuffled.
   *
   * @param taken batches of it that an earlier run took already; default 0
   * @param epoch counted from 0
   */
  begin(taken?: number, epoch?: number): void | Promise<void>;
  /** To be awaited before {@link hasNext} is asked, where batches have to be waited for. */
  ready?(): Promise<void> | undefined;
  /**
   * Counts the next batches as taken. Gives the rows of each, or where batches differ in more than that a number for the
   * kind of batch, which {@link rowsOf} knows.
   */
  advance(batches?: number): number;
  /** The rows of a batch of that kind. */
  rowsOf?(key: number): number;
  /** The batch of that kind at the device's cursor, part by part; the cursor moves on. Asks the device only, so it can be traced. */
  take(key: number): Tensor[];
  /** Where the data stands after the steps that were taken, where the walk is over a data set; plain data. */
  readonly position?: DatasetPosition;
  /**
   * Has the next `begin`, of these batches and that epoch, go on from there; to be awaited.
   *
   * @throws DataError where the position was noted of other data; nothing that training sees has changed then
   */
  resumeAt?(position: DatasetPosition, taken: number, epoch: number): Promise<void>;
  /** Told that the state of shuffles was set to these words, where it keeps them on the host, too. */
  reshuffle?(state: Uint32Array): void;
  /** What the next `begin` goes by beside its arguments. */
  readonly upcoming?: DatasetPosition | undefined;
  /**
   * What it had on the device is gone: it is put there again. The next `begin` goes by what was {@link upcoming} once.
   *
   * @param state the random state from which the order of rows follows, where one does
   */
  rewind?(upcoming: DatasetPosition | undefined, state: ArrayLike<number> | undefined): void;
  dispose(): void;
}

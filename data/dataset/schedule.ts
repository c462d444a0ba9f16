// Schedule: which elements of a set an epoch of training takes. Without stepsPerEpoch one epoch is one pass; with it, steps
// go on where the last epoch ended.

import type { DatasetPosition } from "./iterator.ts";

export interface ScheduleOptions {
  readonly stepsPerEpoch: number | undefined;
  /** Whether each epoch takes the same first steps, as validation does. */
  readonly startsAnew: boolean;
}

export class Schedule {
  readonly stepsPerEpoch: number | undefined;
  readonly #startsAnew: boolean;
  /** Where the next epoch begins, once one has begun. */
  #next: DatasetPosition | undefined;

  constructor({ stepsPerEpoch, startsAnew }: ScheduleOptions) {
    this.stepsPerEpoch = stepsPerEpoch;
    this.#startsAnew = startsAnew;
  }

  /** Batches of an epoch of training over a set of `length`; Infinity where that is not known. */
  stepsOf(length: number | undefined): number {
    return this.stepsPerEpoch === undefined ? (length ?? Infinity) : this.stepsPerEpoch;
  }

  get next(): DatasetPosition | undefined {
    return this.#next;
  }

  resumeAt(position: DatasetPosition | undefined): void {
    this.#next = position;
  }

  /** Where an epoch begins, of which `taken` steps were taken elsewhere. */
  begin(epoch: number, taken: number, length: number | undefined): DatasetPosition {
    const { stepsPerEpoch } = this;
    if (this.#startsAnew) return { epoch: 0, skip: taken };
    const next = this.#next;
    this.#next = undefined;
    // Where an epoch is a pass, the end of one says nothing of the next.
    if (next !== undefined && (taken > 0 || stepsPerEpoch !== undefined)) {
      const isAtEnd = length !== undefined && next.skip >= length && taken === 0;
      return isAtEnd ? { epoch: next.epoch + 1, skip: 0 } : next;
    }
    if (stepsPerEpoch === undefined) return { epoch, skip: taken };
    if (length === undefined || length === Infinity) return { epoch: 0, skip: epoch * stepsPerEpoch + taken };
    // The last epoch of a pass may be short.
    const epochsPerPass = Math.max(1, Math.ceil(length / stepsPerEpoch));
    return {
      epoch: Math.floor(epoch / epochsPerPass),
      skip: (epoch % epochsPerPass) * stepsPerEpoch + taken,
    };
  }

  /** To be told where an epoch stands, so that the next goes on there. */
  note(position: DatasetPosition): void {
    if (this.stepsPerEpoch !== undefined) this.#next = position;
  }
}

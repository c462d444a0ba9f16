// Sources beside slices: whole numbers, and what functions yield.

import { ArgumentError, DataError, kindOf } from "../../engine/base/errors.ts";
import { after, type Cursor, end, isPromised, type Maybe, Stage } from "./stage.ts";

export class Range extends Stage {
  readonly call: string;
  readonly length: number;
  readonly #start: number;
  readonly #step: number;

  constructor(start: number, stop: number, step: number) {
    super([]);
    for (const [name, value] of Object.entries({ start, stop, step })) {
      if (typeof value !== "number" || Number.isNaN(value) || (name !== "stop" && !Number.isFinite(value)))
        throw new ArgumentError(`Dataset.range: ${name} must be a number, got ${kindOf(value)}`);
    }
    if (step === 0) throw new ArgumentError("Dataset.range: step must not be 0");
    this.call = `range(${start}, ${stop}, ${step})`;
    this.length = Math.max(0, Math.ceil((stop - start) / step));
    this.#start = start;
    this.#step = step;
  }

  override get isIndexed(): boolean {
    return true;
  }

  override at(_epoch: number, index: number): number {
    return this.#start + index * this.#step;
  }
}

/** Where an epoch of a source is opened. */
export interface SourcePosition {
  /** Counted from 0. */
  readonly epoch: number;
  /** Elements to leave out; 0 unless the source is `seekable`. */
  readonly skip: number;
}

/** Gives the elements of an epoch, anew at each call. */
export type SourceFunction<T> = (
  position: SourcePosition,
) => Iterable<T> | AsyncIterable<T> | Iterator<T> | AsyncIterator<T>;

export class Generated extends Stage {
  readonly call: string;
  readonly length: number | undefined;
  readonly #make: SourceFunction<unknown>;
  readonly #isSeekable: boolean;
  readonly #givesBatches: boolean;
  #last: object | undefined;

  constructor(
    make: SourceFunction<unknown>,
    length: number | undefined,
    isSeekable: boolean,
    givesBatches: boolean,
    call = "fromGenerator()",
  ) {
    super([]);
    this.#make = make;
    this.length = length;
    this.call = call;
    this.#isSeekable = isSeekable;
    this.#givesBatches = givesBatches;
  }

  override get isBatched(): boolean {
    return this.#givesBatches;
  }

  override restart(position: number): number {
    return this.#isSeekable ? Math.min(position, this.length ?? Infinity) : 0;
  }

  override cursor(epoch: number, from: number): Cursor {
    let iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;
    let next = from;
    let isOver = false;
    const taken = (result: IteratorResult<unknown>): unknown => {
      if (typeof result !== "object" || result === null) {
        throw new DataError(
          `${this.call}: element ${next}: next() gave ${kindOf(result)} in the place of a result`,
        );
      }
      if (result.done !== true) {
        next++;
        this.#checkLength(next, false);
        return result.value;
      }
      isOver = true;
      this.#checkLength(next, true);
      return end;
    };
    const failed = (error: unknown): never => {
      isOver = true;
      throw this.failure(next, error);
    };
    return {
      pull: () => {
        if (isOver) return end;
        try {
          iterator ??= this.#open(epoch, from);
          const result = iterator.next();
          return isPromised(result)
            ? result.then(taken as (result: unknown) => unknown).catch(failed)
            : taken(result as IteratorResult<unknown>);
        } catch (error) {
          return failed(error);
        }
      },
      close: (): Maybe<void> => {
        if (isOver) return undefined;
        isOver = true;
        const closed = iterator?.return?.();
        return after(closed as Maybe<unknown>, () => {});
      },
    };
  }

  #open(epoch: number, skip: number): Iterator<unknown> | AsyncIterator<unknown> {
    // biome-ignore lint/suspicious/noExplicitAny: whatever a user's function gave
    const given: any = this.#make({ epoch, skip });
    if (given !== undefined && given !== null) {
      const iterator = given[Symbol.asyncIterator]?.() ?? given[Symbol.iterator]?.() ?? given;
      if (typeof iterator.next === "function") {
        if (iterator === this.#last) {
          throw new DataError(
            `${this.call}: the function gave the same iterator as before; it must give a new one at each call, as a generator function does`,
          );
        }
        this.#last = iterator;
        return iterator;
      }
    }
    throw new DataError(
      `${this.call}: the function gave ${kindOf(given)}; it must give an iterator, as function* and async function* do`,
    );
  }

  #checkLength(count: number, isOver: boolean): void {
    if (this.length === undefined || (isOver ? count === this.length : count <= this.length)) return;
    throw new DataError(
      `${this.call}: it ${isOver ? `ended after ${count}` : `gave more than ${count - 1}`} elements, and its length was given as ${this.length}`,
    );
  }
}

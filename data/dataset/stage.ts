// Stage: one step of a pipeline. It gives an epoch's elements in order, from any place at which it can be opened.

import { DataError, GradgpuError } from "../../engine/base/errors.ts";

// Elements are pulled: a pull gives the element itself where it is at hand, and a promise only where it must be waited
// for, so that a chain of host functions costs no turn of the event loop for each element.

export const end: unique symbol = Symbol("end");
export type End = typeof end;
export type Maybe<T> = T | Promise<T>;

export interface Cursor {
  /** The next element; not called again before a promise that it gave is settled. */
  pull(): Maybe<unknown>;
  /** Gives up what is open. */
  close(): Maybe<void>;
}

export const isPromised = (value: unknown): value is Promise<unknown> =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";

/** `fn` of a value that may be promised. */
export const after = <T, R>(value: Maybe<T>, fn: (value: T) => Maybe<R>): Maybe<R> =>
  isPromised(value) ? (value as Promise<T>).then(fn) : fn(value as T);

export abstract class Stage {
  /** As it is written in a chain: "batch(32)". */
  abstract readonly call: string;
  readonly sources: readonly Stage[];

  constructor(sources: readonly Stage[]) {
    this.sources = sources;
  }

  get source(): Stage {
    return this.sources[0];
  }

  /** Elements an epoch: Infinity where they don't end, undefined where they are not known. */
  abstract get length(): number | undefined;

  /** Whether elements are batches. */
  get isBatched(): boolean {
    return this.sources.length > 0 && this.sources.every(({ isBatched }) => isBatched);
  }

  /** Whether elements can be had by their number. */
  get isIndexed(): boolean {
    return false;
  }

  /** The element of that number, where it is {@link isIndexed}. */
  at(_epoch: number, _index: number): Maybe<unknown> {
    throw new Error(`${this.call} has no elements by number`);
  }

  /** Whether elements can be had as a batch, without one by one. */
  get canGather(): boolean {
    return false;
  }

  gather(_epoch: number, _indices: Uint32Array): Maybe<unknown> {
    throw new Error(`${this.call} gives no batches`);
  }

  /** The last place at or before `position` from which an epoch can be opened without running what comes before it. */
  restart(position: number): number {
    return this.isIndexed ? position : 0;
  }

  /** The elements from `from` on, which is a place that {@link restart} gives back as it is. */
  cursor(epoch: number, from: number): Cursor {
    let next = from;
    return {
      pull: () => (next < (this.length as number) ? this.at(epoch, next++) : end),
      close: () => {},
    };
  }

  /** To be awaited before the first element is asked for. */
  prepare(): Maybe<void> {
    const promises = this.sources.map((stage) => stage.prepare()).filter(isPromised);
    return promises.length === 0 ? undefined : Promise.all(promises).then(() => {});
  }

  /** The chain up to here, as it was written. */
  get chain(): string {
    return this.sources.length === 0 ? this.call : `${this.source.chain}.${this.call}`;
  }

  /** What a function or a source threw, with the place in the chain; errors of gradgpu that tell it already stay. */
  failure(index: number, error: unknown): unknown {
    if (error instanceof DataError) return error;
    const reason = error instanceof Error ? error.message : String(error);
    const text = error instanceof GradgpuError ? reason : `it threw ${reason}`;
    return new DataError(`${this.chain}: element ${index}: ${text}`, { cause: error });
  }
}

/** The last place at or before `position` from which the stage can really be opened. */
export function startOf(stage: Stage, position: number): number {
  let at = position;
  for (let before = stage.restart(at); before !== at; before = stage.restart(at)) at = before;
  return at;
}

/** The elements from `position` on, wherever that is: what comes before is run through where it must be. */
export function openAt(stage: Stage, epoch: number, position: number): Cursor {
  const start = startOf(stage, position);
  const cursor = stage.cursor(epoch, start);
  let left = position - start;
  if (left === 0) return cursor;
  const drop = (): Maybe<unknown> => {
    while (left > 0) {
      const found = cursor.pull();
      if (isPromised(found)) return later(found);
      if (found === end) return end;
      left--;
    }
    return cursor.pull();
  };
  // A loop: promises that wait for one another would all be held to the last.
  const later = async (first: Promise<unknown>): Promise<unknown> => {
    for (let found = await first; found !== end; found = await cursor.pull()) {
      left--;
      if (left === 0) return cursor.pull();
    }
    return end;
  };
  return { pull: drop, close: () => cursor.close() };
}

// Stages that give elements in the order of their source: mapped, picked, counted, repeated, side by side.

import { DataError } from "../../engine/base/errors.ts";
import { after, type Cursor, end, isPromised, type Maybe, openAt, Stage } from "./stage.ts";

/** Which element a function is called for: what it draws at random should follow from these. */
export interface ElementPlace {
  /** Counted from 0. */
  readonly epoch: number;
  /** In the epoch, counted from 0. */
  readonly index: number;
}

// biome-ignore lint/suspicious/noExplicitAny: elements of whatever a set holds
export type ElementFunction = (element: any, place: ElementPlace) => unknown;

export class Mapped extends Stage {
  readonly call = "map()";
  readonly #fn: ElementFunction;

  constructor(source: Stage, fn: ElementFunction) {
    super([source]);
    this.#fn = fn;
  }

  get length(): number | undefined {
    return this.source.length;
  }

  override get isIndexed(): boolean {
    return this.source.isIndexed;
  }

  override at(epoch: number, index: number): Maybe<unknown> {
    return after(this.source.at(epoch, index), (element) => this.#map(element, { epoch, index }));
  }

  override restart(position: number): number {
    return this.source.restart(position);
  }

  override cursor(epoch: number, from: number): Cursor {
    if (this.isIndexed) return super.cursor(epoch, from);
    const cursor = openAt(this.source, epoch, from);
    let next = from;
    const mapped = (element: unknown) =>
      element === end ? end : this.#map(element, { epoch, index: next++ });
    return { pull: () => after(cursor.pull(), mapped), close: () => cursor.close() };
  }

  #map(element: unknown, place: ElementPlace): Maybe<unknown> {
    try {
      const mapped = this.#fn(element, place);
      if (!isPromised(mapped)) return this.#checked(mapped, place);
      return mapped.then(
        (value) => this.#checked(value, place),
        (error) => {
          throw this.failure(place.index, error);
        },
      );
    } catch (error) {
      throw this.failure(place.index, error);
    }
  }

  #checked(value: unknown, { index }: ElementPlace): unknown {
    if (value !== undefined) return value;
    throw new DataError(`${this.chain}: element ${index}: the function gave nothing; return the new element`);
  }
}

export class Filtered extends Stage {
  readonly call = "filter()";
  readonly length = undefined;
  readonly #fn: ElementFunction;

  constructor(source: Stage, fn: ElementFunction) {
    super([source]);
    this.#fn = fn;
  }

  override cursor(epoch: number): Cursor {
    const cursor = openAt(this.source, epoch, 0);
    let next = 0;
    const isKept = (element: unknown): Maybe<unknown> => {
      const index = next++;
      const failed = (error: unknown): never => {
        throw this.failure(index, error);
      };
      try {
        const kept = this.#fn(element, { epoch, index });
        return isPromised(kept) ? kept.catch(failed) : kept;
      } catch (error) {
        return failed(error);
      }
    };
    const pull = (): Maybe<unknown> => {
      for (;;) {
        const found = cursor.pull();
        if (isPromised(found)) return later(found);
        if (found === end) return end;
        const kept = isKept(found);
        if (isPromised(kept)) return decided(kept, found);
        if (kept) return found;
      }
    };
    const decided = async (kept: Promise<unknown>, element: unknown): Promise<unknown> =>
      (await kept) ? element : later(cursor.pull());
    const later = async (first: Maybe<unknown>): Promise<unknown> => {
      for (let found = await first; found !== end; found = await cursor.pull())
        if (await isKept(found)) return found;
      return end;
    };
    return { pull, close: () => cursor.close() };
  }
}

export class Enumerated extends Stage {
  readonly call = "enumerate()";
  readonly #start: number;

  constructor(source: Stage, start: number) {
    super([source]);
    this.#start = start;
  }

  get length(): number | undefined {
    return this.source.length;
  }

  override get isIndexed(): boolean {
    return this.source.isIndexed;
  }

  override at(epoch: number, index: number): Maybe<unknown> {
    return after(this.source.at(epoch, index), (element) => [this.#start + index, element]);
  }

  override restart(position: number): number {
    return this.source.restart(position);
  }

  override cursor(epoch: number, from: number): Cursor {
    const cursor = openAt(this.source, epoch, from);
    let next = this.#start + from;
    const counted = (element: unknown) => (element === end ? end : [next++, element]);
    return { pull: () => after(cursor.pull(), counted), close: () => cursor.close() };
  }
}

/** `count` elements from number `first` on. */
export class Part extends Stage {
  readonly call: string;
  readonly first: number;
  readonly count: number;

  constructor(source: Stage, call: string, first: number, count: number) {
    super([source]);
    this.call = call;
    this.first = first;
    this.count = count;
  }

  get length(): number | undefined {
    const { length } = this.source;
    if (this.count === 0) return 0;
    return length === undefined ? undefined : Math.max(0, Math.min(length - this.first, this.count));
  }

  override get isIndexed(): boolean {
    return this.source.isIndexed;
  }

  override at(epoch: number, index: number): Maybe<unknown> {
    return this.source.at(epoch, this.first + index);
  }

  override get canGather(): boolean {
    return this.source.canGather;
  }

  override gather(epoch: number, indices: Uint32Array): Maybe<unknown> {
    return this.source.gather(
      epoch,
      indices.map((index) => index + this.first),
    );
  }

  override restart(position: number): number {
    return Math.max(0, this.source.restart(Math.min(position, this.count) + this.first) - this.first);
  }

  override cursor(epoch: number, from: number): Cursor {
    if (from >= this.count) return { pull: () => end, close: () => {} };
    const cursor = openAt(this.source, epoch, this.first + from);
    let left = this.count - from;
    return {
      pull: () => {
        if (left > 0) {
          left--;
          return cursor.pull();
        }
        // What is open is not read to its end.
        return after(cursor.close(), () => end);
      },
      close: () => cursor.close(),
    };
  }
}

/** Numbers of inner epochs of an endless repetition, for each of the outer. */
const endlessStride = 2 ** 20;

export class Repeated extends Stage {
  readonly call: string;
  /** Infinity for ever. */
  readonly count: number;

  constructor(source: Stage, count: number) {
    super([source]);
    this.count = count;
    this.call = `repeat(${count === Infinity ? "" : count})`;
  }

  get length(): number | undefined {
    const { length } = this.source;
    if (this.count === 0 || length === 0) return 0;
    // Endless for all that can be known: a source may still turn out to be empty.
    if (this.count === Infinity) return Infinity;
    return length === undefined ? undefined : length * this.count;
  }

  /** The source's epoch that is the `repetition` of one here. */
  epochOf(epoch: number, repetition: number): number {
    return epoch * (this.count === Infinity ? endlessStride : this.count) + repetition;
  }

  override get isIndexed(): boolean {
    const { length, isIndexed } = this.source;
    return isIndexed && length !== undefined && length !== 0 && length !== Infinity;
  }

  override at(epoch: number, index: number): Maybe<unknown> {
    const length = this.source.length as number;
    return this.source.at(this.epochOf(epoch, Math.floor(index / length)), index % length);
  }

  override restart(position: number): number {
    const { length } = this.source;
    if (length === Infinity) return this.source.restart(position);
    if (length === undefined || length === 0) return 0;
    const whole = Math.min(Math.floor(position / length), this.count) * length;
    return whole + this.source.restart(position - whole);
  }

  override cursor(epoch: number, from: number): Cursor {
    const { length } = this.source;
    const isKnown = length !== undefined && length !== Infinity && length > 0;
    let repetition = isKnown ? Math.floor(from / length) : 0;
    let cursor: Cursor | undefined;
    let isFresh = true;
    const open = (position: number) => {
      cursor = openAt(this.source, this.epochOf(epoch, repetition), position);
      isFresh = true;
    };
    const taken = (element: unknown): Maybe<unknown> => {
      if (element !== end) {
        isFresh = false;
        return element;
      }
      // A repetition without elements would be followed by others for ever.
      cursor = undefined;
      repetition++;
      return isFresh || repetition >= this.count ? end : pull();
    };
    let isFirst = true;
    const pull = (): Maybe<unknown> => {
      if (repetition >= this.count) return end;
      if (cursor === undefined) open(isFirst ? (isKnown ? from % length : from) : 0);
      isFirst = false;
      return after((cursor as Cursor).pull(), taken);
    };
    return { pull, close: () => cursor?.close() };
  }
}

/** Elements of several sources side by side; `pack` puts them together. */
export class Zipped extends Stage {
  readonly call: string;
  readonly #pack: (elements: unknown[]) => unknown;
  #isWarned = false;

  constructor(sources: readonly Stage[], pack: (elements: unknown[]) => unknown) {
    super(sources);
    this.#pack = pack;
    this.call = `zip(${sources.map((stage) => stage.chain).join(", ")})`;
    const lengths = sources.map(({ length }) => length);
    if (lengths.every((length) => length !== undefined) && new Set(lengths.filter(Number.isFinite)).size > 1)
      this.#warn(lengths.join(", "));
  }

  get length(): number | undefined {
    const lengths = this.sources.map(({ length }) => length);
    if (lengths.includes(0)) return 0;
    return lengths.includes(undefined) ? undefined : Math.min(...(lengths as number[]));
  }

  override get chain(): string {
    return this.call;
  }

  override get isIndexed(): boolean {
    return this.sources.every(({ isIndexed }) => isIndexed);
  }

  override at(epoch: number, index: number): Maybe<unknown> {
    return this.#packed(this.sources.map((stage) => stage.at(epoch, index)));
  }

  override get canGather(): boolean {
    return this.sources.every(({ canGather }) => canGather);
  }

  override gather(epoch: number, indices: Uint32Array): Maybe<unknown> {
    return this.#packed(this.sources.map((stage) => stage.gather(epoch, indices)));
  }

  override restart(position: number): number {
    return Math.min(...this.sources.map((stage) => stage.restart(position)));
  }

  override cursor(epoch: number, from: number): Cursor {
    const cursors = this.sources.map((stage) => openAt(stage, epoch, from));
    let isOver = false;
    const close = (): Maybe<void> => after(together(cursors.map((cursor) => cursor.close())), () => {});
    const taken = (elements: unknown[]): Maybe<unknown> => {
      if (!elements.includes(end)) return this.#pack(elements);
      isOver = true;
      if (elements.some((element, i) => element !== end && this.sources[i].length !== Infinity))
        this.#warn(this.sources.map(({ length }) => length ?? "an unknown number").join(", "));
      return after(close(), () => end);
    };
    return {
      pull: () => (isOver ? end : after(together(cursors.map((cursor) => cursor.pull())), taken)),
      close,
    };
  }

  #packed(elements: Maybe<unknown>[]): Maybe<unknown> {
    return after(together(elements), (found) => this.#pack(found));
  }

  #warn(lengths: string): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    console.warn(
      `gradgpu: Dataset.zip: the sets are of unequal length (${lengths}); it ends with the shortest, and what the others have beyond is left out`,
    );
  }
}

const together = (values: Maybe<unknown>[]): Maybe<unknown[]> =>
  values.some(isPromised) ? Promise.all(values) : values;

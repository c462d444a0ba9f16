// Stages that hold elements: read ahead of their use, or kept from the first epoch for those after it.

import { bytesOf } from "./elements.ts";
import { after, type Cursor, end, isPromised, type Maybe, openAt, Stage } from "./stage.ts";

/** Milliseconds of reading after which others get their turn. */
const turnMs = 10;

export class Prefetched extends Stage {
  readonly call: string;
  readonly #most: number;

  constructor(source: Stage, most: number) {
    super([source]);
    this.#most = most;
    this.call = `prefetch(${most})`;
  }

  get length(): number | undefined {
    return this.source.length;
  }

  override restart(position: number): number {
    return this.source.restart(position);
  }

  override cursor(epoch: number, from: number): Cursor {
    return readAhead(openAt(this.source, epoch, from), this.#most);
  }
}

/**
 * Reads up to `most` elements beyond those asked for, from the first pull on; an error comes where its element would. What
 * nobody asks for any more goes to `drop`.
 */
export function readAhead(cursor: Cursor, most: number, drop?: (element: unknown) => void): Cursor {
  const ready: unknown[] = [];
  let failure: { error: unknown } | undefined;
  let isOver = false;
  let isClosed = false;
  let reading: Promise<void> | undefined;
  let wake: (() => void) | undefined;
  const told = () => {
    wake?.();
    wake = undefined;
  };
  const read = async (): Promise<void> => {
    try {
      let turned = performance.now();
      while (!isOver && ready.length < most) {
        if (performance.now() - turned >= turnMs) {
          await new Promise((resolve) => setTimeout(resolve, 0));
          turned = performance.now();
          if (isOver) break;
        }
        const found = cursor.pull();
        const element = isPromised(found) ? await found : found;
        if (element === end) isOver = true;
        else if (isClosed) drop?.(element);
        else ready.push(element);
        told();
      }
    } catch (error) {
      failure = { error };
      isOver = true;
    } finally {
      reading = undefined;
      told();
    }
  };
  const start = () => {
    if (!isOver && ready.length < most) reading ??= Promise.resolve().then(read);
  };
  const pull = (): Maybe<unknown> => {
    if (ready.length > 0) {
      const element = ready.shift();
      start();
      return element;
    }
    if (failure !== undefined) throw failure.error;
    if (isOver) return end;
    start();
    return new Promise<void>((resolve) => {
      wake = resolve;
    }).then(pull);
  };
  return {
    pull,
    close: () => {
      isOver = true;
      isClosed = true;
      for (const element of ready.splice(0)) drop?.(element);
      const last = reading;
      // A pull that is under way ends first: a generator can't be closed while it runs.
      return last === undefined ? cursor.close() : last.then(() => cursor.close());
    },
  };
}

/** Elements of the source's first epoch, kept in memory for all epochs. */
export class Cached extends Stage {
  readonly call = "cache()";
  readonly #budget: number;
  readonly #kept: unknown[] = [];
  /** By their numbers, where the source gives elements in any order. */
  readonly #byIndex = new Map<number, unknown>();
  #bytes = 0;
  /** Whether what is kept is all there is. */
  #isWhole = false;
  #isFull = false;

  constructor(source: Stage, budget: number) {
    super([source]);
    this.#budget = budget;
  }

  get length(): number | undefined {
    return this.source.length ?? (this.#isWhole ? this.#kept.length : undefined);
  }

  override get isIndexed(): boolean {
    return this.source.isIndexed;
  }

  override at(_epoch: number, index: number): Maybe<unknown> {
    if (this.#byIndex.has(index)) return this.#byIndex.get(index);
    return after(this.source.at(0, index), (element) => {
      if (this.#hasRoom(element)) this.#byIndex.set(index, element);
      return element;
    });
  }

  override restart(position: number): number {
    return this.source.restart(position);
  }

  override cursor(epoch: number, from: number): Cursor {
    if (this.isIndexed) return super.cursor(epoch, from);
    let next = from;
    let cursor: Cursor | undefined;
    const taken = (element: unknown): unknown => {
      const at = next;
      if (element === end) {
        if (at === this.#kept.length) this.#isWhole = true;
        return end;
      }
      next++;
      if (at === this.#kept.length) this.#keep(element);
      return element;
    };
    return {
      pull: () => {
        if (cursor === undefined) {
          if (next < this.#kept.length) return this.#kept[next++];
          if (this.#isWhole) return end;
          cursor = openAt(this.source, 0, next);
        }
        return after(cursor.pull(), taken);
      },
      close: () => cursor?.close(),
    };
  }

  #keep(element: unknown): void {
    if (this.#hasRoom(element)) this.#kept.push(element);
  }

  #hasRoom(element: unknown): boolean {
    if (this.#isFull) return false;
    this.#bytes += bytesOf(element);
    if (this.#bytes <= this.#budget) return true;
    this.#isFull = true;
    console.warn(
      `gradgpu: ${this.chain}: the elements take more than memoryBudget, ${this.#budget} bytes; the first ${this.#kept.length + this.#byIndex.size} are kept, and each epoch makes the others anew. Cache before what makes them larger, or pass cache({ memoryBudget })`,
    );
    return false;
  }
}

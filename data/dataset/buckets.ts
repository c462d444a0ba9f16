// Bucketed: elements of about one length batched together, each batch padded to its bucket's boundary.

import { ArgumentError, DataError } from "../../engine/base/errors.ts";
import { atLeastOne, showGiven, showGivenList } from "../../engine/internal.ts";
import { type PadValue, padding } from "./batch.ts";
import { joined } from "./elements.ts";
import { after, type Cursor, end, type Maybe, openAt, Stage } from "./stage.ts";

export interface BucketOptions {
  /** Lengths at which buckets end, rising: an element of at most that length is in the bucket; longer ones share the last. */
  boundaries: readonly number[];
  /** Elements a batch; a list has one for each bucket, the one of longer elements included. */
  batchSize: number | readonly number[];
  /** What fills up; one number, or one a part. Default 0. */
  padValue?: PadValue;
  /**
   * Whether each batch is as long as its bucket's boundary, so that there are few shapes; else as its longest element.
   * Default true.
   */
  padToBoundary?: boolean;
  /** Whether what is left in buckets at an epoch's end is left out. Default false. */
  dropRemainder?: boolean;
}

export class Bucketed extends Stage {
  readonly call = "bucketByLength()";
  readonly length = undefined;
  // biome-ignore lint/suspicious/noExplicitAny: elements of whatever a set holds
  readonly #lengthOf: (element: any) => number;
  readonly #options: BucketOptions;
  readonly #sizes: readonly number[];

  // biome-ignore lint/suspicious/noExplicitAny: elements of whatever a set holds
  constructor(source: Stage, lengthOf: (element: any) => number, options: BucketOptions) {
    super([source]);
    const { boundaries, batchSize } = options;
    const what = "bucketByLength";
    const isRising = (list: readonly number[]) =>
      list.every((n, i) => Number.isInteger(n) && n > (list[i - 1] ?? 0));
    if (!Array.isArray(boundaries) || boundaries.length === 0 || !isRising(boundaries)) {
      throw new ArgumentError(
        `${what}: boundaries must be rising whole numbers above 0, as in [16, 32, 64], got ${showGivenList(boundaries)}`,
      );
    }
    const count = boundaries.length + 1;
    if (Array.isArray(batchSize) && batchSize.length !== count) {
      throw new ArgumentError(
        `${what}: batchSize has ${batchSize.length} entries for ${count} buckets, the one of elements longer than ${boundaries[count - 2]} included`,
      );
    }
    this.#sizes = Array.from({ length: count }, (_, i) =>
      atLeastOne(what, "batchSize", typeof batchSize === "number" ? batchSize : batchSize[i]),
    );
    this.#lengthOf = lengthOf;
    this.#options = options;
  }

  override get isBatched(): boolean {
    return true;
  }

  override cursor(epoch: number): Cursor {
    const { boundaries, padToBoundary = true, padValue, dropRemainder = false } = this.#options;
    const cursor = openAt(this.source, epoch, 0);
    const buckets: unknown[][] = this.#sizes.map(() => []);
    let next = 0;
    let isOver = false;
    let batches = 0;
    const batchOf = (i: number): unknown => {
      const elements = buckets[i];
      buckets[i] = [];
      // Parts that don't have the length, as labels, are stacked as they are.
      const boundary = padToBoundary && i < boundaries.length ? boundaries[i] : undefined;
      const lengths = elements.map((element) => this.#lengthOf(element));
      const pad = padding(padValue);
      const padLong = padding(padValue, boundary);
      return joined(
        elements,
        (parts, path, what) => {
          const isLong = parts.every((part, j) => lengthOfPart(part) === lengths[j]);
          return (isLong ? padLong : pad)(parts, path, what);
        },
        `${this.chain}: batch ${batches++}`,
      );
    };
    const rest = (): unknown => {
      const left = dropRemainder ? -1 : buckets.findIndex((elements) => elements.length > 0);
      return left < 0 ? end : batchOf(left);
    };
    /** The number of a bucket that is full now. */
    const put = (element: unknown): number => {
      let length: number;
      try {
        length = this.#lengthOf(element);
      } catch (error) {
        throw this.failure(next, error);
      }
      if (!(Number.isInteger(length) && length >= 0)) {
        throw new DataError(
          `${this.chain}: element ${next}: its length must be a whole number, got ${showGiven(length)}`,
        );
      }
      next++;
      const found = boundaries.findIndex((boundary) => length <= boundary);
      const i = found < 0 ? boundaries.length : found;
      return buckets[i].push(element) === this.#sizes[i] ? i : -1;
    };
    const taken = (element: unknown): Maybe<unknown> => {
      if (element === end) {
        isOver = true;
        return rest();
      }
      const full = put(element);
      return full < 0 ? undefined : batchOf(full);
    };
    const pull = (): Maybe<unknown> => {
      if (isOver) return rest();
      for (;;) {
        const found = after(cursor.pull(), taken);
        if (found instanceof Promise) return found.then((batch) => batch ?? pull());
        if (found !== undefined) return found;
      }
    };
    return { pull, close: () => cursor.close() };
  }
}

const lengthOfPart = (part: unknown): number | undefined => {
  const { shape, length } = (part ?? {}) as { shape?: readonly number[]; length?: number };
  return shape?.[0] ?? length;
};

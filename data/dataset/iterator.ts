// DatasetIterator: a walk over one epoch, which knows its place and can be opened there again.

import { ArgumentError, DataError, kindOf } from "../../engine/base/errors.ts";
import { Checksum } from "./checksum.ts";
import { identify, identityOf, takeIdentity } from "./identity.ts";
import { type Cursor, end, isPromised, type Maybe, type Stage, startOf } from "./stage.ts";

/** A place in the elements of a set; plain data, which may be kept in a file. */
export interface DatasetPosition {
  /** Counted from 0. */
  readonly epoch: number;
  /** Elements of the epoch that were taken. */
  readonly skip: number;
  /** Of the elements that opening there runs through again; undefined where there are none, or none was asked for. */
  readonly checksum?: string | undefined;
  /** Of the pipeline: its calls, the shapes of its arrays, some of their rows. Noted with checksums. */
  readonly data?: string | undefined;
  /** Keys of its shuffles, so that those without a seed go on in the same orders. Noted with checksums. */
  readonly orders?: readonly (readonly number[])[] | undefined;
}

export interface OpenOptions extends Partial<DatasetPosition> {
  /** Whether positions have a checksum; default false. It costs about a nanosecond a value. */
  withChecksum?: boolean;
  /** Ends the iteration: it rejects with the signal's reason, and closes what is open. */
  signal?: AbortSignal | undefined;
}

export class DatasetIterator<T> implements AsyncIterableIterator<T> {
  /** Counted from 0. */
  readonly epoch: number;
  /** How many elements were run through again to come to where it was opened. */
  readonly rerun: number;
  readonly #stage: Stage;
  readonly #cursor: Cursor;
  readonly #signal: AbortSignal | undefined;
  readonly #checksum: Checksum | undefined;
  #taken: number;
  #isOver = false;
  #turn: Promise<unknown> = Promise.resolve();

  /** @internal Use `Dataset.open`. */
  constructor(stage: Stage, cursor: Cursor, taken: number, options: OpenOptions, sum: Checksum | undefined) {
    this.#stage = stage;
    this.#cursor = cursor;
    this.#taken = taken;
    this.#signal = options.signal;
    this.#checksum = sum;
    this.epoch = options.epoch ?? 0;
    this.rerun = taken - startOf(stage, taken);
  }

  /** Where it stands: `Dataset.open` of it gives what comes next. */
  get position(): DatasetPosition {
    const { epoch } = this;
    const skip = this.#taken;
    const sum = this.#checksum;
    if (sum === undefined) return { epoch, skip };
    const isRunAgain = startOf(this.#stage, skip) < skip;
    return { epoch, skip, ...(isRunAgain && { checksum: sum.value }), ...identityOf(this.#stage) };
  }

  next(): Promise<IteratorResult<T>> {
    // Calls wait for one another: sources take one at a time.
    const found = this.#turn.then(() => this.#next());
    this.#turn = found.catch(() => {});
    return found;
  }

  /** Closes it: what a generator has in `finally` runs. */
  async return(): Promise<IteratorResult<T>> {
    await this.#close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  /** @internal The next element without a promise where it is at hand. */
  pull(): Maybe<unknown> {
    if (this.#isOver) return end;
    try {
      this.#signal?.throwIfAborted();
      const found = this.#cursor.pull();
      return isPromised(found) ? this.#awaited(found) : this.#noted(found);
    } catch (error) {
      return this.#failed(error);
    }
  }

  async #next(): Promise<IteratorResult<T>> {
    const found = await this.pull();
    return found === end ? { done: true, value: undefined } : { done: false, value: found as T };
  }

  async #awaited(found: Promise<unknown>): Promise<unknown> {
    const signal = this.#signal;
    if (signal === undefined)
      return found.then(
        (element) => this.#noted(element),
        (error) => this.#failed(error),
      );
    let stop: () => void = () => {};
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop);
    });
    try {
      return this.#noted(await Promise.race([found, aborted]));
    } catch (error) {
      return this.#failed(error);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #noted(element: unknown): unknown {
    if (element === end) {
      this.#isOver = true;
      return end;
    }
    this.#taken++;
    const sum = this.#checksum;
    if (sum !== undefined) {
      if (startOf(this.#stage, this.#taken) === this.#taken) sum.reset();
      else sum.add(element);
    }
    return element;
  }

  async #failed(error: unknown): Promise<never> {
    // What failed is what the caller hears of, not what closing says to it.
    void this.#close().catch(() => {});
    throw error;
  }

  async #close(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#cursor.close();
  }
}

/** @throws DataError where the elements run through again are not those of the checksum, or are too few */
export async function openIterator<T>(stage: Stage, options: OpenOptions): Promise<DatasetIterator<T>> {
  const { epoch = 0, skip = 0, checksum, signal, withChecksum = false } = options;
  const what = `${stage.chain}: open`;
  for (const [name, value] of Object.entries({ epoch, skip })) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new ArgumentError(`${what}: ${name} must be a whole number of at least 0, got ${kindOf(value)}`);
  }
  const { length } = stage;
  if (length !== undefined && skip > length) throw new DataError(tooFew(what, epoch, length, skip));
  if (withChecksum || checksum !== undefined || options.data !== undefined) await identify(stage);
  takeIdentity(what, stage, options);
  signal?.throwIfAborted();
  await stage.prepare();
  const start = startOf(stage, skip);
  const sum = withChecksum || checksum !== undefined ? new Checksum() : undefined;
  const cursor = stage.cursor(epoch, start);
  try {
    for (let i = start; i < skip; i++) {
      signal?.throwIfAborted();
      const element = await cursor.pull();
      if (element === end) throw new DataError(tooFew(what, epoch, i, skip));
      sum?.add(element);
    }
    if (checksum !== undefined && start < skip && sum?.value !== checksum) {
      throw new DataError(
        `${what}: the ${skip - start} elements before element ${skip} of epoch ${epoch} are not those that were taken before (their checksum is ${sum?.value}, and was ${checksum}); open it over the same data, in the same order, or begin anew`,
      );
    }
  } catch (error) {
    await cursor.close();
    throw error;
  }
  return new DatasetIterator(stage, cursor, skip, options, sum);
}

const tooFew = (what: string, epoch: number, count: number, skip: number): string =>
  `${what}: epoch ${epoch} has ${count} elements, and ${skip} were taken before; open it over the same data, or begin anew`;

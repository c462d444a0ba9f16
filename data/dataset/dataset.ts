// Dataset: pipelines of elements, from where they come to batches for training.

import { ArgumentError, checkOptions, kindOf, type OptionNames } from "../../engine/base/errors.ts";
import type { Tensor, Tree } from "../../engine/index.ts";
import { atLeastOne, atLeastZero, wholeNumber } from "../../engine/internal.ts";
import type { CsvRow } from "../formats/csv.ts";
import type { DataSource } from "../sources/source.ts";
import { Cached, Prefetched } from "./ahead.ts";
import { Batched, type PadValue, padding, plainBatch } from "./batch.ts";
import type { BatchWalk } from "./batch-walk.ts";
import { Bucketed, type BucketOptions } from "./buckets.ts";
import { type CsvDatasetOptions, csvStage } from "./csv.ts";
import { type DatasetIterator, type OpenOptions, openIterator } from "./iterator.ts";
import { MappedOnDevice } from "./on-device.ts";
import { type ElementPlace, Enumerated, Filtered, Mapped, Part, Repeated, Zipped } from "./row-stages.ts";
import { Shuffled } from "./shuffle.ts";
import { Slices } from "./slices.ts";
import { Generated, Range, type SourceFunction } from "./sources.ts";
import type { Maybe, Stage } from "./stage.ts";
import { openTraining, type ReadRows, sampleOf, type TrainingRequest } from "./training.ts";
import type { Batch, Slice, Tensors } from "./types.ts";

export interface GeneratorOptions {
  /** How many elements an epoch has, where that is known; others are a DataError. */
  length?: number;
  /** Whether the function begins at the element that its argument's `skip` says. Default false. */
  seekable?: boolean;
  /** Whether elements are batches, so that training does not batch them. Default false. */
  batched?: boolean;
}

export interface ShuffleOptions {
  /** Of the orders: the same seed gives the same ones everywhere. Default: follows from `setSeed`, where a device is open. */
  seed?: number;
}

export interface BatchOptions {
  /** Whether an epoch's last batch is left out where it is short. Default false. */
  dropRemainder?: boolean;
}

export interface PaddedBatchOptions extends BatchOptions {
  /** What fills up; one number, or one a part in the form of an element. Default 0. */
  padValue?: PadValue;
}

export interface CacheOptions {
  /** Bytes that may be kept on the host; default 1 GiB. */
  memoryBudget?: number;
}

const generatorOptions: OptionNames<GeneratorOptions> = { length: true, seekable: true, batched: true };
const shuffleOptions: OptionNames<ShuffleOptions> = { seed: true };
const batchOptions: OptionNames<BatchOptions> = { dropRemainder: true };
const paddedOptions: OptionNames<PaddedBatchOptions> = { dropRemainder: true, padValue: true };
const cacheOptions: OptionNames<CacheOptions> = { memoryBudget: true };
const bucketOptions: OptionNames<BucketOptions> = {
  boundaries: true,
  batchSize: true,
  padValue: true,
  padToBoundary: true,
  dropRemainder: true,
};
const openOptions: OptionNames<OpenOptions> = {
  epoch: true,
  skip: true,
  checksum: true,
  data: true,
  orders: true,
  withChecksum: true,
  signal: true,
};

/**
 * Elements in order, made when they are asked for; each method gives a new set and leaves this one as it is.
 *
 *     const train = Dataset.fromTensorSlices([x, y]).shuffle().batch(100, { dropRemainder: true }).repeat();
 *     for await (const [images, labels] of train.take(2)) console.log(images.shape, labels.shape);
 *
 * An element is one part (a number, a typed array, an {@link NdArray} of more axes, a text) or several, in an array or by
 * name in an object.
 */
export class Dataset<T = unknown> implements AsyncIterable<T> {
  /** @internal */
  readonly stage: Stage;
  #epochs = 0;

  /** @internal Use `Dataset.fromTensorSlices` and its kin. */
  constructor(stage: Stage) {
    this.stage = stage;
  }

  /**
   * The rows of arrays or tensors that have as many: element i has row i of each part.
   *
   * @param data parts in an array, as [x, y], or by name, or one part: a tensor (it stays on the device where it is trained
   *   on), a typed array (rows of one value), `{ values, shape }`, nested arrays of numbers, or a list of texts. An array of
   *   two or three arrays has that many parts; rows of nested arrays alone are passed as `[rows]` or `{ x: rows }`
   * @throws ShapeError for parts of unequal lengths, ragged arrays and what has no rows
   */
  static fromTensorSlices<const D>(data: D): Dataset<Slice<D>> {
    return new Dataset(new Slices("fromTensorSlices()", data));
  }

  /**
   * What a function yields: `function*` or `async function*`, or any function that gives a new iterator at each call. It is
   * called once an epoch, with `{ epoch, skip }`.
   *
   * @throws ArgumentError for what is no function
   */
  static fromGenerator<T>(make: SourceFunction<T>, options: GeneratorOptions = {}): Dataset<T> {
    const what = "Dataset.fromGenerator";
    checkOptions(what, options, generatorOptions);
    if (typeof make !== "function") {
      throw new ArgumentError(
        `${what}: takes a function that gives an iterator, as function* does, got ${kindOf(make)}; an iterator alone can't be run again for the next epoch`,
      );
    }
    const { length, seekable = false, batched = false } = options;
    if (length !== undefined && length !== Infinity) wholeNumber(what, "length", length);
    return new Dataset(new Generated(make, length, seekable, batched));
  }

  /**
   * Rows of a CSV file, read one by one, so that it may be larger than the memory: objects by the names of the columns, or
   * with `target` [x, y]. It is read anew each epoch; `cache()` keeps it. Needs the npm package `csv-parse`.
   *
   * @param source a path (Node), an address, bytes or a File; a string with a line break is the text itself
   */
  static fromCsv(
    source: DataSource,
    options: CsvDatasetOptions & { target: string },
  ): Dataset<[x: Float32Array, y: number | string]>;
  static fromCsv(source: DataSource, options?: CsvDatasetOptions): Dataset<CsvRow>;
  static fromCsv(source: DataSource, options: CsvDatasetOptions = {}): Dataset<unknown> {
    return new Dataset(csvStage(source, options));
  }

  /** Whole numbers: up to `stop`, or from `start` to `stop` (both exclusive of the end) by `step`. */
  static range(stop: number): Dataset<number>;
  static range(start: number, stop: number, step?: number): Dataset<number>;
  static range(start: number, stop?: number, step = 1): Dataset<number> {
    return new Dataset(stop === undefined ? new Range(0, start, 1) : new Range(start, stop, step));
  }

  /**
   * Elements of several sets side by side, in an array or by the names of an object. It ends with the shortest; finite sets
   * of unequal length are warned of.
   */
  static zip<const D extends readonly Dataset<unknown>[] | { readonly [name: string]: Dataset<unknown> }>(
    datasets: D,
  ): Dataset<{ -readonly [K in keyof D]: D[K] extends Dataset<infer E> ? E : never }> {
    const isList = Array.isArray(datasets);
    const entries = typeof datasets === "object" && datasets !== null ? Object.entries(datasets) : [];
    for (const [key, set] of entries) {
      if (!(set instanceof Dataset))
        throw new ArgumentError(`Dataset.zip: ${key} must be a Dataset, got ${kindOf(set)}`);
    }
    if (entries.length === 0) {
      throw new ArgumentError(
        `Dataset.zip: takes data sets in an array or an object, got ${kindOf(datasets)}`,
      );
    }
    const names = entries.map(([name]) => name);
    const pack = (elements: unknown[]) =>
      isList ? elements : Object.fromEntries(elements.map((element, i) => [names[i], element]));
    return new Dataset(
      new Zipped(
        entries.map(([, set]) => (set as Dataset).stage),
        pack,
      ),
    );
  }

  /** Elements an epoch; Infinity for an endless set, undefined where only running it can tell. */
  get cardinality(): number | undefined {
    return this.stage.length;
  }

  /** Each element as `fn` makes it, on the host; `fn` may be asynchronous. */
  map<R>(fn: (element: T, place: ElementPlace) => R): Dataset<Awaited<R>> {
    checkElementFunction("map", fn);
    return new Dataset(new Mapped(this.stage, fn));
  }

  /**
   * Batches as `fn` makes them of tensors on the default device: traced, one program a shape. What it gives are tensors,
   * which are the caller's to dispose; training disposes its own.
   */
  mapOnDevice<R extends Tree<Tensor>>(fn: (batch: Tensors<T>) => R): Dataset<R> {
    checkElementFunction("mapOnDevice", fn);
    return new Dataset(new MappedOnDevice(this.stage, fn));
  }

  /** The elements for which `fn` gives true; how many that are is not known before. */
  filter(fn: (element: T, place: ElementPlace) => Maybe<boolean>): Dataset<T> {
    checkElementFunction("filter", fn);
    return new Dataset(new Filtered(this.stage, fn));
  }

  /**
   * The elements in a random order, another each epoch.
   *
   * @param bufferSize each element is drawn from so many that were read ahead; default: from all. Sets of arrays and tensors
   *   (and what keeps their length) only draw numbers; others hold as many elements on the host
   */
  shuffle(bufferSize?: number | ShuffleOptions, options?: ShuffleOptions): Dataset<T> {
    const isSize = typeof bufferSize === "number";
    const given = isSize || bufferSize === undefined ? options : bufferSize;
    checkOptions("shuffle", given, shuffleOptions);
    if (isSize && bufferSize !== Infinity) atLeastOne("shuffle", "bufferSize", bufferSize);
    const isWhole = !isSize || bufferSize === Infinity;
    if (isWhole && this.cardinality === Infinity) {
      throw new ArgumentError(
        `${this.stage.chain}.shuffle: the set is endless and can't be shuffled whole; shuffle before repeat(), or pass a bufferSize`,
      );
    }
    return new Dataset(new Shuffled(this.stage, isWhole ? undefined : bufferSize, given?.seed));
  }

  /** `size` elements as one: numbers as a typed array [size], parts of shape [...s] as [size, ...s]. */
  batch(size: number, options: BatchOptions = {}): Dataset<Batch<T>> {
    checkOptions("batch", options, batchOptions);
    return new Dataset(plainBatch(this.stage, atLeastOne("batch", "size", size), options.dropRemainder));
  }

  /** As {@link batch}, of parts whose axes differ in length: each is filled up to the longest of its batch. */
  paddedBatch(size: number, options: PaddedBatchOptions = {}): Dataset<Batch<T>> {
    checkOptions("paddedBatch", options, paddedOptions);
    atLeastOne("paddedBatch", "size", size);
    const { dropRemainder = false, padValue } = options;
    return new Dataset(
      new Batched(this.stage, `paddedBatch(${size})`, size, dropRemainder, padding(padValue)),
    );
  }

  /** Padded batches of elements of about one length, which `lengthOf` tells. */
  bucketByLength(lengthOf: (element: T) => number, options: BucketOptions): Dataset<Batch<T>> {
    checkOptions("bucketByLength", options, bucketOptions);
    checkElementFunction("bucketByLength", lengthOf);
    return new Dataset(new Bucketed(this.stage, lengthOf, options));
  }

  /** The set `count` times, shuffled anew each time; without a count for ever. */
  repeat(count = Infinity): Dataset<T> {
    if (count !== Infinity) wholeNumber("repeat", "count", count);
    return new Dataset(new Repeated(this.stage, count));
  }

  /** The first `count` elements. */
  take(count: number): Dataset<T> {
    if (count !== Infinity) wholeNumber("take", "count", count);
    return new Dataset(new Part(this.stage, `take(${count})`, 0, count));
  }

  /** All but the first `count` elements. */
  skip(count: number): Dataset<T> {
    wholeNumber("skip", "count", count);
    return new Dataset(new Part(this.stage, `skip(${count})`, count, Infinity));
  }

  /**
   * Keeps the first epoch's elements on the host for all epochs: what comes before is run once. Above `memoryBudget` it warns,
   * and makes those that it doesn't keep anew each epoch.
   */
  cache(options: CacheOptions = {}): Dataset<T> {
    checkOptions("cache", options, cacheOptions);
    return new Dataset(
      new Cached(this.stage, atLeastZero("cache", "memoryBudget", options.memoryBudget ?? 2 ** 30)),
    );
  }

  /** Reads up to `count` elements ahead while earlier ones are used. */
  prefetch(count = 2): Dataset<T> {
    return new Dataset(new Prefetched(this.stage, atLeastOne("prefetch", "count", count)));
  }

  /** Pairs of a number, counted from `start`, and an element. */
  enumerate(start = 0): Dataset<[number, T]> {
    return new Dataset(new Enumerated(this.stage, wholeNumber("enumerate", "start", start)));
  }

  /**
   * The elements of an epoch from number `skip` on: exactly those that an iteration of that epoch gives there. Sets of arrays,
   * tensors and ranges are opened there; others run again from their start, and the iterator's `rerun` says how many elements
   * that were. `position` of an iterator is what to pass.
   *
   * @throws DataError where the epoch has fewer elements, those run through again differ from what `checksum` says, or
   *   the position was noted of other data
   */
  async open(options: OpenOptions = {}): Promise<DatasetIterator<T>> {
    checkOptions("open", options, openOptions);
    return openIterator(this.stage, options);
  }

  /** The elements of an epoch: the first time epoch 0, then the next. */
  [Symbol.asyncIterator](): AsyncIterator<T> {
    const epoch = this.#epochs++;
    let opened: Promise<DatasetIterator<T>> | undefined;
    const open = () => {
      opened ??= this.open({ epoch });
      return opened;
    };
    return {
      next: async () => (await open()).next(),
      return: async () => (opened === undefined ? { done: true, value: undefined } : (await opened).return()),
    };
  }

  /** @internal What fit, evaluate and predict walk over. */
  openTraining<R extends ReadRows>(request: TrainingRequest<R>): Promise<{ rows: R; walk: BatchWalk }> {
    return openTraining(this.stage, request);
  }

  /** @internal Inputs by which a model that knows no shape yet is built. */
  sample(what: string, batchSize: number | undefined): Promise<unknown> {
    return sampleOf(this.stage, what, batchSize);
  }

  /** All elements of an epoch. */
  async toArray(options: OpenOptions = {}): Promise<T[]> {
    if (this.cardinality === Infinity) {
      throw new ArgumentError(`${this.stage.chain}.toArray: the set is endless; take() some of it first`);
    }
    const elements: T[] = [];
    for await (const element of await this.open(options)) elements.push(element);
    return elements;
  }
}

function checkElementFunction(what: string, fn: unknown): void {
  if (typeof fn !== "function")
    throw new ArgumentError(`${what}: takes a function of an element, got ${kindOf(fn)}`);
}

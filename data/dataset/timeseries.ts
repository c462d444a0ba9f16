// timeseriesDatasetFromArray: windows that slide over a series, with a target each, as Keras's function makes them.

import {
  ArgumentError,
  checkOptions,
  kindOf,
  type OptionNames,
  ShapeError,
} from "../../engine/base/errors.ts";
import { Tensor } from "../../engine/index.ts";
import { atLeastOne, showGiven, wholeNumber } from "../../engine/internal.ts";
import { plainBatch } from "./batch.ts";
import { Dataset } from "./dataset.ts";
import { NdArray, type NumberArray, type Shaped, unwrapped } from "./nd-array.ts";
import { Shuffled } from "./shuffle.ts";
import { Slices } from "./slices.ts";
import { Stage } from "./stage.ts";

/** Rows of numbers, one a time step: a tensor, a typed array (rows of one value), `{ values, shape }`, or nested arrays. */
export type Series = Tensor | NumberArray | Shaped | readonly number[] | readonly (readonly unknown[])[];

/** A window, or the targets of a batch: a typed array where a time step is one number. */
export type SeriesValues = NumberArray | NdArray;

export interface TimeseriesOptions {
  /** Time steps from one window's beginning to the next one's. Default 1. */
  sequenceStride?: number;
  /** Time steps from one value of a window to the next. Default 1. */
  samplingRate?: number;
  /** Windows a batch; `null` for windows one by one. Default 128. */
  batchSize?: number | null;
  /** Whether windows come in a random order, another each epoch. Default false: as time goes. */
  shuffle?: boolean;
  /** Of that order: the same seed gives the same one everywhere. Default: follows from `setSeed`, where a device is open. */
  seed?: number;
  /** The first time step that windows may use. Default 0. */
  startIndex?: number;
  /** The time step before which windows end. Default: the length of the series. */
  endIndex?: number;
}

const timeseriesOptions: OptionNames<TimeseriesOptions> = {
  sequenceStride: true,
  samplingRate: true,
  batchSize: true,
  shuffle: true,
  seed: true,
  startIndex: true,
  endIndex: true,
};

const what = "timeseriesDatasetFromArray";

/**
 * Windows that slide over a series, and a target for each, as Keras's `timeseries_dataset_from_array` gives them.
 *
 * ```js
 * // From ten values of a series the next one.
 * const train = timeseriesDatasetFromArray(series.subarray(0, -10), series.subarray(10), 10);
 * ```
 *
 * @param data [steps, ...features], one row a time step. LSTM and its kin want features: a series of single numbers is
 *   `{ values, shape: [steps, 1] }` then
 * @param targets one row a time step of `data`: row i belongs to the window that begins at step i. `null` for windows alone
 * @param sequenceLength values of a window
 * @returns batches `[x, y]` with x [batch, sequenceLength, ...features] and y [batch, ...]; without targets x alone. Only whole
 *   windows are given, each within `startIndex` and `endIndex`, and no more than there are targets
 * @throws ShapeError where not one window fits; ArgumentError for options that can't be
 */
export function timeseriesDatasetFromArray(
  data: Series,
  targets: null | undefined,
  sequenceLength: number,
  options: TimeseriesOptions & { batchSize: null },
): Dataset<SeriesValues>;
export function timeseriesDatasetFromArray(
  data: Series,
  targets: Series,
  sequenceLength: number,
  options: TimeseriesOptions & { batchSize: null },
): Dataset<[x: SeriesValues, y: number | SeriesValues]>;
export function timeseriesDatasetFromArray(
  data: Series,
  targets: null | undefined,
  sequenceLength: number,
  options?: TimeseriesOptions,
): Dataset<NdArray>;
export function timeseriesDatasetFromArray(
  data: Series,
  targets: Series,
  sequenceLength: number,
  options?: TimeseriesOptions,
): Dataset<[x: NdArray, y: SeriesValues]>;
export function timeseriesDatasetFromArray(
  data: Series,
  targets: Series | null | undefined,
  sequenceLength: number,
  options: TimeseriesOptions = {},
): Dataset<unknown> {
  checkOptions(what, options, timeseriesOptions);
  const { batchSize = 128, shuffle = false } = options;
  if (batchSize !== null) atLeastOne(what, "batchSize", batchSize);
  if (typeof shuffle !== "boolean")
    throw new ArgumentError(`${what}: shuffle must be true or false, got ${showGiven(shuffle)}`);
  const windows = new Windows(data, targets ?? undefined, sequenceLength, options);
  const ordered = shuffle ? new Shuffled(windows, undefined, options.seed) : windows;
  return new Dataset(batchSize === null ? ordered : plainBatch(ordered, batchSize));
}

/** Rows from several places at once. */
type Gathered = { rows: NumberArray | NdArray };

/** @throws ArgumentError for what is not one array of numbers */
function slicesOf(name: string, rows: unknown): Slices {
  const slices = new Slices(`${what}: ${name}`, { rows });
  const part = (slices.parts as { rows: unknown }).rows;
  if (part instanceof Tensor || part instanceof NdArray) return slices;
  throw new ArgumentError(
    `${what}: ${name} must be one series of numbers, a row a time step, got ${kindOf(rows)}; put several side by side as features, { values, shape: [steps, features] }`,
  );
}

class Windows extends Stage {
  readonly call: string;
  readonly length: number;
  readonly #first: number;
  readonly #size: number;
  readonly #stride: number;
  readonly #rate: number;

  constructor(
    data: Series,
    targets: Series | undefined,
    sequenceLength: number,
    { sequenceStride = 1, samplingRate = 1, startIndex = 0, endIndex }: TimeseriesOptions,
  ) {
    const series = slicesOf("data", data);
    super(targets === undefined ? [series] : [series, slicesOf("targets", targets)]);
    this.#size = atLeastOne(what, "sequenceLength", sequenceLength);
    this.#stride = atLeastOne(what, "sequenceStride", sequenceStride);
    this.#rate = atLeastOne(what, "samplingRate", samplingRate);
    this.#first = wholeNumber(what, "startIndex", startIndex);
    const stop = wholeNumber(what, "endIndex", endIndex ?? series.length);
    if (stop > series.length || startIndex >= stop) {
      throw new ArgumentError(
        `${what}: windows are to lie between startIndex ${startIndex} and endIndex ${stop}, and the series has ${series.length} time steps; they must be 0 <= startIndex < endIndex <= ${series.length}`,
      );
    }
    const span = (sequenceLength - 1) * samplingRate + 1;
    const starts = Math.min(stop - startIndex - span + 1, (this.sources[1]?.length ?? Infinity) - startIndex);
    if (starts < 1) {
      const found =
        stop - startIndex < span
          ? `there are ${stop - startIndex} from ${startIndex} to ${stop}; take a shorter sequenceLength, a smaller samplingRate or more of the series`
          : `there are ${this.sources[1].length} targets, none for the window that begins at step ${startIndex}`;
      throw new ShapeError(
        `${what}: a window of ${sequenceLength} values, ${samplingRate} apart, spans ${span} time steps, and ${found}`,
      );
    }
    this.length = Math.ceil(starts / sequenceStride);
    this.call = `${what}(${sequenceLength}, ${JSON.stringify({ sequenceStride, samplingRate, startIndex, endIndex: stop })})`;
  }

  override get chain(): string {
    return this.call;
  }

  override get isIndexed(): boolean {
    return true;
  }

  override get canGather(): boolean {
    return true;
  }

  override at(epoch: number, index: number): unknown {
    const one = (values: NumberArray | NdArray) =>
      values instanceof NdArray ? unwrapped(values.values, values.shape.slice(1)) : values[0];
    const found = this.gather(epoch, Uint32Array.of(index));
    return Array.isArray(found) ? found.map(one) : one(found as NdArray);
  }

  override gather(epoch: number, indices: Uint32Array): unknown {
    const [data, targets] = this.sources as Slices[];
    const starts = indices.map((index) => this.#first + index * this.#stride);
    const rows = new Uint32Array(starts.length * this.#size);
    for (let i = 0; i < rows.length; i++)
      rows[i] = starts[Math.floor(i / this.#size)] + (i % this.#size) * this.#rate;
    const { rows: series } = data.gather(epoch, rows) as Gathered;
    const shape = [starts.length, this.#size, ...(series instanceof NdArray ? series.shape.slice(1) : [])];
    const x = new NdArray(series instanceof NdArray ? series.values : series, shape);
    return targets === undefined ? x : [x, (targets.gather(epoch, starts) as Gathered).rows];
  }
}

// Stream: walks over rows that stay on the host because the device should not hold them all.

import {
  ArgumentError,
  add,
  type Device,
  type HostArray,
  LimitError,
  noGrad,
  sizeOf,
  Tensor,
  tidy,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { advance, fillPermutation, hostArray, showGiven, takeRows } from "../../engine/internal.ts";
import { Batches, type BatchWalk, batchSizes } from "./batches.ts";
import { HostRows, type Rows } from "./data.ts";
import type { Use } from "./owned.ts";

// Each epoch's order is the one that rows on the device get. Rows are gathered into chunks of whole batches, one
// upload a chunk. One chunk on the device is enough: `set` hands the bytes to the queue, which keeps them until it
// comes to them, so the next chunk is gathered and handed over while the device works on the batches before. A second
// chunk would want a second program (other memory, other bindings) and save only the copy itself.

export interface MemoryOptions {
  /**
   * Bytes of typed or nested arrays that may be kept on the device at once; default 1 GiB. Where the data takes
   * more, or one array more than the adapter binds at once, it stays on the host and streams: each epoch's samples,
   * in the same order and with the same results, go over in chunks of whole batches of about 16 MiB (at most half
   * of the budget), the next while the device works on the one before. Tensors are used where they are.
   */
  memoryBudget?: number;
}

/** Rows to walk over: on the device or on the host, each by itself. */
export interface RowSource {
  /** Inputs, targets and weights, a row a sample each. */
  readonly parts: readonly (Tensor | HostRows)[];
  /** What errors call them: "x", "y", ... */
  readonly names: readonly string[];
  /** Which rows: `count` of them from `start` on. */
  readonly start: number;
  readonly count: number;
}

/** Bytes of a chunk: many batches of small rows, and not long to gather. */
const chunkBytes = 2 ** 24;
const defaultBudget = 2 ** 30;

/** What the data of one call may take on the device. */
export class Budget {
  readonly bytes: number;
  /** Bytes that one array may have: what the adapter binds at once. */
  readonly arrayBytes: number;
  #left: number;

  constructor(what: string, device: Device, bytes = defaultBudget) {
    if (!(typeof bytes === "number" && bytes > 0)) {
      throw new ArgumentError(
        `${what}: memoryBudget must be a number of bytes above 0, got ${showGiven(bytes)}`,
      );
    }
    const { maxStorageBufferBindingSize = Infinity, maxBufferSize = Infinity } = device.info.limits;
    this.bytes = bytes;
    this.arrayBytes = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    this.#left = bytes;
  }

  /** Uploads what is on the host if all of it fits, else leaves it there. */
  place(device: Device, parts: readonly Rows[], use: Use): (Tensor | HostRows)[] {
    const sizes = parts.map(({ rows }) => (rows instanceof HostRows ? rows.count * rows.rowBytes : 0));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const fits = total <= this.#left && sizes.every((size) => size <= this.arrayBytes);
    if (fits) this.#left -= total;
    return parts.map(({ rows }) => (fits && rows instanceof HostRows ? use(rows.upload(device)) : rows));
  }
}

/** Batches of rows, wherever they are; `shuffleState` as for {@link Batches}. */
export async function makeBatches(
  what: string,
  device: Device,
  source: RowSource,
  batchSize: number,
  budget: Budget,
  shuffleState?: Variable,
): Promise<Batches | StreamedBatches> {
  const { parts, start, count } = source;
  if (parts.every((part) => part instanceof Tensor)) {
    return new Batches(device, { parts, start, count }, batchSize, shuffleState);
  }
  const chunkRows = chunkRowsOf(what, source, batchSize, budget);
  const shuffle = shuffleState && { state: shuffleState, key: (await shuffleState.data()) as Uint32Array };
  return new StreamedBatches(device, source, batchSize, chunkRows, shuffle);
}

/** Rows of a chunk: whole batches, chunks of about one size. */
function chunkRowsOf(
  what: string,
  { parts, names, count }: RowSource,
  batchSize: number,
  { bytes: budget, arrayBytes }: Budget,
): number {
  const batch = Math.min(batchSize, count);
  let [total, largest] = [0, 0];
  for (const [i, rows] of parts.entries()) {
    if (!(rows instanceof HostRows)) continue;
    const bytes = batch * rows.rowBytes;
    if (bytes > arrayBytes) {
      throw new LimitError(
        `${what}: one batch of ${batch} rows of ${names[i]} takes ${bytes} bytes, more than the adapter binds at once (${arrayBytes} bytes, maxStorageBufferBindingSize); use a smaller batchSize`,
      );
    }
    total += bytes;
    largest = Math.max(largest, bytes);
  }
  if (total > budget) {
    throw new LimitError(
      `${what}: one batch of ${batch} rows takes ${total} bytes, more than the memoryBudget of ${budget} bytes; use a smaller batchSize or a larger memoryBudget`,
    );
  }
  const most = Math.min(Math.min(chunkBytes, budget / 2) / total, arrayBytes / largest);
  const steps = Math.ceil(count / batchSize);
  const chunks = Math.ceil(steps / Math.max(1, Math.floor(most)));
  return Math.min(count, Math.ceil(steps / chunks) * batchSize);
}

export class StreamedBatches implements BatchWalk {
  readonly count: number;
  readonly #start: number;
  readonly #batchSize: number;
  readonly #chunkRows: number;
  /** Of each part that is on the host. */
  readonly #chunks: readonly (Chunk | undefined)[];
  /** Those that are on the device, where some are. */
  readonly #resident: Batches | undefined;
  /** The next row in the chunk. */
  readonly #cursor: Variable;
  /** The host's copy of the state, `key`, advances with the device's. */
  readonly #shuffle: { readonly state: Variable; readonly key: Uint32Array } | undefined;
  readonly #order: Uint32Array | undefined;
  #done = 0;
  /** First row of the chunk on the device; -1 when it is of no use. */
  #loaded = -1;

  constructor(
    device: Device,
    { parts, start, count }: RowSource,
    batchSize: number,
    chunkRows: number,
    shuffle?: { state: Variable; key: Uint32Array },
  ) {
    this.count = count;
    this.#start = start;
    this.#batchSize = batchSize;
    this.#chunkRows = chunkRows;
    this.#shuffle = shuffle;
    if (shuffle !== undefined) this.#order = new Uint32Array(count);
    const resident = parts.filter((rows) => rows instanceof Tensor);
    if (resident.length > 0) {
      this.#resident = new Batches(device, { parts: resident, start, count }, batchSize, shuffle?.state);
    }
    this.#chunks = parts.map((rows, i) =>
      rows instanceof HostRows ? new Chunk(`batch/${i}`, device, rows, chunkRows) : undefined,
    );
    this.#cursor = variable(0, { device, trainable: false, dtype: "i32", name: "batch/cursor" });
    this.#cursor.isFleeting = true;
  }

  get steps(): number {
    return Math.ceil(this.count / this.#batchSize);
  }

  get stepsPerChunk(): number {
    return Math.ceil(this.#chunkRows / this.#batchSize);
  }

  get hasNext(): boolean {
    return this.#done < this.count;
  }

  /** Of the chunk that the next batch is in. */
  get fullBatchesLeft(): number {
    const end = Math.min(this.count, this.#done - (this.#done % this.#chunkRows) + this.#chunkRows);
    return Math.floor((end - this.#done) / this.#batchSize);
  }

  get keys(): number[] {
    return batchSizes(this.count, this.#batchSize);
  }

  begin(taken = 0): void {
    this.#done = taken * this.#batchSize;
    this.#resident?.begin(taken);
    // Amid a chunk: it is filled from its beginning.
    if (this.#done % this.#chunkRows !== 0) this.#loaded = -1;
    const shuffle = this.#shuffle;
    if (shuffle === undefined || this.#order === undefined) return;
    if (this.#resident === undefined) noGrad(() => tidy(() => shuffle.state.assign(advance(shuffle.state))));
    shuffle.key[2]++;
    fillPermutation(this.#order, shuffle.key);
    this.#loaded = -1;
  }

  reshuffle(state: Uint32Array): void {
    this.#shuffle?.key.set(state);
  }

  rewind(_: unknown, state: ArrayLike<number> | undefined): void {
    if (state !== undefined) this.#shuffle?.key.set(state);
    this.#loaded = -1;
  }

  /** Never goes past the end of a chunk if asked for {@link fullBatchesLeft} at most, or for one. */
  advance(batches = 1): number {
    if (this.#done % this.#chunkRows === 0 || this.#loaded < 0) this.#load();
    this.#resident?.advance(batches);
    const rows = Math.min(this.#batchSize, this.count - this.#done);
    this.#done = Math.min(this.count, this.#done + rows * batches);
    return rows;
  }

  take(rows: number): Tensor[] {
    return noGrad(() => {
      const resident = this.#resident?.take(rows) ?? [];
      const batch = this.#chunks.map((chunk) =>
        chunk === undefined ? (resident.shift() as Tensor) : takeRows(chunk.rows, this.#cursor, rows),
      );
      this.#cursor.assign(add(this.#cursor, rows));
      return batch;
    });
  }

  dispose(): void {
    for (const part of [this.#cursor, ...this.#chunks, this.#resident]) part?.dispose();
  }

  /** Uploads the chunk that begins here, unless it is there. */
  #load(): void {
    const first = this.#done - (this.#done % this.#chunkRows);
    this.#cursor.set([this.#done - first]);
    if (this.#loaded === first) return;
    const count = Math.min(this.#chunkRows, this.count - first);
    for (const chunk of this.#chunks) chunk?.fill(first, count, this.#start, this.#order);
    this.#loaded = first;
  }
}

/** Some of the rows, on the device. */
class Chunk {
  readonly rows: Variable;
  readonly #source: HostArray | Float64Array;
  readonly #size: number;
  readonly #staging: HostArray;

  constructor(name: string, device: Device, { values, shape, dtype }: HostRows, rows: number) {
    this.#size = sizeOf(shape);
    this.#staging = hostArray(dtype, rows * this.#size);
    if (ArrayBuffer.isView(values)) {
      this.#source = values as unknown as HostArray;
    } else {
      this.#source = hostArray(dtype, values.length);
      this.#source.set(values);
    }
    this.rows = variable(this.#staging, {
      device,
      trainable: false,
      shape: [rows, ...shape],
      dtype,
      name,
    });
    this.rows.isFleeting = true;
  }

  /** Takes the `count` rows from `first` on: of `order`, or else of the rows as they lie from `start` on. */
  fill(first: number, count: number, start: number, order: Uint32Array | undefined): void {
    const [from, to, size] = [this.#source, this.#staging, this.#size];
    if (order === undefined) {
      to.set(from.subarray((start + first) * size, (start + first + count) * size));
    } else if (size < 32) {
      // A view of a row costs more than copying so few.
      for (let i = 0; i < count; i++) {
        const row = order[first + i] * size;
        for (let j = 0; j < size; j++) to[i * size + j] = from[row + j];
      }
    } else {
      for (let i = 0; i < count; i++) {
        const row = order[first + i] * size;
        to.set(from.subarray(row, row + size), i * size);
      }
    }
    this.rows.set(to);
  }

  dispose(): void {
    this.rows.dispose();
  }
}

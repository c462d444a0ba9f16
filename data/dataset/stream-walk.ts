// StreamWalk: walks batches that a pipeline makes on the host. The next ones are made while the device works, and go over
// several at once.

import {
  add,
  type Device,
  type DType,
  dynamicSlice,
  LimitError,
  noGrad,
  Tensor,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { hostArray } from "../../engine/internal.ts";
import { readAhead } from "./ahead.ts";
import type { BatchWalk } from "./batch-walk.ts";
import { identify, takeIdentity } from "./identity.ts";
import { type DatasetPosition, openIterator } from "./iterator.ts";
import { sizeOf } from "./nd-array.ts";
import type { Schedule } from "./schedule.ts";
import { after, type Cursor, end, type Maybe, type Stage } from "./stage.ts";

/** Rows on the host as training reads them out of a batch, or on the device. */
export type BatchRows =
  | Tensor
  | { readonly values: ArrayLike<number>; readonly shape: readonly number[]; readonly dtype: DType };

/** A batch, read: rows of each part. */
export interface LoadedBatch {
  readonly rows: number;
  readonly parts: readonly BatchRows[];
  /** Where the set stands after it. */
  readonly position: DatasetPosition;
  dispose(): void;
}

export interface StreamOptions {
  readonly what: string;
  readonly device: Device;
  readonly stage: Stage;
  readonly schedule: Schedule;
  /** Reads a batch, and refuses what does not fit the model. */
  readonly load: (batch: unknown, position: DatasetPosition) => Maybe<LoadedBatch>;
  readonly withChecksum: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onShort: (steps: number) => void;
  /** Told how many batches were run through again to come to where an epoch begins. */
  readonly onRerun: (batches: number) => void;
}

/** Bytes that go over at once: enough to hide what an upload and a submit cost. */
const chunkBytes = 2 ** 22;
const mostBatches = 32;
/** Milliseconds for which batches are waited for where there is one already. */
const patienceMs = 20;
/** Kinds of batches, each of which has a program of its own. */
const mostKeys = 32;

export class StreamWalk implements BatchWalk {
  readonly #options: StreamOptions;
  readonly #schedule: Schedule;
  /** Kinds of batches, by their key. */
  readonly #chunks: Chunk[] = [];
  readonly #keys = new Map<string, number>();
  /** The most rows of batches whose samples have a shape. */
  readonly #mostRows = new Map<string, number>();
  #cursor: Cursor | undefined;
  /** Where the cursor will be when what is held is used. */
  #pass = 0;
  #held: LoadedBatch | typeof end | undefined;
  #pending: Promise<LoadedBatch | typeof end> | undefined;
  /** Batches on the device that were not taken, and where the set stands after each. */
  #left: DatasetPosition[] = [];
  #key = 0;
  #position: DatasetPosition = { epoch: 0, skip: 0 };
  #steps = 0;
  /** How many the last chunk had: twice as many are made while the device works on them, if making takes half as long. */
  #lastCount = 0;
  #begunAt = 0;
  #isOver = false;
  /** Batches of a pass, once one has ended. */
  #length: number | undefined;
  #samples = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#schedule = options.schedule;
    this.#length = options.stage.length;
  }

  get count(): number {
    return this.#samples;
  }

  get steps(): number {
    return Math.min(this.#schedule.stepsOf(this.#length), this.#length ?? Infinity);
  }

  get keys(): readonly number[] {
    return this.#chunks.map((_, key) => key);
  }

  get hasNext(): boolean {
    return this.#left.length > 0;
  }

  get fullBatchesLeft(): number {
    return this.#left.length;
  }

  get position(): DatasetPosition {
    return this.#position;
  }

  async resumeAt(position: DatasetPosition, taken: number, epoch: number): Promise<void> {
    const { what, stage } = this.#options;
    await identify(stage);
    takeIdentity(what, stage, position);
    // Opened here: what differs is found before anything else has changed, and the next begin finds it open.
    this.#schedule.resumeAt(position);
    this.#pass = -1;
    await this.begin(taken, epoch);
    this.#schedule.resumeAt(position);
  }

  get upcoming(): DatasetPosition | undefined {
    return this.#schedule.next;
  }

  rewind(upcoming: DatasetPosition | undefined): void {
    this.#schedule.resumeAt(upcoming);
    this.#left = [];
    this.#pass = -1;
  }

  rowsOf(key: number): number {
    return this.#chunks[key].rows;
  }

  /** The first batch of what training begins with, which stays the first. */
  async first(epoch: number): Promise<LoadedBatch | undefined> {
    await this.#open({ epoch, skip: 0 });
    this.#held = await this.#pull();
    return this.#held === end ? undefined : this.#held;
  }

  async begin(taken = 0, epoch = 0): Promise<void> {
    const start = this.#schedule.begin(epoch, taken, this.#length);
    // What lies on the device and was not taken is made again.
    const isOn = this.#cursor !== undefined && this.#left.length === 0;
    const isThere = isOn && start.epoch === this.#pass && start.skip === this.#position.skip;
    this.#steps = taken;
    this.#begunAt = taken;
    this.#lastCount = 0;
    this.#isOver = false;
    this.#left = [];
    if (taken === 0) this.#samples = 0;
    if (!isThere) await this.#open(start);
    this.#schedule.note(start);
  }

  ready(): Promise<void> | undefined {
    return this.#left.length > 0 || this.#isOver ? undefined : this.#fill();
  }

  advance(batches = 1): number {
    this.#position = this.#left.splice(0, batches)[batches - 1];
    this.#steps += batches;
    this.#samples += batches * this.rowsOf(this.#key);
    this.#schedule.note(this.#position);
    return this.#key;
  }

  take(key: number): Tensor[] {
    return this.#chunks[key].take();
  }

  dispose(): void {
    this.#close();
    for (const chunk of this.#chunks) chunk.dispose();
  }

  #close(): void {
    const cursor = this.#cursor;
    const held = this.#held;
    this.#cursor = undefined;
    this.#held = undefined;
    this.#pending = undefined;
    if (held !== undefined && held !== end) held.dispose();
    // Whoever waits for the set hears of its errors; nobody does any more.
    if (cursor !== undefined) void Promise.resolve(cursor.close()).catch(() => {});
  }

  async #open(start: DatasetPosition): Promise<void> {
    this.#close();
    const { stage, signal, withChecksum, load, onRerun } = this.#options;
    const iterator = await openIterator(stage, { ...start, withChecksum, signal });
    if (iterator.rerun > 0) onRerun(iterator.rerun);
    const loaded = (batch: unknown) => (batch === end ? end : load(batch, iterator.position));
    const cursor: Cursor = {
      pull: () => after(iterator.pull(), loaded),
      close: async () => void (await iterator.return()),
    };
    this.#cursor = readAhead(cursor, mostBatches, (batch) => (batch as LoadedBatch).dispose());
    this.#pass = start.epoch;
    this.#position = iterator.position;
  }

  async #pull(): Promise<LoadedBatch | typeof end> {
    return (await (this.#cursor as Cursor).pull()) as LoadedBatch | typeof end;
  }

  /** The next batch; undefined where it has not come within `patience`. */
  async #next(patience = Infinity): Promise<LoadedBatch | typeof end | undefined> {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) return held;
    this.#pending ??= this.#pull();
    const pending = this.#pending;
    // Whoever asks next gets the error; nobody may.
    pending.catch(() => {});
    if (patience !== Infinity) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<"late">((resolve) => {
        timer = setTimeout(resolve, patience, "late");
      });
      const first = await Promise.race([pending, late]).finally(() => clearTimeout(timer));
      if (first === "late") return undefined;
    }
    try {
      return await pending;
    } finally {
      this.#pending = undefined;
    }
  }

  /** Brings the next batches of one kind to the device. */
  async #fill(): Promise<void> {
    const { stepsPerEpoch = Infinity } = this.#schedule;
    const wanted = stepsPerEpoch - this.#steps;
    if (wanted <= 0) {
      this.#isOver = true;
      return;
    }
    let first = await this.#next();
    if (
      first === end &&
      stepsPerEpoch !== Infinity &&
      this.#steps === this.#begunAt &&
      this.#position.skip > 0
    ) {
      // The last pass ended with the last epoch, which could not be known.
      this.#length = this.#position.skip;
      await this.#open({ epoch: this.#pass + 1, skip: 0 });
      first = await this.#next();
    }
    if (first === end || first === undefined) {
      this.#ended();
      return;
    }
    const key = this.#keyOf(first);
    const chunk = this.#chunks[key];
    const batches = [first];
    const until = performance.now() + patienceMs;
    const most = Math.min(chunk.batches, wanted, Math.max(1, 2 * this.#lastCount));
    while (batches.length < most) {
      const next = await this.#next(Math.max(0, until - performance.now()));
      if (next === undefined) break;
      if (next === end || this.#keyOf(next) !== key) {
        this.#held = next;
        break;
      }
      batches.push(next);
    }
    chunk.fill(batches);
    this.#lastCount = batches.length;
    for (const batch of batches) batch.dispose();
    this.#left = batches.map(({ position }) => position);
    this.#key = key;
  }

  #ended(): void {
    const { stage, onShort } = this.#options;
    this.#isOver = true;
    this.#length = this.#position.skip;
    this.#close();
    // An end that comes with the epoch's is none that is early.
    if (this.#schedule.stepsPerEpoch !== undefined && (this.#steps > 0 || this.#length === 0))
      onShort(this.#steps);
    if (stage.length !== undefined) this.#length = stage.length;
  }

  #keyOf({ rows, parts }: LoadedBatch): number {
    const name = [rows, ...parts.map(({ dtype, shape }) => `${dtype} ${shape.join("x")}`)].join(", ");
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const { what, device } = this.#options;
    const key = this.#chunks.length;
    if (key === mostKeys) {
      throw new LimitError(
        `${what}: the data set has batches of more than ${mostKeys} shapes, each of which needs a program of its own; pad to a few lengths with bucketByLength()`,
      );
    }
    this.#keys.set(name, key);
    const samples = parts.map((part) => `${part.dtype} ${sampleShape(part).join("x")}`).join(", ");
    const mostRows = this.#mostRows.get(samples) ?? 0;
    // A short batch comes once an epoch.
    const length = rows < mostRows ? 1 : this.#options.stage.length;
    this.#mostRows.set(samples, Math.max(rows, mostRows));
    this.#chunks.push(new Chunk(device, rows, parts, length));
    return key;
  }
}

/** Of one sample: rows on the host say it so, tensors hold all rows. */
const sampleShape = (part: BatchRows): readonly number[] =>
  part instanceof Tensor ? part.shape.slice(1) : part.shape;

/** Batches of one kind on the device, and the cursor in them. */
class Chunk {
  readonly rows: number;
  /** How many it holds. */
  readonly batches: number;
  readonly #parts: readonly Variable[];
  readonly #staging: readonly (ReturnType<typeof hostArray> | undefined)[];
  readonly #cursor: Variable;

  constructor(device: Device, rows: number, parts: readonly BatchRows[], length: number | undefined) {
    this.rows = rows;
    const bytes = parts.reduce(
      (sum, part) => sum + rows * sizeOf(sampleShape(part)) * (part.dtype === "u8" ? 1 : 4),
      0,
    );
    const isOnHost = parts.every((part) => !(part instanceof Tensor));
    const share = length === undefined || length === Infinity ? mostBatches : Math.ceil(length / 8);
    this.batches = isOnHost ? Math.max(1, Math.min(mostBatches, share, Math.floor(chunkBytes / bytes))) : 1;
    const options = { device, trainable: false };
    this.#cursor = variable(0, { ...options, dtype: "i32", name: "batch/cursor" });
    this.#cursor.isFleeting = true;
    this.#staging = parts.map((part) =>
      part instanceof Tensor ? undefined : hostArray(part.dtype, this.batches * rows * sizeOf(part.shape)),
    );
    this.#parts = parts.map((part, i) => {
      const { dtype } = part;
      const shape = [this.batches * rows, ...sampleShape(part)];
      const values = this.#staging[i] ?? hostArray(dtype, sizeOf(shape));
      const made = variable(values, { ...options, dtype, shape, name: `batch/${i}` });
      made.isFleeting = true;
      return made;
    });
  }

  fill(batches: readonly LoadedBatch[]): void {
    this.#cursor.set([0]);
    this.#parts.forEach((variable, i) => {
      const staging = this.#staging[i];
      if (staging === undefined) {
        noGrad(() => variable.assign(batches[0].parts[i] as Tensor));
        return;
      }
      const size = staging.length / this.batches;
      for (const [j, { parts }] of batches.entries()) {
        const { values } = parts[i] as Exclude<BatchRows, Tensor>;
        staging.set(values as ArrayLike<number>, j * size);
      }
      variable.set(staging);
    });
  }

  take(): Tensor[] {
    return noGrad(() => {
      const batch = this.#parts.map((part) => dynamicSlice(part, this.#cursor, this.rows));
      this.#cursor.assign(add(this.#cursor, this.rows));
      return batch;
    });
  }

  dispose(): void {
    for (const part of [this.#cursor, ...this.#parts]) part.dispose();
  }
}

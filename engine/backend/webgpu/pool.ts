// GPU buffers by size class: freed ones are kept for reuse up to a budget, those freed last longest. Small values
// share buffers; a ceiling stands before what the driver or the machine can take.

import { LimitError } from "../../base/errors.ts";
import type { MemoryUse } from "../backend.ts";
import { GpuMemory, type PooledBuffer } from "./gpu-memory.ts";
import { idsOf, mostPartBytes, Slabs } from "./slabs.ts";

const usage = 0x80 | 0x40 | 0x04 | 0x08; // STORAGE | UNIFORM | COPY_SRC | COPY_DST

/** How much there may be, what is kept for reuse included. */
export interface PoolCeiling {
  readonly buffers: number;
  readonly bytes: number;
}

export class BufferPool {
  readonly ceiling: PoolCeiling;
  readonly #device: GPUDevice;
  readonly #limits: Readonly<Record<string, number>>;
  /** Told the ids of a buffer and its parts, from the first up to the last, exclusive. */
  readonly #onDestroy: (first: number, end: number) => void;
  readonly #slabs: Slabs;
  /** Free buffers by size, the one freed last at the end. */
  readonly #free = new Map<number, PooledBuffer[]>();
  /** All of them, the one freed first at the beginning. */
  readonly #byAge = new Set<PooledBuffer>();
  #nextId = 1;
  #buffers = 0;
  /** Bytes of buffers that are not free: values' own, and slabs. */
  #takenBytes = 0;
  #pooledBytes = 0;
  #peakBytes = 0;
  #isClosed = false;

  constructor(
    device: GPUDevice,
    limits: Readonly<Record<string, number>>,
    ceiling: PoolCeiling,
    onDestroy: (first: number, end: number) => void,
  ) {
    this.#device = device;
    this.#limits = limits;
    this.ceiling = ceiling;
    this.#onDestroy = onDestroy;
    this.#slabs = new Slabs({
      take: (bytes, what) => this.#take(bytes, what),
      give: (slab) => this.#keep(slab),
    });
  }

  /**
   * Memory of at least `bytes` bytes (a multiple of 16); its content is whatever was there.
   *
   * @param apart where given, the value may share a buffer with others, but not with these
   * @throws LimitError where the adapter binds no such buffer, or the ceiling is reached
   */
  allocate(bytes: number, what: string, apart?: readonly GpuMemory[]): GpuMemory {
    if (apart !== undefined && bytes <= mostPartBytes) return this.#slabs.allocate(bytes, apart, what);
    this.checkLimits(bytes, what);
    const made = this.#take(sizeClass(bytes, this.#limits.maxBufferSize), what);
    return new GpuMemory(made.buffer, made.id, 0, bytes, () => this.#keep(made));
  }

  #take(size: number, what: string): PooledBuffer {
    const pooled = this.#free.get(size)?.pop();
    if (pooled !== undefined) {
      this.#byAge.delete(pooled);
      this.#pooledBytes -= size;
      this.#takenBytes += size;
      return pooled;
    }
    this.#makeRoom(size, what);
    const buffer = this.#device.createBuffer({ size, usage, label: what });
    const id = this.#nextId;
    this.#nextId += idsOf(size);
    this.#buffers++;
    this.#takenBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#takenBytes + this.#pooledBytes);
    return { buffer, id, size };
  }

  /** Keeps a freed buffer; where that is more than the budget, the ones that nobody wanted for longest go. */
  #keep(freed: PooledBuffer): void {
    if (this.#isClosed) return;
    const { size } = freed;
    this.#takenBytes -= size;
    this.#pooledBytes += size;
    this.#byAge.add(freed);
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [freed]);
    else list.push(freed);
    const budget = Math.max(poolFloor, this.#takenBytes * 2);
    for (const oldest of this.#byAge) {
      if (this.#pooledBytes <= budget) break;
      this.#destroy(oldest);
    }
  }

  /** Gives up what is kept for reuse where a new buffer would be beyond the ceiling, and refuses it where that is not enough. */
  #makeRoom(size: number, what: string): void {
    const { buffers, bytes } = this.ceiling;
    const isOver = () => this.#buffers >= buffers || this.#takenBytes + this.#pooledBytes + size > bytes;
    if (!isOver()) return;
    for (const oldest of this.#byAge) {
      this.#destroy(oldest);
      if (!isOver()) return;
    }
    const { buffers: count, bytes: used } = this.use();
    const [most, why] =
      count >= buffers ? [`${buffers} buffers`, ""] : [`${bytes} bytes`, ", or raise init's memoryLimit"];
    throw new LimitError(
      `${what} needs another ${size} bytes, but ${count} buffers of ${used} bytes live on the device, which makes at most ${most}; free what is no longer needed with tidy() or dispose()${why}. What a loop drops is collected where it awaits: sync() now and then`,
    );
  }

  #destroy(pooled: PooledBuffer): void {
    const { buffer, id, size } = pooled;
    this.#byAge.delete(pooled);
    const list = this.#free.get(size)!;
    list.splice(list.indexOf(pooled), 1);
    this.#pooledBytes -= size;
    this.#buffers--;
    this.#onDestroy(id, id + idsOf(size));
    buffer.destroy();
  }

  /** @throws LimitError for more than a buffer may hold */
  checkLimits(bytes: number, what: string): void {
    const limit = Math.min(this.#limits.maxStorageBufferBindingSize, this.#limits.maxBufferSize);
    if (bytes > limit) {
      throw new LimitError(
        `${what} needs ${bytes} bytes, more than the adapter binds at once (${limit} bytes, maxStorageBufferBindingSize); ` +
          "use smaller batches or shapes. fit, evaluate and predict stream a data set from a typed array; and bytes " +
          "(a Uint8Array, with the Input's byteScale) take a quarter of f32",
      );
    }
  }

  use(): Omit<MemoryUse, "tensors"> {
    const { freeBytes } = this.#slabs;
    return {
      buffers: this.#buffers,
      bytes: this.#takenBytes - freeBytes,
      pooledBytes: this.#pooledBytes + freeBytes,
      peakBytes: this.#peakBytes,
    };
  }

  /** Buffers in use, slabs among them. */
  get buffersInUse(): number {
    return this.#buffers - this.#byAge.size;
  }

  get bytesInUse(): number {
    return this.#takenBytes;
  }

  resetPeak(): void {
    this.#peakBytes = this.#takenBytes + this.#pooledBytes;
  }

  close(): void {
    this.#isClosed = true;
    this.#free.clear();
    this.#byAge.clear();
  }
}

/** Freed bytes that are always kept; above it, as much as is in use twice over. */
const poolFloor = 256 * 2 ** 20;

/** Sizes in steps of an eighth of the next power of two, so that at most an eighth is wasted. */
function sizeClass(bytes: number, limit: number): number {
  if (bytes <= 256) return 256;
  const step = Math.max(256, 2 ** (Math.ceil(Math.log2(bytes)) - 4));
  return Math.min(Math.ceil(bytes / step) * step, limit);
}

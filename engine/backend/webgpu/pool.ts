// GPU buffers by size class: freed ones are kept for reuse up to a budget, those freed last longest. Knows nothing of
// tensors.

import { LimitError } from "../../base/errors.ts";
import { Memory } from "../../kernel/memory.ts";
import type { MemoryUse } from "../backend.ts";

const usage = 0x80 | 0x04 | 0x08; // STORAGE | COPY_SRC | COPY_DST

/** A whole GPU buffer, or an aligned part of one. */
export class GpuMemory extends Memory {
  readonly buffer: GPUBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Names the buffer in bind group keys. */
  readonly bufferId: number;
  /** Whether other values live in the buffer too. */
  readonly isPart: boolean;
  readonly #onFree: () => void;

  constructor(
    buffer: GPUBuffer,
    bufferId: number,
    byteOffset: number,
    byteLength: number,
    onFree: () => void,
    isPart = false,
  ) {
    super();
    this.isPart = isPart;
    this.buffer = buffer;
    this.bufferId = bufferId;
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
    this.#onFree = onFree;
  }

  protected free(): void {
    this.#onFree();
  }
}

interface PooledBuffer {
  readonly buffer: GPUBuffer;
  readonly id: number;
  readonly size: number;
}

export class BufferPool {
  readonly #device: GPUDevice;
  readonly #limits: Readonly<Record<string, number>>;
  readonly #onDestroy: (bufferId: number) => void;
  /** Free buffers by size, the one freed last at the end. */
  readonly #free = new Map<number, PooledBuffer[]>();
  /** All of them, the one freed first at the beginning. */
  readonly #byAge = new Set<PooledBuffer>();
  #nextId = 1;
  #buffers = 0;
  #bytes = 0;
  #pooledBytes = 0;
  #peakBytes = 0;
  #isClosed = false;

  constructor(
    device: GPUDevice,
    limits: Readonly<Record<string, number>>,
    onDestroy: (bufferId: number) => void,
  ) {
    this.#device = device;
    this.#limits = limits;
    this.#onDestroy = onDestroy;
  }

  /** Memory of at least `bytes` bytes (a multiple of 16); its content is whatever was there. */
  allocate(bytes: number, what: string): GpuMemory {
    this.checkLimits(bytes, what);
    const size = sizeClass(bytes, this.#limits.maxBufferSize);
    const pooled = this.#free.get(size)?.pop();
    if (pooled !== undefined) {
      this.#byAge.delete(pooled);
      this.#pooledBytes -= size;
      this.#bytes += size;
      return this.#memory(pooled, bytes);
    }
    const buffer = this.#device.createBuffer({ size, usage, label: what });
    this.#buffers++;
    this.#bytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes + this.#pooledBytes);
    return this.#memory({ buffer, id: this.#nextId++, size }, bytes);
  }

  #memory(pooled: PooledBuffer, bytes: number): GpuMemory {
    return new GpuMemory(pooled.buffer, pooled.id, 0, bytes, () => this.#keep(pooled));
  }

  /** Keeps a freed buffer; where that is more than the budget, the ones that nobody wanted for longest go. */
  #keep(freed: PooledBuffer): void {
    if (this.#isClosed) return;
    const { size } = freed;
    this.#bytes -= size;
    this.#pooledBytes += size;
    this.#byAge.add(freed);
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [freed]);
    else list.push(freed);
    const budget = Math.max(poolFloor, this.#bytes * 2);
    for (const oldest of this.#byAge) {
      if (this.#pooledBytes <= budget) break;
      this.#destroy(oldest);
    }
  }

  #destroy(pooled: PooledBuffer): void {
    const { buffer, id, size } = pooled;
    this.#byAge.delete(pooled);
    const list = this.#free.get(size)!;
    list.splice(list.indexOf(pooled), 1);
    this.#pooledBytes -= size;
    this.#buffers--;
    this.#onDestroy(id);
    buffer.destroy();
  }

  /** @throws LimitError for more than a buffer may hold */
  checkLimits(bytes: number, what: string): void {
    const limit = Math.min(this.#limits.maxStorageBufferBindingSize, this.#limits.maxBufferSize);
    if (bytes > limit) {
      throw new LimitError(
        `${what} needs ${bytes} bytes, more than the adapter binds at once (${limit} bytes, maxStorageBufferBindingSize); ` +
          "use smaller batches or shapes",
      );
    }
  }

  use(): Omit<MemoryUse, "tensors"> {
    return {
      buffers: this.#buffers,
      bytes: this.#bytes,
      pooledBytes: this.#pooledBytes,
      peakBytes: this.#peakBytes,
    };
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

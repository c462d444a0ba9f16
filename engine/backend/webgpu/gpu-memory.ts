// A stretch of GPU memory: a whole buffer or a part of one.

import { Memory } from "../../kernel/memory.ts";

export class GpuMemory extends Memory {
  readonly buffer: GPUBuffer;
  readonly byteOffset: number;
  override readonly byteLength: number;
  /** Names the buffer in bind group keys. */
  readonly bufferId: number;
  /** Names what an upload must not overtake commands on: parts of a slab have one each, slices share their parent's. */
  readonly regionId: number;
  /** Whether it is a slice of memory that holds other values too, as a variable in a pack is. */
  readonly isSlice: boolean;
  readonly #onFree: () => void;

  constructor(
    buffer: GPUBuffer,
    bufferId: number,
    byteOffset: number,
    byteLength: number,
    onFree: () => void,
    regionId = bufferId,
    isSlice = false,
  ) {
    super();
    this.buffer = buffer;
    this.bufferId = bufferId;
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
    this.#onFree = onFree;
    this.regionId = regionId;
    this.isSlice = isSlice;
  }

  protected free(): void {
    this.#onFree();
  }
}

/** A buffer as the pool keeps it. */
export interface PooledBuffer {
  readonly buffer: GPUBuffer;
  readonly id: number;
  readonly size: number;
}

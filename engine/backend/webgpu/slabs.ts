// Slabs: buffers cut into parts of one size, so that ten thousand small values are some dozens of buffers. A dispatch
// can't bind one buffer to read and to write, so a result's part lies in a slab that holds none of what the op reads.

import { GpuMemory, type PooledBuffer } from "./gpu-memory.ts";

/** A slab's bytes: a power of two. The first of a part size are small, so that few values take little. */
const smallestSlab = 4096;
const largestSlab = 64 * 1024;
const fewestParts = 4;
/** Parts start at multiples of this, which is as far as any adapter's minStorageBufferOffsetAlignment goes. */
const alignment = 256;
export const mostPartBytes = 4096;
/** Ids that a buffer of this size takes: any that a slab can be made of has some for parts. */
export const idsOf = (bytes: number): number =>
  bytes >= smallestSlab && bytes <= largestSlab && (bytes & (bytes - 1)) === 0 ? 1 + bytes / alignment : 1;
/** Empty slabs of a size that stay open: ops that take turns among them make and give up none. */
const keptEmpty = 3;

/** Where slabs come from and go to. */
export interface SlabSource {
  take(bytes: number, what: string): PooledBuffer;
  give(buffer: PooledBuffer): void;
}

interface Slab extends PooledBuffer {
  /** When it was opened: the parts of older ones go first. */
  readonly order: number;
  readonly partBytes: number;
  /** A bit a part: set where it is free. */
  readonly freeBits: Uint32Array;
  free: number;
  readonly parts: number;
}

interface SlabsOfSize {
  /** Those with a free part, oldest first. */
  readonly open: Slab[];
  /** How many of them are empty. */
  empty: number;
  /** Slabs of the size, full ones too. */
  count: number;
}

export class Slabs {
  readonly #source: SlabSource;
  readonly #sizes = new Map<number, SlabsOfSize>();
  #nextOrder = 0;
  /** Bytes of slabs that no value has, what is left behind the last part included. */
  freeBytes = 0;

  constructor(source: SlabSource) {
    this.#source = source;
  }

  /**
   * A part of at least `bytes`, in a slab where none of `apart` lies. It is the first free one: a loop that takes and
   * frees the same sizes finds the same places again, and so its bind groups.
   */
  allocate(bytes: number, apart: readonly GpuMemory[], what: string): GpuMemory {
    const partBytes = Math.ceil(bytes / alignment) * alignment;
    let ofSize = this.#sizes.get(partBytes);
    if (ofSize === undefined) this.#sizes.set(partBytes, (ofSize = { open: [], empty: 0, count: 0 }));
    const slab =
      ofSize.open.find(({ id }) => !holdsOneOf(id, apart)) ?? this.#openSlab(partBytes, ofSize, what);
    if (slab.free === slab.parts) ofSize.empty--;
    const index = takeFirst(slab.freeBits);
    this.freeBytes -= partBytes;
    if (--slab.free === 0) ofSize.open.splice(ofSize.open.indexOf(slab), 1);
    const onFree = () => this.#release(slab, index);
    return new GpuMemory(slab.buffer, slab.id, index * partBytes, bytes, onFree, slab.id + 1 + index);
  }

  #openSlab(partBytes: number, ofSize: SlabsOfSize, what: string): Slab {
    const { buffer, id, size } = this.#source.take(nextSlabBytes(partBytes, ofSize.count), what);
    const parts = Math.floor(size / partBytes);
    const freeBits = new Uint32Array(Math.ceil(parts / 32));
    for (let part = 0; part < parts; part++) freeBits[part >> 5] |= 1 << (part & 31);
    const slab = { buffer, id, size, order: this.#nextOrder++, partBytes, freeBits, free: parts, parts };
    this.freeBytes += size;
    ofSize.open.push(slab);
    ofSize.empty++;
    ofSize.count++;
    return slab;
  }

  #release(slab: Slab, index: number): void {
    const ofSize = this.#sizes.get(slab.partBytes)!;
    const { open } = ofSize;
    slab.freeBits[index >> 5] |= 1 << (index & 31);
    this.freeBytes += slab.partBytes;
    if (slab.free++ === 0) {
      const after = open.findIndex(({ order }) => order > slab.order);
      open.splice(after < 0 ? open.length : after, 0, slab);
    }
    if (slab.free < slab.parts || ++ofSize.empty <= keptEmpty) return;
    // The youngest empty one goes.
    const at = open.findLastIndex(({ free, parts }) => free === parts);
    const [spare] = open.splice(at, 1);
    ofSize.empty--;
    ofSize.count--;
    this.freeBytes -= spare.size;
    this.#source.give(spare);
  }
}

/** Every two slabs the next ones are twice as large: values that are read and made lie in two. */
function nextSlabBytes(partBytes: number, count: number): number {
  const first = Math.max(smallestSlab, 2 ** Math.ceil(Math.log2(partBytes * fewestParts)));
  return Math.min(largestSlab, first * 2 ** Math.min(8, count >> 1));
}

function holdsOneOf(id: number, memories: readonly GpuMemory[]): boolean {
  for (const { bufferId } of memories) if (bufferId === id) return true;
  return false;
}

function takeFirst(bits: Uint32Array): number {
  let word = 0;
  while (bits[word] === 0) word++;
  const bit = 31 - Math.clz32(bits[word] & -bits[word]);
  bits[word] &= ~(1 << bit);
  return word * 32 + bit;
}

// Bind groups by pipeline and buffers, bounded: the oldest half goes when the bound is reached.

import { LimitError } from "../../base/errors.ts";
import { finalizers } from "../../base/finalizers.ts";
import type { GpuMemory } from "./gpu-memory.ts";
import type { Pipeline } from "./pipelines.ts";

const maxBindGroups = 16384;
/**
 * Groups that may exist, forgotten ones included: they can't be destroyed, only collected, and on lavapipe each is a
 * memory map of its own, of which Linux lets a process have 65,530.
 */
export const bindGroupCeiling = 49152;
/** Above this, single ops have none made. */
const crowded = 32768;

export class BindGroups {
  readonly #device: GPUDevice;
  readonly #groups = new Map<string, GPUBindGroup>();
  /** Keys by buffer, so that a destroyed buffer's groups can be dropped. */
  readonly #keysByBuffer = new Map<number, Set<string>>();
  /** Groups that were collected. In an object of its own: what waits for a collection must not hold the groups. */
  readonly #collected = { count: 0 };
  made = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get(
    pipeline: Pipeline,
    sizes: { buffer: GPUBuffer; id: number },
    memories: readonly GpuMemory[],
  ): GPUBindGroup {
    const key = bindGroupKey(pipeline, sizes, memories);
    return this.#groups.get(key) ?? this.#keep(key, pipeline, sizes, memories);
  }

  /** Groups made and not yet collected. */
  get alive(): number {
    return this.made - this.#collected.count;
  }

  /** Whether there are so many that those who can should use one again rather than have one made. */
  get isCrowded(): boolean {
    return this.alive >= crowded;
  }

  /** The same, but undefined where it would have to be made while there are many. */
  getIfRoom(
    pipeline: Pipeline,
    sizes: { buffer: GPUBuffer; id: number },
    memories: readonly GpuMemory[],
  ): GPUBindGroup | undefined {
    return this.isCrowded && !this.#groups.has(bindGroupKey(pipeline, sizes, memories))
      ? undefined
      : this.get(pipeline, sizes, memories);
  }

  #keep(
    key: string,
    pipeline: Pipeline,
    sizes: { buffer: GPUBuffer; id: number },
    memories: readonly GpuMemory[],
  ): GPUBindGroup {
    const group = this.make(pipeline, sizes, memories);
    if (this.#groups.size >= maxBindGroups) this.#dropOldest();
    this.#groups.set(key, group);
    this.#index(sizes.id, key);
    for (const memory of memories) this.#index(memory.bufferId, key);
    return group;
  }

  /**
   * A bind group of the caller's own.
   *
   * @throws LimitError where there are as many as may be
   */
  make(pipeline: Pipeline, sizes: { buffer: GPUBuffer }, memories: readonly GpuMemory[]): GPUBindGroup {
    if (this.alive >= bindGroupCeiling) {
      throw new LimitError(
        `${this.alive} bind groups exist, as many as drivers survive; they are collected where a program awaits: sync() now and then, or dispose() of jitted functions`,
      );
    }
    const entries: GPUBindGroupEntry[] = [{ binding: 0, resource: { buffer: sizes.buffer } }];
    memories.forEach((memory, i) => {
      const { offset, size } = pipeline.operands[i].part ?? { offset: 0, size: memory.byteLength };
      entries.push({
        binding: i + 1,
        resource: { buffer: memory.buffer, offset: memory.byteOffset + offset, size },
      });
    });
    const group = this.#device.createBindGroup({ layout: pipeline.layout, entries });
    this.made++;
    countCollected(group, this.#collected);
    return group;
  }

  /** Forgets every group that binds the buffer. */
  drop(bufferId: number): void {
    for (const key of this.#keysByBuffer.get(bufferId) ?? []) this.#groups.delete(key);
    this.#keysByBuffer.delete(bufferId);
  }

  #index(bufferId: number, key: string): void {
    const keys = this.#keysByBuffer.get(bufferId);
    if (keys === undefined) this.#keysByBuffer.set(bufferId, new Set([key]));
    else keys.add(key);
  }

  #dropOldest(): void {
    let left = maxBindGroups / 2;
    for (const key of this.#groups.keys()) {
      if (left-- === 0) break;
      this.#groups.delete(key);
    }
    for (const keys of this.#keysByBuffer.values()) {
      for (const key of keys) if (!this.#groups.has(key)) keys.delete(key);
    }
  }
}

/** In a function of its own: its frame holds nothing but these two. */
function countCollected(group: GPUBindGroup, collected: { count: number }): void {
  finalizers.register(group, () => collected.count++);
}

export function bindGroupKey(
  pipeline: Pipeline,
  sizes: { id: number },
  memories: readonly GpuMemory[],
): string {
  let key = `${pipeline.id},${sizes.id}`;
  for (const memory of memories) key += `,${memory.bufferId}:${memory.byteOffset}:${memory.byteLength}`;
  return key;
}

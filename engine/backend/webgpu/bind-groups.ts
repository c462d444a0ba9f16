// Bind groups by pipeline and buffers, bounded: the oldest half goes when the bound is reached.

import type { Pipeline } from "./pipelines.ts";
import type { GpuMemory } from "./pool.ts";

const maxBindGroups = 16384;

export class BindGroups {
  readonly #device: GPUDevice;
  readonly #groups = new Map<string, GPUBindGroup>();
  /** Keys by buffer, so that a destroyed buffer's groups can be dropped. */
  readonly #keysByBuffer = new Map<number, Set<string>>();
  made = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get(
    pipeline: Pipeline,
    sizes: { buffer: GPUBuffer; id: number },
    memories: readonly GpuMemory[],
  ): GPUBindGroup {
    let key = `${pipeline.id},${sizes.id}`;
    for (const memory of memories) key += `,${memory.bufferId}:${memory.byteOffset}:${memory.byteLength}`;
    let group = this.#groups.get(key);
    if (group !== undefined) return group;
    group = this.make(pipeline, sizes, memories);
    if (this.#groups.size >= maxBindGroups) this.#dropOldest();
    this.#groups.set(key, group);
    this.#index(sizes.id, key);
    for (const memory of memories) this.#index(memory.bufferId, key);
    return group;
  }

  /** A bind group of the caller's own. */
  make(pipeline: Pipeline, sizes: { buffer: GPUBuffer }, memories: readonly GpuMemory[]): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = [{ binding: 0, resource: { buffer: sizes.buffer } }];
    memories.forEach((memory, i) => {
      entries.push({
        binding: i + 1,
        resource: { buffer: memory.buffer, offset: memory.byteOffset, size: memory.byteLength },
      });
    });
    this.made++;
    return this.#device.createBindGroup({ layout: pipeline.layout, entries });
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

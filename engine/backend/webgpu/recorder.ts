// Batches work: one open command encoder and compute pass, submitted on read-back, on a hazardous upload, at a
// dispatch count, or when the current microtask ends.

import type { GpuMemory } from "./gpu-memory.ts";
import type { Kernel, Pipeline } from "./pipelines.ts";
import type { DispatchClock } from "./timestamps.ts";

/** Dispatches in one submit: enough to hide its cost, few enough to keep the GPU busy while JavaScript goes on. */
const dispatchesPerSubmit = 128;

/** Where operands that move lie, in their order; undefined where none does. */
export type Offsets = readonly number[] | undefined;

/** A dispatch with everything in place. */
export interface BareDispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly offsets: Offsets;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** Dispatches in a row, and the copy that follows them, if one does. */
export interface BareStretch {
  readonly dispatches: readonly BareDispatch[];
  readonly copy: { readonly from: GpuMemory; readonly to: GpuMemory; readonly bytes: number } | undefined;
}

export class Recorder {
  readonly #device: GPUDevice;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #pending = 0;
  #isFlushScheduled = false;
  /** Workgroup counts of zero. */
  #nothing: GPUBuffer | undefined;
  /** Regions that the open encoder touches: an upload into one must wait for a submit. */
  readonly #touched = new Set<number>();
  dispatches = 0;
  submits = 0;
  copies = 0;
  /** Times every dispatch while a profile runs. */
  clock: DispatchClock | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  dispatch(kernel: Kernel, bindGroup: GPUBindGroup, memories: readonly GpuMemory[]): void {
    this.replay(kernel, bindGroup, memories);
    for (const memory of memories) this.#touched.add(memory.regionId);
    if (this.#pending >= dispatchesPerSubmit) this.flush();
  }

  /**
   * All that a prepared program does, `times` over, in the tightest loop there is; the program tells what it touches.
   * Gives false, and does nothing, while a profile wants each dispatch by itself.
   */
  replayAll(stretches: readonly BareStretch[], times: number): boolean {
    if (this.clock !== undefined) return false;
    for (let time = 0; time < times; time++) {
      for (const { dispatches, copy } of stretches) {
        if (dispatches.length > 0) {
          const pass = (this.#pass ??= this.#open().beginComputePass());
          for (const { pipeline, bindGroup, offsets, x, y, z } of dispatches) {
            pass.setPipeline(pipeline);
            if (offsets === undefined) pass.setBindGroup(0, bindGroup);
            else pass.setBindGroup(0, bindGroup, offsets);
            pass.dispatchWorkgroups(x, y, z);
          }
          this.dispatches += dispatches.length;
          this.#pending += dispatches.length;
        }
        if (copy !== undefined) this.#encodeCopy(copy.from, copy.to, copy.bytes);
      }
    }
    return true;
  }

  /**
   * A dispatch of a prepared program: the program tells what it touches once, and is never cut in two.
   *
   * @param bound what the kernel binds, for a profile
   */
  replay(
    kernel: Kernel,
    bindGroup: GPUBindGroup,
    bound: readonly { byteLength: number }[],
    offsets?: Offsets,
  ): void {
    this.dispatches++;
    this.#pending++;
    if (this.clock !== undefined) {
      this.#endPass();
      this.clock.dispatch(kernel, { group: bindGroup, offsets }, bound, () => this.#open());
      return;
    }
    const { workgroups } = kernel.call;
    const pass = (this.#pass ??= this.#open().beginComputePass());
    pass.setPipeline(kernel.pipeline.pipeline);
    pass.setBindGroup(0, bindGroup, offsets);
    pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
  }

  touch(memories: readonly GpuMemory[]): void {
    for (const memory of memories) this.#touched.add(memory.regionId);
  }

  touchIds(regionIds: readonly number[]): void {
    for (const id of regionIds) this.#touched.add(id);
  }

  copy(from: GpuMemory, to: GpuMemory, bytes: number): void {
    if (this.clock?.holdsBack) {
      this.clock.copy((encoder) =>
        encoder.copyBufferToBuffer(from.buffer, from.byteOffset, to.buffer, to.byteOffset, bytes),
      );
      this.copies++;
      this.#pending++;
    } else this.#encodeCopy(from, to, bytes);
    this.#touched.add(from.regionId).add(to.regionId);
  }

  #encodeCopy(from: GpuMemory, to: GpuMemory, bytes: number): void {
    const encoder = this.#open();
    this.#endPass();
    encoder.copyBufferToBuffer(from.buffer, from.byteOffset, to.buffer, to.byteOffset, bytes);
    this.copies++;
    this.#pending++;
  }

  /** Submits first if the open encoder touches the region: `queue.writeBuffer` runs before unsubmitted commands. */
  upload(memory: GpuMemory, data: Uint8Array<ArrayBuffer>): void {
    const write = (bytes: Uint8Array<ArrayBuffer>) =>
      this.#device.queue.writeBuffer(memory.buffer, memory.byteOffset, bytes);
    if (this.clock?.holdsBack) {
      // The caller may change its values before they are written.
      const copy = data.slice();
      this.clock.upload(() => write(copy));
      return;
    }
    if (this.#touched.has(memory.regionId)) this.flush();
    write(data);
  }

  /**
   * Submits everything that uses a buffer: it must not be destroyed under unsubmitted commands.
   *
   * @param first the first id of its regions
   * @param end the one after the last
   */
  beforeDestroy(first: number, end: number): void {
    for (let id = first; id < end; id++) {
      if (this.#touched.has(id)) this.settle();
    }
  }

  /** Submits everything, also what a profile holds back to time it. */
  settle(): void {
    this.flush();
    this.clock?.settle();
  }

  /** Has a pipeline compiled by drivers that wait for its first dispatch, with one of no workgroups. */
  async warm(pipeline: Pipeline, bindGroup: GPUBindGroup, offsets: Offsets): Promise<void> {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline.pipeline);
    pass.setBindGroup(0, bindGroup, offsets);
    // Indirect, because Dawn prints a warning at a direct dispatch of no workgroups.
    this.#nothing ??= this.#device.createBuffer({ size: 16, usage: 0x100, label: "no workgroups" });
    pass.dispatchWorkgroupsIndirect(this.#nothing, 0);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
    this.submits++;
    await this.#device.queue.onSubmittedWorkDone();
  }

  flush(): void {
    if (this.#encoder === undefined) return;
    this.#endPass();
    this.clock?.beforeSubmit(this.#encoder);
    this.#device.queue.submit([this.#encoder.finish()]);
    this.#encoder = undefined;
    this.#touched.clear();
    this.#pending = 0;
    this.submits++;
    this.clock?.afterSubmit();
  }

  #open(): GPUCommandEncoder {
    if (this.#encoder === undefined) {
      this.#encoder = this.#device.createCommandEncoder();
      if (!this.#isFlushScheduled) {
        this.#isFlushScheduled = true;
        queueMicrotask(() => {
          this.#isFlushScheduled = false;
          this.flush();
        });
      }
    }
    return this.#encoder;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }
}

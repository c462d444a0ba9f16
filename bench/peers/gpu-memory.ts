// How many bytes of GPU buffers a library holds, told by listening to WebGPU: what a library says of itself differs in
// what it counts. Buffers that are neither destroyed nor reachable go when the garbage collector finds them.

import { finalizers } from "../../engine/base/finalizers.ts";

/** The part of GPUDevice and GPUBuffer that is listened to. */
interface Maker {
  createBuffer(descriptor: { size: number }): Held;
}
interface Held {
  destroy(): void;
}

export class BufferWatch {
  #bytes = 0;
  /** The most that were held at once since {@link forget}. */
  peakBytes = 0;
  readonly #sizes = new WeakMap<object, { bytes: number }>();

  begin(devices: Maker, buffers: Held): void {
    const { createBuffer } = devices;
    const { destroy } = buffers;
    const watch = this;
    devices.createBuffer = function (descriptor) {
      const buffer = createBuffer.call(this, descriptor);
      watch.#hold(buffer, descriptor.size);
      return buffer;
    };
    buffers.destroy = function () {
      const held = watch.#sizes.get(this);
      if (held !== undefined) watch.#release(held);
      destroy.call(this);
    };
  }

  /** Counts the peak from now on. */
  forget(): void {
    this.peakBytes = this.#bytes;
  }

  #hold(buffer: object, bytes: number): void {
    const held = { bytes };
    this.#sizes.set(buffer, held);
    finalizers.register(buffer, () => this.#release(held));
    this.#bytes += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.#bytes);
  }

  #release(held: { bytes: number }): void {
    this.#bytes -= held.bytes;
    held.bytes = 0;
  }
}

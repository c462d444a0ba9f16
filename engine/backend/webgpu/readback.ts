// Reads buffers back through mappable staging buffers, reused by size, and no more at once than the process survives.

/** A buffer that can be mapped is a memory map of its own, of which Linux lets a process have 65,530. */
const mostAtOnce = 1024;

export class Readback {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, GPUBuffer[]>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Whether a reading must wait for its {@link turn}. */
  get isFull(): boolean {
    return this.#running >= mostAtOnce;
  }

  /** Resolves when another reading may begin, first come, first served. */
  async turn(): Promise<void> {
    while (this.isFull) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The bytes of a stretch of `buffer`; the caller has submitted what writes it. */
  async read(buffer: GPUBuffer, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
    this.#running++;
    try {
      return await this.#read(buffer, byteOffset, byteLength);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #read(buffer: GPUBuffer, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
    const size = 2 ** Math.ceil(Math.log2(Math.max(256, byteLength)));
    const staging =
      this.#free.get(size)?.pop() ??
      this.#device.createBuffer({ size, usage: 0x01 | 0x08, label: "readback" });
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, byteOffset, staging, 0, byteLength);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(1, 0, byteLength);
    const bytes = staging.getMappedRange(0, byteLength).slice(0);
    staging.unmap();
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [staging]);
    else if (list.length < 4) list.push(staging);
    else staging.destroy();
    return bytes;
  }
}

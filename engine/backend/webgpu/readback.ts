// Reads buffers back through mappable staging buffers, reused by size.

export class Readback {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, GPUBuffer[]>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** The bytes of a stretch of `buffer`; the caller has submitted what writes it. */
  async read(buffer: GPUBuffer, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
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

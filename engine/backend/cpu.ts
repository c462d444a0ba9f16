// The CPU reference: plain loops over the same op definitions, f32 held in float64. Slow and exact; it is what
// every kernel is compared with.

import { type DType, type HostArray, hostArray, type ReferenceArray, referenceArray } from "../base/dtype.ts";
import { hostMemory } from "../base/host-memory.ts";
import { showShape, sizeOf } from "../base/shape.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { KernelOp, ReferenceTensor } from "../kernel/kernel-op.ts";
import { Memory } from "../kernel/memory.ts";
import type { Backend, DeviceInfo, MemoryUse, Operands, WorkCounters } from "./backend.ts";

class HostMemory extends Memory {
  readonly array: ReferenceArray;
  readonly #onFree: () => void;

  constructor(array: ReferenceArray, onFree: () => void) {
    super();
    this.array = array;
    this.#onFree = onFree;
  }

  protected free(): void {
    this.#onFree();
  }
}

export class CpuBackend implements Backend {
  /** Four elements, which is what `pack` asks of offsets. */
  readonly sliceAlignment = 16;
  readonly info: DeviceInfo = {
    backend: "cpu",
    adapter: "CPU reference (float64)",
    driver: "gradgpu",
    vendor: "",
    isSoftware: true,
    features: [],
    limits: {},
  };
  #buffers = 0;
  #bytes = 0;
  #peakBytes = 0;
  #counters = { dispatches: 0, uploads: 0, uploadedBytes: 0, readbacks: 0, copies: 0 };

  /** Never. Made anew each time: kept, it would hold whoever waits for it as long as there is memory of this backend. */
  get lost(): Promise<string> {
    return new Promise(() => {});
  }

  allocate(spec: Spec, what: string): Memory {
    const { dtype, shape } = spec;
    const name = `${what} (${dtype} ${showShape(shape)})`;
    const array = hostMemory(name, () => referenceArray(dtype, sizeOf(shape)));
    this.#buffers++;
    this.#bytes += array.byteLength;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
    return new HostMemory(array, () => {
      this.#buffers--;
      this.#bytes -= array.byteLength;
    });
  }

  /** The host has no limit but its memory, which is asked for as it is needed. */
  checkSize(): void {}

  slice(memory: Memory, byteOffset: number, spec: Spec): Memory {
    const parent = memory as HostMemory;
    parent.retain();
    // Offsets count f32 bytes, as on the GPU: element = byteOffset / 4.
    const start = byteOffset / 4;
    return new HostMemory(parent.array.subarray(start, start + sizeOf(spec.shape)), () => parent.release());
  }

  overlaps(a: Memory, b: Memory): boolean {
    const [x, y] = [(a as HostMemory).array, (b as HostMemory).array];
    return (
      x.buffer === y.buffer &&
      x.byteOffset < y.byteOffset + y.byteLength &&
      y.byteOffset < x.byteOffset + x.byteLength
    );
  }

  sharesBuffer(a: Memory, b: Memory): boolean {
    return (a as HostMemory).array.buffer === (b as HostMemory).array.buffer;
  }

  offsetIn(whole: Memory, part: Memory): number {
    const [x, y] = [(whole as HostMemory).array, (part as HostMemory).array];
    return ((y.byteOffset - x.byteOffset) / x.BYTES_PER_ELEMENT) * 4;
  }

  endsInGap(): boolean {
    return false;
  }

  write(memory: Memory, spec: Spec, values: ArrayLike<number>): void {
    const array = (memory as HostMemory).array;
    if (spec.dtype === "bool") {
      for (let i = 0; i < values.length; i++) array[i] = values[i] ? 1 : 0;
    } else if (spec.dtype === "f32") {
      // What the GPU would be given: f32 values.
      for (let i = 0; i < values.length; i++) array[i] = Math.fround(values[i]);
    } else {
      array.set(values as ArrayLike<number>);
    }
    this.#counters.uploads++;
    this.#counters.uploadedBytes += array.byteLength;
  }

  fill(memory: Memory, spec: Spec, value: number): void {
    const { array } = memory as HostMemory;
    array.fill(
      spec.dtype === "bool" ? Number(value !== 0) : spec.dtype === "f32" ? Math.fround(value) : value,
    );
    this.#counters.uploads++;
    this.#counters.uploadedBytes += array.byteLength;
  }

  async read(memory: Memory, dtype: DType, count: number): Promise<HostArray> {
    this.#counters.readbacks++;
    const out = hostArray(dtype, count);
    out.set((memory as HostMemory).array.subarray(0, count));
    return out;
  }

  peek(memory: Memory, count: number): ArrayLike<number> {
    return (memory as HostMemory).array.subarray(0, count);
  }

  async readFloat64(memory: Memory, _dtype: DType, count: number): Promise<Float64Array> {
    return Float64Array.from((memory as HostMemory).array.subarray(0, count));
  }

  copy(from: Memory, to: Memory): void {
    (to as HostMemory).array.set((from as HostMemory).array);
    this.#counters.copies++;
  }

  run(op: KernelOp, attrs: unknown, inputs: Operands, outputs: Operands): void {
    op.reference!(withData(inputs), attrs, withData(outputs));
    this.#counters.dispatches++;
  }

  flush(): void {}

  async sync(): Promise<void> {}

  memoryUse(): Omit<MemoryUse, "tensors"> {
    return { buffers: this.#buffers, bytes: this.#bytes, pooledBytes: 0, peakBytes: this.#peakBytes };
  }

  resetPeak(): void {
    this.#peakBytes = this.#bytes;
  }

  counters(): WorkCounters {
    return { ...this.#counters, submits: 0, pipelines: 0, bindGroups: 0 };
  }

  dispose(): void {}
}

function withData(operands: Operands): ReferenceTensor[] {
  return operands.specs.map(({ shape, dtype }, i) => ({
    shape,
    dtype,
    data: (operands.memories[i] as HostMemory).array,
  }));
}

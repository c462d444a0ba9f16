// The interface between the engine and what executes: memory, reading, writing, running an op. Two backends
// stand behind it: `cpu` (the float64 reference) and `webgpu`.

import type { DType, HostArray } from "../base/dtype.ts";
import type { AdapterProfile, MatrixShape, Spec } from "../kernel/kernel.ts";
import type { KernelOp } from "../kernel/kernel-op.ts";
import type { Memory } from "../kernel/memory.ts";
import type { TrialCall, VariantChoices } from "../kernel/variants.ts";
import type { Plan, PreparedProgram, WarmUpProgress } from "./program.ts";
import type { GpuProfiler, ProfileClock, ProfileSession } from "./timing.ts";

/** A value with its place: what a backend runs an op on. */
export interface Operands {
  readonly specs: readonly Spec[];
  readonly memories: readonly Memory[];
}

/** A call of an op before there is memory for it. */
export interface PlannedCall extends TrialCall {
  readonly outputs: readonly Spec[];
}

/** What `memory()` reports. Bytes count the GPU's (or the reference's) own buffers. */
export interface MemoryUse {
  /** Live tensor handles, Variables included; results of jit programs are the programs' own. */
  readonly tensors: number;
  /** Device buffers in existence, pooled ones included. Values of at most 4 KiB share buffers. */
  readonly buffers: number;
  /** Bytes that values take, rounded up to what the device gives. */
  readonly bytes: number;
  /** Bytes held for reuse: of freed buffers, and of those parts of shared buffers that are free. */
  readonly pooledBytes: number;
  /** The most that `bytes` and `pooledBytes` together have been. */
  readonly peakBytes: number;
}

/** What the GPU was asked to do since the device was opened. */
export interface WorkCounters {
  readonly dispatches: number;
  readonly submits: number;
  readonly uploads: number;
  readonly uploadedBytes: number;
  readonly readbacks: number;
  readonly pipelines: number;
  readonly bindGroups: number;
  readonly copies: number;
}

export interface DeviceInfo {
  readonly backend: "webgpu" | "cpu";
  /** The adapter's own name, as in "llvmpipe (LLVM 19.1.7, 256 bits)". */
  readonly adapter: string;
  readonly driver: string;
  readonly vendor: string;
  readonly isSoftware: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** The matrices of f16 that the adapter's matrix units multiply, where `init` allowed f16 and there are any. */
  readonly matrixUnit?: MatrixShape;
}

export interface Backend {
  readonly info: DeviceInfo;
  /** Bytes that slices of packed memory must start at a multiple of. */
  readonly sliceAlignment: number;
  /**
   * Fresh memory, its content undefined. `what` names it in errors. It is a device buffer of its own, unless `apart` is
   * given: then it may share a buffer with other values, but with none of those, which the same kernels read.
   */
  allocate(spec: Spec, what: string, apart?: readonly Memory[]): Memory;
  /** Throws the LimitError that {@link allocate} would, before host values of that size are made. */
  checkSize(spec: Spec, what: string): void;
  /** Gives memory one number for all elements; absent where they are written. */
  fill?(memory: Memory, spec: Spec, value: number): void;
  /** A part of `memory` as memory of its own, at an offset that is a multiple of {@link sliceAlignment}. */
  slice(memory: Memory, byteOffset: number, spec: Spec): Memory;
  /** Whether two memories share bytes. */
  overlaps(a: Memory, b: Memory): boolean;
  /** Whether two memories are parts of one device buffer, which a dispatch can't both read and write. */
  sharesBuffer(a: Memory, b: Memory): boolean;
  /** How many bytes of packed f32 memory lie before a part of it; of memories that share a buffer only. */
  offsetIn(whole: Memory, part: Memory): number;
  /** Whether a part of packed memory ends in a gap, which must stay 0: kernels, which write whole rows, may not write there. */
  endsInGap(memory: Memory, spec: Spec): boolean;
  write(memory: Memory, spec: Spec, values: ArrayLike<number>): void;
  read(memory: Memory, dtype: DType, count: number): Promise<HostArray>;
  /** The values as they are, where they lie on the host: not a copy, and only to be looked at. */
  peek?(memory: Memory, count: number): ArrayLike<number>;
  readFloat64(memory: Memory, dtype: DType, count: number): Promise<Float64Array>;
  copy(from: Memory, to: Memory, spec: Spec): void;
  /** Binds a planned program to the device; absent where jit runs functions as they are (the CPU reference). */
  prepare?(plan: Plan): PreparedProgram;
  /** The same with all its new kernels compiled before the promise resolves; absent where nothing is compiled. */
  prepareAhead?(
    plan: Plan,
    inputs: readonly Memory[],
    onProgress?: WarmUpProgress,
  ): Promise<{ program: PreparedProgram; pipelines: number }>;
  /** Times every dispatch from now on; absent where ops run at once (the CPU reference). */
  startProfile?(start: GpuProfiler, clock?: ProfileClock): ProfileSession;
  /** What kernels may know about the adapter; absent on the CPU reference. */
  readonly profile?: AdapterProfile;
  /** Which kernels it uses where they come in variants; absent where there are none. */
  readonly variants?: VariantChoices;
  /** Measures kernels that come in variants for these calls; whether plans made before are outdated. */
  tune?(calls: readonly TrialCall[]): Promise<boolean>;
  /** Told by a variable that it was assigned: a trace's program tells it again at every replay. */
  noteAssigned?(variable: { markAssigned(): void }): void;
  /** While tracing: runs `fn`, whose ops repeat earlier ones on purpose and must not be merged with them. */
  recomputing?<T>(fn: () => T): T;
  /** While tracing: memory that holds what `memory` holds now. Elsewhere copies are made. */
  snapshot?(memory: Memory, spec: Spec): Memory;
  /** Compiles side by side what {@link run} will need for these calls, and tells of each whether that went well. */
  compileAhead?(calls: readonly PlannedCall[]): Promise<readonly boolean[]>;
  /** Submits what is recorded so far. */
  flush(): void;
  run(op: KernelOp, attrs: unknown, inputs: Operands, outputs: Operands): void;
  /** Resolves when everything asked for so far has been done; rejects with the first error it met. */
  sync(): Promise<void>;
  memoryUse(): Omit<MemoryUse, "tensors">;
  /** Forgets the peak: it is what there is now. */
  resetPeak(): void;
  counters(): WorkCounters;
  /** Resolves with the reason if the device is lost. */
  readonly lost: Promise<string>;
  /** Opens the same adapter again, with the same options, for a device that was lost; absent where none can be. */
  reopen?(): Promise<Backend>;
  dispose(): void;
}

// The WebGPU backend: runs an op's kernel plan. Plans are prepared once for each op, attributes and shapes; a
// run afterwards looks up a bind group and records a dispatch.

import { copyBytes, type DType, deviceBytes, type HostArray, hostArray } from "../../base/dtype.ts";
import {
  closedText,
  DeviceError,
  DeviceLostError,
  DisposedError,
  LimitError,
  lostText,
} from "../../base/errors.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import type { AdapterProfile, KernelPlan, MatrixProducts, Operand, Spec } from "../../kernel/kernel.ts";
import type { KernelOp } from "../../kernel/kernel-op.ts";
import { opId } from "../../kernel/kernel-op.ts";
import type { Memory } from "../../kernel/memory.ts";
import type { TrialCall, VariantChoices } from "../../kernel/variants.ts";
import type { Backend, DeviceInfo, MemoryUse, Operands, PlannedCall, WorkCounters } from "../backend.ts";
import type { Plan, PreparedProgram, WarmUpProgress } from "../program.ts";
import type { GpuProfiler, ProfileClock, ProfileSession } from "../timing.ts";
import type { Tuner } from "../tuning/tuner.ts";
import { adapterProfile } from "./adapter-profile.ts";
import { BindGroups, bindGroupCeiling } from "./bind-groups.ts";
import { ceilingFor } from "./ceiling.ts";
import { decode, encode } from "./encoding.ts";
import { GarbageTurns } from "./garbage.ts";
import { GpuMemory } from "./gpu-memory.ts";
import type { Naps } from "./naps.ts";
import { type Kernel, PipelineCache, refused, SizeBuffers } from "./pipelines.ts";
import { BufferPool, type PoolCeiling } from "./pool.ts";
import { WebgpuProgram } from "./program.ts";
import { Readback } from "./readback.ts";
import { Recorder } from "./recorder.ts";
import { warmUp } from "./warm-up.ts";

interface PreparedCall extends Kernel {
  readonly sizes: { buffer: GPUBuffer; id: number };
}

interface Prepared {
  readonly calls: readonly PreparedCall[];
  readonly scratchBytes: readonly number[];
}

export interface WebgpuOptions {
  /** Opens another device on the adapter, for one whose driver compiles late and one pipeline at a time. */
  readonly openHelper?: () => Promise<GPUDevice | undefined>;
  readonly tuner?: Tuner;
  /** Taken while something is waited for, where waiting keeps a core busy that the adapter needs. */
  readonly naps?: Naps;
  /** How much it may hold; default: what the machine can give. */
  readonly ceiling?: PoolCeiling;
  /** Opens another backend just like this one. */
  readonly reopen?: () => Promise<Backend>;
  /** What computes products by matrix units, where a program lets them. */
  readonly matrixProducts?: MatrixProducts;
}

/** Buffers that stand in for operands; past that all are given up and taken anew as they are needed. */
const maxStandIns = 256;
/** Plans kept; past that all are dropped and made anew as they are needed. */
const maxPrepared = 8192;

export class WebgpuBackend implements Backend {
  readonly info: DeviceInfo;
  readonly sliceAlignment: number;
  readonly profile: AdapterProfile;
  readonly lost: Promise<string>;
  reopen: (() => Promise<Backend>) | undefined;
  readonly #device: GPUDevice;
  readonly #pool: BufferPool;
  readonly #pipelines: PipelineCache;
  readonly #sizes: SizeBuffers;
  readonly #recorder: Recorder;
  readonly #readback: Readback;
  readonly #bindGroups: BindGroups;
  readonly #garbage: GarbageTurns;
  /** By place and size: see {@link #runOnCopies}. */
  readonly #standIns = new Map<string, GpuMemory>();
  readonly #openHelper: (() => Promise<GPUDevice | undefined>) | undefined;
  readonly #tuner: Tuner | undefined;
  readonly #naps: Pick<Naps, "during">;
  readonly #prepared = new Map<string, Prepared>();
  #errors: Promise<Error | undefined>[] = [];
  #lostReason: string | undefined;
  #isClosed = false;
  #uploads = 0;
  #uploadedBytes = 0;
  #readbacks = 0;

  constructor(
    device: GPUDevice,
    info: DeviceInfo,
    { openHelper, tuner, naps, ceiling, reopen, matrixProducts }: WebgpuOptions = {},
  ) {
    this.#device = device;
    this.reopen = reopen;
    this.#openHelper = openHelper;
    this.#tuner = tuner;
    this.info = info;
    const { minStorageBufferOffsetAlignment, minUniformBufferOffsetAlignment } = info.limits;
    this.sliceAlignment = Math.max(
      16,
      minStorageBufferOffsetAlignment,
      // Only kernels of software adapters bind parts of buffers as uniforms.
      info.isSoftware ? minUniformBufferOffsetAlignment : 0,
    );
    this.profile = { ...adapterProfile(info, matrixProducts), choices: tuner?.choices };
    if (tuner !== undefined) tuner.choices.onChange = () => this.#forgetPlans();
    this.#naps = naps ?? { during: (wait) => wait };
    this.#bindGroups = new BindGroups(device);
    this.#pool = new BufferPool(device, info.limits, ceiling ?? ceilingFor(info, undefined), (first, end) => {
      // A buffer that unsubmitted commands use must not be destroyed yet.
      this.#recorder.beforeDestroy(first, end);
      this.#bindGroups.drop(first);
    });
    this.#garbage = new GarbageTurns([
      { ceiling: this.#pool.ceiling.bytes, inUse: () => this.#pool.bytesInUse },
      { ceiling: this.#pool.ceiling.buffers, inUse: () => this.#pool.buffersInUse },
      { ceiling: bindGroupCeiling, inUse: () => this.#bindGroups.alive },
    ]);
    this.#pipelines = new PipelineCache(device, (error) => this.#watch(error));
    this.#sizes = new SizeBuffers(device, (id) => this.#bindGroups.drop(id));
    this.#recorder = new Recorder(device);
    this.#readback = new Readback(device);
    this.lost = device.lost.then((lost) => {
      this.#lostReason = lost.message || lost.reason;
      // Dawn's binding for Node holds a handler for ever, and so all that it knows.
      device.onuncapturederror = null;
      return this.#lostReason;
    });
    device.onuncapturederror = (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      const { message } = error;
      // What comes of a refused shader need not be printed as well: that error is told.
      if (message.startsWith("[Invalid ")) event.preventDefault();
      this.#errors.push(Promise.resolve(this.#refusal(error)));
    };
  }

  allocate(spec: Spec, what: string, apart?: readonly Memory[]): Memory {
    const bytes = deviceBytes(spec.dtype, sizeOf(spec.shape));
    return this.#pool.allocate(bytes, nameOf(spec, what), apart as readonly GpuMemory[] | undefined);
  }

  checkSize(spec: Spec, what: string): void {
    this.#pool.checkLimits(deviceBytes(spec.dtype, sizeOf(spec.shape)), nameOf(spec, what));
  }

  slice(memory: Memory, byteOffset: number, spec: Spec): Memory {
    const parent = memory as GpuMemory;
    parent.retain();
    const bytes = deviceBytes(spec.dtype, sizeOf(spec.shape));
    const start = parent.byteOffset + byteOffset;
    const { buffer, bufferId, regionId } = parent;
    return new GpuMemory(buffer, bufferId, start, bytes, () => parent.release(), regionId, true);
  }

  overlaps(a: Memory, b: Memory): boolean {
    const [x, y] = [a as GpuMemory, b as GpuMemory];
    return (
      x.buffer === y.buffer &&
      x.byteOffset < y.byteOffset + y.byteLength &&
      y.byteOffset < x.byteOffset + x.byteLength
    );
  }

  sharesBuffer(a: Memory, b: Memory): boolean {
    return (a as GpuMemory).buffer === (b as GpuMemory).buffer;
  }

  offsetIn(whole: Memory, part: Memory): number {
    return (part as GpuMemory).byteOffset - (whole as GpuMemory).byteOffset;
  }

  endsInGap(memory: Memory, spec: Spec): boolean {
    const { isSlice, byteLength } = memory as GpuMemory;
    return isSlice && copyBytes(spec.dtype, sizeOf(spec.shape)) < byteLength;
  }

  write(memory: Memory, spec: Spec, values: ArrayLike<number>): void {
    if (values.length === 0) return;
    const gpu = memory as GpuMemory;
    const data = encode(spec.dtype, values);
    this.#recorder.upload(gpu, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#uploads++;
    this.#uploadedBytes += data.byteLength;
  }

  async read(memory: Memory, dtype: DType, count: number): Promise<HostArray> {
    if (count === 0) return hostArray(dtype, 0);
    const bytes = copyBytes(dtype, count);
    let raw: ArrayBuffer;
    const isLater = this.#readback.isFull;
    const source = isLater ? this.#snapshot(memory as GpuMemory, bytes) : (memory as GpuMemory);
    if (!isLater) source.retain();
    this.#recorder.flush();
    this.#readbacks++;
    try {
      if (this.#recorder.clock?.holdsBack) await this.#recorder.clock.drain();
      if (isLater) await this.#readback.turn();
      raw = await this.#naps.during(this.#readback.read(source.buffer, source.byteOffset, bytes));
    } catch (error) {
      await this.#throwPending();
      // The news of a loss may come after the reading it ended.
      await Promise.race([this.lost, new Promise((resolve) => setTimeout(resolve, 100))]);
      if (this.#lostReason !== undefined) throw this.#lostError("data()");
      throw new DeviceError(`data(): reading back failed: ${(error as Error).message}`);
    } finally {
      source.release();
    }
    await this.#throwPending();
    await this.#collect();
    return decode(dtype, raw, count);
  }

  /** A copy of what the memory holds now: when its turn to be read comes, it may hold something else. */
  #snapshot(memory: GpuMemory, bytes: number): GpuMemory {
    const copy = this.#pool.allocate(Math.ceil(bytes / 16) * 16, "values to be read", [memory]);
    this.#recorder.copy(memory, copy, bytes);
    return copy;
  }

  async readFloat64(memory: Memory, dtype: DType, count: number): Promise<Float64Array> {
    return Float64Array.from(await this.read(memory, dtype, count));
  }

  copy(from: Memory, to: Memory, spec: Spec): void {
    if (sizeOf(spec.shape) === 0) return;
    const source = from as GpuMemory;
    const target = to as GpuMemory;
    const bytes = copyBytes(spec.dtype, sizeOf(spec.shape));
    if (source.buffer === target.buffer) {
      // WebGPU copies only between two buffers: go through a third.
      const through = this.#pool.allocate(
        deviceBytes(spec.dtype, sizeOf(spec.shape)),
        "a copy inside one buffer",
      );
      this.#recorder.copy(source, through, bytes);
      this.#recorder.copy(through, target, bytes);
      through.release();
      return;
    }
    this.#recorder.copy(source, target, bytes);
  }

  run(op: KernelOp, attrs: unknown, inputs: Operands, outputs: Operands): void {
    const prepared = this.#prepare(op, attrs, inputs.specs, outputs.specs);
    for (const { pipeline } of prepared.calls) {
      // Known by now to be broken: say why at the call, as the first use could only say when it was read.
      if (pipeline.failure !== undefined) throw refused(pipeline.failure);
    }
    const scratch: GpuMemory[] = [];
    try {
      for (const bytes of prepared.scratchBytes)
        scratch.push(this.#pool.allocate(bytes, `scratch of ${op.name}`));
      for (const kernel of prepared.calls) {
        const memories = kernel.call.operands.map((operand) => pick(operand, inputs, outputs, scratch));
        const bindGroup = this.#bindGroups.getIfRoom(kernel.pipeline, kernel.sizes, memories);
        if (bindGroup === undefined) this.#runOnCopies(kernel, memories);
        else this.#recorder.dispatch(kernel, bindGroup, memories);
      }
    } finally {
      for (const memory of scratch) memory.release();
    }
  }

  /**
   * Runs a kernel while no bind groups are made: on copies of what it binds, which lie in the same buffers every time, so
   * that their bind group exists. Slow, but a loop that neither frees nor awaits comes to its end.
   */
  #runOnCopies(kernel: PreparedCall, memories: readonly GpuMemory[]): void {
    if (this.#standIns.size > maxStandIns) this.#freeStandIns();
    const copies = memories.map(({ byteLength }, k) => this.#standIn(k, byteLength, kernel.name));
    memories.forEach((memory, k) => {
      this.#recorder.copy(memory, copies[k], memory.byteLength);
    });
    const bindGroup = this.#bindGroups.get(kernel.pipeline, kernel.sizes, copies);
    this.#recorder.dispatch(kernel, bindGroup, copies);
    kernel.call.operands.forEach(({ access }, k) => {
      if (access === "read_write") this.#recorder.copy(copies[k], memories[k], memories[k].byteLength);
    });
  }

  /** What stands in for a kernel's operand of this place and size, until something is awaited. */
  #standIn(place: number, byteLength: number, name: string): GpuMemory {
    const key = `${place}:${byteLength}`;
    let memory = this.#standIns.get(key);
    if (memory === undefined) {
      memory = this.#pool.allocate(byteLength, `a copy of an operand of ${name}`);
      this.#standIns.set(key, memory);
    }
    return memory;
  }

  #freeStandIns(): void {
    for (const memory of this.#standIns.values()) memory.release();
    this.#standIns.clear();
  }

  /** Where something has been awaited: what was dropped may be collected now. */
  #collect(): Promise<void> | undefined {
    this.#freeStandIns();
    return this.#garbage.takeIfDue();
  }

  #prepare(op: KernelOp, attrs: unknown, inputs: readonly Spec[], outputs: readonly Spec[]): Prepared {
    let key = `${opId(op)}`;
    for (const spec of inputs) key += `|${spec.dtype}${spec.shape}`;
    key += `>${outputs[0].dtype}${outputs[0].shape}`;
    for (const _ in attrs as object) {
      key += JSON.stringify(attrs, replaceNonFinite);
      break;
    }
    let prepared = this.#prepared.get(key);
    if (prepared !== undefined) return prepared;
    if (this.#prepared.size >= maxPrepared) this.#forgetPlans();
    const plan = this.#kernelsOf({ op, attrs, inputs, outputs });
    const calls = plan.calls.map((call) => ({
      name: op.name,
      call,
      pipeline: this.#pipelines.get(call, op.name),
      sizes: this.#sizes.get(call.sizes),
    }));
    prepared = {
      calls,
      scratchBytes: (plan.scratch ?? []).map((spec) => deviceBytes(spec.dtype, sizeOf(spec.shape))),
    };
    this.#prepared.set(key, prepared);
    return prepared;
  }

  /** What an op dispatches, but for what has nothing to do. */
  #kernelsOf({ op, ...context }: PlannedCall): KernelPlan {
    const plan = op.kernels!({ ...context, profile: this.profile });
    return { ...plan, calls: plan.calls.filter(({ workgroups }) => workgroups.every((count) => count > 0)) };
  }

  #forgetPlans(): void {
    this.#recorder.settle();
    this.#prepared.clear();
    this.#sizes.clear();
  }

  get variants(): VariantChoices | undefined {
    return this.#tuner?.choices;
  }

  async tune(calls: readonly TrialCall[]): Promise<boolean> {
    return this.#tuner === undefined ? false : this.#tuner.tune(calls);
  }

  prepare(plan: Plan): WebgpuProgram {
    return new WebgpuProgram(plan, {
      pool: this.#pool,
      pipelines: this.#pipelines,
      sizes: new SizeBuffers(this.#device, (id) => this.#bindGroups.drop(id)),
      bindGroups: this.#bindGroups,
      recorder: this.#recorder,
      zero: (memory) => this.#recorder.upload(memory, new Uint8Array(memory.byteLength)),
    });
  }

  /** The same with its new pipelines compiled side by side, and to the end. */
  async prepareAhead(
    plan: Plan,
    inputs: readonly Memory[],
    onProgress?: WarmUpProgress,
  ): Promise<{ program: PreparedProgram; pipelines: number }> {
    const dispatches = plan.steps.filter((step) => step.kind === "dispatch");
    const made = await this.#naps.during(this.#pipelines.compile(dispatches));
    const program = this.prepare(plan);
    try {
      const jobs = program.warmUpJobs(inputs, made);
      let done = 0;
      // Drivers that gain by helpers compile one after another.
      const first = this.#openHelper === undefined ? undefined : jobs[0]?.name;
      onProgress?.({ done, total: made.length, kernel: first });
      const onDone = (next?: string) => onProgress?.({ done: ++done, total: made.length, kernel: next });
      await this.#naps.during(warmUp(jobs, onDone, this.#openHelper));
      return { program, pipelines: made.length };
    } catch (error) {
      program.dispose();
      throw error;
    }
  }

  async compileAhead(calls: readonly PlannedCall[]): Promise<readonly boolean[]> {
    const compiles = async (planned: PlannedCall) => {
      const { name } = planned.op;
      await this.#pipelines.compile(this.#kernelsOf(planned).calls.map((call) => ({ call, name })));
      return true;
    };
    // Why it is refused is told to who runs it.
    return this.#naps.during(Promise.all(calls.map((planned) => compiles(planned).catch(() => false))));
  }

  startProfile(start: GpuProfiler, clock?: ProfileClock): ProfileSession {
    return start({ device: this.#device, recorder: this.#recorder, info: this.info }, clock);
  }

  flush(): void {
    this.#recorder.flush();
  }

  async sync(): Promise<void> {
    this.#recorder.flush();
    if (this.#recorder.clock?.holdsBack) await this.#recorder.clock.drain();
    await this.#naps.during(this.#device.queue.onSubmittedWorkDone());
    if (this.#lostReason !== undefined) throw this.#lostError("sync()");
    await this.#throwPending();
    await this.#collect();
  }

  memoryUse(): Omit<MemoryUse, "tensors"> {
    return this.#pool.use();
  }

  resetPeak(): void {
    this.#pool.resetPeak();
  }

  counters(): WorkCounters {
    return {
      dispatches: this.#recorder.dispatches,
      submits: this.#recorder.submits,
      copies: this.#recorder.copies,
      uploads: this.#uploads,
      uploadedBytes: this.#uploadedBytes,
      readbacks: this.#readbacks,
      pipelines: this.#pipelines.count,
      bindGroups: this.#bindGroups.made,
    };
  }

  dispose(): void {
    this.#isClosed = true;
    this.#recorder.settle();
    this.#pool.close();
    this.#device.destroy();
  }

  /** @internal For tests: loses the device as a driver reset would. */
  loseDevice(): void {
    this.#device.destroy();
  }

  #refusal(error: GPUError): Error {
    if (error.constructor.name !== "GPUOutOfMemoryError")
      return new DeviceError(`WebGPU refused a command: ${error.message}`);
    const { buffers, bytes } = this.#pool.use();
    return new LimitError(
      `the GPU has no memory left: ${buffers} buffers of ${bytes} bytes live on the device, and another was refused (${error.message}); what needed it has no value. Free what is no longer needed with tidy() or dispose(), use smaller batches or shapes, or set init's memoryLimit to be told at the call`,
    );
  }

  #watch(error: Promise<Error | undefined>): void {
    this.#errors.push(error);
    // Forget it once it is known to be fine.
    void error.then((found) => {
      if (found === undefined) this.#errors = this.#errors.filter((other) => other !== error);
    });
  }

  async #throwPending(): Promise<void> {
    const errors = this.#errors;
    this.#errors = [];
    for (const error of await Promise.all(errors)) if (error !== undefined) throw error;
  }

  #lostError(what: string): Error {
    return this.#isClosed
      ? new DisposedError(`${what}: what is waited for ${closedText}`)
      : new DeviceLostError(`${what}: ${lostText(this.#lostReason as string)}`);
  }
}

function pick(
  operand: Operand,
  inputs: Operands,
  outputs: Operands,
  scratch: readonly GpuMemory[],
): GpuMemory {
  if (operand.role === "input") return inputs.memories[operand.index] as GpuMemory;
  if (operand.role === "output") return outputs.memories[operand.index] as GpuMemory;
  return scratch[operand.index];
}

/** JSON has no NaN, infinities or -0; plan keys must tell them apart. */
function replaceNonFinite(_key: string, value: unknown): unknown {
  return typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
    ? `#${Object.is(value, -0) ? "-0" : value}`
    : value;
}

const nameOf = ({ dtype, shape }: Spec, what: string): string => `${what} (${dtype} ${showShape(shape)})`;

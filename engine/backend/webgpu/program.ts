// A planned program bound to the device: pipelines, size buffers, slots and bind groups made once. Running it
// records its dispatches and nothing else.

import { copyBytes } from "../../base/dtype.ts";
import { LimitError, TraceError } from "../../base/errors.ts";
import { sizeOf } from "../../base/shape.ts";
import type { KernelCall } from "../../kernel/kernel.ts";
import type { Memory } from "../../kernel/memory.ts";
import type { Place, Plan, PreparedProgram } from "../program.ts";
import { type BindGroups, bindGroupKey } from "./bind-groups.ts";
import { GpuMemory } from "./gpu-memory.ts";
import type { Kernel } from "./pipelines.ts";
import { type Pipeline, type PipelineCache, refused, type SizeBuffers } from "./pipelines.ts";
import type { BufferPool } from "./pool.ts";
import type { BareDispatch, BareStretch, Offsets, Recorder } from "./recorder.ts";
import type { WarmUpJob } from "./warm-up-jobs.ts";

export interface ProgramServices {
  readonly pool: BufferPool;
  readonly pipelines: PipelineCache;
  /** The program's own, freed with it. */
  readonly sizes: SizeBuffers;
  readonly bindGroups: BindGroups;
  readonly recorder: Recorder;
  zero(memory: GpuMemory): void;
}

interface BoundDispatch extends Kernel {
  readonly kind: "dispatch";
  readonly sizes: { buffer: GPUBuffer; id: number };
  readonly places: readonly Place[];
  /** Made once, where no argument of the caller is bound. */
  readonly bindGroup: GPUBindGroup | undefined;
  /** What it binds, where that is always the same. */
  readonly memories: readonly GpuMemory[];
  readonly offsets: Offsets;
}

interface BoundCopy {
  readonly kind: "copy";
  readonly from: Place;
  readonly to: Place;
  readonly bytes: number;
}

/** A result of a program, until the program runs again. */
class OutputMemory extends GpuMemory {
  readonly #program: WebgpuProgram;
  readonly #run: number;

  constructor(memory: GpuMemory, owner: GpuMemory, program: WebgpuProgram) {
    owner.retain();
    const { buffer, bufferId, byteOffset, byteLength, regionId } = memory;
    super(buffer, bufferId, byteOffset, byteLength, () => owner.release(), regionId);
    this.#program = program;
    this.#run = program.runs;
  }

  override checkUsable(tensor: { describe(): string }): void {
    if (this.#run !== this.#program.runs) {
      throw new TraceError(
        `${tensor.describe()} is a result of a jit program that has run again since and was overwritten; read it before the next run, or copy it with mul(x, 1)`,
      );
    }
  }
}

export class WebgpuProgram implements PreparedProgram {
  /** How often the program has run: results of earlier runs are stale. */
  runs = 0;
  readonly #services: ProgramServices;
  readonly #plan: Plan;
  readonly #slots: readonly GpuMemory[];
  readonly #steps: readonly (BoundDispatch | BoundCopy)[];
  readonly #touched: readonly number[];
  /** The steps with everything in place, where none binds an argument. */
  readonly #bare: readonly BareStretch[] | undefined;
  /** Buffers that a run writes: slots, and memory that it assigns to. */
  readonly #written = new Set<number>();
  readonly #slotIds: ReadonlySet<number>;
  /**
   * Copies of arguments that lie in such buffers, made for one run. Those of a warm-up stand at their arguments' places:
   * with gaps, which forEach passes over.
   */
  #staged: GpuMemory[] = [];
  #arguments: readonly Memory[] = [];

  constructor(plan: Plan, services: ProgramServices) {
    this.#plan = plan;
    this.#services = services;
    this.#slots = allocateSlots(plan, services.pool);
    this.#slotIds = new Set(this.#slots.map((slot) => slot.bufferId));
    for (const id of this.#slotIds) this.#written.add(id);
    for (const step of plan.steps) {
      const places =
        step.kind === "copy"
          ? [step.to]
          : step.places.filter((_, k) => step.call.operands[k].access === "read_write");
      for (const place of places)
        if (place.kind === "memory") this.#written.add((place.memory as GpuMemory).bufferId);
    }
    plan.slots.forEach((slot, i) => {
      if (slot.isZeroed) services.zero(this.#slots[i]);
    });
    const touched = new Set<number>();
    // The steps of a loop have their calls in common, and bind the same two or three times over.
    const ready = new Map<KernelCall, Pick<BoundDispatch, "pipeline" | "sizes">>();
    const groups = new Map<string, GPUBindGroup>();
    this.#steps = plan.steps.map((step) => {
      if (step.kind === "copy") {
        for (const place of [step.from, step.to])
          if (place.kind !== "input") touched.add(this.#boundOf(place, []).regionId);
        return {
          kind: "copy",
          from: step.from,
          to: step.to,
          bytes: copyBytes(step.spec.dtype, sizeOf(step.spec.shape)),
        };
      }
      let kernel = ready.get(step.call);
      if (kernel === undefined) {
        kernel = {
          pipeline: services.pipelines.get(step.call, step.name),
          sizes: services.sizes.get(step.call.sizes),
        };
        ready.set(step.call, kernel);
      }
      const { pipeline, sizes } = kernel;
      const isFixed = step.places.every((place) => place.kind !== "input");
      const memories = isFixed ? step.places.map((place) => this.#boundOf(place, [])) : [];
      for (const memory of memories) touched.add(memory.regionId);
      let bindGroup: GPUBindGroup | undefined;
      if (isFixed) {
        const key = step.loop === undefined ? "" : bindGroupKey(pipeline, sizes, memories);
        bindGroup = groups.get(key) ?? services.bindGroups.make(pipeline, sizes, memories);
        if (key !== "") groups.set(key, bindGroup);
      }
      return {
        kind: "dispatch",
        name: step.name,
        call: step.call,
        pipeline,
        sizes,
        places: step.places,
        memories,
        offsets: offsetsOf(step.call, step.places),
        bindGroup,
      };
    });
    this.#touched = [...touched];
    this.#bare = this.#stretches();
  }

  /** @throws ShaderError once the driver is known to have refused one of the kernels */
  run(args: readonly Memory[], times: number): void {
    for (const step of this.#steps) {
      // The first run can't know: whoever reads its results is told.
      if (step.kind === "dispatch" && step.pipeline.failure !== undefined)
        throw refused(step.pipeline.failure);
    }
    this.runs++;
    const { recorder, bindGroups } = this.#services;
    if (args.length === 0 && this.#bare !== undefined && recorder.replayAll(this.#bare, times)) {
      recorder.touchIds(this.#touched);
      return;
    }
    const staged = this.#staged;
    this.#staged = [];
    let inputs = args;
    // Copies lie in the same buffers again and again, whose bind groups exist.
    const stagesAll = bindGroups.isCrowded;
    for (let time = 0; time < times; time++) {
      if (args.length > 0) inputs = this.#stage(args, inputs, time === 0, stagesAll);
      for (const step of this.#steps) {
        if (step.kind === "copy") {
          const [from, to] = [this.#memoryOf(step.from, inputs), this.#memoryOf(step.to, inputs)];
          recorder.copy(from, to, step.bytes);
          continue;
        }
        let { bindGroup, memories } = step;
        if (bindGroup === undefined) {
          memories = step.places.map((place) => this.#boundOf(place, inputs));
          bindGroup = bindGroups.get(step.pipeline, step.sizes, memories);
          recorder.touch(memories);
        }
        recorder.replay(step, bindGroup, memories, step.offsets);
      }
    }
    recorder.touchIds(this.#touched);
    this.#arguments = inputs;
    // Only now: one of them may have been an argument.
    staged.forEach((memory) => {
      memory.release();
    });
  }

  /** What has the driver finish compiling these pipelines, as far as the program uses them. */
  warmUpJobs(args: readonly Memory[], pipelines: Iterable<Pipeline>): WarmUpJob[] {
    const { recorder, bindGroups, pool } = this.#services;
    const cold = new Set(pipelines);
    const inputs = args.map((memory, k) => {
      const { bufferId, byteLength } = memory as GpuMemory;
      if (!this.#written.has(bufferId)) return memory;
      this.#staged[k] ??= pool.allocate(byteLength, "a copy of a jit program's argument");
      return this.#staged[k];
    });
    const jobs: WarmUpJob[] = [];
    for (const step of this.#steps) {
      if (step.kind === "copy" || !cold.delete(step.pipeline)) continue;
      const memories = step.places.map((place) => this.#boundOf(place, inputs));
      const bindGroup = step.bindGroup ?? bindGroups.get(step.pipeline, step.sizes, memories);
      const run = () => recorder.warm(step.pipeline, bindGroup, step.offsets);
      jobs.push({ name: step.name, call: step.call, run });
    }
    return jobs;
  }

  /**
   * The arguments as the program can bind them: those that it overwrites while it runs, its own results of the run
   * before or a variable that it assigns, are copied first. A variable is read anew each time, a result only once.
   */
  #stage(
    args: readonly Memory[],
    before: readonly Memory[],
    isFirst: boolean,
    stagesAll: boolean,
  ): readonly Memory[] {
    const { pool, recorder } = this.#services;
    return args.map((memory, k) => {
      const source = memory as GpuMemory;
      const isWritten = this.#written.has(source.bufferId);
      if (!isWritten && !stagesAll) return memory;
      if (!isFirst && (!isWritten || this.#slotIds.has(source.bufferId))) return before[k];
      let copy = before[k] as GpuMemory;
      if (isFirst) {
        copy = pool.allocate(source.byteLength, "a copy of a jit program's argument");
        this.#staged.push(copy);
      }
      recorder.copy(source, copy, source.byteLength);
      return copy;
    });
  }

  /** Handles on the results, each good until the next run. */
  outputs(): Memory[] {
    const inputs = this.#arguments;
    return this.#plan.outputs.map(({ place }) => {
      const owner = place.kind === "slot" ? this.#slots[place.slot] : this.#memoryOf(place, inputs);
      return new OutputMemory(this.#memoryOf(place, inputs), owner, this);
    });
  }

  get bytes(): number {
    return this.#plan.slots.reduce((total, slot) => total + slot.bytes, 0);
  }

  dispose(): void {
    for (const slot of this.#slots) slot.release();
    this.#staged.forEach((memory) => {
      memory.release();
    });
    this.#arguments = [];
    this.#services.recorder.settle();
    this.#services.sizes.clear();
  }

  #stretches(): BareStretch[] | undefined {
    const stretches: BareStretch[] = [];
    let dispatches: BareDispatch[] = [];
    for (const step of this.#steps) {
      if (step.kind === "copy") {
        if (step.from.kind === "input") return undefined;
        const copy = {
          from: this.#memoryOf(step.from, []),
          to: this.#memoryOf(step.to, []),
          bytes: step.bytes,
        };
        stretches.push({ dispatches, copy });
        dispatches = [];
      } else {
        if (step.bindGroup === undefined) return undefined;
        const [x, y, z] = step.call.workgroups;
        const { bindGroup, offsets } = step;
        dispatches.push({ pipeline: step.pipeline.pipeline, bindGroup, offsets, x, y, z });
      }
    }
    if (dispatches.length > 0) stretches.push({ dispatches, copy: undefined });
    return stretches;
  }

  /** Where a value is. */
  #memoryOf(place: Place, inputs: readonly Memory[]): GpuMemory {
    const bound = this.#boundOf(place, inputs);
    const { row } = place;
    if (row === undefined) return bound;
    const { buffer, bufferId, byteOffset, regionId } = bound;
    return new GpuMemory(buffer, bufferId, byteOffset + row.byteOffset, row.bytes, () => {}, regionId);
  }

  /** What a dispatch binds for it: of a row, the first one's length. */
  #boundOf(place: Place, inputs: readonly Memory[]): GpuMemory {
    let memory: GpuMemory;
    if (place.kind === "input") memory = inputs[place.index] as GpuMemory;
    else if (place.kind === "memory") memory = place.memory as GpuMemory;
    else {
      const slot = this.#slots[place.slot];
      memory = new GpuMemory(slot.buffer, slot.bufferId, place.byteOffset, place.bytes, () => {});
    }
    const { row } = place;
    if (row === undefined) return memory;
    const { buffer, bufferId, byteOffset, regionId } = memory;
    return new GpuMemory(buffer, bufferId, byteOffset, row.bytes, () => {}, regionId);
  }
}

/** Where the operands of a call that move lie. */
function offsetsOf({ operands }: KernelCall, places: readonly Place[]): Offsets {
  const moving = places.filter((_, k) => operands[k].moves);
  return moving.length === 0 ? undefined : moving.map(({ row }) => row?.byteOffset ?? 0);
}

/** The program's buffers, all or none. */
function allocateSlots(plan: Plan, pool: BufferPool): GpuMemory[] {
  const slots: GpuMemory[] = [];
  try {
    for (const slot of plan.slots) slots.push(pool.allocate(slot.bytes, "a jit program's slot"));
  } catch (error) {
    for (const slot of slots) slot.release();
    if (!(error instanceof LimitError)) throw error;
    const sizes = plan.slots.map((slot) => slot.bytes);
    const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
    throw new LimitError(
      `jit: the program of ${plan.steps.length} steps needs ${sizes.length} buffers of ${total} bytes in all, the largest ${Math.max(...sizes)} bytes: ${error.message}`,
    );
  }
  return slots;
}

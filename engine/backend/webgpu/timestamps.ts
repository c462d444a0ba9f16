// Clocks for a profile: what each dispatch took. One reads the GPU's timestamps; the other, for adapters without
// them, holds all work back and lets one dispatch after the other run to its end. Neither exists unless a profile runs.

import type { DispatchTime } from "../timing.ts";
import type { Kernel } from "./pipelines.ts";

/** What a dispatch binds. */
export interface Bound {
  readonly group: GPUBindGroup;
  readonly offsets: readonly number[] | undefined;
}

export interface DispatchClock {
  /** Whether work waits in the clock: whoever needs it done must {@link drain}, or {@link settle}, first. */
  readonly holdsBack: boolean;
  /** @param open gives the open command encoder, outside any pass */
  dispatch(
    kernel: Kernel,
    bound: Bound,
    memories: readonly { byteLength: number }[],
    open: () => GPUCommandEncoder,
  ): void;
  copy(encode: (encoder: GPUCommandEncoder) => void): void;
  upload(write: () => void): void;
  beforeSubmit(encoder: GPUCommandEncoder): void;
  afterSubmit(): void;
  /** Resolves when all that is held back so far is done. */
  drain(): Promise<void>;
  /** Submits what is held back at once, its dispatches untimed. */
  settle(): void;
  /** The times of all dispatches, in order. */
  finish(): Promise<DispatchTime[]>;
}

/** Dispatches in a query set, which holds 4096 stamps at most. */
const setSize = 2048;

interface StampSet {
  readonly queries: GPUQuerySet;
  readonly resolved: GPUBuffer;
  readonly staging: GPUBuffer;
  count: number;
}

/** Each dispatch in a pass of its own, between two stamps of the GPU. */
export class TimestampClock implements DispatchClock {
  readonly holdsBack = false;
  readonly #device: GPUDevice;
  readonly #times: DispatchTime[] = [];
  /** Sets of the open encoder, the last one being filled. */
  #open: StampSet[] = [];
  readonly #free: StampSet[] = [];
  readonly #arriving: Promise<BigUint64Array>[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  dispatch(
    kernel: Kernel,
    bound: Bound,
    memories: readonly { byteLength: number }[],
    open: () => GPUCommandEncoder,
  ): void {
    const encoder = open();
    let set = this.#open.at(-1);
    if (set === undefined || set.count === setSize) {
      set = this.#free.pop() ?? this.#makeSet();
      this.#open.push(set);
    }
    const first = 2 * set.count++;
    const pass = encoder.beginComputePass({
      timestampWrites: {
        querySet: set.queries,
        beginningOfPassWriteIndex: first,
        endOfPassWriteIndex: first + 1,
      },
    });
    encode(pass, kernel, bound);
    pass.end();
    this.#times.push(timeOf(kernel, memories));
  }

  copy(): void {}

  upload(): void {}

  beforeSubmit(encoder: GPUCommandEncoder): void {
    for (const { queries, resolved, staging, count } of this.#open) {
      encoder.resolveQuerySet(queries, 0, 2 * count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16 * count);
    }
  }

  afterSubmit(): void {
    for (const set of this.#open) {
      const stamps = this.#read(set);
      // Whether it arrived is looked at in the end: till then nobody waits for it, and a process would end of it.
      stamps.catch(() => {});
      this.#arriving.push(stamps);
    }
    this.#open = [];
  }

  async drain(): Promise<void> {}

  settle(): void {}

  async finish(): Promise<DispatchTime[]> {
    const stamps = await Promise.allSettled(this.#arriving);
    for (const { queries, resolved, staging } of this.#free) {
      queries.destroy();
      resolved.destroy();
      staging.destroy();
    }
    let next = 0;
    let first: bigint | undefined;
    for (const set of stamps) {
      // A lost device has no stamps; whoever waited for it was told.
      if (set.status === "rejected") break;
      for (let i = 0; i < set.value.length; i += 2) {
        const [begin, end] = [set.value[i], set.value[i + 1]];
        first ??= begin;
        const time = this.#times[next++];
        time.startMs = Number(begin - first) / 1e6;
        time.ms = Math.max(0, Number(end - begin)) / 1e6;
      }
    }
    return this.#times;
  }

  async #read(set: StampSet): Promise<BigUint64Array> {
    const bytes = 16 * set.count;
    await set.staging.mapAsync(1, 0, bytes);
    const stamps = new BigUint64Array(set.staging.getMappedRange(0, bytes).slice(0));
    set.staging.unmap();
    set.count = 0;
    this.#free.push(set);
    return stamps;
  }

  #makeSet(): StampSet {
    const size = 16 * setSize;
    return {
      queries: this.#device.createQuerySet({ type: "timestamp", count: 2 * setSize, label: "profile" }),
      resolved: this.#device.createBuffer({ size, usage: 0x200 | 0x04, label: "profile" }),
      staging: this.#device.createBuffer({ size, usage: 0x01 | 0x08, label: "profile" }),
      count: 0,
    };
  }
}

type Held =
  | {
      readonly kind: "dispatch";
      readonly time: DispatchTime;
      readonly run: (pass: GPUComputePassEncoder) => void;
    }
  | { readonly kind: "copy"; readonly run: (encoder: GPUCommandEncoder) => void }
  | { readonly kind: "upload"; readonly run: () => void }
  | { readonly kind: "mark"; readonly run: () => void };

/** Each dispatch in a submit of its own, waited for. What it takes includes that round trip. */
export class WallClock implements DispatchClock {
  readonly holdsBack = true;
  readonly #device: GPUDevice;
  readonly #times: DispatchTime[] = [];
  readonly #held: Held[] = [];
  #first: number | undefined;
  #isRunning = false;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  dispatch(kernel: Kernel, bound: Bound, memories: readonly { byteLength: number }[]): void {
    const time = timeOf(kernel, memories);
    this.#times.push(time);
    this.#held.push({ kind: "dispatch", time, run: (pass) => encode(pass, kernel, bound) });
  }

  copy(run: (encoder: GPUCommandEncoder) => void): void {
    this.#held.push({ kind: "copy", run });
  }

  upload(run: () => void): void {
    this.#held.push({ kind: "upload", run });
  }

  beforeSubmit(): void {}

  afterSubmit(): void {}

  drain(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#held.push({ kind: "mark", run: resolve });
      if (this.#isRunning) return;
      this.#run().catch((error: unknown) => {
        reject(error);
        // Others wait for marks behind it; what they ask of the device next tells them why.
        this.settle();
      });
    });
  }

  settle(): void {
    for (const held of this.#held.splice(0)) this.#submit(held);
  }

  async finish(): Promise<DispatchTime[]> {
    return this.#times;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      for (let held = this.#held.shift(); held !== undefined; held = this.#held.shift()) {
        const started = performance.now();
        this.#submit(held);
        // Whoever waited for a mark goes first: it may read what later work overwrites.
        if (held.kind === "mark") await new Promise((resolve) => setTimeout(resolve, 0));
        if (held.kind === "dispatch") {
          await this.#device.queue.onSubmittedWorkDone();
          this.#first ??= started;
          held.time.startMs = started - this.#first;
          held.time.ms = performance.now() - started;
        } else if (held.kind === "copy") {
          // Else the next dispatch would be charged for it.
          await this.#device.queue.onSubmittedWorkDone();
        }
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #submit(held: Held): void {
    if (held.kind === "upload" || held.kind === "mark") {
      held.run();
      return;
    }
    const encoder = this.#device.createCommandEncoder();
    if (held.kind === "copy") held.run(encoder);
    else {
      const pass = encoder.beginComputePass();
      held.run(pass);
      pass.end();
    }
    this.#device.queue.submit([encoder.finish()]);
  }
}

function encode(pass: GPUComputePassEncoder, { pipeline, call }: Kernel, { group, offsets }: Bound): void {
  pass.setPipeline(pipeline.pipeline);
  pass.setBindGroup(0, group, offsets);
  pass.dispatchWorkgroups(call.workgroups[0], call.workgroups[1], call.workgroups[2]);
}

function timeOf({ name, call }: Kernel, bound: readonly { byteLength: number }[]): DispatchTime {
  const bytes = bound.reduce((sum, memory) => sum + memory.byteLength, 0);
  return { name, call, bytes, startMs: Number.NaN, ms: Number.NaN };
}

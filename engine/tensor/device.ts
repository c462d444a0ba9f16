// Device: an opened backend, its seed and its counters; and which device is the default one.

import type { Backend, DeviceInfo, MemoryUse, WorkCounters } from "../backend/backend.ts";
import { Ambient } from "../base/ambient.ts";
import {
  ArgumentError,
  DeviceError,
  DeviceLostError,
  DisposedError,
  kindOf,
  TraceError,
} from "../base/errors.ts";
import { RandomSource } from "../base/random/source.ts";
import type { VariantChoices } from "../kernel/variants.ts";
import { opWatch } from "./watches.ts";

/** What creation functions take where they are told of no device: the last one opened, or set. */
export const defaultDevice = new Ambient<Device | undefined>(undefined);
/** Where a function is being traced, while one is. */
const tracedDevice = new Ambient<Device | undefined>(undefined);

/** @internal Throws where `op` would run at tracing only, because the traced function is another device's. */
export function checkTraced(op: string, device: Device): void {
  const traced = tracedDevice.value;
  if (traced === undefined || traced === device) return;
  throw new TraceError(
    `${op}: runs on ${device.name} inside a function that is traced for another device (${traced.name}); it would run once, at tracing. Do it outside and pass the result's values`,
  );
}

/** How many devices of a kind were opened. */
const opened = new Map<string, number>();

/** What `memory()` gives: plain numbers of the moment it was asked for. */
export class MemoryReport implements MemoryUse {
  readonly tensors: number;
  readonly buffers: number;
  readonly bytes: number;
  readonly pooledBytes: number;
  readonly peakBytes: number;
  readonly #backend: Backend;

  /** @internal */
  constructor(tensors: number, backend: Backend) {
    const { buffers, bytes, pooledBytes, peakBytes } = backend.memoryUse();
    this.tensors = tensors;
    this.buffers = buffers;
    this.bytes = bytes;
    this.pooledBytes = pooledBytes;
    this.peakBytes = peakBytes;
    this.#backend = backend;
  }

  /**
   * Has the device find its peak anew from what there is now, so that a later report's `peakBytes` is the peak since.
   * This report stays as it is.
   */
  resetPeak(): void {
    this.#backend.resetPeak();
  }
}

export class Device {
  /** How errors tell it from others: "webgpu", a second one "webgpu 2". Counted for the process. */
  readonly name: string;
  /** @internal What executes: the adapter's backend, or a trace of it while a function is traced. */
  backend: Backend;
  readonly #real: Backend;
  #random: RandomSource;
  #seed: number;
  /** @internal */
  tensorCount = 0;
  #closed = false;
  #lost: string | undefined;

  /** Hands out the streams of random numbers under the {@link seed}. */
  get random(): RandomSource {
    return this.#random;
  }

  get seed(): number {
    return this.#seed;
  }

  /** Behind {@link setSeed}. */
  setSeed(seed: number): void {
    this.#random = new RandomSource(seed);
    this.#seed = seed;
  }

  /** @internal Use {@link init}. */
  constructor(backend: Backend, seed: number) {
    this.backend = backend;
    this.#real = backend;
    const { kind } = this;
    const count = (opened.get(kind) ?? 0) + 1;
    opened.set(kind, count);
    this.name = count === 1 ? kind : `${kind} ${count}`;
    this.#seed = seed;
    this.#random = new RandomSource(seed);
    void backend.lost.then((reason) => {
      this.#lost = reason;
    });
  }

  get kind(): "webgpu" | "cpu" {
    return this.backend.info.backend;
  }

  get info(): DeviceInfo {
    return this.backend.info;
  }

  /**
   * Which kernels are used where there are several: `String(device.variants)` prints them, with what was measured and
   * what is broken here; `device.variants.pin("matmul", "tile-32x32")` fixes one. Undefined on the CPU reference.
   */
  get variants(): VariantChoices | undefined {
    return this.#real.variants;
  }

  get isDisposed(): boolean {
    return this.#closed;
  }

  /** Why the device was lost, or undefined while it works. */
  get lostReason(): string | undefined {
    return this.#lost;
  }

  /** @internal Neither closed nor lost. */
  get isUsable(): boolean {
    return !this.#closed && this.#lost === undefined;
  }

  /** @internal Whether a function is being traced on the device. */
  get isTracing(): boolean {
    return this.backend !== this.#real;
  }

  /** @internal Runs `fn` with its ops recorded by `trace` instead of executed. */
  withTrace<T>(trace: Backend, fn: () => T): T {
    checkTraced("jit", this);
    const outer = this.backend;
    this.backend = trace;
    try {
      return tracedDevice.with(this, fn);
    } finally {
      this.backend = outer;
    }
  }

  /** @internal Throws when the device was closed or lost. */
  checkOpen(what: string): void {
    if (this.#closed) {
      throw new DisposedError(
        `${what} belongs to a device that was closed; open one with init() and make it anew`,
      );
    }
    if (this.#lost !== undefined) {
      throw new DeviceLostError(
        `${what} is on a device that was lost (${this.#lost}); dispose() it, init() again and resume from the last weights read`,
      );
    }
  }

  /** Resolves when all work asked for so far is done; rejects with the first error the device met. */
  sync(): Promise<void> {
    this.checkOpen("sync: the work waited for");
    const done = this.backend.sync();
    const watch = opWatch.value;
    return watch === undefined ? done : done.then(() => watch.check(this));
  }

  /** What lives on the device now; `memory().resetPeak()` has the peak found anew. */
  memory(): MemoryReport {
    return new MemoryReport(this.tensorCount, this.backend);
  }

  /** What the device was asked to do since it was opened: dispatches, submits, uploads, ... */
  counters(): WorkCounters {
    return this.backend.counters();
  }

  /** Closes the device and frees all its memory. Tensors on it throw from now on. Doing it twice is harmless. */
  dispose(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (defaultDevice.value === this) defaultDevice.value = undefined;
    this.backend.dispose();
  }
}

/** Closes the default device (see {@link Device.dispose}); harmless when there is none. */
export function dispose(): void {
  defaultDevice.value?.dispose();
}

/** The default device; throws a DeviceError before `init()`. */
export function device(): Device {
  const found = defaultDevice.value;
  if (found === undefined) throw new DeviceError("no device is open; call `await init()` first");
  return found;
}

/** Makes an open device the default one, for creation functions. */
export function setDevice(next: Device): void {
  if (!(next instanceof Device)) throw new ArgumentError(`setDevice: takes a Device, got ${kindOf(next)}`);
  next.checkOpen("setDevice: the device");
  defaultDevice.value = next;
}

/**
 * Starts the default device's random numbers again under a seed: what is made from now on, weights, masks, orders of
 * samples, draws what it would just after `init({ seed })`. What was made before keeps the streams that it has.
 *
 * @param seed whole, 0 to 2^53 - 1
 */
export function setSeed(seed: number): void {
  device().setSeed(seed);
}

/** What lives on the default device: tensors, buffers, bytes; `memory().resetPeak()` has the peak found anew. */
export function memory(): MemoryReport {
  return device().memory();
}

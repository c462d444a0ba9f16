// Device: an opened backend, its seed and its counters; and which device is the default one.

import type { Backend, DeviceInfo, MemoryUse, WorkCounters } from "../backend/backend.ts";
import { Ambient } from "../base/ambient.ts";
import {
  ArgumentError,
  checkOptions,
  closedText,
  DeviceError,
  DeviceLostError,
  DisposedError,
  kindOf,
  lostText,
  type OptionNames,
  TraceError,
} from "../base/errors.ts";
import { aboveZero } from "../base/number-checks.ts";
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

export interface RecoverOptions {
  /** Seconds to go on asking for the adapter; default 30. */
  timeout?: number;
}

const recoverOptions: OptionNames<RecoverOptions> = { timeout: true };

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
  /**
   * @internal No thread but its own has any use of a device, or of what holds one, as tensors and models do: no symbol can be
   * cloned, so that sending or storing them fails, where it would give objects that do nothing.
   */
  readonly uncloneable = Symbol("a gradgpu Device");
  /** How errors tell it from others: "webgpu", a second one "webgpu 2". Counted for the process. */
  readonly name: string;
  /** @internal What executes: the adapter's backend, or a trace of it while a function is traced. */
  backend: Backend;
  #real: Backend;
  #random: RandomSource;
  #seed: number;
  /** @internal An object of its own: what waits for a tensor's collection must not hold the device, which may hold the tensor. */
  readonly alive = { tensors: 0 };
  #closed = false;
  #lost: string | undefined;
  #recovery: Promise<void> | undefined;
  /** @internal How often it was opened again: what was made before that has no values any more. */
  generation = 0;

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
    this.#heed(backend);
  }

  #heed(backend: Backend): void {
    void backend.lost.then((reason) => {
      // A device that is closed goes too, but was not lost.
      if (backend === this.#real && !this.#closed) this.#lost = reason;
    });
  }

  get kind(): "webgpu" | "cpu" {
    return this.backend.info.backend;
  }

  get info(): DeviceInfo {
    return this.backend.info;
  }

  /**
   * Which kernels are used where there are several: `showVariants(device)` of `gradgpu/inspect` prints them, with what
   * was measured and what is broken here; `device.variants.pin("matmul", "tile-32x32")` fixes one. Undefined on the CPU reference.
   */
  get variants(): VariantChoices | undefined {
    return this.#real.variants;
  }

  get isDisposed(): boolean {
    return this.#closed;
  }

  /** Why the device was lost, or undefined while it works; see {@link recover}. */
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
      throw new DisposedError(`${what} ${closedText}`);
    }
    if (this.#lost !== undefined) {
      throw new DeviceLostError(`${what}: ${lostText(this.#lost)}`);
    }
  }

  /** @internal Executes what must not wait for a replay, though a function is being traced. */
  get realBackend(): Backend {
    return this.#real;
  }

  /**
   * Opens the adapter again after the device was lost, with the options that `init` had. Variables, layers, optimizers and
   * jitted functions stay what they are, but their values are gone: variables take new ones by `restore()`, `set()` or
   * `assign()`, and throw a DeviceLostError when they are read before; other tensors are to be made anew. Does nothing
   * where the device is not lost. `fit` calls it by itself and restores what it needs.
   *
   * @param options `timeout`: seconds to go on asking for the adapter, default 30
   * @throws DeviceError where no device comes back in time, or only another adapter's
   */
  async recover(options: RecoverOptions = {}): Promise<void> {
    checkOptions("recover", options, recoverOptions);
    const timeout = aboveZero("recover", "timeout", options.timeout ?? 30);
    if (this.isTracing) throw new TraceError("jit: recover() inside a traced function; call it outside");
    this.#recovery ??= this.#reopen(timeout * 1000).finally(() => {
      this.#recovery = undefined;
    });
    return this.#recovery;
  }

  async #reopen(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (let pauseMs = 50; !this.isUsable; pauseMs *= 2) {
      if (this.#closed) this.checkOpen("recover: the device");
      let backend: Backend;
      try {
        backend = await (this.#real.reopen as NonNullable<Backend["reopen"]>)();
      } catch (cause) {
        const leftMs = deadline - performance.now();
        if (leftMs <= 0) {
          throw new DeviceError(
            `recover: ${this.name} was lost (${this.#lost}) and no device came back within ${timeoutMs / 1000} s: ${(cause as Error).message}. Restart the program (the browser, where it has given up on the GPU), or recover() later`,
            { cause },
          );
        }
        await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, leftMs)));
        continue;
      }
      if (this.#closed) {
        backend.dispose();
        continue;
      }
      this.#real.dispose();
      this.#real = backend;
      this.backend = backend;
      this.generation++;
      this.#lost = undefined;
      this.#heed(backend);
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
    return new MemoryReport(this.alive.tensors, this.backend);
  }

  /** What the device was asked to do since it was opened, or opened again: dispatches, submits, uploads, ... */
  counters(): WorkCounters {
    return this.backend.counters();
  }

  /**
   * Closes the device and frees all its memory. Tensors on it throw from now on, and what is being read is rejected with a
   * DisposedError. Doing it twice is harmless.
   *
   * @throws TraceError inside a traced function
   */
  dispose(): void {
    if (this.#closed) return;
    // First: a trace refuses it, and then the device stays open.
    this.backend.dispose();
    this.#closed = true;
    if (defaultDevice.value === this) defaultDevice.value = undefined;
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

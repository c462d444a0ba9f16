// Device: an opened backend, its seed and its counters. `init` opens one and makes it the default for creation
// functions; ops themselves follow their inputs, so several devices can be open side by side.

import type { Backend, DeviceInfo, MemoryUse, WorkCounters } from "../backend/backend.ts";
import { CpuBackend } from "../backend/cpu.ts";
import { openWebgpu } from "../backend/webgpu/open.ts";
import type { DType } from "../base/dtype.ts";
import {
  ArgumentError,
  checkOptions,
  DeviceError,
  DeviceLostError,
  DisposedError,
  kindOf,
  type OptionNames,
  TraceError,
  unknownName,
} from "../base/errors.ts";
import { RandomSource } from "../base/random/source.ts";
import type { VariantChoices } from "../kernel/variants.ts";
import { Tensor } from "./tensor.ts";
import { watches } from "./watches.ts";

export interface InitOptions {
  /**
   * - `"auto"` (the default): WebGPU where an adapter is found, else the CPU reference.
   * - `"webgpu"`: a WebGPU adapter, or a DeviceError that says what to do.
   * - `"cpu"`: the float64 reference: exact and slow.
   */
  device?: "auto" | "webgpu" | "cpu";
  /** Seed of everything random on the device: initial weights, masks, shuffles. Whole, 0 to 2^53-1; default 0. */
  seed?: number;
  /**
   * Whether warming up a traced function measures which of several kernels is quickest for its sizes. What was measured
   * is kept for later programs. Default: on GPUs, where it takes milliseconds a size; not on software adapters, where
   * compiling a kernel may take a second.
   */
  autotune?: boolean;
  /** Leaves measured choices of kernels out: the same program gives the same bits each time on the same adapter. */
  deterministic?: boolean;
  /**
   * What products (`matmul`, and layers and convolutions made of it) may round their operands to.
   *
   * - `"float32"` (the default): nothing.
   * - `"float16"`: 11 bits, beyond 65,504 infinite, below 6e-8 zero, where the GPU has matrix units (tensor cores) for
   *   that: several times as fast. Sums, results and everything else stay float32. Elsewhere the same as `"float32"`;
   *   `device.info.matrixUnit` tells which. In Chrome it needs the flag `--enable-unsafe-webgpu`.
   */
  matmulPrecision?: "float32" | "float16";
}

const initOptions: OptionNames<InitOptions> = {
  device: true,
  seed: true,
  autotune: true,
  deterministic: true,
  matmulPrecision: true,
};

let current: Device | undefined;
/** Where a function is being traced, while one is. */
let traced: Device | undefined;

/** @internal Throws where `op` would run at tracing only, because the traced function is another device's. */
export function checkTraced(op: string, device: Device): void {
  if (traced === undefined || traced === device) return;
  throw new TraceError(
    `${op}: runs on ${device.kind} inside a function that is traced for another device (${traced.kind}); it would run once, at tracing. Do it outside and pass the result's values`,
  );
}

export class Device {
  /** @internal What executes: the adapter's backend, or a trace of it while a function is traced. */
  backend: Backend;
  readonly #real: Backend;
  readonly random: RandomSource;
  readonly seed: number;
  /** @internal */
  tensorCount = 0;
  #constants = new Map<string, Tensor>();
  #closed = false;
  #lost: string | undefined;

  /** @internal Use {@link init}. */
  constructor(backend: Backend, seed: number) {
    this.backend = backend;
    this.#real = backend;
    this.seed = seed;
    this.random = new RandomSource(seed);
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
    this.backend = trace;
    traced = this;
    try {
      return fn();
    } finally {
      this.backend = this.#real;
      traced = undefined;
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
    const { ops } = watches;
    return ops === undefined ? done : done.then(() => ops.check(this));
  }

  /** What lives on the device now. */
  memory(): MemoryUse {
    return { tensors: this.tensorCount, ...this.backend.memoryUse() };
  }

  /** What the device was asked to do since it was opened: dispatches, submits, uploads, ... */
  counters(): WorkCounters {
    return this.backend.counters();
  }

  /** @internal A scalar made once and kept as long as the device lives. */
  constant(value: number, dtype: DType): Tensor {
    if (this.isTracing) return this.#scalar(value, dtype, this.backend);
    const key = `${dtype}:${Object.is(value, -0) ? "-0" : value}`;
    let tensor = this.#constants.get(key);
    if (tensor === undefined) {
      this.checkOpen(`the scalar ${value}`);
      tensor = this.#scalar(value, dtype, this.#real);
      this.#constants.set(key, tensor);
      if (this.#constants.size > maxConstants) {
        const [oldest, dropped] = this.#constants.entries().next().value!;
        this.#constants.delete(oldest);
        dropped.dispose();
      }
    } else if (this.#constants.size > maxConstants / 2) {
      // Keep the most recently used last, so that the oldest is dropped first.
      this.#constants.delete(key);
      this.#constants.set(key, tensor);
    }
    return tensor;
  }

  /** @internal The number that the kept scalar of this id holds, if it is one. */
  constantValue(id: number): number | undefined {
    for (const [key, tensor] of this.#constants) {
      if (tensor.id === id) return Number(key.slice(key.indexOf(":") + 1));
    }
    return undefined;
  }

  /** @internal Whether a handle is one of the device's own scalars. */
  keeps(tensor: Tensor): boolean {
    for (const own of this.#constants.values()) if (own === tensor) return true;
    return false;
  }

  #scalar(value: number, dtype: DType, backend: Backend): Tensor {
    const spec = { shape: [], dtype };
    const memory = backend.allocate(spec, `the scalar ${value}`);
    backend.write(memory, spec, [value]);
    // The device keeps its own scalars; those of a trace belong to the trace's scope.
    return new Tensor(this, spec, memory, { tracked: backend !== this.#real });
  }

  /** Closes the device and frees all its memory. Tensors on it throw from now on. Doing it twice is harmless. */
  dispose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#constants.clear();
    if (current === this) current = undefined;
    this.backend.dispose();
  }
}

const maxConstants = 1024;

/**
 * Opens a device and makes it the default one. Awaited once at the start of a program; a second call opens a
 * second device and makes that the default, the first staying open until its own `dispose()`.
 */
export async function init(options: InitOptions = {}): Promise<Device> {
  checkOptions("init", options, initOptions);
  const kind = options.device ?? "auto";
  const seed = options.seed ?? 0;
  if (!["auto", "webgpu", "cpu"].includes(kind))
    throw unknownName("device", String(kind), ["auto", "webgpu", "cpu"]);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ArgumentError(
      `init: the seed must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, got ${seed}`,
    );
  }
  const precision = options.matmulPrecision ?? "float32";
  if (!["float32", "float16"].includes(precision))
    throw unknownName("matmulPrecision", String(precision), ["float32", "float16"]);
  let backend: Backend | undefined;
  if (kind !== "cpu") backend = await openWebgpu(kind === "webgpu", options);
  current = new Device(backend ?? new CpuBackend(), seed);
  return current;
}

/** Closes the default device (see {@link Device.dispose}); harmless when there is none. */
export function dispose(): void {
  current?.dispose();
}

/** The default device; throws a DeviceError before `init()`. */
export function device(): Device {
  if (current === undefined) {
    throw new DeviceError("no device is open; call `await init()` first");
  }
  return current;
}

/** Makes an open device the default one, for creation functions. */
export function setDevice(next: Device): void {
  if (!(next instanceof Device)) throw new ArgumentError(`setDevice: takes a Device, got ${kindOf(next)}`);
  next.checkOpen("setDevice: the device");
  current = next;
}

/** What lives on the default device: tensors, buffers, bytes. */
export function memory(): MemoryUse {
  return device().memory();
}

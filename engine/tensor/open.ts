// init: opens a device. The one place that knows which backends there are; it loads the one that is asked for.

import type { Backend } from "../backend/backend.ts";
import { Ambient } from "../base/ambient.ts";
import { ArgumentError, checkOptions, kindOf, type OptionNames } from "../base/errors.ts";
import { choiceOf } from "../base/names.ts";
import { atLeastOne } from "../base/number-checks.ts";
import type { MatrixProducts } from "../kernel/kernel.ts";
import { Device, defaultDevice } from "./device.ts";

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
   * - `float16Products`, an object to import: 11 bits, beyond 65,504 infinite, below 6e-8 zero, where the GPU has matrix
   *   units (tensor cores) for that: several times as fast. Sums, results and everything else stay float32. Elsewhere the
   *   same as `"float32"`; `device.info.matrixUnit` tells which. In Chrome it needs the flag `--enable-unsafe-webgpu`.
   */
  matmulPrecision?: "float32" | MatrixProducts;
  /**
   * Bytes of device memory, what is kept for reuse included, past which making a tensor throws a LimitError; whole.
   * Default: on software adapters and Apple's GPUs three quarters of the memory that the machine has left when the device
   * opens, under Node; else what the driver gives, as WebGPU does not tell how much that is. The CPU reference has none.
   */
  memoryLimit?: number;
}

const initOptions: OptionNames<InitOptions> = {
  device: true,
  seed: true,
  autotune: true,
  deterministic: true,
  matmulPrecision: true,
  memoryLimit: true,
};

/** Told of each device that is opened: what runs a program and has to leave nothing open. */
export const deviceWatch = new Ambient<((device: Device) => void) | undefined>(undefined);

/**
 * Opens a device and makes it the default one. Awaited once at the start of a program; a second call opens a
 * second device and makes that the default, the first staying open until its own `dispose()`.
 */
export async function init(options: InitOptions = {}): Promise<Device> {
  checkOptions("init", options, initOptions);
  const kind = choiceOf("device", options.device ?? "auto", ["auto", "webgpu", "cpu"]);
  const seed = options.seed ?? 0;
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ArgumentError(
      `init: the seed must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, got ${seed}`,
    );
  }
  const { matmulPrecision: precision = "float32" } = options;
  if (precision !== "float32" && typeof precision?.variants !== "function") {
    throw new ArgumentError(
      `init: matmulPrecision takes "float32" or float16Products, an object that "gradgpu" exports, got ${kindOf(precision)}`,
    );
  }
  const matrixProducts = precision === "float32" ? undefined : precision;
  if (options.memoryLimit !== undefined) atLeastOne("init", "memoryLimit", options.memoryLimit);
  let backend: Backend | undefined;
  if (kind !== "cpu") {
    const { openWebgpu } = await import("../backend/webgpu/open.ts");
    backend = await openWebgpu(kind === "webgpu", { ...options, matrixProducts });
  }
  const opened = new Device(backend ?? (await openCpu()), seed);
  defaultDevice.value = opened;
  deviceWatch.value?.(opened);
  return opened;
}

async function openCpu(): Promise<Backend> {
  const { CpuBackend } = await import("../backend/cpu.ts");
  return new CpuBackend();
}

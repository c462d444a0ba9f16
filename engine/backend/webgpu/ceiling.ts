// How much memory a device may take where `init` is not told.

import type { DeviceInfo } from "../backend.ts";
import { availableMemory } from "./machine.ts";
import type { PoolCeiling } from "./pool.ts";

/**
 * Values of more than 4 KiB have a buffer each. Where a driver gives each a memory map of its own, Linux lets a process
 * have 65,530 of those.
 */
const mostBuffers = 32768;
/** Of what the machine can give when the device opens. */
const share = 0.75;

/**
 * Bytes: `memoryLimit`, or, on adapters that compute in the machine's own memory, three quarters of what is available
 * when the device opens. WebGPU does not tell how much other GPUs have: there it is their driver that refuses what is too
 * much. Browsers do not tell what the machine has, either.
 */
export function ceilingFor(info: DeviceInfo, memoryLimit: number | undefined): PoolCeiling {
  const isHostMemory = info.isSoftware || info.vendor === "apple";
  const most = isHostMemory
    ? Math.floor((availableMemory() ?? Number.POSITIVE_INFINITY) * share)
    : Number.POSITIVE_INFINITY;
  return { buffers: mostBuffers, bytes: memoryLimit ?? most };
}

// How much memory a device may take where `init` is not told.

import { nodeModule, nodeProcess } from "../../base/host.ts";
import type { PoolCeiling } from "./pool.ts";

/**
 * Values of more than 4 KiB have a buffer each. Where a driver gives each a memory map of its own, Linux lets a process
 * have 65,530 of those.
 */
const mostBuffers = 32768;
/** Of what the machine can give when the device opens. */
const share = 0.75;

/**
 * Bytes: `memoryLimit`, or three quarters of the memory that is available when the device opens, which is the GPU's own
 * memory on software adapters and integrated GPUs. No one tells how much a discrete GPU has: its driver refuses what is
 * too much, and that is reported. Browsers tell nothing; there it is the driver alone.
 */
export function ceilingFor(memoryLimit: number | undefined): PoolCeiling {
  return { buffers: mostBuffers, bytes: memoryLimit ?? Math.floor(availableBytes() * share) };
}

function availableBytes(): number {
  const available =
    nodeProcess()?.availableMemory?.() ?? nodeModule<{ freemem(): number }>("node:os")?.freemem();
  return available ?? Number.POSITIVE_INFINITY;
}

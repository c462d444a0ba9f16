// What Node tells of the machine. What bundles for pages take in its place is machine.browser.ts.

import { nodeModule, nodeProcess } from "../../base/host.ts";

/** Bytes that a program could still take; undefined where nobody tells. */
export const availableMemory = (): number | undefined =>
  nodeProcess()?.availableMemory?.() ?? nodeModule<{ freemem(): number }>("node:os")?.freemem();

/** Threads that run at once; undefined where nobody tells. */
export const coreCount = (): number | undefined =>
  nodeModule<{ availableParallelism(): number }>("node:os")?.availableParallelism();

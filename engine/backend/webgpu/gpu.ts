// Where WebGPU comes from: the browser's or runtime's own, or, in Node, Dawn (npm package `webgpu`). What bundles for pages
// take in its place is gpu.browser.ts.

import { importByName, nodeProcess } from "../../base/host.ts";
import { type EventLoop, Naps } from "./naps.ts";

/** The GPU instances must outlive every device made from them: Dawn frees the adapter with them otherwise. */
const instances = new Map<string, GPU>();

export interface FoundGpu {
  /** Undefined where the runtime has no WebGPU. */
  readonly gpu?: GPU;
  /** Of Dawn's binding for Node, which asks the driver at every turn of the event loop: for adapters that compute on its core. */
  readonly naps?: Naps;
  /** What loading Dawn ended with, where it failed. */
  readonly cause?: unknown;
}

interface Dawn {
  readonly globals: object;
  create(flags: readonly string[]): GPU;
}

export async function findGpu(allowsUnsafe: boolean): Promise<FoundGpu> {
  const own = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (own !== undefined) return { gpu: own };
  if (nodeProcess()?.versions?.node === undefined) return {};
  // Exact timestamps: profiles of kernels are worth little in steps of 65 microseconds.
  const flags = ["disable-dawn-features=timestamp_quantization"];
  if (allowsUnsafe) flags.push("enable-dawn-features=allow_unsafe_apis");
  const key = flags.join(" ");
  let gpu = instances.get(key);
  if (gpu === undefined) {
    try {
      const dawn = await importByName<Dawn>("webgpu");
      Object.assign(globalThis, dawn.globals);
      gpu = dawn.create(flags);
    } catch (cause) {
      return { cause };
    }
    instances.set(key, gpu);
  }
  return { gpu, naps: new Naps(globalThis as unknown as EventLoop) };
}

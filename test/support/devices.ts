// The devices of the op tests: the float64 reference and this project's adapter, opened once a process.

import { type Device, init } from "../../engine/index.ts";

let reference: Promise<Device> | undefined;
let gpu: Promise<Device> | undefined;

export function referenceDevice(): Promise<Device> {
  reference ??= init({ device: "cpu", seed: 1 });
  return reference;
}

/** The adapter's device, which becomes the default one only when it is opened. */
export function gpuDevice(): Promise<Device> {
  gpu ??= init({ device: "webgpu", seed: 1 });
  return gpu;
}

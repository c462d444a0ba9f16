// The devices of the op tests: the float64 reference and this project's adapter, opened once a process.

import { type Device, device, init, setDevice } from "../../engine/index.ts";
// Files of an adapter share processes: what one knows by name, all do, whichever comes first.
import "../../nn/names.ts";

let reference: Promise<Device> | undefined;
let gpu: Promise<Device> | undefined;

const seed = 1;

export function referenceDevice(): Promise<Device> {
  reference ??= init({ device: "cpu", seed });
  return reference.then(withSeed);
}

/** Files share the devices: one may have left another seed. */
function withSeed(device: Device): Device {
  if (device.seed !== seed) device.setSeed(seed);
  return device;
}

/**
 * Calls `f` with a device of its own, for what counts memory: on the shared one other files' tensors come and go, and its
 * pool holds what they gave back.
 */
export async function withOwnDevice<T>(f: (own: Device) => Promise<T>): Promise<T> {
  await gpuDevice();
  const before = device();
  const own = await init({ device: "webgpu", seed: 1 });
  try {
    return await f(own);
  } finally {
    setDevice(before);
    own.dispose();
  }
}

/** The adapter's device, which becomes the default one only when it is opened. */
export function gpuDevice(): Promise<Device> {
  gpu ??= init({ device: "webgpu", seed });
  return gpu.then(withSeed);
}

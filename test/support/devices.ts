// The devices of the op tests: the float64 reference and this project's adapter, opened once a process.

import { type Device, device, init, setDevice } from "../../engine/index.ts";
// Files of an adapter share processes: what one knows by name, all do, whichever comes first.
import "../../nn/names.ts";

let reference: Promise<Device> | undefined;
let gpu: Promise<Device> | undefined;

const seed = 1;

export async function referenceDevice(): Promise<Device> {
  reference ??= openReference();
  return withSeed(await reference);
}

/** Where the adapter's device is open, or about to be, that stays the default one. */
async function openReference(): Promise<Device> {
  const opened = await init({ device: "cpu", seed });
  if (gpu !== undefined) setDevice(await gpu);
  return opened;
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
  // A file may have set another one meanwhile.
  await (gpu ?? gpuDevice());
  const before = device();
  const own = await init({ device: "webgpu", seed: 1 });
  try {
    return await f(own);
  } finally {
    setDevice(before);
    own.dispose();
  }
}

/** The adapter's device, and the default one from here on, whatever files before made of that. */
export async function gpuDevice(): Promise<Device> {
  gpu ??= init({ device: "webgpu", seed });
  const opened = withSeed(await gpu);
  setDevice(opened);
  return opened;
}

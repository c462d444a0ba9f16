// Scalars that a device keeps, so that `mul(x, 2)` uploads the 2 once.

import type { Backend } from "../backend/backend.ts";
import type { DType } from "../base/dtype.ts";
import type { Device } from "./device.ts";
import { Tensor } from "./tensor.ts";

const most = 1024;

/** By device, by dtype and value; the most recently used last. */
const kept = new WeakMap<Device, { readonly backend: Backend; readonly scalars: Map<string, Tensor> }>();

function keptBy(device: Device): Map<string, Tensor> {
  const own = kept.get(device);
  if (own?.backend === device.realBackend) return own.scalars;
  // Those of a device that was lost are worth nothing.
  for (const tensor of own?.scalars.values() ?? []) tensor.dispose();
  const scalars = new Map<string, Tensor>();
  kept.set(device, { backend: device.realBackend, scalars });
  return scalars;
}

/** A scalar made once and kept until the device is closed or lost. */
export function scalar(device: Device, value: number, dtype: DType): Tensor {
  if (device.isTracing) return make(device, value, dtype, true);
  if (!device.isUsable) device.checkOpen(`the scalar ${value}`);
  const scalars = keptBy(device);
  const key = `${dtype}:${Object.is(value, -0) ? "-0" : value}`;
  let tensor = scalars.get(key);
  if (tensor === undefined) {
    tensor = make(device, value, dtype, false);
    scalars.set(key, tensor);
    if (scalars.size > most) {
      const [oldest, dropped] = scalars.entries().next().value!;
      scalars.delete(oldest);
      dropped.dispose();
    }
  } else if (scalars.size > most / 2) {
    scalars.delete(key);
    scalars.set(key, tensor);
  }
  return tensor;
}

/** The number that the kept scalar of this id holds, if it is one. */
export function scalarValue(device: Device, id: number): number | undefined {
  for (const [key, tensor] of keptBy(device)) {
    if (tensor.id === id) return Number(key.slice(key.indexOf(":") + 1));
  }
  return undefined;
}

/** Whether a handle is one of the device's own scalars. */
export function isKeptScalar(tensor: Tensor): boolean {
  for (const own of keptBy(tensor.device).values()) if (own === tensor) return true;
  return false;
}

/** @param tracked whether the open scope owns it, as that of a trace does; the device owns its own */
function make(device: Device, value: number, dtype: DType, tracked: boolean): Tensor {
  const spec = { shape: [], dtype };
  const backend: Backend = device.backend;
  const memory = backend.allocate(spec, `the scalar ${value}`, []);
  backend.write(memory, spec, [value]);
  return new Tensor(device, spec, memory, { tracked });
}

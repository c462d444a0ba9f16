// handleOn: a tensor of its own on memory that others hold too.

import type { Spec } from "../kernel/kernel.ts";
import type { Memory } from "../kernel/memory.ts";
import type { Device } from "./device.ts";
import { Tensor } from "./tensor.ts";

export function handleOn(
  device: Device,
  { shape, dtype }: Spec,
  memory: Memory,
  options?: { readonly tracked?: boolean },
): Tensor {
  memory.retain();
  return new Tensor(device, { shape, dtype }, memory, options);
}

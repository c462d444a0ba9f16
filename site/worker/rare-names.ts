// The activations and losses that the library knows by name after an import: loaded for nets that have one of them.

import type { Setup } from "../setup/setup.ts";
import { hasRareNames } from "../setup/training.ts";

export async function knowNames(setup: Setup): Promise<void> {
  if (hasRareNames(setup)) await import("gradgpu/names");
}

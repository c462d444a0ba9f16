// Arrays on the host that may be larger than its memory.

import { LimitError } from "./errors.ts";

/**
 * @internal Runs `make`, which makes an array.
 *
 * @throws LimitError where the host has no room for it
 */
export function hostMemory<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new LimitError(
      `${what}: does not fit into the host's memory (${error.message}); use smaller batches or shapes`,
    );
  }
}

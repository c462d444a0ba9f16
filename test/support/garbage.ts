// Counts of live tensors mean something only when nothing waits for the garbage collector: test files of an
// adapter share a process and a device, and what one file dropped would be freed in the middle of the next.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/** Frees every tensor that was dropped without dispose(), before a count that must not change. */
export async function collectGarbage(): Promise<void> {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  // Finalizers run as tasks after a collection, and what they let go is found by the next one.
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

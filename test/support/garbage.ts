// Counts of live tensors mean something only when nothing waits for the garbage collector: test files of an
// adapter share a process and a device, and what one file dropped would be freed in the middle of the next.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { finalizers } from "../../engine/base/finalizers.ts";

let gc: (() => void) | undefined;

/** A collection, at once; finalizers run in tasks after it. */
export function collectNow(): void {
  if (gc === undefined) {
    setFlagsFromString("--expose-gc");
    gc = runInNewContext("gc") as () => void;
  }
  gc();
}

/** Frees every tensor that was dropped without dispose(), before a count that must not change. */
export async function collectGarbage(): Promise<void> {
  // What finalizers let go is found by the next collection; and one that was under way already when an object was
  // dropped may leave it to the next.
  for (let i = 0; i < 3; i++) await collectOnce();
}

/** Returns when finalizers have run: a busy machine may run them late. */
async function collectOnce(): Promise<void> {
  let finalized = false;
  const drop = () =>
    finalizers.register({}, () => {
      finalized = true;
    });
  drop();
  const end = performance.now() + 30_000;
  do {
    collectNow();
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (finalized) return;
  } while (performance.now() < end);
  throw new Error(
    "no finalizer ran for 30 s: was a FinalizationRegistry collected while its calls were due?",
  );
}

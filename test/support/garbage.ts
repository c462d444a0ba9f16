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
  // What finalizers let go is found by the next collection; and one that was under way already when an object was
  // dropped may leave it to the next.
  for (let i = 0; i < 3; i++) await collectOnce(collect);
}

/** Returns when finalizers have run, which are tasks after the collection: a busy machine may run them late. */
async function collectOnce(collect: () => void): Promise<void> {
  let finalized = false;
  const registry = new FinalizationRegistry(() => {
    finalized = true;
  });
  const dropped = () => registry.register({}, undefined);
  dropped();
  const end = performance.now() + 30_000;
  do {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  } while (!finalized && performance.now() < end);
}

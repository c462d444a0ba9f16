// Frees what an asynchronous function made on the device, however it ends: tidy() takes synchronous ones only.

export interface Disposable {
  dispose(): void | Promise<void>;
}

/** Notes a thing to be freed, and gives it back. */
export type Use = <T extends Disposable>(thing: T) => T;

/** Runs `fn` and then disposes everything that it passed to `use`, last first. */
export async function withOwned<T>(fn: (use: Use) => Promise<T>): Promise<T> {
  const owned: Disposable[] = [];
  try {
    return await fn((thing) => {
      owned.push(thing);
      return thing;
    });
  } finally {
    for (const thing of owned.reverse()) {
      const done = thing.dispose();
      if (done !== undefined) await done;
    }
  }
}

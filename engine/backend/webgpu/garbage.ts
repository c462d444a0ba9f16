// Gives the garbage collector a turn while something is awaited: what was dropped without dispose() is freed only by
// tasks that run after a collection, and V8 knows nothing of the GPU memory that waits for one.

import { finalizers } from "../../base/finalizers.ts";

/** Something that may run out, unless the collector frees some of it. */
export interface Resource {
  readonly ceiling: number;
  inUse(): number;
}

/** Rounds of a turn at most. One is often enough; a collection that goes on beside the program may take a few. */
const mostRounds = 12;
/** The same where the ceiling is near: what is dropped must be found, or the program ends. */
const mostRoundsNear = 100;
/** An array buffer that is never touched costs no memory, but V8 counts it, and collects sooner. */
const pressureBytes = 64 * 2 ** 20;

export class GarbageTurns {
  readonly #resources: readonly Resource[];
  /** For each resource: the use at which a turn is due. */
  readonly #due: number[];
  #turn: Promise<void> | undefined;
  /** Turns taken. */
  count = 0;

  constructor(resources: readonly Resource[]) {
    this.#resources = resources;
    this.#due = resources.map(({ ceiling }) => ceiling * firstShare);
  }

  /** At an await: resolves at once where plenty is left, else after a collection. */
  takeIfDue(): Promise<void> | undefined {
    if (this.#turn !== undefined) return this.#turn;
    if (!this.#resources.some((resource, i) => resource.inUse() >= this.#due[i])) return undefined;
    this.#turn = this.#take().finally(() => {
      this.#turn = undefined;
    });
    return this.#turn;
  }

  async #take(): Promise<void> {
    this.count++;
    const isNear = this.#resources.some(({ ceiling, inUse }) => inUse() >= ceiling * 0.75);
    await collect(isNear ? mostRoundsNear : mostRounds);
    this.#resources.forEach((resource, i) => {
      this.#due[i] = nextDue(resource);
    });
  }
}

/** Of the ceiling, the share at which the first turn is taken. */
const firstShare = 1 / 4;

/** After a turn: when use has grown by half; near the ceiling at every eighth of it. What is really in use costs few turns. */
function nextDue({ ceiling, inUse }: Resource): number {
  const used = inUse();
  return Math.max(ceiling * firstShare, Math.min(used * 1.5, Math.max(ceiling * 0.75, used + ceiling / 8)));
}

/** Resolves after a collection and the finalizers that it brings. */
async function collect(most: number): Promise<void> {
  // Twice: what the first lets go of, such as buffers that only bind groups held, is found by the second.
  for (let times = 0; times < 2; times++) {
    let isDone = false;
    // In a function of its own: a frame that is still running may hold the object.
    (() =>
      finalizers.register({}, () => {
        isDone = true;
      }))();
    for (let round = 0; round < most && !isDone; round++) {
      const { gc } = globalThis as { gc?: () => void };
      if (gc === undefined) void new ArrayBuffer(pressureBytes);
      else gc();
      await nextTask();
    }
  }
}

/** A task of its own: promises alone let no finalizer run. */
const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

// Naps while the GPU works. Dawn's binding for Node asks the driver at every turn of the event loop whether what is
// waited for is done, and so keeps a core busy. A GPU does not care; a software adapter computes on those very cores.

/** Of the time waited so far, the share that one nap takes, and its most: what a wait may end late by. */
const share = 1 / 8;
const longestMs = 2;

export interface EventLoop {
  setImmediate(callback: () => void): unknown;
}

export class Naps {
  readonly #cell = new Int32Array(new SharedArrayBuffer(4));
  readonly #loop: EventLoop;
  #waits = 0;
  #since = 0;
  #isScheduled = false;

  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  /** Settles as `wait` does; until then the event loop turns less and less often. */
  async during<T>(wait: Promise<T>): Promise<T> {
    if (this.#waits++ === 0) this.#since = performance.now();
    this.#schedule();
    try {
      return await wait;
    } finally {
      this.#waits--;
      // What is waited for next may come soon.
      this.#since = performance.now();
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#loop.setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    if (this.#waits === 0) return;
    const nap = Math.min(longestMs, (performance.now() - this.#since) * share);
    // Nobody wakes this cell: it is the one way to sleep for less than a timer can.
    if (nap > 0) Atomics.wait(this.#cell, 0, 0, nap);
    this.#schedule();
  }
}

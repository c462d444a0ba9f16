// Keeps a training loop from running ahead of the device and from starving the program around it.

import type { Device } from "../../engine/index.ts";

/** Milliseconds after which timers, input and drawing get their turn. */
const turn = 100;

export class Pace {
  readonly #device: Device;
  readonly #stride: number;
  #steps = 0;
  #earlier: Promise<void> = Promise.resolve();
  #lastTurn = performance.now();

  /** @param stride steps between two looks at the device; at most twice as many are under way */
  constructor(device: Device, stride = 16) {
    this.#device = device;
    this.#stride = stride;
  }

  /** To be awaited after each step; rejects with the first error that the device met. */
  async step(): Promise<void> {
    if (++this.#steps % this.#stride === 0) {
      await this.#earlier;
      this.#earlier = this.#device.sync();
      // Whoever awaits it gets the error; nobody may be there yet.
      this.#earlier.catch(() => {});
    }
    if (performance.now() - this.#lastTurn < turn) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#lastTurn = performance.now();
  }

  /** Resolves when the device is done with everything. */
  async finish(): Promise<void> {
    await this.#earlier;
    await this.#device.sync();
  }
}

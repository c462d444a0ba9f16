// How often something is done while it trains: now and then, and seldom where it takes long. Training has most of the time.

export class Pace {
  readonly #least: number;
  #next: number;

  /** @param least milliseconds from one to the next */
  constructor(least: number, begin: number) {
    this.#least = least;
    this.#next = begin + least;
  }

  async run(fn: () => Promise<void>): Promise<void> {
    const begun = performance.now();
    if (begun < this.#next) return;
    await fn();
    const ended = performance.now();
    this.#next = ended + Math.max(this.#least, 4 * (ended - begun));
  }
}

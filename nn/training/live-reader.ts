// LiveReader: loss and metrics for a live bar, read without waiting.

import { logsOf } from "./evaluate.ts";
import type { Logs } from "./history.ts";
import type { LiveNumbers } from "./progress-text.ts";
import type { Trainer } from "./trainer.ts";

/** Milliseconds between two readings. */
const readingInterval = 200;

/** Loss and metrics so far, read without waiting: one reading at a time, at most every 200 ms. */
export class LiveReader implements LiveNumbers {
  /** Resolves when no reading is under way. */
  settled: Promise<void> = Promise.resolve();
  readonly #trainer: Trainer;
  #last = performance.now();
  #isReading = false;
  #logs: Logs | undefined;

  constructor(trainer: Trainer) {
    this.#trainer = trainer;
  }

  look(samples: number): Logs | undefined {
    const now = performance.now();
    if (!this.#isReading && now - this.#last >= readingInterval) {
      this.#last = now;
      this.#isReading = true;
      this.settled = this.#trainer
        .read(samples)
        .then((values) => {
          this.#logs = logsOf(this.#trainer, values);
        })
        // The loop meets the same error at its own next wait.
        .catch(() => {})
        .finally(() => {
          this.#isReading = false;
        });
    }
    return this.#logs;
  }
}

// BatchStep: one training step on a batch that the caller brings, traced once a shape and replayed from then on.

import { type Device, type Jitted, jit, type Tensor } from "../../engine/index.ts";
import type { Trainer } from "./trainer.ts";

export class BatchStep {
  readonly trainer: Trainer;
  readonly #step: Jitted<[x: Tensor, y: Tensor], void>;

  /** @param trainer whose from now on is this step's to dispose */
  constructor(device: Device, trainer: Trainer) {
    this.trainer = trainer;
    this.#step = jit((x: Tensor, y: Tensor): void => trainer.trainStep(x, y), {
      device,
      name: "trainOnBatch",
    });
  }

  /** Trains on a batch of `count` samples, and gives its loss and metrics from before the step. */
  async run(x: Tensor, y: Tensor, count: number): Promise<number[]> {
    this.trainer.prepare();
    await this.#step.warmUp(x, y);
    // From here to the read nothing is awaited, so that steps asked for side by side keep apart.
    this.trainer.reset();
    this.#step(x, y);
    return this.trainer.read(count);
  }

  dispose(): void {
    this.#step.dispose();
    this.trainer.dispose();
  }
}

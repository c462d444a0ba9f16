// BatchStep: one step on a batch that the caller brings, traced once a shape and replayed from then on.

import { type Device, type Jitted, jit, type Tensor, type Tree } from "../../engine/index.ts";
import type { Feed } from "./feed.ts";
import type { Trainer } from "./trainer.ts";

type Arguments = [x: Tree<Tensor>, y: readonly Tensor[], weights: readonly (Tensor | undefined)[]];

export class BatchStep {
  readonly trainer: Trainer;
  readonly #trains: boolean;
  readonly #step: Jitted<Arguments, void>;

  /**
   * @param trainer whose from now on is this step's to dispose
   * @param trains whether weights change; else the batch is only judged, in inference mode
   */
  constructor(device: Device, trainer: Trainer, trains: boolean) {
    this.trainer = trainer;
    this.#trains = trains;
    this.#step = jit(
      (...args: Arguments): void => (trains ? trainer.trainStep(...args) : trainer.testStep(...args)),
      { device, name: trains ? "trainOnBatch" : "testOnBatch" },
    );
  }

  /** Runs on a batch, and gives its loss and metrics from before the step. */
  async run({ source, batchOf }: Feed): Promise<number[]> {
    const { x, y, weights } = batchOf(source.parts as readonly Tensor[]);
    if (this.#trains) this.trainer.prepare();
    await this.#step.warmUp(x, y, weights);
    // From here to the read nothing is awaited, so that steps asked for side by side keep apart.
    this.trainer.reset();
    this.#step(x, y, weights);
    return this.trainer.read(source.count);
  }

  dispose(): void {
    this.#step.dispose();
    this.trainer.dispose();
  }
}

// TerminateOnNaN: ends training whose loss is no number any more.

import { atLeastOne, checkOptions } from "../../../engine/internal.ts";
import type { Logs } from "../history.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, FitContext } from "./callback.ts";

export interface TerminateOnNaNOptions {
  /** Steps of an epoch between two looks at the loss, which the device waits for; default 256. */
  everySteps?: number;
}

/**
 * A callback that ends `fit` when the loss is NaN or infinite. Keras's looks after each batch; this one after every 256
 * (`everySteps`), and at the end of each epoch: a loss that is lost stays lost.
 */
export class TerminateOnNaN implements Callback {
  readonly everySteps: number;
  #stoppedStep: number | undefined;

  constructor(options: TerminateOnNaNOptions = {}) {
    checkOptions("TerminateOnNaN", options, { everySteps: true });
    this.everySteps = atLeastOne("TerminateOnNaN", "everySteps", options.everySteps ?? 256);
  }

  /** Steps of the epoch after which this callback ended training; undefined where it did not. */
  get stoppedStep(): number | undefined {
    return this.#stoppedStep;
  }

  onTrainBegin(): void {
    this.#stoppedStep = undefined;
  }

  onStepsEnd(steps: number, { loss }: Logs, model: TrainedModel, _context?: FitContext): void {
    if (Number.isFinite(loss)) return;
    this.#stoppedStep = steps;
    model.stopTraining = true;
  }
}

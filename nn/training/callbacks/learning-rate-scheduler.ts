// LearningRateScheduler: a learning rate for each epoch, by a function on the host.

import { ArgumentError } from "../../../engine/index.ts";
import { checkFunction, showGiven } from "../../../engine/internal.ts";
import type { Logs } from "../history.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, FitContext } from "./callback.ts";
import { checkRateIsNumber, noteRate } from "./learning-rates.ts";

/**
 * @param epoch from 0
 * @param rate the one so far
 */
export type EpochRate = (epoch: number, rate: number) => number;

/**
 * A callback that asks a function for the learning rate of each epoch, as Keras's does. The rate stands in logs and history as
 * `learningRate`. Rates that change with each step are schedules of the optimizer instead.
 *
 *     new LearningRateScheduler((epoch, rate) => (epoch < 10 ? rate : rate * 0.9));
 *
 * @throws ArgumentError for what is no function; from `fit`, for an optimizer under a schedule, and where the function gives
 *   no number of at least 0
 */
export class LearningRateScheduler implements Callback {
  readonly schedule: EpochRate;

  constructor(schedule: EpochRate) {
    checkFunction(
      "LearningRateScheduler",
      schedule,
      "gives the rate of an epoch, as (epoch, rate) => rate * 0.9 does",
      "it is asked before each epoch",
    );
    this.schedule = schedule;
  }

  onTrainBegin({ optimizer }: TrainedModel): void {
    checkRateIsNumber("LearningRateScheduler", optimizer);
  }

  onEpochBegin(epoch: number, { optimizer }: TrainedModel): void {
    if (optimizer === undefined) return;
    const rate: unknown = this.schedule(epoch, optimizer.learningRate);
    if (typeof rate !== "number" || !(rate >= 0 && rate < Infinity)) {
      throw new ArgumentError(
        `LearningRateScheduler: the schedule must give a finite number of at least 0, got ${showGiven(rate)} for epoch ${epoch}`,
      );
    }
    optimizer.learningRate = rate;
  }

  onEpochEnd(_epoch: number, logs: Logs, { optimizer }: TrainedModel, context?: FitContext): void {
    if (optimizer !== undefined) noteRate(optimizer.learningRate, logs, context);
  }
}

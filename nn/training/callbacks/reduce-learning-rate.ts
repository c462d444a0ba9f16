// ReduceLROnPlateau: smaller steps for training that has stopped getting better.

import { ArgumentError } from "../../../engine/index.ts";
import { atLeastZero, checkOptions, showGiven, wholeNumber } from "../../../engine/internal.ts";
import type { Logs } from "../history.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback } from "./callback.ts";
import { Monitor, type MonitorOptions, monitorOptions } from "./monitor.ts";

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** What the learning rate is multiplied by, between 0 and 1; default 0.1. */
  factor?: number;
  /** Epochs without improvement after which the rate is reduced, counted anew from then; default 10. */
  patience?: number;
  /** The rate is never reduced below this; default 0. */
  minLearningRate?: number;
}

/**
 * A callback that multiplies the optimizer's learning rate by `factor` when the monitored number has not improved for
 * `patience` epochs. `minDelta` is 1e-4 by default. Names, defaults and meaning are Keras's (whose `min_lr` is
 * `minLearningRate`). It begins anew with each `fit`, from the rate that the optimizer has then.
 *
 * @throws ArgumentError for wrong options; from `fit`, for an optimizer under a schedule, which alone says the rate, and,
 *   after the first epoch, where the logs lack what is monitored
 */
export class ReduceLROnPlateau implements Callback {
  readonly factor: number;
  readonly patience: number;
  readonly minLearningRate: number;
  readonly #monitor: Monitor;
  #waited = 0;

  constructor(options: ReduceLROnPlateauOptions = {}) {
    const who = "ReduceLROnPlateau";
    const own = { factor: true, patience: true, minLearningRate: true } as const;
    checkOptions(who, options, { ...monitorOptions, ...own });
    const { factor = 0.1, patience = 10, minLearningRate = 0, minDelta = 1e-4 } = options;
    if (!(typeof factor === "number" && factor > 0 && factor < 1)) {
      throw new ArgumentError(`${who}: factor must be between 0 and 1 (exclusive), got ${showGiven(factor)}`);
    }
    this.#monitor = new Monitor(who, { ...options, minDelta });
    this.factor = factor;
    this.patience = wholeNumber(who, "patience", patience);
    this.minLearningRate = atLeastZero(who, "minLearningRate", minLearningRate);
  }

  onTrainBegin(model: TrainedModel): void {
    const { optimizer } = model;
    if (optimizer?.schedule !== undefined) {
      throw new ArgumentError(
        `ReduceLROnPlateau: the learning rate of optimizer "${optimizer.name}" follows a schedule; give the optimizer a number, or leave the callback out`,
      );
    }
    this.#monitor.reset();
    this.#waited = 0;
  }

  onEpochEnd(_epoch: number, logs: Logs, model: TrainedModel): void {
    const { optimizer } = model;
    if (this.#monitor.improves(logs) || optimizer === undefined) {
      this.#waited = 0;
      return;
    }
    this.#waited++;
    if (this.#waited < this.patience || optimizer.learningRate <= this.minLearningRate) return;
    optimizer.learningRate = Math.max(optimizer.learningRate * this.factor, this.minLearningRate);
    this.#waited = 0;
  }
}
